package workflows_test

import (
	"testing"

	"github.com/linli/linli/internal/workflow"
)

// event creates an event of a profile with what every event has.
func (o *office) event(profile string, values map[string]any) string {
	o.t.Helper()
	v := map[string]any{"title": profile, "profile": profile, "section": "harmony", "host": "樟溪社区党委", "place": "下围新邨花园", "when": "2023-06-01/morning"}
	for k, x := range values {
		v[k] = x
	}
	return o.activity("event", "event", profile, v)
}

// claimed states a headcount.
func (o *office) claimed(under, metric, qualifier string, n any) {
	o.t.Helper()
	v := map[string]any{"metric": metric, "qualifier": qualifier}
	if n != nil {
		v["n"] = n
	}
	o.item("worker", under, "claim", "", v)
}

// closing is what any event answers at its end.
func closing(more map[string]any) map[string]any {
	v := map[string]any{"photos": "none", "hours_record": unrecorded}
	for k, x := range more {
		v[k] = x
	}
	return v
}

func TestEachProfileAsksForItsOwnPapersAtTheEnd(t *testing.T) {
	tests := map[string]struct {
		guard   string
		missing map[string]any
		then    map[string]any
	}{
		"clean_up_indoor":      {guard: "duration", then: map[string]any{"duration_minutes": 120}},
		"clean_up_outdoor":     {guard: "insurance", missing: map[string]any{"duration_record": unrecorded}, then: map[string]any{"duration_record": unrecorded, "insurance": unrecorded}},
		"womens_council":       {guard: "council", then: map[string]any{"minutes": unrecorded, "resolutions_record": "none", "suggestions": []string{"增设晾衣架"}}},
		"five_society_council": {guard: "council", missing: map[string]any{"minutes": "纪要"}, then: map[string]any{"minutes": "纪要", "resolutions_record": unrecorded}},
		"service_market":       {guard: "stalls", then: map[string]any{"stall_list": unrecorded}},
	}
	o := newOffice(t)
	for profile, tt := range tests {
		t.Run(profile, func(t *testing.T) {
			o := o.with(t)
			e := o.event(profile, nil)
			o.fire("worker", e, "quick_record", nil)
			o.refused("lead", e, "close", "headcount", nil)
			o.claimed(e, "headcount", "not_counted", nil)
			says(t, o.refused("lead", e, "close", tt.guard, closing(tt.missing)))
			o.fire("lead", e, "close", closing(tt.then))
			o.in(e, "closed")
		})
	}
}

func TestOutreachNamesWhoRanItTogether(t *testing.T) {
	o := newOffice(t)
	e := o.event("outreach", nil)
	o.fire("worker", e, "quick_record", nil)
	o.claimed(e, "headcount", "not_counted", nil)
	o.refused("lead", e, "close", "corunner", closing(nil))
	o.edit("worker", e, map[string]any{"cohosts": []string{"社区党群服务中心", "物业"}})
	o.fire("lead", e, "close", closing(nil))
}

func TestASaleNeedsAnOpenFundAndPostsItsProceeds(t *testing.T) {
	o := newOffice(t)
	o.formed(o.team(2))
	f := o.activity("fundraise", "fundraise", "fund_wishes", map[string]any{"purpose": "困难儿童微心愿", "basis_record": unrecorded, "plan_record": unrecorded})
	e := o.event("charity_sale", map[string]any{"fund": f, "place_booked": unrecorded})
	o.fire("lead", e, "approve", nil)
	o.fire("worker", e, "publish", nil)
	says(t, o.refused("worker", e, "ready", "sale_fund", nil), "募集中的善款")
	o.fire("worker", f, "submit", nil)
	if res := o.fire("approver", f, "approve", nil); len(res.Warnings) != 1 {
		t.Errorf("an unrecorded basis warns, got %v", res.Warnings)
	}
	o.fire("worker", e, "ready", nil)
	o.fire("worker", e, "start", nil)
	o.fire("worker", e, "finish", nil)
	o.claimed(e, "stallholders", "exact", 49)
	o.refused("lead", e, "close", "proceeds", closing(nil))
	d := o.item("worker", f, "donation", "", map[string]any{"amount": 77890, "source": "爱心义卖"})
	o.fire("finance", d, "receipt", map[string]any{"receipt": unrecorded})
	o.fire("lead", e, "close", closing(nil))
}

func TestAnEventFindsItsWayBack(t *testing.T) {
	o := newOffice(t)
	e := o.event("other", map[string]any{"place_booked": "已定", "staff_min": 1, "when": "2023-06-10/afternoon"})
	o.fire("lead", e, "return", nil)
	o.fire("worker", e, "resubmit", nil)
	o.fire("lead", e, "approve", nil)
	o.fire("worker", e, "publish", nil)
	says(t, o.refused("worker", e, "ready", "staff", nil), "已确认 0 人，还差 1 人")
	s := o.item("worker", e, "session", "", map[string]any{"when": "2023-06-10/afternoon", "kind": "event"})
	p := o.person("义工", nil)
	shift := o.item("worker", s, "shift", p, map[string]any{"person": p})
	o.fire("worker", shift, "confirm", nil)
	o.fire("worker", e, "ready", nil)
	says(t, o.refused("worker", e, "start", "time_reached", nil), "2023-06-10 下午")
	o.fire("worker", e, "unready", nil)
	o.fire("worker", e, "postpone", nil)
	o.fire("worker", e, "redate", map[string]any{"when": "2023-06-01/morning"})
	o.fire("worker", s, "redate", map[string]any{"when": "2023-06-01/morning"})
	o.in(shift, "invited") // asked again for the new date
	o.fire("worker", shift, "confirm", nil)
	o.fire("worker", e, "ready", nil)
	o.fire("worker", e, "start", nil)
	o.fire("worker", e, "abort", nil)
	o.claimed(e, "headcount", "exact", 3)
	o.fire("lead", e, "close", closing(nil))
	o.Must(t, o.engineOp("approver", workflow.KindReopen, e))
	o.in(e, "wrap_up")
}

func TestHoursAreCompleteAndNeverPaid(t *testing.T) {
	o := newOffice(t)
	e := o.event("clean_up_indoor", nil)
	o.fire("worker", e, "quick_record", nil)
	p := o.person("义工", nil)
	h := o.item("worker", e, "hours_entry", "", map[string]any{"person": p, "minutes": 120})
	says(t, o.refused("lead", h, "approve", "seven", nil), "组织单位")
	full := map[string]any{"activity": "内部环境整治", "date": "2023-06-01", "place": "V站", "content": "整理", "unit": "社区", "responsible": "社工主任"}
	o.edit("worker", h, full)
	o.fire("worker", h, "submit", nil)
	o.fire("lead", h, "approve", nil)
	full["person"], full["minutes"] = o.People["worker"], 120
	paid := o.item("worker", e, "hours_entry", "", full)
	says(t, o.refused("lead", paid, "approve", "unpaid", nil), "领薪")
	if got := o.get(o.root).Body.Aggregates["hours_open_events"]; got != 1 {
		t.Errorf("%d hours open", got)
	}
}

func TestEverybodyPresentGetsTheSameHoursAndStaffNone(t *testing.T) {
	o := newOffice(t)
	people := append(o.team(3), o.People["worker"])
	e := o.event("clean_up_indoor", map[string]any{"when": "2023-06-28/afternoon"})
	s := o.item("worker", e, "session", "", map[string]any{"when": "2023-06-28/afternoon", "kind": "event", "place": "V站"})
	o.fire("worker", s, "invite_team", map[string]any{"people": people})
	o.at("2023-06-28 17:00")
	o.fire("worker", s, "all_present", nil)
	o.fire("worker", s, "give_hours", map[string]any{"minutes": 120, "activity": "内部环境整治", "content": "整理", "unit": "社区", "responsible": "社工主任"})
	hours := o.children(e, "hours_entry")
	if len(hours) != 3 {
		t.Fatalf("%d entries for 3 volunteers and a member of staff", len(hours))
	}
	for _, h := range hours {
		if h.Body.Data["date"] != "2023-06-28" {
			t.Errorf("dated %v", h.Body.Data["date"])
		}
		o.fire("lead", h.ID, "approve", nil)
	}
	if got := o.get(o.root).Body.Aggregates["hours_events"]; got != 3 {
		t.Errorf("%d approved", got)
	}
}

func TestWordsAndGuestsArePublishedWithConsentOnly(t *testing.T) {
	o := newOffice(t)
	e := o.event("other", nil)
	q := o.item("worker", e, "quote", "", map[string]any{"pseudonym": "小怡", "text": "我是高度近视，特别喜欢俄罗斯方块"})
	ref := o.Refused(t, o.request("lead", q, "release", nil))
	for _, guard := range []string{"text", "deidentified", "consent"} {
		o.reason(ref, guard)
	}
	o.fire("lead", q, "release", map[string]any{"public_text": "俄罗斯方块我特别喜欢", "deidentified": true, "consent": "监护人同意"})
	g := o.item("worker", e, "guest", "", map[string]any{"name": "沈思敏", "title": "龙华区人大代表", "official": true})
	o.refused("worker", g, "release", "consent", nil)
	o.fire("worker", g, "release", map[string]any{"consent": unrecorded})
}
