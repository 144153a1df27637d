package engine_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// waits are the states in which the funds and purchases of a programme wait, as the table has them.
func (h *harness) waits(t *testing.T, community, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	rows, err := h.store.WaitRows(t.Context(), community, root)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range rows {
		out[w.Instance] = w.State
	}
	if astray, err := h.store.MisplacedWaits(t.Context(), community); err != nil || len(astray) > 0 {
		t.Fatalf("in the table but not in their states: %v, %v", astray, err)
	}
	return out
}

func TestTheTableOfWhatWaitsFollowsTheStates(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		waits := func(when string, want map[string]string) {
			t.Helper()
			if diff := cmp.Diff(want, h.waits(t, w.Community, root), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		undo := func(of string) engine.Request {
			r := w.Fire("lead", root, root, "", nil)
			r.Kind, r.Of, r.Reason = workflow.KindUndo, of, "点错了"
			return r
		}
		waits("without anything that waits", nil)

		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "f1", map[string]any{"purpose": "生活物资"})).Instance
		waits("created", map[string]string{fund: "draft"})
		opened := w.Must(t, w.Fire("worker", root, fund, "open", nil))
		waits("gone on", map[string]string{fund: "open"})
		w.Must(t, undo(opened.Command))
		waits("undone", map[string]string{fund: "draft"})

		var reqs []engine.Request // one slice: what it comes to is written
		reqs = append(reqs, w.Fire("worker", root, fund, "open", nil), w.Fire("finance", root, fund, "close", nil))
		for n := range reqs {
			reqs[n].Community = w.Community
		}
		for _, out := range h.engine.DoAll(t.Context(), reqs) {
			if out.Err != nil {
				t.Fatal(out.Err)
			}
		}
		waits("two commands at once", map[string]string{fund: "closed"})

		second := w.Must(t, w.Create("worker", root, root, "fund", "fund", "f2", map[string]any{"purpose": "图书"}))
		waits("another", map[string]string{fund: "closed", second.Instance: "draft"})
		w.Must(t, undo(second.Command))
		waits("whose creation was undone", map[string]string{fund: "closed"})

		found, err := h.store.Waiting(t.Context(), w.Community, []store.StateOf{{Workflow: "fund", State: "closed"}}, "", 9)
		if err != nil || len(found) != 1 || found[0].ID != fund {
			t.Errorf("what waits: got %v, %v", found, err)
		}
		h.audit(t)
	})
}

func TestTheRegistrysRowsWaitUntilTheyAreFinal(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		bundle := enginetest.Bundle(t)
		want := map[string]string{}
		for id, i := range h.rows(t, w.Community, w.Community) {
			if s := bundle.Definition(i.Workflow).State(i.State); !s.Final {
				want[id] = i.State
			}
		}
		if len(want) == 0 {
			t.Fatal("the registry is empty")
		}
		if diff := cmp.Diff(want, h.waits(t, w.Community, w.Community)); diff != "" {
			t.Errorf("what waits (-want +got):\n%s", diff)
		}
	})
}
