package workflows_test

import (
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
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
	says(t, o.refused("finance", donation, "refund", "fund_open", nil), "请先更正公示，再退回采购")
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
	ref := o.Refused(t, o.Create("worker", o.root, o.root, "note", "", "", map[string]any{"text": "补记"}), workflow.ReasonClosed)
	if want := `"Neighbourhood programme", which it belongs to, is already "Archived"; reopen it first`; o.reason(ref, o.root).EN != want {
		t.Errorf("got %s\nwant %s", o.reason(ref, o.root).EN, want)
	}
	fund := o.children(o.root, "fundraise")[0].ID
	o.Refused(t, o.request("worker", fund, "submit", nil), workflow.ReasonClosed)
	o.Refused(t, o.engineOp("lead", workflow.KindCancel, fund), workflow.ReasonClosed)
	edit := o.engineOp("worker", workflow.KindEdit, fund)
	edit.Values = map[string]any{"purpose": "别的"}
	o.Refused(t, edit, workflow.ReasonClosed)
	o.Must(t, o.engineOp("approver", workflow.KindReopen, o.root))
	o.Must(t, edit)
}

// published is a fund whose statement is published, with one donation that was receipted.
func (o *office) published(key string) (fund, donation string) {
	o.t.Helper()
	fund = o.fund(key, 10000, nil)
	o.fire("finance", fund, "reconcile", map[string]any{"surplus": unrecorded})
	o.fire("approver", fund, "publish", map[string]any{"statement": unrecorded})
	return fund, o.children(fund, "donation")[0].ID
}

// A receipt number is put right without a new reconciliation; what the statement says stands.
func TestAReceiptIsCorrectedUnderAPublishedFund(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f, d := o.published("f")
	o.fire("finance", d, "correct_receipt", nil)
	ref := o.Refused(t, o.editing("worker", d, map[string]any{"amount": 9999}), workflow.ReasonGuard)
	says(t, o.reason(ref, "figures_stand"), "收入 100.00", "请先更正公示，再退回采购")
	ref = o.Refused(t, o.editing("worker", d, map[string]any{"public_name": "某商家"}), workflow.ReasonGuard)
	says(t, o.reason(ref, "names_stand"), "有 1 笔捐赠写了署名")
	o.edit("worker", d, map[string]any{"public_name": "某商家", "name_consent": "书面同意"})
	says(t, o.refused("lead", f, "archive", "receipted", nil), "还有 1 笔捐赠没有收据")
	o.fire("finance", d, "receipt", map[string]any{"receipt": "R-2"})
	o.in(f, "published")
}

func TestAnUndoneReceiptNamesNobodyInAPublishedStatement(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	_, d := o.published("f")
	o.fire("finance", d, "correct_receipt", nil)
	receipt := o.fire("finance", d, "receipt", map[string]any{"receipt": "R-2"}).Command
	undo := o.engineOp("finance", workflow.KindUndo, "")
	undo.Of = receipt
	o.Must(t, undo)
	o.in(d, "received")
	ref := o.Refused(t, o.editing("worker", d, map[string]any{"public_name": "某商家"}), workflow.ReasonGuard)
	o.reason(ref, "names_stand")
}

// What a lead archived before its time and an approver reopened later is not archived again under their hands.
func TestAReopenedFundStaysOpen(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f, _ := o.published("f")
	o.fire("lead", f, "archive", nil)
	o.at("2023-07-20 10:00")
	o.Must(t, o.engineOp("approver", workflow.KindReopen, f))
	o.at("2023-07-21 10:00")
	o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
	o.in(f, "published")
	o.fire("finance", f, "correct", nil)
}

// Gifts in kind are handed out and counted before their fund is archived.
func TestAFundIsArchivedWithItsGoodsSettled(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f, _ := o.published("f")
	o.fire("finance", f, "correct", nil)
	o.fire("finance", f, "back_to_purchase", nil)
	goods := o.item("worker", f, "stock", "", map[string]any{"title": "大米"})
	o.fire("finance", f, "reconcile", nil)
	o.fire("approver", f, "publish", nil)
	o.at("2023-07-20 10:00")
	o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
	o.in(f, "published")
	says(t, o.refused("lead", f, "archive", "goods_settled", nil), "还有 1 项物资没有清点")
	o.fire("worker", goods, "hand_out", nil)
	o.fire("worker", goods, "settle", map[string]any{"left_over": 0})
	o.fire("lead", f, "archive", nil)
}

func TestAFundThatIsClosedAgainIsDueWhenItWas(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("f", 10000, nil)
	due := o.get(f).Body.Data["publish_due"]
	o.at("2023-06-20 10:00")
	o.fire("finance", f, "reopen_intake", nil)
	o.fire("finance", f, "close", nil)
	if got := o.get(f).Body.Data["publish_due"]; got != due {
		t.Errorf("due by %v, then by %v", due, got)
	}
	o.fire("finance", f, "reopen_intake", nil)
	o.edit("worker", f, map[string]any{"publish_due": "2023-08-31"})
	o.fire("finance", f, "close", nil)
	if got := o.get(f).Body.Data["publish_due"]; got != "2023-08-31" {
		t.Errorf("stated anew, it is %v", got)
	}
}

// A stated figure stands with what it is told of.
func TestAClaimStandsOnceItsEventIsClosed(t *testing.T) {
	o := newOffice(t)
	e := o.event("other", nil)
	o.fire("worker", e, "quick_record", nil)
	o.claimed(e, "headcount", "exact", 5)
	claim := o.children(e, "claim")[0].ID
	changed := o.Must(t, o.editing("worker", claim, map[string]any{"n": 6}))
	o.fire("lead", e, "close", closing(nil))

	fields := map[string]any{"metric": "headcount", "qualifier": "exact", "n": 50}
	ref := o.Refused(t, o.Create("worker", o.root, e, "claim", "", "", fields), workflow.ReasonState)
	says(t, o.reason(ref, "closed"), "不能增减或更改「数字表述」", "请先「重新打开」")
	o.Refused(t, o.editing("worker", claim, map[string]any{"n": 50}), workflow.ReasonState)
	o.refused("worker", claim, "withdraw", "closed", nil)
	undo := o.engineOp("lead", workflow.KindUndo, "")
	undo.Of = changed.Command
	o.Refused(t, undo, workflow.ReasonUsed)

	o.Must(t, o.engineOp("approver", workflow.KindReopen, e))
	o.edit("worker", claim, map[string]any{"n": 50})
	o.fire("worker", claim, "withdraw", nil)
}

// What comes by itself needs no way back: nobody is told to postpone an event.
func TestNobodyIsToldToGoBackForWhatComesNext(t *testing.T) {
	o := newOffice(t)
	e := o.event("other", nil)
	o.fire("lead", e, "approve", nil)
	o.fire("worker", e, "publish", nil)
	fields := map[string]any{"metric": "headcount", "qualifier": "not_counted"}
	ref := o.Refused(t, o.Create("worker", o.root, e, "claim", "", "", fields), workflow.ReasonState)
	if got := o.reason(ref, "published"); strings.Contains(got.ZH, "请先") || strings.Contains(got.EN, "first") {
		t.Errorf("%s\n%s", got.ZH, got.EN)
	}
}

func TestAClaimStandsOnceItsFundIsPublished(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f, d := o.published("f")
	fields := map[string]any{"metric": "donors", "qualifier": "exact", "n": 50}
	for _, under := range []string{f, d} {
		o.Refused(t, o.Create("worker", o.root, under, "claim", "", "", fields), workflow.ReasonState)
	}
	o.Refused(t, o.request("worker", o.children(d, "claim")[0].ID, "withdraw", nil), workflow.ReasonState)
}

// What was requested is approved, or not, from the source that it names.
func TestTheSourceOfARequestedPurchaseStands(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("f", 10000, nil)
	p := o.purchase(f, 5000, "request")
	a := o.children(p, "allocation")[0].ID
	ref := o.Refused(t, o.editing("worker", a, map[string]any{"source": "budget", "fund": nil}), workflow.ReasonState)
	says(t, o.reason(ref, "requested"), "请先「不批准」")
	o.Refused(t, o.request("worker", a, "drop", nil), workflow.ReasonState)
	approve := o.fire("lead", p, "approve", nil)
	o.in(a, "approved")
	undo := o.engineOp("lead", workflow.KindUndo, "")
	undo.Of = approve.Command
	o.Must(t, undo)
	o.fire("lead", p, "reject", nil)
	o.edit("worker", a, map[string]any{"source": "budget", "fund": nil})
}

// Whatever stands under it: a visit that was cancelled is left as it was.
func TestNothingIsTakenAwayFromWhatWasCancelled(t *testing.T) {
	o := newOffice(t)
	visit := o.activity("visit", "visit", "v", nil)
	made := []engine.Result{
		o.Must(t, o.Create("worker", o.root, visit, "session", "", "", map[string]any{"kind": "visit"})),
		o.Must(t, o.Create("worker", o.root, visit, "note", "", "", map[string]any{"text": "备注"})),
	}
	o.Must(t, o.engineOp("lead", workflow.KindCancel, visit))
	for _, m := range made {
		undo := o.engineOp("lead", workflow.KindUndo, "")
		undo.Of = m.Command
		o.Refused(t, undo, workflow.ReasonClosed)
	}
}
