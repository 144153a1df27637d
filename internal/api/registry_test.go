package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

func TestPeopleAreRegisteredFoundAndNeverShown(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		body := map[string]any{"key": "p7", "input": map[string]any{"name": "陈阿婆", "mobile": "138-0013 8000", "labels": []string{"骨干义工"}}}
		id := h.post("worker", at("/people"), body).status(http.StatusCreated).made().Instance

		for _, search := range []map[string]any{{"name": "陈阿"}, {"mobile": "13800138000"}} {
			var found struct {
				Items []Instance `json:"items"`
			}
			got := h.post("block", at("/people/search"), search).status(http.StatusOK).into(&found)
			if len(found.Items) != 1 || found.Items[0].ID != id || !slices.Equal(found.Items[0].Sealed, []string{"mobile", "name"}) {
				t.Errorf("%v found %s", search, got.Body)
			}
			if strings.Contains(string(got.Body), "陈") || strings.Contains(string(got.Body), "8000") {
				t.Errorf("a sealed value is shown: %s", got.Body)
			}
		}
		h.post("volunteer", at("/people/search"), map[string]any{"name": "陈"}).problem(http.StatusForbidden, "missing_role")
		h.post("worker", at("/people/search"), map[string]any{}).problem(http.StatusUnprocessableEntity, "missing")
		h.post("worker", at("/people/search"), map[string]any{"name": "a", "mobile": "1"}).problem(http.StatusUnprocessableEntity, "one_of")

		ids := h.walk("worker", at("/people?limit=3"))
		if len(ids) != len(roles())+1 || !slices.Contains(ids, id) {
			t.Errorf("people: %v", ids)
		}
		if got := h.walk("volunteer", at("/people?limit=3")); !slices.Equal(got, []string{h.people["volunteer"]}) {
			t.Errorf("a volunteer sees %v", got)
		}
		if p := h.post("worker", at("/people"), map[string]any{"input": map[string]any{"nickname": "x"}}).problem(http.StatusUnprocessableEntity, "invalid_input"); !p.names("body.input.name") || !p.names("body.input.nickname") {
			t.Errorf("errors: %+v", p.Errors)
		}
	})
}

func TestConsentsStandUnderPeopleAndHouseholds(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		household := h.post("block", at("/households"), map[string]any{"input": map[string]any{"kind": "elder", "address": "1 号"}}).status(http.StatusCreated).made().Instance
		for path, of := range map[string]string{"/people/" + h.people["volunteer"] + "/consents": "photo", "/households/" + household + "/consents": "record"} {
			made := h.post("worker", at(path), map[string]any{"input": map[string]any{"kind": of, "way": "written"}}).status(http.StatusCreated).made()
			got := h.walk("worker", at(path+"?limit=1"))
			if !slices.Equal(got, []string{made.Instance}) || h.instance(made.Instance).Key != of {
				t.Errorf("%s: %v", path, got)
			}
		}
		h.get("volunteer", at("/people/"+h.people["volunteer"]+"/consents")).status(http.StatusOK)
		h.get("volunteer", at("/people/"+h.people["worker"]+"/consents")).problem(http.StatusNotFound, "unknown_instance")
		h.get("volunteer", at("/households")).problem(http.StatusForbidden, "missing_role")
		h.get("worker", at("/households/"+h.people["worker"]+"/consents")).problem(http.StatusNotFound, "unknown_instance")
		if got := h.get("worker", at("/households")).status(http.StatusOK); strings.Contains(string(got.Body), "1 号") {
			t.Errorf("an address is shown: %s", got.Body)
		}
	})
}

func TestGrantsAreGivenListedAndCountAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		person := h.person(here, "新来的")
		token := h.token(here, person, here)
		h.get(token, at("/programmes/ZX-1/history")).problem(http.StatusForbidden, "missing_role")
		body := map[string]any{"person": person, "role": "worker", "scope": "ZX-1"}
		h.post("lead", at("/grants"), body).problem(http.StatusForbidden, "missing_role")
		made := h.post("admin", at("/grants"), body).status(http.StatusCreated).made()
		h.get(token, at("/programmes/ZX-1/history")).status(http.StatusOK)
		if got := h.walk("auditor", at("/grants?person="+person)); !slices.Equal(got, []string{made.Instance}) {
			t.Errorf("grants of one: %v", got)
		}
		if got := h.walk("auditor", at("/grants?limit=2&role=worker")); len(got) != 2 {
			t.Errorf("workers: %v", got)
		}
		if got := h.walk("volunteer", at("/grants?limit=2")); len(got) != 1 {
			t.Errorf("a volunteer's grants: %v", got)
		}
		h.get("volunteer", at("/grants?person="+person)).problem(http.StatusForbidden, "missing_role")
		body["scope"] = "ZX-9"
		if p := h.post("admin", at("/grants"), body).problem(http.StatusUnprocessableEntity, "unknown_programme"); !p.names("body.scope") {
			t.Errorf("errors: %+v", p.Errors)
		}
		for _, path := range []string{"/blocks", "/organisations"} {
			h.get("volunteer", at(path)).status(http.StatusOK)
		}
	})
}

func TestTasksAreWhatWaitsForTheCaller(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		second := h.makeProgramme("ZX-2")
		tasks := func(role, query string) []Task {
			t.Helper()
			var all []Task
			for cursor, pages := "", 0; pages < 100; pages++ {
				var p page[Task]
				h.get(role, at("/tasks?"+query+"&cursor="+cursor)).status(http.StatusOK).into(&p)
				all = append(all, p.Items...)
				if cursor = p.NextCursor; cursor == "" {
					break
				}
			}
			return all
		}
		if got := tasks("approver", "limit=1"); len(got) != 2 || got[0].WaitsFor != "approver" || got[0].ProgrammeTitle != "幸福樟溪" || got[0].Since == nil {
			t.Errorf("the approver's: %+v", got)
		}
		worker := tasks("worker", "limit=3")
		if len(worker) < 4 {
			t.Errorf("the worker's: %+v", worker)
		}
		if got := tasks("worker", "limit=3&programme=ZX-2"); len(got)*2 != len(worker) || got[0].Programme != second || got[0].ProgrammeCode != "ZX-2" || got[0].Activity != got[0].Instance {
			t.Errorf("the worker's in ZX-2: %+v", got)
		}
		one := h.token(here, h.people["worker"], h.programme)
		if got := tasks(one, "limit=3"); len(got)*2 != len(worker) || got[0].Programme != h.programme {
			t.Errorf("with a token for one programme: %+v", got)
		}
		// Somebody who has a role in one programme is asked for that one.
		helper := h.person(here, "帮手")
		h.grant(here, helper, "worker", second)
		h.grant(here, helper, "volunteer", here)
		if got := tasks(h.token(here, helper, here), "limit=1"); len(got)*2 != len(worker) || got[0].Programme != second {
			t.Errorf("the helper's: %+v", got)
		}
		// Whoever has one role everywhere and another in a programme gets both, each thing once.
		h.grant(here, helper, "lead", here)
		both := tasks(h.token(here, helper, here), "limit=2")
		seen := map[string]bool{}
		for _, task := range both {
			seen[task.Instance] = true
		}
		if len(seen) != len(both) || len(both) != len(tasks("lead", "limit=50"))+len(worker)/2 {
			t.Errorf("with both roles: %d tasks, %d different", len(both), len(seen))
		}
		// What is about somebody waits for her.
		member := h.command(engine.Request{
			Command: workflow.Command{
				Kind: workflow.KindCreate, Root: h.programme, Target: h.activity("recruit").ID, Workflow: "membership", Actor: workflow.Actor{Person: h.people["worker"]},
			},
			Values: map[string]any{"person": h.people["volunteer"]},
		}).Instance
		mine := tasks("volunteer", "limit=1")
		if len(mine) != 1 || mine[0].Instance != member || mine[0].WaitsFor != "self" || mine[0].Programme != h.programme {
			t.Errorf("the volunteer's: %+v", mine)
		}
		// A household that was proposed waits in the registry.
		h.register(here, "household", map[string]any{"kind": "elder"})
		if got := tasks("lead", "role=lead&limit=50"); !slices.ContainsFunc(got, func(t Task) bool { return t.Workflow == "household" && t.Programme == "" }) {
			t.Errorf("the lead's: %+v", got)
		}
		// Nobody waits for what was cancelled with its programme.
		h.command(engine.Request{Command: workflow.Command{
			Kind: workflow.KindCancel, Root: h.programme, Target: h.programme, Reason: "不办了", Actor: workflow.Actor{Person: h.people["lead"]},
		}})
		if got := tasks("volunteer", "limit=1"); len(got) != 0 {
			t.Errorf("after the programme was cancelled: %+v", got)
		}
	})
}

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
