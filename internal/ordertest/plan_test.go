package ordertest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// plan knows what a sensible office would do next, so that random sequences get somewhere.
type plan struct {
	*run
	rows []workflow.Instance // of the programme, in the order of their ids
	out  []workflow.Command
}

// sensible lists what could well be done now.
func (r *run) sensible() []workflow.Command {
	p := &plan{run: r}
	if r.oracle.dead(r.root) {
		return r.revive()
	}
	for _, i := range r.now[r.root].Rows {
		p.rows = append(p.rows, i)
	}
	slices.SortFunc(p.rows, func(a, b workflow.Instance) int { return cmp.Compare(a.ID, b.ID) })
	for n := range p.rows {
		i := &p.rows[n]
		p.writeDown(i)
		p.reopen(i)
		switch i.Workflow {
		case "neighbourhood":
			p.programme(i)
		case "recruit":
			p.recruit(i)
		case "train":
			p.train(i)
		case "fundraise":
			p.fund(i)
		case "visit":
			p.visit(i)
		case "event":
			p.event(i)
		case "recognise":
			p.recognise(i)
		default:
			p.item(i)
		}
	}
	return p.out
}

// revive takes back the cancelling of the programme.
func (r *run) revive() []workflow.Command {
	for _, u := range slices.Backward(r.done) {
		if u.cmd.Target == r.root && u.cmd.Kind == workflow.KindCancel {
			return []workflow.Command{r.undoOf(u.cmd)}
		}
	}
	return nil
}

// of returns the rows of a workflow under a parent ("" for any) in one of the states (none given: in any).
func (p *plan) of(workflow, parent string, states ...string) []string {
	var out []string
	for _, i := range p.rows {
		if i.Workflow == workflow && (parent == "" || i.Parent == parent) && (len(states) == 0 || slices.Contains(states, i.State)) {
			out = append(out, i.ID)
		}
	}
	return out
}

func (p *plan) fire(role string, i *workflow.Instance, event string, in workflow.Values) {
	p.out = append(p.out, workflow.Command{
		Root: p.root, Target: i.ID, Kind: workflow.KindFire, Event: event, Input: in, Reason: "工作需要",
		Actor: workflow.Actor{Person: p.cast.as(p.dice, role)},
	})
}

func (p *plan) edit(role string, i *workflow.Instance, in workflow.Values) {
	p.out = append(p.out, workflow.Command{
		Root: p.root, Target: i.ID, Kind: workflow.KindEdit, Input: in, Actor: workflow.Actor{Person: p.cast.as(p.dice, role)},
	})
}

func (p *plan) create(role, parent, of, slot, key string, in workflow.Values) {
	p.out = append(p.out, workflow.Command{
		Root: p.root, Target: parent, Kind: workflow.KindCreate, Workflow: of, Slot: slot, Key: key, Input: in,
		Actor: workflow.Actor{Person: p.cast.as(p.dice, role)},
	})
}

// reopen goes back now and then to what was over.
func (p *plan) reopen(i *workflow.Instance) {
	if _, ok := p.oracle.table[i.Workflow].way(i.State, "reopen"); ok && i.Slot != "" && chance(p.dice, 5) {
		p.out = append(p.out, workflow.Command{
			Root: p.root, Target: i.ID, Kind: workflow.KindReopen, Reason: "补充材料", Actor: workflow.Actor{Person: p.cast.as(p.dice, "approver")},
		})
	}
}

// writeDown back-fills now and then what was done on paper.
func (p *plan) writeDown(i *workflow.Instance) {
	var states []string
	for _, to := range [][2]string{
		{"train", "signed_off"},
		{"train", "attendance"},
		{"fundraise", "open"},
		{"fundraise", "closed"},
		{"fundraise", "reconciled"},
		{"visit", "in_progress"},
		{"visit", "completed"},
		{"event", "closed"},
		{"recognise", "awarded"},
		{"recruit", "formed"},
	} {
		if to[0] == i.Workflow && i.State != to[1] {
			states = append(states, to[1])
		}
	}
	percent := 3
	if i.State == "draft" || i.State == "planning" {
		percent = 25
	}
	if len(states) == 0 || !chance(p.dice, percent) {
		return
	}
	p.out = append(p.out, workflow.Command{
		Root: p.root, Target: i.ID, Kind: workflow.KindBackfill, State: pick(p.dice, states), Reason: "纸质台账",
		Actor: workflow.Actor{Person: p.cast.as(p.dice, "lead")},
	})
}

func paper(what string) workflow.Evidence     { return workflow.Evidence{Value: what} }
func unrecorded(why string) workflow.Evidence { return workflow.Evidence{Unrecorded: why} }

func (p *plan) programme(i *workflow.Instance) {
	switch i.State {
	case "draft":
		p.fire("approver", i, "approve", workflow.Values{"budget": unrecorded("原文未写"), "approval_paper": paper("批复1号")})
	case "approved":
		p.fire("lead", i, "start", nil)
		p.activity(i, "event", "event") // drafting is always possible
	case "running":
		for _, of := range [][2]string{{"fundraise", "fundraise"}, {"visit", "visit"}, {"event", "event"}, {"recognition_evening", "event"}} {
			p.activity(i, of[0], of[1])
		}
		if len(p.of("recognise", "", "awarded", "archived")) > 0 {
			p.fire("lead", i, "close", workflow.Values{"archive": unrecorded("待补")})
		}
	case "closing":
		p.fire("approver", i, "accept", workflow.Values{"acceptance_paper": paper("验收1号")})
	case "accepted":
		p.fire("lead", i, "archive", nil)
	}
}

// activity adds one of a kind where there is none, and seldom more.
func (p *plan) activity(root *workflow.Instance, slot, of string) {
	n := 0
	for _, id := range p.of(of, root.ID) {
		if p.oracle.get("slot", id, "") == slot && !p.oracle.dead(id) {
			n++
		}
	}
	if n > 0 && (slot == "recognition_evening" || n > 1 || !chance(p.dice, 3)) {
		return
	}
	in := workflow.Values{"title": "活动", "when": p.today() + "/morning"}
	switch slot {
	case "fundraise":
		in = workflow.Values{"purpose": "生活物资", "spend_all": chance(p.dice, 50)}
	case "event":
		in["profile"], in["host"], in["place"], in["section"] = "other", "社区党委", "广场", "harmony"
		in["when"] = p.day(p.dice.below(5)-2) + "/morning"
	case "recognition_evening":
		in["profile"], in["host"], in["place"] = "recognition_evening", "社区党委", "会议室"
		in["when"], in["hours_eligible"] = p.today()+"/evening", false
	case "visit":
		in["funds"] = p.of("fundraise", root.ID)
		if chance(p.dice, 30) {
			delete(in, "funds")
		}
	}
	p.create("worker", root.ID, of, slot, fmt.Sprint(slot, p.count), in)
}

func (p *plan) recruit(i *workflow.Instance) {
	members, confirmed := p.of("membership", i.ID), p.of("membership", i.ID, "confirmed")
	switch i.State {
	case "draft":
		p.fire("worker", i, "publish", workflow.Values{"target": 3, "deadline": p.day(9), "risk_text": "注意交通安全"})
	case "open":
		for _, who := range p.cast.team() {
			if !slices.ContainsFunc(members, func(m string) bool { return p.oracle.get("key", m, "") == who }) {
				p.create("worker", i.ID, "membership", "", who, workflow.Values{"person": who, "societies": []string{"volunteer"}})
			}
		}
		if len(confirmed) >= 2 {
			p.fire("worker", i, "close_intake", nil)
		}
	case "screening":
		if len(confirmed) < 2 {
			p.fire("worker", i, "reopen_intake", workflow.Values{"deadline": p.day(5)})
			return
		}
		p.fire("lead", i, "form", workflow.Values{"leader": p.cast.people["v1"]})
	}
}

func (p *plan) train(i *workflow.Instance) {
	sessions := p.of("session", i.ID, "planned", "held", "signed")
	if len(sessions) == 0 && i.State != "cancelled" && i.State != "skipped" {
		p.create("worker", i.ID, "session", "", "", workflow.Values{"when": p.today() + "/morning", "kind": "training"})
	}
	switch i.State {
	case "draft":
		p.fire("worker", i, "schedule", workflow.Values{
			"when": p.today() + "/morning", "place": "会议室", "trainer": "张主任",
			"topics": []string{"self_introduction", "purpose", "interview", "photography", "recording"},
		})
	case "scheduled":
		p.fire("worker", i, "start", nil)
	case "in_session":
		p.fire("worker", i, "finish", workflow.Values{"minutes": 90})
	case "attendance", "makeup":
		p.fire("lead", i, "sign_off", workflow.Values{"minutes_record": unrecorded("原文未写")})
	}
}

func (p *plan) fund(i *workflow.Instance) {
	switch i.State {
	case "draft":
		p.fire("worker", i, "submit", workflow.Values{"plan_record": paper("方案"), "legal_basis": "mutual_aid"})
	case "review":
		p.fire("approver", i, "approve", nil)
	case "open":
		switch n := len(p.of("donation", i.ID)) + len(p.of("pledge", i.ID)); {
		case n < 1:
			p.create("worker", i.ID, "donation", "", "", workflow.Values{"amount": 100 + p.dice.below(2000)})
		case n < 3 && chance(p.dice, 30):
			p.create("worker", i.ID, "pledge", "", "", workflow.Values{"amount": 1 + p.dice.below(500), "due": p.day(3)})
		default:
			p.fire("finance", i, "close", nil)
		}
	case "closed":
		if received, _ := p.oracle.balance(i.ID); received > 0 {
			p.fire("finance", i, "start_purchase", nil)
			return
		}
		p.fire("finance", i, "reopen_intake", nil)
	case "purchasing":
		p.buy(i)
	case "reconciled":
		p.fire("approver", i, "publish", workflow.Values{"statement": paper("公示1号")})
		if chance(p.dice, 15) {
			p.fire("finance", i, "back_to_purchase", nil)
		}
	case "published":
		if chance(p.dice, 15) {
			p.fire("finance", i, "correct", nil)
		}
	}
	if i.State != "published" && i.State != "archived" && i.Body.Data["balance_note"] == nil && chance(p.dice, 10) {
		p.edit("worker", i, workflow.Values{"balance_note": paper("结余转入下一轮")})
	}
}

// buy spends what a fund has left, mostly to the fen, and reconciles it.
func (p *plan) buy(fund *workflow.Instance) {
	received, spent := p.oracle.balance(fund.ID)
	rest := received - spent
	pending := p.of("purchase", "", "draft", "requested", "rejected")
	if len(pending) > 0 {
		return
	}
	if rest > 0 && (fund.Body.Data["spend_all"] == true || chance(p.dice, 30)) {
		p.create("worker", p.root, "purchase", "", "", workflow.Values{
			"title": "米油", "amount": max(1, rest+int64(pick(p.dice, []int{0, 0, 0, 0, -1, 1, 100}))),
		})
		return
	}
	p.fire("finance", fund, "reconcile", workflow.Values{"surplus": paper("转入下一轮")})
}

func (p *plan) visit(i *workflow.Instance) {
	rounds := p.of("household_visit", i.ID)
	switch i.State {
	case "planning":
		if trained := p.trainedTeam(); len(rounds) < 2 && len(trained) >= 2 {
			house := p.houses[(len(rounds)+p.dice.below(2))%len(p.houses)]
			in := workflow.Values{
				"household": house, "kind": p.oracle.get("field", house, "kind"), "pair": trained, "guardian_consent": paper("签名"),
			}
			switch p.dice.below(8) { // somebody forgets something
			case 0:
				in["pair"] = []string{trained[0], p.cast.people["v4"]}
			case 1:
				in["pair"] = trained[:1]
			case 2:
				delete(in, "guardian_consent")
			}
			p.create("worker", i.ID, "household_visit", "", "", in)
			return
		}
		if len(rounds) > 0 {
			p.fire("worker", i, "assign", workflow.Values{"kits": len(rounds)})
		}
	case "assigned":
		p.fire("lead", i, "start", workflow.Values{"when": p.today() + "/morning"})
	case "in_progress":
		p.fire("worker", i, "finish_round", nil)
	case "follow_up":
		p.fire("lead", i, "complete", workflow.Values{"photos": workflow.Evidence{None: true}})
	}
}

// trainedTeam are those who may go visiting, the checked member of staff among them.
func (p *plan) trainedTeam() []string {
	var out []string
	for _, who := range p.cast.team() {
		if p.oracle.get("trained", who, p.root) != "" {
			out = append(out, who)
		}
	}
	return out
}

func (p *plan) event(i *workflow.Instance) {
	switch i.State {
	case "draft":
		if p.oracle.get("slot", i.ID, "") == "event" && chance(p.dice, 20) {
			p.fire("worker", i, "quick_record", workflow.Values{"when": p.day(-1) + "/morning"})
			return
		}
		p.fire("lead", i, "approve", nil)
	case "approved":
		p.fire("worker", i, "publish", workflow.Values{"risk_text": "注意安全"})
	case "published":
		p.fire("worker", i, "ready", workflow.Values{"place_booked": paper("已订")})
	case "postponed":
		p.fire("worker", i, "redate", workflow.Values{"when": p.today() + "/morning"})
	case "returned":
		p.fire("worker", i, "resubmit", nil)
	case "ready":
		p.fire("worker", i, "start", nil)
	case "in_progress":
		p.fire("worker", i, "finish", workflow.Values{"duration_minutes": 60})
	case "wrap_up":
		if len(p.of("claim", i.ID, "stated")) == 0 {
			p.create("worker", i.ID, "claim", "", "", workflow.Values{"metric": "headcount", "qualifier": "not_counted"})
			return
		}
		none := workflow.Evidence{None: true}
		p.fire("lead", i, "close", workflow.Values{
			"photos": none, "hours_record": unrecorded("原文未写"), "insurance": unrecorded("原文未写"), "guardian_consents": unrecorded("原文未写"),
			"minutes": none, "resolutions_record": none, "stall_list": none, "duration_minutes": 120,
		})
	}
}

func (p *plan) recognise(i *workflow.Instance) {
	switch i.State {
	case "draft":
		p.fire("lead", i, "lock_hours", workflow.Values{"cutoff": p.today(), "hours_record": unrecorded("原文未写")})
	case "nominating":
		if len(p.of("award", i.ID)) == 0 {
			p.create("worker", i.ID, "award", "", "", workflow.Values{"name": "优秀义工", "person": p.cast.people["v1"], "name_consent": paper("签名")})
			return
		}
		p.fire("worker", i, "submit", workflow.Values{"criteria": "服务时长", "awards_record": unrecorded("待补")})
	case "review":
		p.fire("approver", i, "announce", nil)
	case "notice", "notice_ended":
		p.fire("approver", i, "confirm", nil)
	case "approved":
		p.fire("worker", i, "award", nil)
	}
}
