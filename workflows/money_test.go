package workflows_test

import (
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// fund is a fund taken to purchasing with one donation, as undated funds are written down.
func (o *office) fund(key string, received int64, values map[string]any) string {
	o.t.Helper()
	v := map[string]any{"purpose": "生活物资", "basis_record": unrecorded, "plan_record": unrecorded}
	for k, x := range values {
		v[k] = x
	}
	f := o.activity("fundraise", "fundraise", key, v)
	d := o.item("worker", f, "donation", "", map[string]any{"amount": received, "group": "爱心商家及企业"})
	o.item("worker", d, "claim", "", map[string]any{"metric": "donors", "n": 10, "qualifier": "more_than"})
	o.fire("finance", d, "receipt", map[string]any{"receipt": unrecorded})
	o.Must(o.t, o.backfill(f, "purchasing", nil))
	return f
}

// purchase is a purchase paid by one fund, taken as far as it is told.
func (o *office) purchase(fund string, amount int64, events ...string) string {
	o.t.Helper()
	p := o.item("worker", o.root, "purchase", "", map[string]any{"title": "生活物资", "amount": amount})
	o.item("worker", p, "allocation", "", map[string]any{"source": "fund", "fund": fund, "amount": amount})
	by := map[string]string{"request": "worker", "approve": "lead", "pay": "finance", "receive": "worker", "approve_above": "approver"}
	inputs := map[string]map[string]any{"pay": {"voucher": unrecorded}, "receive": {"signed": unrecorded}}
	for _, e := range events {
		o.fire(by[e], p, e, inputs[e])
	}
	return p
}

func TestOneFenMissingRefusesTheReconciliation(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("fund_visit", 160000, map[string]any{"spend_all": true})
	p := o.purchase(f, 159999, "request", "approve", "pay", "receive")
	for name, text := range map[string]workflow.Text{
		"by event":    o.refused("finance", f, "reconcile", "balanced", nil),
		"by backfill": o.reason(o.Refused(t, o.backfill(f, "reconciled", nil)), "balanced"),
	} {
		t.Run(name, func(t *testing.T) {
			says(t, text, "收到 1600.00，已支出 1599.99")
			if text.EN != "received 1600.00, spent 1599.99" {
				t.Error(text.EN)
			}
		})
	}
	o.fire("finance", p, "correct", nil)
	if got := o.get(f).Body.Aggregates["spent"]; got != 0 {
		t.Errorf("spent is %d after the purchase was taken back", got)
	}
	o.edit("worker", p, map[string]any{"amount": 160000})
	o.edit("worker", o.children(p, "allocation")[0].ID, map[string]any{"amount": 160000})
	for _, e := range [][2]string{{"worker", "request"}, {"lead", "approve"}, {"finance", "pay"}, {"worker", "receive"}} {
		o.fire(e[0], p, e[1], nil)
	}
	o.fire("finance", f, "reconcile", nil)
	o.in(f, "reconciled")
	o.in(o.children(p, "allocation")[0].ID, "received")
	says(t, o.refused("finance", p, "correct", "fund_open", nil), "善款已对账")
}

func (o *office) edit(role, target string, values map[string]any) {
	o.t.Helper()
	o.Must(o.t, o.editing(role, target, values))
}

func (o *office) editing(role, target string, values map[string]any) engine.Request {
	r := o.engineOp(role, workflow.KindEdit, target)
	r.Values = values
	return r
}

func TestAFundNeverSpendsMoreThanItReceived(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("fund", 100000, nil)
	o.purchase(f, 60000, "request", "approve")
	second := o.purchase(f, 50000, "request")
	says(t, o.refused("lead", second, "approve", "covered", nil), "善款收到 1000.00，已支出 600.00，不够再支出 500.00")
	o.in(second, "requested")
}

func TestAPurchaseEqualsItsSources(t *testing.T) {
	o := newOffice(t)
	p := o.item("worker", o.root, "purchase", "", map[string]any{"title": "横幅", "amount": 30000})
	o.item("worker", p, "allocation", "", map[string]any{"source": "budget", "amount": 29999})
	says(t, o.refused("worker", p, "request", "allocated", nil), "采购 300.00，各项来源合计 299.99")
	o.item("worker", p, "allocation", "", map[string]any{"source": "none", "amount": 1})
	o.fire("worker", p, "request", nil)
	o.edit("lead", o.root, map[string]any{"purchase_limit": 20000})
	says(t, o.refused("lead", p, "approve", "within_limit", nil), "300.00 超过社工主任审批上限 200.00")
	o.fire("approver", p, "approve_above", nil)
}

func TestMakerAndCheckerOfAFundDiffer(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	o.Grant(t, o.People["worker"], "approver")
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "微心愿", "plan_record": unrecorded})
	o.fire("worker", f, "submit", map[string]any{"legal_basis": "mutual_aid"})
	o.refused("worker", f, "approve", "separation", nil)
	o.fire("approver", f, "approve", nil)
}

func TestAWarningSaysThatOnePersonDecidedBoth(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	edit := o.engineOp("admin", workflow.KindEdit, o.Community)
	edit.Root = o.Community
	edit.Values = map[string]any{"strictness": []string{"fundraise.approve.separation=warn"}}
	o.Must(t, edit)
	o.Grant(t, o.People["worker"], "approver")
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "物资", "legal_basis": "mutual_aid", "plan_record": unrecorded})
	o.fire("worker", f, "submit", nil)
	res := o.fire("worker", f, "approve", nil)
	if len(res.Warnings) != 1 {
		t.Fatalf("one warning, not %v", res.Warnings)
	}
	says(t, res.Warnings[0].Text, "「提交审批」和「批准」由同一人决定")
	if want := `the same person decides "Submit" and "Approve"; two are better`; res.Warnings[0].Text.EN != want {
		t.Errorf("got %s\nwant %s", res.Warnings[0].Text.EN, want)
	}
}

func TestEachLegalBasisAsksForItsPapers(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "微心愿", "plan_record": unrecorded})
	o.fire("worker", f, "submit", nil)
	says(t, o.refused("approver", f, "approve", "basis", nil), "请选择法律依据")
	for _, basis := range []string{"public", "joint_public", "sale_proceeds", "community_fund"} {
		t.Run(basis, func(t *testing.T) {
			o := o.with(t)
			o.refused("approver", f, "approve", basis, map[string]any{"legal_basis": basis})
		})
	}
	late := map[string]any{"legal_basis": "public", "certificate": "1", "filing": "2", "filed_on": "2023-05-28"}
	o.refused("approver", f, "approve", "public", late)
	late["filed_on"] = "2023-05-20"
	o.fire("approver", f, "approve", late)
}

func TestAFundIsClosedWithEveryGiftReceiptedAndCounted(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "微心愿", "plan_record": unrecorded, "legal_basis": "mutual_aid"})
	o.fire("worker", f, "submit", nil)
	o.fire("approver", f, "approve", nil)
	d := o.item("worker", f, "donation", "", map[string]any{"amount": 77890, "way": "cash"})
	pledge := o.item("worker", f, "pledge", "", map[string]any{"due": "2023-06-10"})
	ref := o.Refused(t, o.request("finance", f, "close", nil))
	for _, guard := range []string{"receipted", "counted_by_two", "pledges_settled"} {
		says(t, o.reason(ref, guard), "还有 1 笔")
	}
	o.fire("finance", d, "receipt", map[string]any{"receipt": "R-1", "handler": o.People["worker"], "witness": o.People["finance"]})
	o.fire("worker", pledge, "receive", map[string]any{"amount": 1000})
	gifts := o.children(f, "donation")
	if len(gifts) != 2 {
		t.Fatalf("%d donations", len(gifts))
	}
	for _, g := range gifts {
		if g.State == "received" {
			o.fire("finance", g.ID, "receipt", map[string]any{"receipt": "none"})
		}
	}
	o.fire("finance", f, "close", nil)
	if got := o.get(f).Body.Data["publish_due"]; got != "2023-07-01" {
		t.Errorf("to be published by %v", got)
	}
	if got := o.get(f).Body.Aggregates["received"]; got != 78890 {
		t.Errorf("received %d", got)
	}
}

func TestAPledgeLapsesTwoWeeksAfterItsDay(t *testing.T) {
	o := newOffice(t)
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "微心愿"})
	p := o.item("worker", f, "pledge", "", map[string]any{"due": "2023-06-05"})
	o.at("2023-06-20 09:00")
	o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
	o.in(p, "lapsed")
}

func TestAPublishedStatementNamesNobodyWithoutConsent(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "物资", "basis_record": unrecorded, "plan_record": unrecorded})
	d := o.item("worker", f, "donation", "", map[string]any{"amount": 100, "public_name": "某商家"})
	o.fire("finance", d, "receipt", map[string]any{"receipt": "none"})
	o.Must(t, o.backfill(f, "reconciled", map[string]any{"surplus": "转入下一期"}))
	says(t, o.refused("approver", f, "publish", "names", map[string]any{"statement": "公示栏"}), "有 1 笔捐赠写了署名")
	o.fire("finance", f, "back_to_purchase", nil)
	o.fire("finance", d, "correct_receipt", nil)
	o.edit("finance", d, map[string]any{"name_consent": "书面同意"})
	o.fire("finance", d, "receipt", nil)
	o.fire("finance", f, "reconcile", nil)
	o.fire("approver", f, "publish", map[string]any{"statement": "公示栏"})
	o.at("2023-07-03 10:00")
	o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
	o.in(f, "archived")
}
