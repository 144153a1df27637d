package ordertest

import (
	"testing"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// The tests here are the shortest forms of what random lives, or a hostile reader, found wrong once.

func TestABackfillWithoutACutOffAsksForEveryEvent(t *testing.T) {
	o := newOffice(t)
	event := o.event("event", o.day(-1)+"/morning")
	evening := o.event("recognition_evening", o.today()+"/evening")
	o.no(o.backfill(o.ceremony, "awarded", nil), workflow.ReasonNeed)
	o.close(event)
	o.ok(o.backfill(o.ceremony, "awarded", nil))
	if o.oracle.state(evening) != "wrap_up" {
		t.Error("the evening itself is not asked for")
	}
}

func TestAwardsNeedAnEveningOrAWaiver(t *testing.T) {
	o := newOffice(t)
	o.no(o.backfill(o.ceremony, "awarded", nil), workflow.ReasonNeed)
	waive := o.by("approver", o.ceremony, workflow.KindWaive)
	waive.Need = "evening_started"
	o.ok(waive)
	o.ok(o.backfill(o.ceremony, "awarded", nil))
}

func TestHoursAreNotLockedBeforeTheProgrammeRuns(t *testing.T) {
	b, zone := builtIn(t)
	o := &office{run: newRun(newMemory(b, zone), b, zone, newSeededDice(1)), t: t}
	if err := o.setUp(t.Context(), b.Hash); err != nil {
		t.Fatal(err)
	}
	o.no(o.fire("lead", o.made("recognise"), "lock_hours", workflow.Values{"cutoff": o.today(), "hours_record": unrecorded("未写")}), workflow.ReasonGuard)
}

func TestAStartIsNotUndoneUnderWhatCameAfterIt(t *testing.T) {
	o := newOffice(t)
	visit, household, start := o.round()
	record := o.ok(o.fire("worker", household, "record", workflow.Values{"consent": paper("口头"), "outcome": "seen", "answers_record": unrecorded("未写")}))
	o.no(o.undo(start), workflow.ReasonUsed)
	o.ok(o.undo(record))
	o.ok(o.undo(start))
	if s := o.oracle.state(visit); s != "assigned" {
		t.Errorf("the round is %s", s)
	}
}

func TestAFundIsNeverOverdrawnByTheBackDoor(t *testing.T) {
	t.Run("a gift that was spent is not made smaller", func(t *testing.T) {
		o := newOffice(t)
		fund, gift := o.fund(1000)
		o.spend(fund, 1000)
		o.ok(o.fire("finance", gift, "correct_receipt", nil))
		o.no(o.edit("finance", gift, workflow.Values{"amount": 999}), workflow.ReasonGuard)
		o.ok(o.edit("finance", gift, workflow.Values{"amount": 1001}))
	})
	t.Run("the writing down of a gift that was spent is not undone", func(t *testing.T) {
		o := newOffice(t)
		fund, _ := o.fund(1000)
		o.no(workflow.Command{
			Root: o.root, Target: fund, Kind: workflow.KindCreate, Workflow: "donation", Input: workflow.Values{"amount": 500},
			Actor: workflow.Actor{Person: o.cast.people["chief"]},
		}, workflow.ReasonState)
		o.ok(o.fire("finance", fund, "reopen_intake", nil))
		more := o.create(fund, "donation", "", workflow.Values{"amount": 500})
		made := o.done[len(o.done)-1].cmd.ID
		o.ok(o.backfill(fund, "purchasing", nil))
		o.spend(fund, 1200)
		o.no(o.undo(made), workflow.ReasonUsed)
		if o.oracle.state(more) != "received" {
			t.Error("the gift is gone")
		}
	})
	t.Run("a correction is not undone once the money is spent again", func(t *testing.T) {
		o := newOffice(t)
		fund, _ := o.fund(1000)
		first, _ := o.spend(fund, 1000)
		correct := o.ok(o.fire("finance", first, "correct", nil))
		o.spend(fund, 900)
		o.no(o.undo(correct), workflow.ReasonUsed)
	})
}

func TestTheWayBackIsOpenOnceNothingRestsOnIt(t *testing.T) {
	t.Run("unlocked hours let an event be reopened", func(t *testing.T) {
		o := newOffice(t)
		event := o.event("event", o.day(-1)+"/morning")
		o.close(event)
		o.ok(o.fire("lead", o.ceremony, "lock_hours", workflow.Values{"cutoff": o.today(), "hours_record": unrecorded("未写")}))
		o.no(o.by("approver", event, workflow.KindReopen), workflow.ReasonUsed)
		unlock := o.ok(o.fire("lead", o.ceremony, "unlock", nil))
		o.ok(o.by("approver", event, workflow.KindReopen))
		o.no(o.undo(unlock), workflow.ReasonUsed) // the hours would be locked on an open event
	})
	t.Run("a cancelled round lets go of its fund", func(t *testing.T) {
		o := newOffice(t)
		fund, _ := o.fund(1000)
		reconcile := o.ok(o.fire("finance", fund, "reconcile", workflow.Values{"surplus": paper("下一轮")}))
		visit, _, _ := o.round(fund)
		o.no(o.undo(reconcile), workflow.ReasonUsed)
		cancel := o.ok(o.by("lead", visit, workflow.KindCancel))
		o.ok(o.undo(reconcile))
		o.no(o.undo(cancel), workflow.ReasonUsed) // the round would be under way on a fund that is not reconciled
	})
	t.Run("a back-filled evening that is reopened is still wrapping up", func(t *testing.T) {
		o := newOffice(t)
		evening := o.create(o.root, "event", "recognition_evening", workflow.Values{"profile": "recognition_evening", "title": "表彰", "host": "社区", "place": "会议室", "when": o.today() + "/evening"})
		o.ok(o.backfill(evening, "closed", nil))
		o.ok(o.by("approver", evening, workflow.KindReopen))
		o.ok(o.backfill(o.ceremony, "awarded", nil))
	})
}

func TestNothingIsWaivedOrReopenedBelowACancelledProgramme(t *testing.T) {
	o := newOffice(t)
	event := o.event("event", o.day(-1)+"/morning")
	o.close(event)
	visit := o.create(o.root, "visit", "visit", nil)
	o.ok(o.by("lead", o.root, workflow.KindCancel))
	waive := o.by("approver", visit, workflow.KindWaive)
	waive.Need = "team_trained"
	o.no(waive, workflow.ReasonClosed)
	o.no(o.by("approver", event, workflow.KindReopen), workflow.ReasonClosed)
}

func TestARequiredFieldIsNeverCleared(t *testing.T) {
	o := newOffice(t)
	fund := o.create(o.root, "fundraise", "fundraise", workflow.Values{"purpose": "生活物资"})
	o.no(o.edit("worker", fund, workflow.Values{"purpose": nil}), workflow.ReasonField)
	o.no(o.backfill(fund, "open", workflow.Values{"purpose": nil, "basis_record": unrecorded("未写")}), workflow.ReasonField)
}

func TestWhatIsNamedElsewhereIsNotUndone(t *testing.T) {
	o := newOffice(t)
	fund := o.create(o.root, "fundraise", "fundraise", workflow.Values{"purpose": "生活物资"})
	made := o.done[len(o.done)-1].cmd.ID
	visit := o.create(o.root, "visit", "visit", workflow.Values{"funds": []string{fund}})
	o.no(o.undo(made), workflow.ReasonUsed)
	o.ok(o.edit("worker", visit, workflow.Values{"funds": []string{}}))
	o.ok(o.undo(made))
}

func TestAnUndoneTimerDoesNotFireAgain(t *testing.T) {
	o := newOffice(t)
	fund := o.create(o.root, "fundraise", "fundraise", workflow.Values{"purpose": "生活物资"})
	pledge := o.create(fund, "pledge", "", workflow.Values{"amount": 100, "due": o.today()})
	if err := o.advance(t.Context(), 20*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if s := o.oracle.state(pledge); s != "lapsed" {
		t.Fatalf("the pledge is %s", s)
	}
	var lapse string
	for k, e := range o.memory().entries {
		if e.Event == "lapse" {
			lapse = k.B
		}
	}
	o.ok(o.undo(lapse))
	if err := o.advance(t.Context(), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if s := o.oracle.state(pledge); s != "pledged" {
		t.Errorf("the pledge is %s a day after the undo", s)
	}
}
