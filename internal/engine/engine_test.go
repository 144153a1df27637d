package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

func TestVisitWaitsForTheFundItNames(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		fund := w.Fund(t, root, "food", 160000, 160000)
		other := w.Must(t, w.Create("worker", root, root, "fund", "fund", "wishes", nil)).Instance
		_ = other
		edit := w.Fire("worker", root, visit, "", map[string]any{"funds": []any{fund}})
		edit.Kind = workflow.KindEdit
		w.Must(t, edit)

		ref := w.Refused(t, w.Fire("lead", root, visit, "start", nil), workflow.ReasonNeed)
		if r := ref.Reasons[0]; !strings.Contains(r.Text.ZH, "food") || len(r.Who) == 0 {
			t.Errorf("the reason should name the open fund and who can help: %+v", r)
		}
		w.Must(t, w.Fire("finance", root, fund, "reconcile", nil))
		w.Must(t, w.Fire("lead", root, visit, "start", nil))

		t.Run("what others built on cannot be undone, reopened or cancelled", func(t *testing.T) {
			last := h.entries(t, "c1", root)
			var reconcile string
			for _, e := range last {
				if e.Event == "reconcile" {
					reconcile = e.Command
				}
			}
			undo := w.Fire("lead", root, fund, "", nil)
			undo.Kind, undo.Of, undo.Reason = workflow.KindUndo, reconcile, "试一试"
			w.Refused(t, undo, workflow.ReasonUsed)
			cancel := w.Fire("lead", root, fund, "", nil)
			cancel.Kind, cancel.Reason = workflow.KindCancel, "不办了"
			w.Refused(t, cancel, workflow.ReasonUsed)
		})
		t.Run("taking a used milestone back leaves it and flags what was built on it", func(t *testing.T) {
			back := w.Fire("finance", root, fund, "unreconcile", nil)
			back.Reason = "票据补正"
			w.Must(t, back)
			f, v := h.instance(t, fund), h.instance(t, visit)
			if _, ok := f.Body.Milestones["reconciled"]; !ok || f.State != "closed" {
				t.Errorf("fund: state %s, milestones %v", f.State, f.Body.Milestones)
			}
			if len(v.Body.Flags) != 1 || v.Body.Flags[0] != workflow.FlagBasisChanged {
				t.Errorf("visit flags: %v", v.Body.Flags)
			}
		})
		h.audit(t)
	})
}

func TestOneFenMissingRefusesReconcile(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		fund := w.Fund(t, root, "food", 160000, 159999)
		want := workflow.Text{ZH: "收到 1600.00，已支出 1599.99", EN: "received 1600.00, spent 1599.99"}
		ref := w.Refused(t, w.Fire("finance", root, fund, "reconcile", nil), workflow.ReasonGuard)
		if got := ref.Reasons[0].Text; got != want {
			t.Errorf("by event: %+v", got)
		}
		second := w.Must(t, w.Create("worker", root, root, "fund", "fund", "again", nil)).Instance
		d := w.Must(t, w.Create("worker", root, second, "donation", "", "", map[string]any{"amount": 160000})).Instance
		w.Must(t, w.Fire("finance", root, d, "receive", nil))
		fill := w.Fire("lead", root, second, "", nil)
		fill.Kind, fill.State, fill.Reason = workflow.KindBackfill, "reconciled", "纸质台账"
		w.Refused(t, fill, workflow.ReasonGuard)
		fill.State = "closed"
		w.Must(t, fill)
		if i := h.instance(t, second); i.State != "closed" || i.Body.Flags[0] != workflow.FlagBackfilled {
			t.Errorf("after backfill: %s %v", i.State, i.Body.Flags)
		}
	})
}

func TestEveryReasonAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		w.Refused(t, w.Fire("volunteer", root, fund, "reconcile", map[string]any{"nonsense": 1, "purpose": 2}),
			workflow.ReasonState, workflow.ReasonRole, workflow.ReasonField)
		w.Refused(t, w.Fire("volunteer", root, fund, "unreconcile", nil), workflow.ReasonState, workflow.ReasonRole, workflow.ReasonReason)
		w.Refused(t, w.Fire("lead", root, visit, "train", nil), workflow.ReasonField)

		options, err := h.engine.Why(t.Context(), "c1", root, fund, w.People["worker"])
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, o := range options {
			got[string(o.Kind)+" "+o.Event] = o.Allowed
			if !o.Allowed && len(o.Reasons) == 0 {
				t.Errorf("%s is refused without a reason", o.Event)
			}
		}
		if !got["fire open"] || got["fire close"] || got["fire reconcile"] || got["cancel "] {
			t.Errorf("why: %v", got)
		}
	})
}

func TestMakerIsNotChecker(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		w.Grant(t, w.People["worker"], "finance")
		w.Grant(t, w.People["worker"], "approver")
		root, _ := w.Programme(t, "P1")
		fund := w.Fund(t, root, "food", 100, 100)
		w.Refused(t, w.Fire("worker", root, fund, "reconcile", nil), workflow.ReasonSeparation)

		t.Run("the decider counts, not who types", func(t *testing.T) {
			r := w.Fire("finance", root, fund, "reconcile", nil)
			r.OnBehalf = &workflow.OnBehalf{Person: w.People["worker"], Via: "paper"}
			w.Refused(t, r, workflow.ReasonSeparation)
			r = w.Fire("worker", root, fund, "reconcile", nil)
			r.OnBehalf = &workflow.OnBehalf{Person: w.People["finance"], Via: "phone"}
			w.Must(t, r)
		})
		t.Run("an approver's decision on paper needs its reference", func(t *testing.T) {
			r := w.Fire("worker", root, fund, "publish", nil)
			r.OnBehalf = &workflow.OnBehalf{Person: w.People["approver"], Via: "paper"}
			w.Refused(t, r, workflow.ReasonEvidence)
			r.OnBehalf.Evidence = "会议纪要 2023-12"
			w.Must(t, r)
		})
		t.Run("a small office confirms with a second name and a reason", func(t *testing.T) {
			second := w.Fund(t, root, "more", 100, 100)
			set := engine.Request{
				Command: workflow.Command{Root: "c1", Target: "c1", Kind: workflow.KindEdit, Actor: workflow.Actor{Person: w.People["admin"]}},
				Values:  map[string]any{"strictness": []any{"fund.reconcile.separation=confirm"}},
			}
			w.Must(t, set)
			r := w.Fire("worker", root, second, "reconcile", nil)
			w.Refused(t, r, workflow.ReasonConfirm)
			r.Confirm = map[string]workflow.Confirmation{"separation": {Reason: "办公室只有三人"}}
			w.Refused(t, r, workflow.ReasonConfirm)
			r.Confirm = map[string]workflow.Confirmation{"separation": {Reason: "办公室只有三人", Second: w.People["volunteer"]}}
			w.Refused(t, r, workflow.ReasonConfirm) // the second person must hold a role for the event
			r.Confirm = map[string]workflow.Confirmation{"separation": {Reason: "办公室只有三人", Second: w.People["finance"]}}
			if res := w.Must(t, r); len(res.Warnings) != 1 {
				t.Errorf("warnings: %v", res.Warnings)
			}
		})
	})
}

func TestUndoRestoresCascadesAndAggregates(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		p := w.Must(t, w.Create("worker", root, root, "purchase", "", "", map[string]any{"items": "米"})).Instance
		for _, n := range []int{100, 250} {
			w.Must(t, w.Create("worker", root, p, "allocation", "", "", map[string]any{"fund": fund, "amount": n}))
		}
		before := h.rows(t, "c1", root)
		undo := func(of string) engine.Request {
			r := w.Fire("lead", root, root, "", nil)
			r.Kind, r.Of, r.Reason = workflow.KindUndo, of, "点错了"
			return r
		}
		pay := w.Must(t, w.Fire("finance", root, p, "pay", nil))
		if got := h.instance(t, fund).Body.Aggregates["spent"]; got != 350 {
			t.Fatalf("spent after paying: %d", got)
		}
		train := w.Must(t, w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]}))
		w.Must(t, undo(train.Command))
		w.Must(t, undo(pay.Command))
		sameRows(t, before, h.rows(t, "c1", root))
		w.Refused(t, undo(pay.Command), workflow.ReasonUsed)

		t.Run("refused once something was built on it", func(t *testing.T) {
			pay := w.Must(t, w.Fire("finance", root, p, "pay", nil))
			open := w.Must(t, w.Fire("worker", root, fund, "open", nil))
			d := w.Must(t, w.Create("worker", root, fund, "donation", "", "", map[string]any{"amount": 7}))
			w.Refused(t, undo(open.Command), workflow.ReasonUsed)
			w.Must(t, undo(d.Command))
			w.Must(t, undo(open.Command))
			w.Must(t, undo(pay.Command))
		})
		sameRows(t, before, h.rows(t, "c1", root))
		h.audit(t)
	})
}

func TestIdempotency(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		r := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
		r.IdempotencyKey = "k1"
		var wg sync.WaitGroup
		results := make([]engine.Result, 16)
		for n := range results {
			wg.Go(func() { results[n] = w.Must(t, r) })
		}
		wg.Wait()
		fresh := 0
		for _, x := range results {
			if !x.Replayed {
				fresh++
			}
			if x.Seq != results[0].Seq || x.State != "planning" {
				t.Errorf("answers differ: %+v and %+v", x, results[0])
			}
		}
		if fresh != 1 {
			t.Errorf("%d of 16 were carried out", fresh)
		}
		t.Run("another request under the same key is told so", func(t *testing.T) {
			other := r
			other.Values = map[string]any{"who": w.People["lead"]}
			_, err := w.Do(t.Context(), other)
			if fault.KindOf(err) != fault.Mismatch {
				t.Errorf("got %v", err)
			}
		})
		t.Run("a refusal is evaluated afresh", func(t *testing.T) {
			fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "f", nil)).Instance
			r := w.Fire("finance", root, fund, "close", nil)
			r.IdempotencyKey = "k2"
			w.Refused(t, r, workflow.ReasonState)
			w.Must(t, w.Fire("worker", root, fund, "open", nil))
			if res := w.Must(t, r); res.Replayed {
				t.Error("the refusal was replayed")
			}
		})
		t.Run("the key is looked up before the version", func(t *testing.T) {
			again := r
			again.IfVersion = 1
			_, err := w.Do(t.Context(), again)
			if fault.KindOf(err) != fault.Mismatch { // the version belongs to the request
				t.Errorf("got %v", err)
			}
			old := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
			old.IfVersion = 1
			w.Refused(t, old, workflow.ReasonVersion)
		})
	})
}

func TestTextThatNoDatabaseHoldsIsNamed(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		for name, r := range map[string]engine.Request{
			"input":  w.Create("worker", root, root, "fund", "fund", "a", map[string]any{"purpose": "米\x00油"}),
			"utf8":   w.Create("worker", root, root, "fund", "fund", "b", map[string]any{"purpose": "米\xff油"}),
			"key":    w.Create("worker", root, root, "fund", "fund", "c\x00", nil),
			"sealed": w.Create("admin", "c1", "c1", "person", "", "", map[string]any{"name": "王\x00"}),
		} {
			ref := w.Refused(t, r, workflow.ReasonField)
			if ref != nil && !strings.Contains(ref.Reasons[0].Text.EN+ref.Reasons[0].Name, map[string]string{"input": "purpose", "utf8": "purpose", "key": "key", "sealed": "name"}[name]) && name != "sealed" {
				t.Errorf("%s: the reason names no field: %+v", name, ref.Reasons)
			}
		}
		if n := len(h.entries(t, "c1", root)); n != 1 {
			t.Errorf("%d entries, want the creation alone", n)
		}
	})
}

func TestConsentWithdrawnBetweenLoadAndCommit(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		house := w.Household(t, "甲")
		hv := w.Must(t, w.Create("worker", root, visit, "household_visit", "", "", map[string]any{"household": house})).Instance
		consent := w.Must(t, engine.Request{Command: workflow.Command{
			Root: "c1", Target: house, Kind: workflow.KindCreate, Workflow: "consent", Key: "record", Actor: workflow.Actor{System: true},
		}}).Instance
		// The replica that records has loaded everything; before it commits, another withdraws the consent.
		other := h.replica(t)
		wo := &enginetest.World{Engine: other, Community: "c1", People: w.People}
		h.beforeCommit(func() { wo.Must(t, wo.Fire("worker", "c1", consent, "withdraw", nil)) })
		ref := w.Refused(t, w.Fire("worker", root, hv, "record", map[string]any{"answers": "身体好"}))
		if !ref.Has(workflow.ReasonGuard) && !ref.Has(workflow.ReasonState) {
			t.Errorf("reasons: %v", ref)
		}
		if _, err := h.engine.FireDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if s := h.instance(t, hv).State; s != "redacted" {
			t.Errorf("the visit is %s, want redacted by the withdrawal", s)
		}
		h.audit(t)
	})
}

func TestTimersFireOnceAcrossReplicas(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		var funds []string
		for n := range 20 {
			f := w.Must(t, w.Create("worker", root, root, "fund", "fund", enginetest.Name("f", n), nil)).Instance
			w.Must(t, w.Fire("worker", root, f, "open", map[string]any{"deadline": "2023-06-05"}))
			funds = append(funds, f)
		}
		moved := w.Fire("worker", root, funds[0], "", map[string]any{"deadline": "2023-07-01"})
		moved.Kind = workflow.KindEdit
		w.Must(t, moved)
		w.Must(t, w.Fire("finance", root, funds[1], "close", nil))
		h.clock.Add(5 * 24 * time.Hour) // late by a day
		other := h.replica(t)
		var wg sync.WaitGroup
		for _, e := range []*engine.Engine{h.engine, other} {
			wg.Go(func() {
				if _, err := e.FireDue(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		closes := map[string]int{}
		for _, e := range h.entries(t, "c1", root) {
			if e.Event == "close" {
				closes[e.Target]++
			}
		}
		for n, f := range funds {
			want := 1
			if n == 0 {
				want = 0
			}
			if closes[f] != want {
				t.Errorf("fund %d was closed %d times, want %d", n, closes[f], want)
			}
		}
		for _, row := range h.timers(t, "c1", root) {
			if row.Status == engine.TimerWaiting && row.Instance != funds[0] {
				t.Errorf("timer of %s still waits", row.Instance)
			}
		}
		h.audit(t)
	})
}

func TestDueTimerFiresBeforeALaterCommand(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		f := w.Must(t, w.Create("worker", root, root, "fund", "fund", "f", nil)).Instance
		w.Must(t, w.Fire("worker", root, f, "open", map[string]any{"deadline": "2023-06-05"}))
		h.clock.Add(10 * 24 * time.Hour)
		w.Refused(t, w.Fire("finance", root, f, "close", nil), workflow.ReasonState) // the clock was first
	})
}

func TestReplicasOnOneProgrammeKeepOneOrder(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		other := h.replica(t)
		var wg sync.WaitGroup
		const callers, each = 6, 10
		for c := range callers {
			e := h.engine
			if c%2 == 1 {
				e = other
			}
			mine := &enginetest.World{Engine: e, Community: "c1", People: w.People}
			wg.Go(func() {
				for range each {
					mine.Must(t, mine.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]}))
				}
			})
		}
		wg.Wait()
		got := h.entries(t, "c1", root)
		if len(got) != callers*each+1 {
			t.Errorf("%d entries, want %d", len(got), callers*each+1)
		}
		h.audit(t)
	})
}

func TestErasureLeavesTheChainVerifying(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		p := w.Person(t, "王爷爷")
		shown, err := h.engine.Reveal(t.Context(), h.instance(t, p))
		if err != nil || shown["name"] != "王爷爷" {
			t.Fatalf("before: %v, %v", shown, err)
		}
		r := w.Fire("admin", "c1", p, "erase", nil)
		r.Reason = "本人要求"
		w.Must(t, r)
		shown, err = h.engine.Reveal(t.Context(), h.instance(t, p))
		if err != nil || len(shown) != 0 {
			t.Errorf("after: %v, %v", shown, err)
		}
		if strings.Contains(h.dump(t, "c1", "c1"), "王爷爷") {
			t.Error("the history holds the name")
		}
		h.audit(t)
	})
}

func TestUnknownCommitOutcomeIsLookedUp(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		for _, committed := range []bool{true, false} {
			h.cutCommit(committed)
			before := len(h.entries(t, "c1", root))
			w.Must(t, w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]}))
			if n := len(h.entries(t, "c1", root)); n != before+1 {
				t.Errorf("committed=%v: %d new entries", committed, n-before)
			}
		}
	})
}

func TestAWaiverLetsOneNeedPass(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		edit := w.Fire("worker", root, visit, "", map[string]any{"funds": []any{fund}})
		edit.Kind = workflow.KindEdit
		w.Must(t, edit)
		waive := w.Fire("approver", root, visit, "", nil)
		waive.Kind, waive.Need = workflow.KindWaive, "funded"
		w.Refused(t, waive, workflow.ReasonReason)
		waive.Reason = "善款已到账，票据周五补齐"
		w.Must(t, waive)
		w.Must(t, w.Fire("lead", root, visit, "start", nil))
		all := h.entries(t, "c1", root)
		if last := all[len(all)-1]; len(last.Waived) != 1 || last.Waived[0] != "funded" {
			t.Errorf("the entry does not say that the need was waived: %+v", last.Waived)
		}
	})
}

func TestUntrainedMemberRefusesStart(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		a, b := w.Person(t, "甲"), w.Person(t, "乙")
		w.Must(t, w.Fire("lead", root, visit, "train", map[string]any{"who": a}))
		w.Must(t, w.Create("worker", root, visit, "household_visit", "", "", map[string]any{
			"household": w.Household(t, "一"), "pair": []any{a, b},
		}))
		ref := w.Refused(t, w.Fire("lead", root, visit, "start", nil), workflow.ReasonGuard)
		if got := ref.Reasons[0].Text; got.ZH != "1/2 人已培训" || got.EN != "1/2 people trained" {
			t.Errorf("reason: %+v", got)
		}
		w.Must(t, w.Fire("lead", root, visit, "train", map[string]any{"who": b}))
		w.Must(t, w.Fire("lead", root, visit, "start", nil))
	})
}

func TestClosingWaitsForWhatWasAccepted(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		errs := make(chan error, 32)
		for range 32 {
			go func() {
				_, err := w.Do(context.Background(), w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]}))
				errs <- err
			}()
		}
		h.engine.Close()
		accepted := 0
		for range 32 {
			err := <-errs
			var f *fault.Error
			switch {
			case err == nil:
				accepted++
			case !errors.As(err, &f) || f.Kind != fault.Unavailable:
				t.Errorf("got %v", err)
			}
		}
		if n := len(h.entries(t, "c1", root)); n != accepted+1 {
			t.Errorf("%d acknowledged, %d in the history", accepted, n-1)
		}
	})
}
