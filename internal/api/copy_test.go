package api

import (
	"maps"
	"net/http"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

const replayedHeader = "Idempotency-Replayed"

func TestARepeatedCopyIsTheSameRequestOrIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		startCopying(h)
		path, body := at("/programmes/ZX-1/copies"), map[string]any{"code": "ZX-2", "title": "第二年", "shift_days": 364}
		with := func(name string, v any) map[string]any {
			other := maps.Clone(body)
			other[name] = v
			return other
		}
		var first, again copyOutput
		if got := h.post("worker", path, body, "Idempotency-Key", "k").status(http.StatusCreated); got.into(&first.Body).Header.Get(replayedHeader) != "" {
			t.Error("the first request says that it was repeated")
		}
		seq := h.seq(first.Body.Programme)
		for name, v := range map[string]any{"title": "第三年", "shift_days": 7, "code": "ZX-3"} {
			h.post("worker", path, with(name, v), "Idempotency-Key", "k").problem(http.StatusUnprocessableEntity, "idempotency_key_reused")
		}
		h.post("worker", at("/programmes/ZX-2/copies"), body, "Idempotency-Key", "k").problem(http.StatusUnprocessableEntity, "idempotency_key_reused")

		// Other words for the same days are another body, though the same programme would come of it.
		h.post("worker", path, map[string]any{"code": "ZX-2", "title": "第二年", "start": "2024-05-30"}, "Idempotency-Key", "k").
			problem(http.StatusUnprocessableEntity, "idempotency_key_reused")

		// The old programme goes on; the request is the same all the same.
		h.command(engine.Request{
			Command: workflow.Command{Kind: workflow.KindEdit, Root: h.programme, Target: h.programme, Actor: workflow.Actor{Person: h.people["worker"]}},
			Values:  map[string]any{"targets": []string{"探访 50 户"}},
		})
		for range 2 {
			got := h.post("worker", path, body, "Idempotency-Key", "k").status(http.StatusCreated).into(&again.Body)
			if got.Header.Get(replayedHeader) != "true" || again.Body.Programme != first.Body.Programme || h.seq(first.Body.Programme) != seq {
				t.Errorf("repeated: %q %+v, seq %d → %d", got.Header.Get(replayedHeader), again.Body, seq, h.seq(first.Body.Programme))
			}
		}
		for _, key := range []string{"", "other"} { // the code is taken
			h.post("worker", path, body, "Idempotency-Key", key).problem(http.StatusConflict, "")
		}
	})
}

func TestACopyWithoutAKeyIsResumedByTheSameBodyOnly(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		startCopying(h)
		path, body := at("/programmes/ZX-1/copies"), map[string]any{"code": "ZX-2", "title": "第二年", "shift_days": 364}
		var first, again copyOutput
		h.post("worker", path, body).status(http.StatusCreated).into(&first.Body)
		seq := h.seq(first.Body.Programme)
		for _, other := range []map[string]any{
			{"code": "ZX-2", "title": "第三年", "shift_days": 364},
			{"code": "ZX-2", "title": "第二年", "shift_days": 7},
			{"code": "ZX-2", "title": "第二年", "start": "2024-05-30"},
			{"code": "ZX-2"},
		} {
			h.post("worker", path, other).problem(http.StatusConflict, "refused")
		}
		got := h.post("worker", path, body).status(http.StatusCreated).into(&again.Body)
		if got.Header.Get(replayedHeader) != "true" || again.Body.Programme != first.Body.Programme || h.seq(first.Body.Programme) != seq {
			t.Errorf("repeated: %q %+v", got.Header.Get(replayedHeader), again.Body)
		}
	})
}
