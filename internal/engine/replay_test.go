package engine_test

import (
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
)

func TestACommandIdStandsForOneRequest(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		train := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
		train.ID = "mine"
		first := w.Must(t, train)
		fund := w.Create("worker", root, root, "fund", "fund", "food", nil)
		fund.ID = "fund"
		w.Must(t, fund)

		with := func(r engine.Request, id string) engine.Request { r.ID = id; return r }
		for name, r := range map[string]engine.Request{
			"another kind":     with(w.Create("volunteer", root, root, "purchase", "", "", map[string]any{"items": "米"}), "mine"),
			"another person":   with(w.Fire("worker", root, visit, "train", train.Values), "mine"),
			"another event":    with(w.Fire("lead", root, visit, "start", nil), "mine"),
			"another target":   with(w.Fire("lead", root, root, "train", train.Values), "mine"),
			"another workflow": with(w.Create("worker", root, root, "visit", "visit", "food", nil), "fund"),
			"another key":      with(w.Create("worker", root, root, "fund", "fund", "other", nil), "fund"),
		} {
			t.Run(name+" is told so", func(t *testing.T) {
				_, err := w.Do(t.Context(), r)
				words(t, err, fault.Mismatch, "command_id_reused")
			})
		}
		for _, r := range []engine.Request{train, fund} {
			if again := w.Must(t, r); !again.Replayed {
				t.Errorf("%s was carried out again", r.ID)
			}
		}
		if again := w.Must(t, train); again.Seq != first.Seq {
			t.Errorf("replayed entry %d, want %d", again.Seq, first.Seq)
		}
	})
}

func TestNobodyTakesTheIdOfATimer(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		w.Must(t, w.Fire("worker", root, fund, "open", map[string]any{"deadline": "2023-06-20"}))
		r := edit(w, "worker", root, fund, map[string]any{"purpose": "米"})
		r.ID = "timer/" + fund + "/deadline_passed/1"
		_, err := w.Do(t.Context(), r)
		words(t, err, fault.Invalid, "reserved_command_id")
	})
}
