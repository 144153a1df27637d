package engine_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

func undoOf(w *enginetest.World, role, root, command string) engine.Request {
	r := w.Fire(role, root, root, "", nil)
	r.Kind, r.Of, r.Reason = workflow.KindUndo, command, "点错了"
	return r
}

func TestACommandWithoutAFormTakesNoInput(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		for _, kind := range []workflow.Kind{workflow.KindCancel, workflow.KindSkip, workflow.KindReopen, workflow.KindWaive, workflow.KindUndo} {
			r := w.Fire("lead", root, fund, "", map[string]any{"donor": "王爷爷 13800000000", "x": 1.5, "n": map[string]any{"a": 1}})
			r.Kind, r.Reason = kind, "试一试"
			_, _ = w.Do(t.Context(), r)
		}
		r := w.Fire("lead", root, fund, "", map[string]any{"donor": "王爷爷"})
		r.Kind, r.Reason = workflow.KindCancel, "不办了"
		w.Refused(t, r, workflow.ReasonField)
		if strings.Contains(h.dump(t, "c1", root), "王爷爷") {
			t.Error("the history holds a name in the clear")
		}
		h.audit(t)
	})
}

func TestATextThatLooksLikeAnEnvelopeIsAText(t *testing.T) {
	for _, text := range []string{"sealed", `{"sealed":"x"}`, `"sealed"`, "none", "unrecorded"} {
		b, err := json.Marshal(workflow.Values{"e": workflow.Evidence{Value: text}, "u": workflow.Evidence{Unrecorded: text}})
		if err != nil {
			t.Fatal(err)
		}
		var back workflow.Values
		if err := back.UnmarshalJSON(b); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if back["e"] != (workflow.Evidence{Value: text}) || back["u"] != (workflow.Evidence{Unrecorded: text}) {
			t.Errorf("%s came back as %+v", text, back)
		}
	}
}

func TestAMistypedTimeZoneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		_, err := w.Do(t.Context(), edit(w, "admin", "c1", "c1", map[string]any{"zone": "Asia/Shenzen"}))
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("got %v", err)
		}
		w.Must(t, edit(w, "admin", "c1", "c1", map[string]any{"zone": "Asia/Urumqi"}))
		_, err = w.Do(t.Context(), edit(w, "admin", "c1", "c1", map[string]any{"bundle": "no such hash"}))
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("got %v", err)
		}
	})
}

func TestABundleThatLosesTheRegistryIsRefused(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		files := enginetest.Files(t)
		files["person/person.yaml"] = bytes.ReplaceAll(files["person/person.yaml"], []byte("erased"), []byte("removed"))
		next, problems := workflow.Load(files)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if err := h.engine.AddBundle(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		_, err := w.Do(t.Context(), edit(w, "admin", "c1", "c1", map[string]any{"bundle": next.Hash}))
		if err == nil || !strings.Contains(err.Error(), "person.erased") {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheRegistryRunsOnTheCommunitysCurrentBundle(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		files := enginetest.Files(t)
		files["person/person.yaml"] = append(bytes.Replace(files["person/person.yaml"], []byte("items: [consent]"),
			[]byte("  pet_name: {type: text, title: {zh: 称呼, en: Pet name}}\nitems: [consent]"), 1), '\n')
		next, problems := workflow.Load(files)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if err := h.engine.AddBundle(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		p := w.Person(t, "甲")
		w.Refused(t, edit(w, "worker", "c1", p, map[string]any{"pet_name": "小甲"}), workflow.ReasonField)
		w.Must(t, edit(w, "admin", "c1", "c1", map[string]any{"bundle": next.Hash}))
		w.Must(t, edit(w, "worker", "c1", p, map[string]any{"pet_name": "小甲"}))
		h.audit(t)
	})
}

func TestErasureAndWithdrawalCannotBeUndone(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		p := w.Person(t, "王爷爷")
		r := w.Fire("admin", "c1", p, "erase", nil)
		r.Reason = "本人要求"
		w.Refused(t, undoOf(w, "lead", "c1", w.Must(t, r).Command), workflow.ReasonUsed)

		house := w.Household(t, "一")
		consent := w.Must(t, engine.Request{Command: workflow.Command{
			Root: "c1", Target: house, Kind: workflow.KindCreate, Workflow: "consent", Key: "record", Actor: workflow.Actor{System: true},
		}}).Instance
		done := w.Must(t, w.Fire("worker", "c1", consent, "withdraw", nil))
		w.Refused(t, undoOf(w, "lead", "c1", done.Command), workflow.ReasonUsed)
	})
}

func TestWhatATimerDidCanBeUndone(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		w.Must(t, w.Fire("worker", root, fund, "open", map[string]any{"deadline": "2023-06-03"}))
		h.clock.Add(5 * 24 * time.Hour)
		if n, err := h.engine.FireDue(t.Context()); n != 1 || err != nil {
			t.Fatalf("fired %d, %v", n, err)
		}
		all := h.entries(t, "c1", root)
		w.Must(t, undoOf(w, "lead", root, all[len(all)-1].Command))
		if n, err := h.engine.FireDue(t.Context()); n != 0 || err != nil {
			t.Errorf("fired %d again, %v", n, err)
		}
		w.Must(t, edit(w, "worker", root, fund, map[string]any{"deadline": "2023-06-20"}))
		if s := h.instance(t, fund).State; s != "open" {
			t.Fatalf("the fund is %s", s)
		}
		h.clock.Add(30 * 24 * time.Hour)
		if n, err := h.engine.FireDue(t.Context()); n != 1 || err != nil {
			t.Errorf("the moved deadline fired %d, %v", n, err)
		}
		h.audit(t)
	})
}

func TestAConsentGivenAndWithdrawnMeanwhileIsSeen(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		house := w.Household(t, "一")
		hv := w.Must(t, w.Create("worker", root, visit, "household_visit", "", "", map[string]any{"household": house})).Instance
		other := h.replica(t)
		wo := &enginetest.World{Engine: other, Community: "c1", People: w.People}
		h.beforeCommit(func() {
			c := wo.Must(t, engine.Request{Command: workflow.Command{
				Root: "c1", Target: house, Kind: workflow.KindCreate, Workflow: "consent", Key: "record", Actor: workflow.Actor{System: true},
			}}).Instance
			wo.Must(t, wo.Fire("worker", "c1", c, "withdraw", nil))
		})
		w.Refused(t, w.Fire("worker", root, hv, "look_in", nil), workflow.ReasonGuard)
	})
}

func TestAWithdrawalReachesWhatWasSkipped(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		house := w.Household(t, "一")
		hv := w.Must(t, w.Create("worker", root, visit, "household_visit", "", "", map[string]any{"household": house})).Instance
		w.Must(t, w.Fire("worker", root, hv, "record", map[string]any{"answers": "好"}))
		skip := w.Fire("approver", root, visit, "", nil)
		skip.Kind, skip.Reason = workflow.KindSkip, "本年不办"
		w.Must(t, skip)
		consent, err := h.store.FindByKey(t.Context(), "c1", house, "consent", "record")
		if err != nil || consent == nil {
			t.Fatal(consent, err)
		}
		w.Must(t, w.Fire("worker", "c1", consent.ID, "withdraw", nil))
		if _, err := h.engine.FireDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := h.instance(t, hv).State; s != "redacted" {
			t.Errorf("the visit is %s", s)
		}
	})
}

func TestMoneyNeverWraps(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		for _, n := range []any{int64(math.MaxInt64), int64(math.MinInt64), float64(1e300), uint64(math.MaxUint64)} {
			w.Refused(t, w.Create("worker", root, fund, "donation", "", "", map[string]any{"amount": n}), workflow.ReasonField)
		}
	})
}
