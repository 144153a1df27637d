package workflows_test

import (
	"testing"

	"github.com/linli/linli/internal/workflow"
)

// finished is a programme whose visits are skipped by having none, with one event closed.
func finished(t *testing.T) (o *office, recognise string) {
	t.Helper()
	o = newOffice(t)
	e := o.event("other", nil)
	o.fire("worker", e, "quick_record", nil)
	o.claimed(e, "headcount", "exact", 5)
	o.fire("lead", e, "close", closing(nil))
	return o, o.slot("recognise")
}

// nominated takes the awards to the reviewer's desk.
func nominated(o *office, recognise string, values map[string]any) string {
	o.t.Helper()
	o.fire("lead", recognise, "lock_hours", map[string]any{"cutoff": "2023-06-30", "hours_record": unrecorded})
	v := map[string]any{"name": "优秀义工", "person": o.person("义工", nil), "name_consent": "书面同意"}
	for k, x := range values {
		v[k] = x
	}
	a := o.item("worker", recognise, "award", "", v)
	o.fire("worker", recognise, "submit", map[string]any{"criteria": "服务时长与口碑"})
	return a
}

func TestHoursAreLockedAfterTheEventsUpToTheCutOff(t *testing.T) {
	o, r := finished(t)
	late := o.activity("event", "event", "outreach", map[string]any{"title": "宣传", "profile": "outreach", "when": "2023-07-10/afternoon"})
	evening := o.activity("recognition_evening", "event", "evening", map[string]any{"title": "表彰", "profile": "recognition_evening", "when": "2023-07-11/evening"})
	says(t, o.refused("lead", r, "lock_hours", "events_closed", map[string]any{"cutoff": "2023-07-10", "hours_record": unrecorded}), "尚未全部结项", "outreach")
	undated := o.activity("event", "event", "undated", map[string]any{"title": "未定期", "profile": "other"})
	says(t, o.refused("lead", r, "lock_hours", "events_closed", map[string]any{"cutoff": "2023-07-09", "hours_record": unrecorded}), "undated")
	o.Must(t, o.engineOp("lead", workflow.KindCancel, undated))
	visit := o.activity("visit", "visit", "visit", nil)
	o.refused("lead", r, "lock_hours", "visits_completed", map[string]any{"cutoff": "2023-07-09", "hours_record": unrecorded})
	o.Must(t, o.engineOp("approver", workflow.KindSkip, visit))
	says(t, o.refused("lead", r, "lock_hours", "hours_known", map[string]any{"cutoff": "2023-07-09"}), "未记录")
	o.fire("lead", r, "lock_hours", map[string]any{"cutoff": "2023-07-09", "hours_record": unrecorded})
	o.in(late, "draft")
	o.in(evening, "draft")
}

func TestAnUpheldObjectionLeadsBackToNominating(t *testing.T) {
	o, r := finished(t)
	a := nominated(o, r, nil)
	o.fire("approver", r, "announce", map[string]any{"notice_days": 5})
	says(t, o.refused("approver", r, "confirm", "notice_over", nil), "2023-06-06", "5 天")
	obj := o.item("worker", r, "objection", "", map[string]any{"text": "时长有误"})
	o.at("2023-06-06 10:00")
	o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
	o.in(r, "notice_ended")
	says(t, o.refused("approver", r, "confirm", "objections_settled", nil), "还有 1 个异议")
	o.fire("approver", obj, "uphold", nil)
	o.in(r, "nominating")
	o.in(a, "nominated")
	o.fire("lead", r, "unlock", nil)
	o.in(r, "draft")
}

func TestAwardsAreHandedOutWhileTheEveningIsUnderWay(t *testing.T) {
	o, r := finished(t)
	evening := o.activity("recognition_evening", "event", "evening", map[string]any{
		"title": "表彰", "profile": "recognition_evening", "section": "recognition", "when": "2023-06-01/morning", "host": "社区党委", "place": "广场", "place_booked": unrecorded,
	})
	a := nominated(o, r, map[string]any{"name_consent": nil})
	says(t, o.refused("approver", r, "announce", "names", nil), "有 1 个提名")
	o.edit("worker", a, map[string]any{"name_consent": "书面同意"})
	o.fire("approver", r, "announce", nil)
	o.fire("approver", r, "confirm", nil)
	o.in(a, "confirmed")
	says(t, o.refused("worker", r, "award", "evening_started", nil), "表彰活动尚未开始")
	for _, e := range [][2]string{{"lead", "approve"}, {"worker", "publish"}, {"worker", "ready"}, {"worker", "start"}} {
		o.fire(e[0], evening, e[1], nil)
	}
	o.fire("worker", r, "award", nil)
	o.in(a, "awarded")
	says(t, o.refused("lead", r, "issue", "issued", nil), "还有 1 份证书")
	o.fire("lead", a, "issue", map[string]any{"serial": "ZX-001", "granting_unit": "社区党委", "content": "探访", "minutes": 120})
	o.fire("lead", r, "issue", nil)

	o.fire("worker", evening, "finish", nil)
	o.claimed(evening, "headcount", "not_counted", nil)
	says(t, o.refused("lead", evening, "close", "photos", nil))
	h := o.item("worker", evening, "hours_entry", "", map[string]any{"person": o.person("另一人", nil)})
	says(t, o.refused("lead", evening, "close", "hours_not_due", closing(nil)), "不计志愿时长")
	o.fire("lead", h, "drop", nil)
	o.fire("lead", evening, "close", closing(nil))
	closeProgramme(o)
}

// approved takes the awards to the confirmed list.
func approved(t *testing.T) (o *office, recognise, award string) {
	t.Helper()
	o, recognise = finished(t)
	award = nominated(o, recognise, nil)
	o.fire("approver", recognise, "announce", nil)
	o.fire("approver", recognise, "confirm", nil)
	return o, recognise, award
}

// Nobody is told to uphold an objection that nobody raised.
func TestTheWayBackToNominatingNeedsNoObjection(t *testing.T) {
	o, r, a := approved(t)
	fields := map[string]any{"name": "优秀义工"}
	ref := o.Refused(t, o.Create("worker", o.root, r, "award", "", "", fields), workflow.ReasonState)
	got := o.reason(ref, "approved")
	says(t, got, "请先「退回提名重议」")
	if want := `"Recognise", which it belongs to, is now "Approved"; "Award" can be added or taken away only in "Draft", "Nominating"; first: "Nominate again"`; got.EN != want {
		t.Errorf("got %s\nwant %s", got.EN, want)
	}
	o.fire("approver", r, "renominate", nil)
	o.in(a, "nominated")
	o.item("worker", r, "award", "", map[string]any{"name": "优秀义工", "anonymous": true})
	o.fire("worker", r, "submit", nil)
	o.fire("approver", r, "announce", nil)
	ref = o.Refused(t, o.Create("worker", o.root, r, "award", "", "", fields), workflow.ReasonState)
	says(t, o.reason(ref, "notice"), "请先「退回提名重议」")
	o.fire("approver", r, "confirm", nil)
	o.in(a, "confirmed")
}

func TestALateObjectionIsSettledBeforeTheCertificatesAreArchived(t *testing.T) {
	o, r, a := approved(t)
	waive := o.engineOp("approver", workflow.KindWaive, r)
	waive.Need = "evening_started"
	o.Must(t, waive)
	o.fire("worker", r, "award", nil)
	o.fire("lead", a, "issue", map[string]any{"certificate_record": unrecorded})
	objection := o.item("worker", r, "objection", "", map[string]any{"text": "时长有误"})
	says(t, o.refused("lead", r, "issue", "objections_settled", nil), "还有 1 个异议")
	o.fire("approver", objection, "dismiss", nil)
	o.fire("lead", r, "issue", nil)
}

// closeProgramme ends the programme whose remaining activities are not needed.
func closeProgramme(o *office) {
	o.t.Helper()
	f := o.activity("fundraise", "fundraise", "fund", map[string]any{"purpose": "物资"})
	ref := o.Refused(o.t, o.request("lead", o.root, "close", nil))
	says(o.t, o.reason(ref, "funds_explained"), "还有 1 笔善款")
	o.reason(ref, "all_trained")
	o.reason(ref, "archived_papers")
	o.edit("lead", f, map[string]any{"balance_note": "未开展"})
	o.Must(o.t, o.engineOp("approver", workflow.KindSkip, o.slot("train")))
	o.fire("lead", o.root, "close", map[string]any{"archive": "归档清单"})
	o.fire("lead", o.root, "resume", nil)
	o.fire("lead", o.root, "close", nil)
	o.fire("approver", o.root, "accept", map[string]any{"acceptance_paper": unrecorded})
	o.fire("lead", o.root, "archive", nil)
	o.in(o.root, "archived")
}
