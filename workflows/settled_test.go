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
	ref := o.Refused(t, o.Create("worker", o.root, f, "donation", "", "", fields), workflow.ReasonGuard)
	says(t, o.reason(ref, "fund_takes_money"), "不再收款")
	if got := o.get(f).Body.Aggregates["received"]; got != 10000 {
		t.Errorf("the fund received %d", got)
	}
}

func TestAmountsAreMoreThanNothing(t *testing.T) {
	o := newOffice(t)
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "物资"})
	for _, amount := range []int64{0, -500} {
		o.Refused(t, o.Create("worker", o.root, f, "donation", "", "", map[string]any{"amount": amount}), workflow.ReasonGuard)
		o.Refused(t, o.Create("worker", o.root, o.root, "purchase", "", "", map[string]any{"title": "米", "amount": amount}), workflow.ReasonGuard)
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
