package workflows_test

import (
	"strings"
	"testing"

	"github.com/linli/linli/internal/workflow"
)

// accepted is an office whose programme is accepted, with one fund that is published and its donation.
func accepted(t *testing.T) (o *office, fund, donation string) {
	t.Helper()
	o = newOffice(t)
	o.Must(t, o.engineOp("approver", workflow.KindSkip, o.slot("recruit")))
	o.Must(t, o.engineOp("approver", workflow.KindSkip, o.slot("train")))
	o.Must(t, o.engineOp("approver", workflow.KindSkip, o.slot("recognise")))
	fund, donation = o.published("f")
	o.fire("lead", o.root, "close", map[string]any{"archive": unrecorded})
	o.fire("approver", o.root, "accept", map[string]any{"acceptance_paper": unrecorded})
	return o, fund, donation
}

// What was signed for does not vanish by one person's cancelling.
func TestAFundWithMoneyInItIsNotCancelled(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("f", 10000, nil)
	cancel := o.engineOp("lead", workflow.KindCancel, f)
	ref := o.Refused(t, cancel, workflow.ReasonGuard)
	says(t, o.reason(ref, "money_kept"), "收到 100.00，已支出 0.00，不能取消", "请先更正采购、退回捐赠")
	o.fire("finance", f, "reconcile", map[string]any{"surplus": unrecorded})
	o.fire("approver", f, "publish", map[string]any{"statement": unrecorded})
	says(t, o.reason(o.Refused(t, cancel, workflow.ReasonGuard), "money_kept"), "并已对账，不能取消；请先退回采购（已公示的先更正公示）")
	ref = o.Refused(t, o.engineOp("lead", workflow.KindCancel, o.root), workflow.ReasonGuard)
	says(t, o.reason(ref, "money_kept"), "项目已筹集 100.00，不能取消", "申请结项")

	o.fire("finance", f, "correct", nil)
	o.fire("finance", f, "back_to_purchase", nil)
	o.fire("finance", o.children(f, "donation")[0].ID, "refund", nil)
	o.Must(t, cancel)
	o.Must(t, o.engineOp("lead", workflow.KindCancel, o.root))
}

func TestAnAcceptedProgrammeIsNotCancelled(t *testing.T) {
	o := newOffice(t)
	for _, slot := range []string{"recruit", "train", "recognise"} {
		o.Must(t, o.engineOp("approver", workflow.KindSkip, o.slot(slot)))
	}
	o.fire("lead", o.root, "close", map[string]any{"archive": unrecorded})
	o.fire("approver", o.root, "accept", map[string]any{"acceptance_paper": unrecorded})
	cancel := o.engineOp("lead", workflow.KindCancel, o.root)
	ref := o.Refused(t, cancel, workflow.ReasonGuard)
	says(t, o.reason(ref, "money_kept"), "项目已验收，不能取消；请先撤回验收")
	o.fire("approver", o.root, "withdraw_acceptance", nil)
	o.Must(t, cancel)
}

// The report that was accepted stays as it is until the acceptance is withdrawn.
func TestTheMoneyOfAnAcceptedProgrammeStands(t *testing.T) {
	o, f, d := accepted(t)
	says(t, o.refused("finance", f, "correct", "acceptance_stands", nil), "项目已验收", "请先撤回验收")
	ref := o.Refused(t, o.editing("lead", o.root, map[string]any{"title": "别的"}), workflow.ReasonState)
	says(t, o.reason(ref, "accepted"), "在「已验收」时不能修改", "请先「撤回验收」")
	o.fire("finance", d, "correct_receipt", nil)
	says(t, o.refused("lead", o.root, "archive", "receipted", nil), "还有 1 笔捐赠没有收据")
	o.fire("finance", d, "receipt", map[string]any{"receipt": "R-2"})

	o.fire("approver", o.root, "withdraw_acceptance", nil)
	o.fire("finance", f, "correct", nil)
	says(t, o.refused("approver", o.root, "accept", "funds_explained", nil), "还有 1 笔善款")
	o.edit("lead", o.root, map[string]any{"title": "别的"})
	undo := o.engineOp("approver", workflow.KindUndo, "")
	undo.Of = o.fire("approver", f, "publish", nil).Command
	o.fire("approver", o.root, "accept", nil)
	o.reason(o.Refused(t, undo, workflow.ReasonUsed), "acceptance_stands")
	o.fire("lead", o.root, "archive", nil)
}

// A fund whose balance is explained is not published; its figures were accepted all the same.
func TestTheFiguresOfAnExplainedFundStand(t *testing.T) {
	o, f, d := accepted(t)
	o.fire("approver", o.root, "withdraw_acceptance", nil)
	o.fire("finance", f, "correct", nil)
	o.fire("finance", f, "back_to_purchase", nil)
	o.edit("finance", f, map[string]any{"balance_note": "留作下一轮"})
	o.fire("approver", o.root, "accept", nil)
	says(t, o.refused("finance", d, "refund", "figures_stand", nil), "项目已按筹集 100.00、支出 0.00 验收", "请先撤回验收")
	ref := o.Refused(t, o.editing("finance", f, map[string]any{"balance_note": nil}), workflow.ReasonGuard)
	o.reason(ref, "acceptance_stands")
	o.fire("finance", f, "reopen_intake", nil)
	ref = o.Refused(t, o.Create("worker", o.root, f, "donation", "", "", map[string]any{"amount": 5}), workflow.ReasonGuard)
	o.reason(ref, "figures_stand")
}

// A receipt that was taken back is made good before anything is stated.
func TestAFundIsReconciledAndPublishedWithItsReceipts(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("f", 10000, nil)
	d := o.children(f, "donation")[0].ID
	o.fire("finance", d, "correct_receipt", nil)
	says(t, o.refused("finance", f, "reconcile", "receipted", map[string]any{"surplus": unrecorded}), "还有 1 笔捐赠没有收据")
	o.edit("finance", d, map[string]any{"public_name": "某商家"})
	o.fire("finance", d, "receipt", map[string]any{"receipt": "R-1"})
	o.fire("finance", f, "reconcile", map[string]any{"surplus": unrecorded})
	says(t, o.refused("approver", f, "publish", "names", map[string]any{"statement": unrecorded}), "请先更正收据，改为匿名或补同意")
	o.fire("finance", d, "correct_receipt", nil)
	says(t, o.refused("approver", f, "publish", "receipted", map[string]any{"statement": unrecorded}), "还有 1 笔捐赠没有收据")
	o.edit("finance", d, map[string]any{"name_consent": "书面同意"})
	o.fire("finance", d, "receipt", nil)
	o.fire("approver", f, "publish", map[string]any{"statement": unrecorded})
	says(t, o.refused("finance", d, "refund", "fund_open", nil), "善款已对账并公示；请先更正公示，再退回采购")
}

func TestReconciledFiguresAreNotTyped(t *testing.T) {
	o := newOffice(t)
	fields := map[string]any{"purpose": "物资", "reconciled_in": -1}
	ref := o.Refused(t, o.Create("lead", o.root, o.root, "fundraise", "fundraise", "f", fields), workflow.ReasonField)
	if got := texts(ref); !strings.HasPrefix(got, `"create" has no input reconciled_in`) {
		t.Error(got)
	}
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "物资"})
	o.Refused(t, o.editing("lead", f, map[string]any{"reconciled_out": 5}), workflow.ReasonField)
	o.Refused(t, o.backfill(f, "open", map[string]any{"reconciled_out": 5}), workflow.ReasonField)
}

func TestAPurchaseSaysWhatItsSourcesAre(t *testing.T) {
	o := newOffice(t)
	p := o.item("worker", o.root, "purchase", "", map[string]any{"title": "米", "amount": 500})
	got := o.refused("worker", p, "request", "allocated", nil)
	says(t, got, "各项来源合计 0.00", "添加或更改这笔采购下的“分摊”")
	if !strings.Contains(got.EN, "add or change the allocations under it") {
		t.Error(got.EN)
	}
}
