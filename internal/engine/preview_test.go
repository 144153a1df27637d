package engine_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// told is what an outcome says, without what only a commit draws.
func told(outcomes []engine.Outcome) []string {
	out := make([]string, len(outcomes))
	for n, o := range outcomes {
		var r *workflow.Refusal
		switch {
		case errors.As(o.Err, &r):
			out[n] = "refused:"
			for _, x := range r.Reasons {
				out[n] += fmt.Sprint(" ", x.Code, " ", x.Name, " ", x.Text.EN)
			}
		case o.Err != nil:
			out[n] = o.Err.Error()
		default:
			out[n] = fmt.Sprint(o.Result.Instance, " ", o.Result.State, " ", o.Result.Version, " ", o.Result.Seq)
		}
	}
	return out
}

func TestAPreviewSaysWhatWouldHappen(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "f1", map[string]any{"purpose": "米"})).Instance
		w.Must(t, w.Fire("worker", root, fund, "open", map[string]any{"deadline": "2023-06-02"}))
		h.clock.Add(30 * 24 * time.Hour) // the fund's deadline has passed: it closes first
		reqs := []engine.Request{
			w.Create("worker", root, fund, "donation", "", "", map[string]any{"amount": int64(100)}),
			w.Fire("lead", root, visit, "complete", nil),
			w.Fire("lead", "", visit, "start", nil),
			w.Fire("lead", root, visit, "complete", nil),
			w.Fire("worker", root, visit, "start", nil),
			w.Fire("lead", root, "nothing", "start", nil),
			w.Fire("lead", "nowhere", "nothing", "start", nil),
		}
		for n := range reqs {
			reqs[n].ID = fmt.Sprint("bulk/", n)
			reqs[n].Community = "c1"
			reqs[n].IdempotencyKey = fmt.Sprint("bulk key ", n)
		}
		before := len(h.entries(t, "c1", root))
		preview := told(h.engine.Preview(t.Context(), reqs))
		if n := len(h.entries(t, "c1", root)); n != before {
			t.Errorf("the preview wrote %d entries", n-before)
		}
		done := told(h.engine.DoAll(t.Context(), reqs))
		if diff := cmp.Diff(done, preview); diff != "" {
			t.Errorf("preview (-done +previewed):\n%s", diff)
		}
		again := h.engine.Preview(t.Context(), reqs)
		if !again[2].Result.Replayed {
			t.Error("what was carried out is not replayed in a preview")
		}
		h.audit(t)
	})
}

func TestManyRequestsKeepTheirOrderPerRoot(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		var reqs []engine.Request
		roots := map[string][]string{}
		for p := range 4 {
			root, visit := w.Programme(t, fmt.Sprint("P", p))
			for n := range 40 {
				r := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
				r.ID, r.Community = fmt.Sprintf("%d/%02d", p, n), "c1"
				if n == 20 {
					r.Event = "complete" // refused, and stops nobody
				} else {
					roots[root] = append(roots[root], r.ID)
				}
				reqs = append(reqs, r)
			}
		}
		for n, o := range h.engine.DoAll(t.Context(), reqs) {
			if (o.Err != nil) != (n%40 == 20) {
				t.Errorf("request %d: %v", n, o.Err)
			}
		}
		for root, want := range roots {
			var got []string
			for _, e := range h.entries(t, "c1", root)[1:] {
				got = append(got, e.Command)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		}
		h.audit(t)
	})
}

func TestAnInstanceIsFoundWithoutItsRoot(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		for range 2 {
			if got, err := h.engine.Locate(t.Context(), "c1", visit); err != nil || got != root {
				t.Errorf("got %s, %v; want %s", got, err, root)
			}
		}
		if got, err := h.engine.Locate(t.Context(), "c1", w.People["lead"]); err != nil || got != "c1" {
			t.Errorf("got %s, %v; want the registry", got, err)
		}
		_, err := h.engine.Locate(t.Context(), "c1", "nothing")
		words(t, err, fault.NotFound, "unknown_instance")
		w.Must(t, w.Fire("lead", "", visit, "start", nil))
	})
}
