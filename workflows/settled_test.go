package workflows_test

import (
	"testing"

	"github.com/linli/linli/internal/workflow"
)

// What was closed, reconciled or published was signed for with the figures that it had.
func TestAFundThatIsClosedTakesNoMoreMoney(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("f", 10000, nil) // buying
	fields := map[string]any{"amount": 777}
	ref := o.Refused(t, o.Create("worker", o.root, f, "donation", "", "", fields), workflow.ReasonState)
	says(t, o.reason(ref, "purchasing"), "「采购中」", "请先「重新开放募集」")
	if got := o.get(f).Body.Aggregates["received"]; got != 10000 {
		t.Errorf("the fund received %d", got)
	}
}

// Published figures stand against whatever would move them from below, and the refusal says what to do.
func TestThePublishedFiguresOfAFundStand(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("f", 10000, nil)
	lapsed := o.activity("fundraise", "fundraise", "later", map[string]any{"purpose": "下一轮"})
	pledge := o.item("worker", lapsed, "pledge", "", map[string]any{"amount": 500})
	o.fire("worker", pledge, "lapse", nil)
	o.Must(t, o.backfill(lapsed, "reconciled", map[string]any{"surplus": unrecorded}))
	donation := o.children(f, "donation")[0].ID
	o.fire("finance", f, "reconcile", map[string]any{"surplus": unrecorded})
	o.fire("approver", f, "publish", map[string]any{"statement": unrecorded})

	ref := o.Refused(t, o.Create("worker", o.root, f, "donation", "", "", map[string]any{"amount": 500}), workflow.ReasonState)
	says(t, o.reason(ref, "published"), "「已公示收支」", "请先「更正公示」、「退回采购」、「重新开放募集」")
	o.refused("finance", donation, "correct_receipt", "fund_open", nil)
	o.refused("finance", donation, "refund", "fund_open", nil)
	ref = o.Refused(t, o.request("finance", pledge, "receive", map[string]any{"amount": 500}), workflow.ReasonState)
	says(t, o.reason(ref, "reconciled"), "「退回采购」")
	for _, fund := range []string{f, lapsed} {
		if i := o.get(fund); i.Body.Data["reconciled_in"] != i.Body.Aggregates["received"] {
			t.Errorf("reconciled at %v, received %v", i.Body.Data["reconciled_in"], i.Body.Aggregates["received"])
		}
	}
	o.fire("finance", f, "correct", nil)
	o.fire("finance", f, "back_to_purchase", nil)
	o.fire("finance", f, "reopen_intake", nil)
	o.item("worker", f, "donation", "", map[string]any{"amount": 500})
}

func TestAmountsAreMoreThanNothing(t *testing.T) {
	o := newOffice(t)
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "物资"})
	for _, amount := range []int64{0, -500} {
		o.Refused(t, o.Create("worker", o.root, f, "donation", "", "", map[string]any{"amount": amount}), workflow.ReasonField)
		ref := o.Refused(t, o.Create("worker", o.root, o.root, "purchase", "", "", map[string]any{"title": "米", "amount": amount}), workflow.ReasonField)
		says(t, o.reason(ref, "amount"), "必须大于 0")
	}
}

func TestAFigureThatIsStatedHasANumber(t *testing.T) {
	o := newOffice(t)
	for qualifier, number := range map[string]bool{"exact": true, "more_than": true, "not_counted": false} {
		fields := map[string]any{"metric": "headcount", "qualifier": qualifier, "source": "签到表"}
		req := o.Create("worker", o.root, o.root, "claim", "", "", fields)
		if number {
			o.Refused(t, req, workflow.ReasonGuard)
		} else {
			o.Must(t, req)
		}
	}
}

// Figures that were accepted stay as they are until the programme is reopened.
func TestInAnArchivedProgrammeNothingIsChanged(t *testing.T) {
	o, r := finished(t)
	o.Must(t, o.engineOp("approver", workflow.KindSkip, r))
	closeProgramme(o)
	o.Refused(t, o.Create("worker", o.root, o.root, "note", "", "", map[string]any{"text": "补记"}), workflow.ReasonClosed)
	fund := o.children(o.root, "fundraise")[0].ID
	o.Refused(t, o.request("worker", fund, "submit", nil), workflow.ReasonClosed)
	o.Refused(t, o.engineOp("lead", workflow.KindCancel, fund), workflow.ReasonClosed)
	edit := o.engineOp("worker", workflow.KindEdit, fund)
	edit.Values = map[string]any{"purpose": "别的"}
	o.Refused(t, edit, workflow.ReasonClosed)
	o.Must(t, o.engineOp("approver", workflow.KindReopen, o.root))
	o.Must(t, edit)
}
