package workflows_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// waiver waives a need.
func (o *office) waiver(target, need string) engine.Request {
	r := o.engineOp("approver", workflow.KindWaive, target)
	r.Need = need
	return r
}

// texts are all reasons of a refusal, in English.
func texts(ref *workflow.Refusal) string {
	var out []string
	for _, r := range ref.Reasons {
		out = append(out, r.Text.EN)
	}
	return strings.Join(out, "\n")
}

func TestNothingIsWaivedInWhatHasEnded(t *testing.T) {
	o, r := finished(t)
	o.Must(t, o.engineOp("approver", workflow.KindSkip, r))
	closeProgramme(o)
	ref := o.Refused(t, o.waiver(o.root, "recognised"), workflow.ReasonState)
	says(t, o.reason(ref, "archived"), "已是「已归档」", "请先重新打开")

	o = newOffice(t)
	o.Must(t, o.engineOp("lead", workflow.KindCancel, o.root))
	ref = o.Refused(t, o.waiver(o.root, "recognised"), workflow.ReasonState)
	says(t, o.reason(ref, "cancelled"), "已是「已取消」", "请先撤销那次操作")
	ref = o.Refused(t, o.Create("worker", o.root, o.root, "note", "", "", map[string]any{"text": "补记"}), workflow.ReasonClosed)
	if want := `"Neighbourhood programme", which it belongs to, is already "Cancelled"; undo that first`; texts(ref) != want {
		t.Errorf("%s\nwant %s", texts(ref), want)
	}
}

// A training that was cancelled is no training: the refusal says that one is needed.
func TestACloseSaysThatOneTrainingIsNeeded(t *testing.T) {
	o := newOffice(t)
	o.Must(t, o.engineOp("lead", workflow.KindCancel, o.slot("train")))
	got := o.refused("lead", o.root, "close", "all_trained", map[string]any{"archive": unrecorded})
	says(t, got, "没有未取消的「培训」", "标为不适用")
	if !strings.Contains(got.EN, `there is no "Train" that was not cancelled`) {
		t.Error(got.EN)
	}
	o.Must(t, o.engineOp("approver", workflow.KindSkip, o.activity("train", "train", "none", nil)))
	ref := o.Refused(t, o.request("lead", o.root, "close", map[string]any{"archive": unrecorded}), workflow.ReasonNeed)
	if slices.ContainsFunc(ref.Reasons, func(r workflow.Reason) bool { return r.Name == "all_trained" }) {
		t.Error(texts(ref))
	}
}

func TestWhatHasNoWayToReopenAsksForNoRole(t *testing.T) {
	o := newOffice(t)
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "物资"})
	d := o.item("worker", f, "donation", "", map[string]any{"amount": 500})
	ref := o.Refused(t, o.engineOp("worker", workflow.KindReopen, d), workflow.ReasonState)
	if want := `"Donation" cannot, in "Received", be reopened`; texts(ref) != want {
		t.Errorf("%s\nwant %s", texts(ref), want)
	}
}

func TestAnEditThatIsRefusedNamesTheWay(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.fund("f", 10000, nil)
	d := o.children(f, "donation")[0].ID
	ref := o.Refused(t, o.editing("worker", d, map[string]any{"group": "居民"}), workflow.ReasonState)
	if want := `it cannot be edited in "Receipted", only in "Received"; first: "Correct the receipt"`; texts(ref) != want {
		t.Errorf("%s\nwant %s", texts(ref), want)
	}
	says(t, o.reason(ref, "receipted"), "请先「更正收据」")
}

// What does not fit is not missing as well.
func TestAValueOfTheWrongTypeIsNotMissing(t *testing.T) {
	o := newOffice(t)
	f := o.activity("fundraise", "fundraise", "f", map[string]any{"purpose": "物资"})
	ref := o.Refused(t, o.Create("worker", o.root, f, "donation", "", "", map[string]any{"amount": "很多"}), workflow.ReasonField)
	if len(ref.Reasons) != 1 {
		t.Error(texts(ref))
	}
	train := o.slot("train")
	o.schedule(train)
	ref = o.Refused(t, o.request("worker", train, "reschedule", map[string]any{"when": 5}), workflow.ReasonField)
	if len(ref.Reasons) != 1 {
		t.Error(texts(ref))
	}
}
