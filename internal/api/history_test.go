package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestTheHistoryTellsWhatWasDoneButNothingSealed(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.run(h.programme)
		entries := func(role, path string) []HistoryEntry {
			t.Helper()
			var all []HistoryEntry
			for cursor, pages := "", 0; pages < 100; pages++ {
				var p page[HistoryEntry]
				h.get(role, at(path+"&cursor="+cursor)).status(http.StatusOK).into(&p)
				all = append(all, p.Items...)
				if cursor = p.NextCursor; cursor == "" {
					break
				}
			}
			return all
		}
		seqs := func(all []HistoryEntry) []int64 {
			var out []int64
			for _, e := range all {
				out = append(out, e.Seq)
			}
			return out
		}
		all := entries("auditor", "/programmes/ZX-1/history?limit=2")
		if !slices.Equal(seqs(all), []int64{1, 2, 3}) || all[1].Event != "approve" || all[1].Actor != h.people["approver"] || all[1].Changes[0].From != "draft" || all[1].Changes[0].To != "approved" {
			t.Errorf("history: %+v", all)
		}
		if got := all[1].Changes[0].Fields["budget"]; got.Before != nil || got.After == nil {
			t.Errorf("budget: %+v", got)
		}
		if got := seqs(entries("auditor", "/programmes/ZX-1/history?limit=2&order=newest")); !slices.Equal(got, []int64{3, 2, 1}) {
			t.Errorf("newest first: %v", got)
		}
		if got := seqs(entries("auditor", "/programmes/ZX-1/history?limit=2&order=newest&instance="+h.programme)); !slices.Equal(got, []int64{3, 2, 1}) {
			t.Errorf("newest first of one: %v", got)
		}
		if got := seqs(entries("auditor", "/programmes/ZX-1/history?limit=200&after=1")); !slices.Equal(got, []int64{2, 3}) {
			t.Errorf("after 1: %v", got)
		}
		h.get("volunteer", at("/programmes/ZX-1/history")).problem(http.StatusForbidden, "missing_role")

		raw := string(h.get("auditor", at("/registry/history?limit=200")).status(http.StatusOK).Body)
		for _, word := range []string{"sealed\":\"", "hash", "box"} {
			if strings.Contains(raw, word) {
				t.Errorf("the registry's history holds %q", word)
			}
		}
		registry := entries("auditor", "/registry/history?limit=5")
		if len(registry) < 20 || !slices.ContainsFunc(registry, func(e HistoryEntry) bool {
			return e.Workflow == "person" && slices.Contains(e.Changes[0].Sealed, "name")
		}) {
			t.Errorf("registry: %d entries", len(registry))
		}
		h.get("volunteer", at("/registry/history")).problem(http.StatusForbidden, "missing_role")
	})
}
