package workflows_test

import "testing"

// round is a visit round ready to start: n households, every second one a child's, each visited by one member and the worker.
type round struct {
	id         string
	visits     []string
	households []string
	people     []string
}

func (o *office) round(n int) round {
	o.t.Helper()
	people := o.team(5)
	o.formed(people)
	o.trained(append(append([]string{}, people...), o.People["worker"]))
	f := o.fund("fund_visit", 160000, map[string]any{"spend_all": true})
	o.purchase(f, 160000, "request", "approve", "pay", "receive")
	o.fire("finance", f, "reconcile", nil)
	r := round{people: people}
	r.id = o.activity("visit", "visit", "visit", map[string]any{"funds": []string{f}, "when": "2023-06-14/morning"})
	block := o.register("block", map[string]any{"name": "中森街区"})
	for i := range n {
		kind := []string{"elder", "child"}[i%2]
		h := o.register("household", map[string]any{"kind": kind, "block": block, "address": "某栋某室"})
		o.inRegistry(h, "approve", nil)
		values := map[string]any{"household": h, "kind": kind, "block": block, "pair": []string{people[i%5], o.People["worker"]}}
		if kind == "child" {
			values["guardian_consent"] = "同意书"
		}
		v := o.item("worker", r.id, "household_visit", h, values)
		o.fire("worker", v, "schedule", nil)
		r.visits, r.households = append(r.visits, v), append(r.households, h)
	}
	o.fire("worker", r.id, "assign", nil)
	return r
}

// record is what a visit writes down at least.
func record(more map[string]any) map[string]any {
	v := map[string]any{"consent": "口头同意", "outcome": "seen", "answers_record": unrecorded}
	for k, x := range more {
		v[k] = x
	}
	return v
}

func TestARoundStartsOnItsDayAfterTrainingAndFunds(t *testing.T) {
	o := newOffice(t)
	people := o.team(2)
	f := o.activity("fundraise", "fundraise", "fund", map[string]any{"purpose": "物资"})
	v := o.activity("visit", "visit", "visit", map[string]any{"funds": []string{f}, "when": "2023-06-14/morning"})
	h := o.register("household", map[string]any{"kind": "elder"})
	hv := o.item("worker", v, "household_visit", h, map[string]any{"household": h, "kind": "elder", "pair": people})
	says(t, o.refused("worker", hv, "schedule", "on_the_list", nil), "名单")
	res := o.fire("worker", v, "assign", nil)
	if len(res.Warnings) != 1 {
		t.Errorf("assigning untrained people warns once, got %v", res.Warnings)
	}
	ref := o.Refused(t, o.request("lead", v, "start", nil))
	says(t, o.reason(ref, "team_trained"), "培训尚未签核")
	says(t, o.reason(ref, "funds_reconciled"), "善款尚未对账")
	says(t, o.reason(ref, "date_reached"), "2023-06-14 上午")
	says(t, o.reason(ref, "trained"), "探访人员 2 人，已培训 0 人，还有 2 人未培训")
}

func TestOneUntrainedVisitorStopsTheRound(t *testing.T) {
	o := newOffice(t)
	r := o.round(3)
	o.at("2023-06-14 09:00")
	stranger := o.person("新来的", nil)
	o.fire("worker", r.visits[0], "swap_pair", map[string]any{"pair": []string{stranger, r.people[0]}})
	says(t, o.refused("lead", r.id, "start", "trained", nil), "探访人员 5 人，已培训 4 人，还有 1 人未培训")
	alone := []string{r.people[0]}
	says(t, o.refused("worker", r.visits[0], "swap_pair", "two_people", map[string]any{"pair": alone}), "小组只有 1 人")
	h := o.register("household", map[string]any{"kind": "elder"})
	o.item("worker", r.id, "household_visit", h, map[string]any{"household": h, "kind": "elder", "pair": alone})
	says(t, o.refused("lead", r.id, "start", "two_people", nil), "4 户中有 1 户不足两人")
}

func TestAChildIsVisitedWithConsentAndACheckedMemberOfStaff(t *testing.T) {
	o := newOffice(t)
	r := o.round(80)
	o.at("2023-06-14 09:00")
	o.edit("worker", o.listed(r.visits[1]), map[string]any{"guardian_consent": nil})
	o.fire("worker", r.visits[1], "schedule", nil)
	says(t, o.refused("lead", r.id, "start", "guardian", nil), "39/40")
	o.fire("worker", r.visits[1], "guardian_answer", map[string]any{"guardian_consent": map[string]any{"value": "同意书 40 号"}})
	if got := o.consent(r.households[1], "guardian"); got != "given" {
		t.Errorf("the guardian's consent in the registry is %s", got)
	}
	o.fire("worker", r.visits[3], "swap_pair", map[string]any{"pair": []string{r.people[0], r.people[1]}})
	says(t, o.refused("lead", r.id, "start", "checked_staff", nil), "有 1 个没有做过从业查询的工作人员")
	o.fire("worker", r.visits[3], "swap_pair", map[string]any{"pair": []string{r.people[0], o.People["worker"]}})
	for _, c := range o.children(r.households[1], "consent") {
		o.inRegistry(c.ID, "withdraw", nil)
	}
	o.fire("lead", r.id, "start", nil) // the withdrawal takes that household off the round first
	o.in(r.visits[1], "redacted")
	if got := o.get(r.id).Body.Aggregates["planned"]; got != 79 {
		t.Errorf("%d households are left to visit", got)
	}
}

// listed takes a household off the round and puts it back, so that its row can be edited.
func (o *office) listed(visit string) string {
	o.t.Helper()
	o.fire("lead", visit, "close_out", map[string]any{"close_reason": "taken_off"})
	o.fire("lead", visit, "try_again", nil)
	return visit
}

func (o *office) consent(subject, kind string) string {
	for _, c := range o.children(subject, "consent") {
		if c.Key == kind {
			return c.State
		}
	}
	return "none"
}

func TestConsentIsTheFirstQuestionOfTheRecord(t *testing.T) {
	o := newOffice(t)
	r := o.round(4)
	o.at("2023-06-14 09:00")
	o.refused("worker", r.visits[0], "record", "round_started", record(nil))
	o.fire("lead", r.id, "start", nil)

	t.Run("a yes is kept in the registry", func(t *testing.T) {
		o := o.with(t)
		o.fire("worker", r.visits[0], "record", record(map[string]any{"health": "高度近视"}))
		o.in(r.visits[0], "recorded")
		if _, kept := o.get(r.visits[0]).Body.Data["health"]; !kept {
			t.Error("the answer was not kept")
		}
		if got := o.consent(r.households[0], "record"); got != "given" {
			t.Errorf("consent is %s", got)
		}
	})
	t.Run("a no ends the visit", func(t *testing.T) {
		o := o.with(t)
		o.fire("worker", r.visits[1], "record", map[string]any{"consent": "none"})
		o.in(r.visits[1], "refused")
	})
	t.Run("a withdrawal redacts what was recorded and refuses another record", func(t *testing.T) {
		o := o.with(t)
		for _, c := range o.children(r.households[0], "consent") {
			o.inRegistry(c.ID, "withdraw", nil)
		}
		o.fire("worker", r.visits[2], "record", record(nil))
		o.in(r.visits[0], "redacted")
		if v, kept := o.get(r.visits[0]).Body.Data["health"]; kept {
			t.Errorf("the answer %v is still there", v)
		}
		again := o.item("worker", r.id, "household_visit", "again", map[string]any{
			"household": r.households[0], "kind": "elder", "pair": []string{r.people[0], r.people[1]},
		})
		o.fire("worker", again, "schedule", nil)
		says(t, o.refused("worker", again, "record", "not_withdrawn", record(nil)), "已撤回")
		o.fire("worker", again, "close_out", map[string]any{"close_reason": "taken_off"})
	})
	t.Run("a withdrawn consent to photos takes the photos alone", func(t *testing.T) {
		o := o.with(t)
		o.fire("lead", r.visits[2], "return_record", nil)
		o.fire("worker", r.visits[2], "record", record(map[string]any{"photos": "3 张", "photo_consent": "书面同意"}))
		for _, c := range o.children(r.households[2], "consent") {
			if c.Key == "photo" {
				o.inRegistry(c.ID, "withdraw", nil)
			}
		}
		o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
		o.in(r.visits[2], "recorded")
		if v, kept := o.get(r.visits[2]).Body.Data["photos"]; kept {
			t.Errorf("the photos %v are still there", v)
		}
	})
	t.Run("photos need consent and gifts a receipt", func(t *testing.T) {
		o := o.with(t)
		ref := o.Refused(t, o.request("worker", r.visits[3], "record", record(map[string]any{"photos": "3 张", "gifts": []string{"米"}, "urgent": true})))
		for _, guard := range []string{"photo_allowed", "gift_signed", "urgent_kind"} {
			o.reason(ref, guard)
		}
	})
}

func TestARoundCompletesWhenNothingIsLeftOpen(t *testing.T) {
	o := newOffice(t)
	r := o.round(2)
	o.at("2023-06-14 09:00")
	o.fire("lead", r.id, "start", nil)
	says(t, o.refused("worker", r.id, "finish_round", "all_recorded", nil), "还有 2 户没有登记结果")
	o.fire("worker", r.visits[0], "record", record(map[string]any{"urgent": true, "urgent_kind": "illness"}))
	o.fire("worker", r.visits[1], "absent", nil)
	o.fire("worker", r.visits[1], "schedule", nil)
	o.fire("worker", r.visits[1], "absent", nil)
	o.fire("worker", r.visits[1], "schedule", nil)
	o.fire("worker", r.visits[1], "absent", nil)
	o.in(r.visits[1], "unreachable")
	o.fire("worker", r.id, "finish_round", nil)
	w := o.item("worker", o.root, "wish", "", map[string]any{"household": r.households[0], "round": r.id, "public_text": "一副老花镜"})
	ref := o.Refused(t, o.request("lead", r.id, "complete", nil))
	for _, guard := range []string{"reviewed", "urgent_settled", "wishes_disposed"} {
		says(t, o.reason(ref, guard), "还有 1")
	}
	o.fire("worker", r.visits[0], "refer", map[string]any{"referred_to": "社康中心", "referred_at": "2023-06-14T10:00:00+08:00"})
	o.fire("lead", r.visits[0], "review", nil)
	o.fire("worker", w, "verify", map[string]any{"owner": o.People["worker"], "due": "2023-07-01"})
	o.fire("lead", r.id, "complete", map[string]any{"photos": "none"})
	if got := o.get(o.root).Body.Aggregates["served"]; got != 1 {
		t.Errorf("%d households served", got)
	}
}

func TestAWishIsPublishedWithConsentAndReleasedWhenNotFulfilled(t *testing.T) {
	o := newOffice(t)
	h := o.register("household", map[string]any{"kind": "child"})
	w := o.item("worker", o.root, "wish", "", map[string]any{"household": h, "detail": "高度近视，想要护眼灯"})
	o.fire("worker", w, "verify", map[string]any{"owner": o.People["worker"], "due": "2023-07-01"})
	ref := o.Refused(t, o.request("lead", w, "publish", nil))
	for _, guard := range []string{"text", "deidentified", "consent"} {
		o.reason(ref, guard)
	}
	o.fire("lead", w, "publish", map[string]any{"public_text": "一盏台灯", "deidentified": true, "publish_consent": "监护人书面同意"})
	o.fire("worker", w, "claim", map[string]any{"claimer": o.People["block"]})
	o.at("2023-06-09 09:00")
	o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
	o.in(w, "published")
	for _, c := range o.children(h, "consent") {
		o.inRegistry(c.ID, "withdraw", nil)
	}
	o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
	o.in(w, "verified")
}
