package engine_test

import (
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
)

// replayed creates a programme with a clock of its own and returns its id and its visit's.
func replayed(t *testing.T, w *enginetest.World, code string, at time.Time) engine.Result {
	t.Helper()
	r := w.Create("worker", "", "", "programme", "", "", map[string]any{"code": code})
	r.Frozen, r.At = true, at
	return w.Must(t, r)
}

func TestAReplayedProgrammeLeavesTheRegistrysClockAlone(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		for name, at := range map[string]time.Time{
			"in the future": time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
			"in the past":   time.Date(2019, 1, 1, 0, 0, 0, 0, time.UTC),
		} {
			t.Run(name, func(t *testing.T) {
				before := h.clock.Now()
				root := replayed(t, w, name, at).Root
				own := h.entries(t, "c1", root)
				if got := own[len(own)-1]; !got.Recorded.Equal(at) || !got.Frozen {
					t.Errorf("the programme's entry: %v, frozen %v", got.Recorded, got.Frozen)
				}
				w.Person(t, "甲")
				all := h.entries(t, "c1", "c1")
				for _, e := range all[len(all)-2:] {
					if e.Recorded.Before(before) || e.Recorded.After(h.clock.Now()) {
						t.Errorf("the registry's entry %d (%s) was recorded at %v", e.Seq, e.Command, e.Recorded)
					}
				}
			})
		}
		h.audit(t)
	})
}

func TestAConsequenceIsDueByTheRegistrysClock(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		house := w.Household(t, "一")
		live, visit := w.Programme(t, "live")
		there := w.Must(t, w.Create("worker", live, visit, "household_visit", "", "", map[string]any{"household": house})).Instance

		later := replayed(t, w, "later", time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC))
		last := w.Must(t, w.Create("worker", later.Root, h.child(t, later.Root, "visit"), "household_visit", "", "", map[string]any{"household": house})).Instance
		w.Must(t, w.Fire("worker", later.Root, last, "moved_away", nil))
		if n, err := h.engine.FireDue(t.Context()); n != 1 || err != nil {
			t.Errorf("fired %d, %v", n, err)
		}
		if s := h.instance(t, there).State; s != "redacted" {
			t.Errorf("the live programme has not heard: %s", s)
		}
		h.audit(t)
	})
}

// child is the first instance of a workflow under a parent.
func (h *harness) child(t *testing.T, parent, of string) string {
	t.Helper()
	all, err := h.store.Children(t.Context(), "c1", parent, of)
	if err != nil || len(all) == 0 {
		t.Fatalf("children of %s: %v, %v", parent, all, err)
	}
	return all[0].ID
}
