package engine_test

import (
	"bytes"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/workflow"
)

// patched is the world of a bundle in which some lines read otherwise: file, line, its new form.
func patched(t *testing.T, h *harness, lines ...[3]string) *enginetest.World {
	t.Helper()
	w := enginetest.NewWorld(t, h.engine)
	files := enginetest.Files(t)
	for _, l := range lines {
		if bytes.Count(files[l[0]], []byte(l[1])) != 1 {
			t.Fatalf("%s has no single %q", l[0], l[1])
		}
		files[l[0]] = bytes.Replace(files[l[0]], []byte(l[1]), []byte(l[2]), 1)
	}
	b, problems := workflow.Load(files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := h.engine.AddBundle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.Must(t, engine.Request{
		Command: workflow.Command{Root: "c1", Target: "c1", Kind: workflow.KindEdit, Actor: workflow.Actor{Person: w.People["admin"]}},
		Values:  map[string]any{"bundle": b.Hash},
	})
	return w
}

func takingBack(w *enginetest.World, root, command string) engine.Request {
	r := w.Fire("lead", root, "", "", nil)
	r.Kind, r.Of, r.Reason = workflow.KindUndo, command, "测试"
	return r
}

// An effect may reach into another activity: what it changed there stays once that one has ended, whoever still goes on.
func TestAnUndoPutsNothingBackInWhatHasEnded(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := patched(t, h,
			[3]string{"visit/visit.yaml", "fields:\n", "fields:\n  gift: {type: ref, of: donation, title: {zh: 捐款, en: Gift}}\n"},
			[3]string{"visit/visit.yaml", "events:\n", "events:\n  give: {title: {zh: 转赠, en: Give}, from: [planning], to: planning, by: [lead], input: {gift: {required: true}}, effects: [{set: {amount: \"0\"}, on: gift}]}\n"},
		)
		root, visit := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		gift := w.Must(t, w.Create("worker", root, fund, "donation", "", "", map[string]any{"amount": 500})).Instance
		given := w.Must(t, w.Fire("lead", root, visit, "give", map[string]any{"gift": gift}))
		for _, e := range [][2]string{{"worker", "open"}, {"finance", "close"}, {"finance", "reconcile"}} {
			w.Must(t, w.Fire(e[0], root, fund, e[1], nil))
		}
		published := w.Must(t, w.Fire("approver", root, fund, "publish", nil))
		w.Refused(t, takingBack(w, root, given.Command), workflow.ReasonClosed)
		w.Must(t, takingBack(w, root, published.Command))
		w.Must(t, takingBack(w, root, given.Command))
		if got := h.instance(t, gift).Body.Data["amount"]; got != int64(500) {
			t.Errorf("the gift is %v", got)
		}
		h.audit(t)
	})
}

// Whatever adds a row asks whether its parent may still take one.
func TestARowOfSomebodysPartIsAddedOnlyWhileTheProgrammeTakesIt(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := patched(t, h,
			[3]string{"programme/programme.yaml", "  archived: {", "  closing: {title: {zh: 结项中, en: Closing}}\n  archived: {"},
			[3]string{"programme/programme.yaml", "events:\n", "events:\n  close: {title: {zh: 结项, en: Close}, from: [running], to: closing, by: [lead]}\n  resume: {title: {zh: 退回, en: Resume}, from: [closing], to: running, by: [lead], reason: true}\n"},
			[3]string{"participation/participation.yaml", "initial:", "create: {by: [worker, lead], in: [running]}\ninitial:"},
		)
		root, visit := w.Programme(t, "P1")
		train := func(role string) engine.Request {
			return w.Fire("lead", root, visit, "train", map[string]any{"who": w.People[role]})
		}
		w.Must(t, train("worker"))
		w.Must(t, w.Fire("lead", root, root, "close", nil))
		w.Refused(t, train("volunteer"), workflow.ReasonState)
		w.Must(t, train("worker")) // who takes part already still does
		h.audit(t)
	})
}
