package workflows_test

import (
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

func TestTheTeamComesFirst(t *testing.T) {
	o := newOffice(t)
	people := o.team(3)
	train, recruit := o.slot("train"), o.slot("recruit")
	o.schedule(train) // announcing a date while recruiting is normal
	says(t, o.refused("worker", train, "start", "team_formed", nil), "队伍尚未组建完成")

	if _, err := o.Do(t.Context(), editing(o, recruit, map[string]any{"team_min": 6})); err != nil {
		t.Fatal(err)
	}
	o.fire("worker", recruit, "publish", map[string]any{"target": 3, "deadline": "2023-06-05", "risk_text": "注意安全"})
	o.fire("worker", recruit, "close_intake", nil)
	says(t, o.refused("lead", recruit, "form", "enough", map[string]any{"leader": people[0]}), "已确认 4 人，还差 2 人")
	if _, err := o.Do(t.Context(), editing(o, recruit, map[string]any{"team_min": 2})); err != nil {
		t.Fatal(err)
	}
	res := o.fire("lead", recruit, "form", map[string]any{"leader": people[0]})
	if len(res.Warnings) != 1 {
		t.Fatalf("one warning for the missing societies, not %v", res.Warnings)
	}
	says(t, res.Warnings[0].Text, "五社尚缺：社区志愿者、社会慈善资源")
	o.fire("worker", train, "start", nil)
}

func editing(o *office, target string, values map[string]any) engine.Request {
	r := o.engineOp("lead", workflow.KindEdit, target)
	r.Values = values
	return r
}

func TestASignedTrainingMakesThosePresentTrained(t *testing.T) {
	o := newOffice(t)
	people := o.team(3)
	o.formed(people)
	train := o.slot("train")
	o.schedule(train)
	s := o.item("worker", train, "session", "", map[string]any{"when": "2023-06-01/morning", "kind": "training"})
	o.fire("worker", s, "invite_team", map[string]any{"people": people})
	o.fire("worker", train, "start", nil)
	shifts := map[string]string{}
	for _, i := range o.children(s, "shift") {
		shifts[i.Key] = i.ID
	}
	o.fire("worker", shifts[people[0]], "attend", nil)
	o.fire("worker", shifts[people[1]], "excuse", nil)
	o.fire("worker", train, "finish", map[string]any{"minutes_record": unrecorded})
	says(t, o.refused("lead", train, "sign_off", "attendance_complete", nil), "还有 1 人没有登记出勤")
	o.fire("worker", shifts[people[2]], "miss", nil)
	o.fire("lead", train, "sign_off", nil)
	for n, want := range []any{true, nil, nil} {
		if got := o.trainedFlag(people[n]); got != want {
			t.Errorf("person %d trained: %v, want %v", n, got, want)
		}
	}
	o.fire("lead", shifts[people[1]], "make_up", map[string]any{"how_made_up": "当面讲解"})
	if o.trainedFlag(people[1]) != true {
		t.Error("a briefing on the spot does not count")
	}
}

func (o *office) trainedFlag(person string) any {
	for _, p := range o.children(o.root, "participation") {
		if p.Key == person {
			return p.Body.Data["trained"]
		}
	}
	return nil
}

func TestTwoActivitiesOnOneHalfDayWarnAboutThePersonInBoth(t *testing.T) {
	o := newOffice(t)
	p := o.person("义工", nil)
	var shifts []string
	for _, title := range []string{"妇女议事会", "便民服务集市"} {
		e := o.activity("event", "event", title, map[string]any{"title": title, "profile": "other", "when": "2023-07-08/afternoon"})
		s := o.item("worker", e, "session", "", map[string]any{"when": "2023-07-08/afternoon", "kind": "event"})
		shifts = append(shifts, o.item("worker", s, "shift", p, map[string]any{"person": p}))
	}
	if res := o.fire("worker", shifts[0], "confirm", nil); len(res.Warnings) != 0 {
		t.Errorf("the first shift warns: %v", res.Warnings)
	}
	res := o.fire("worker", shifts[1], "confirm", nil)
	if len(res.Warnings) != 1 {
		t.Fatalf("warnings %v", res.Warnings)
	}
	says(t, res.Warnings[0].Text, "2023-07-08 下午")
	o.fire("worker", shifts[0], "decline", nil)
	o.fire("worker", shifts[1], "attend", nil)
	other := o.activity("event", "event", "third", map[string]any{"title": "第三场", "profile": "other"})
	s := o.item("worker", other, "session", "", map[string]any{"when": "2023-07-08/afternoon", "kind": "event"})
	third := o.item("worker", s, "shift", p, map[string]any{"person": p})
	if res := o.fire("worker", third, "confirm", nil); len(res.Warnings) != 1 {
		t.Errorf("the second shift is still booked, warnings %v", res.Warnings)
	}
}

func TestAMinorJoinsWithAGuardiansConsent(t *testing.T) {
	o := newOffice(t)
	child := o.person("小队员", map[string]any{"minor": true})
	m := o.item("worker", o.slot("recruit"), "membership", child, map[string]any{"person": child})
	says(t, o.refused("worker", m, "confirm", "guardian", map[string]any{"risk_ack": "签名表"}), "监护人同意")
	o.fire("worker", m, "confirm", map[string]any{"risk_ack": "签名表", "guardian_consent": "同意书 3 号"})
}

func TestSilenceCountsOnlyAfterTheInvitationArrived(t *testing.T) {
	o := newOffice(t)
	recruit := o.slot("recruit")
	p, q := o.person("甲", nil), o.person("乙", nil)
	unreached := o.item("worker", recruit, "membership", p, map[string]any{"person": p})
	reached := o.item("worker", recruit, "membership", q, map[string]any{"person": q})
	o.fire("worker", reached, "reached", map[string]any{"reached_via": "phone"})
	o.at("2023-06-30 09:00")
	o.fire("lead", recruit, "publish", map[string]any{"target": 1, "deadline": "2023-07-05", "risk_text": "注意安全"}) // lets due timers fire
	o.in(unreached, "invited")
	o.in(reached, "no_response")
	o.fire("worker", reached, "accept", nil) // a late yes
}

func TestTheIntakeClosesByItself(t *testing.T) {
	o := newOffice(t)
	recruit := o.slot("recruit")
	o.fire("worker", recruit, "publish", map[string]any{"target": 20, "deadline": "2023-06-05", "risk_text": "注意安全"})
	o.at("2023-06-05 17:59")
	o.item("worker", o.root, "note", "", map[string]any{"text": "还没到时间"})
	o.in(recruit, "open")
	o.at("2023-06-05 18:01")
	o.item("worker", o.root, "note", "", map[string]any{"text": "到时间了"})
	o.in(recruit, "screening")
}

func TestADeathEndsWhatThePersonWasIn(t *testing.T) {
	o := newOffice(t)
	p := o.person("老队员", nil)
	m := o.item("worker", o.slot("recruit"), "membership", p, map[string]any{"person": p})
	o.inRegistry(p, "mark_deceased", nil)
	o.item("worker", o.root, "note", "", map[string]any{"text": "继续"})
	o.in(m, "ended")
}
