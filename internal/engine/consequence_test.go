package engine_test

import (
	"context"
	"testing"

	"github.com/linli/linli/internal/enginetest"
)

func TestAConsequenceReachesWhoCameToPointMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		other, otherVisit := w.Programme(t, "P2")
		house := w.Household(t, "一")
		hv := w.Must(t, w.Create("worker", root, visit, "household_visit", "", "", map[string]any{"household": house})).Instance
		w.Must(t, w.Fire("worker", root, hv, "record", map[string]any{"answers": "好"}))
		consent, err := h.store.FindByKey(t.Context(), "c1", house, "consent", "record")
		if err != nil || consent == nil {
			t.Fatalf("consent: %+v, %v", consent, err)
		}
		elsewhere := &enginetest.World{Engine: h.replica(t), Community: "c1", People: w.People}
		late := ""
		h.beforeCommit(func() { // who points to the household has been read by now
			res, err := elsewhere.Do(context.WithoutCancel(t.Context()),
				w.Create("worker", other, otherVisit, "household_visit", "", "", map[string]any{"household": house}))
			if err != nil {
				t.Error(err)
			}
			late = res.Instance
		})
		w.Must(t, w.Fire("worker", "c1", consent.ID, "withdraw", nil))
		if n, err := h.engine.FireDue(t.Context()); n != 2 || err != nil {
			t.Errorf("%d consequences, %v; want 2", n, err)
		}
		for _, id := range []string{hv, late} {
			if s := h.instance(t, id).State; s != "redacted" {
				t.Errorf("%s is %s after the consent was withdrawn", id, s)
			}
		}
		h.audit(t)
	})
}
