package ordertest

import (
	"cmp"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// item moves on what lies below the activities.
func (p *plan) item(i *workflow.Instance) {
	switch i.Workflow + "." + i.State {
	case "membership.invited", "membership.applied", "membership.accepted":
		p.fire("worker", i, "confirm", workflow.Values{"risk_ack": paper("签名表"), "societies": []string{"volunteer", "social_worker"}})
	case "membership.declined", "membership.no_response", "membership.waitlisted":
		p.fire("worker", i, "accept", nil)
	case "shift.excused", "shift.no_show", "shift.no_response", "shift.declined":
		p.fire("worker", i, "attend", nil)
	case "session.planned", "session.held":
		p.session(i)
	case "donation.received":
		p.fire("finance", i, "receipt", workflow.Values{"receipt": paper("收据1号"), "cash_count": paper("两人清点")})
		p.secondThoughts(i)
	case "donation.receipted":
		p.secondThoughts(i)
	case "purchase.received":
		if chance(p.dice, 10) {
			p.fire("finance", i, "correct", nil)
		}
	case "pledge.pledged":
		p.fire("finance", i, "receive", workflow.Values{"amount": p.dice.below(500) + 1})
	case "purchase.draft":
		p.purchase(i)
	case "purchase.requested":
		p.approve(i)
	case "purchase.rejected":
		p.fire("worker", i, "drop", nil)
	case "purchase.approved":
		p.fire("finance", i, "pay", workflow.Values{"voucher": paper("发票1号")})
	case "purchase.paid":
		p.fire("worker", i, "receive", workflow.Values{"signed": paper("两人签收")})
	case "household_visit.listed", "household_visit.absent", "household_visit.scheduled":
		p.household(i)
	case "household_visit.visiting":
		p.fire("worker", i, "record", workflow.Values{"consent": paper("口头"), "outcome": "seen", "answers_record": unrecorded("原文未写"), "receipt_record": unrecorded("原文未写")})
	case "household_visit.recorded":
		p.fire("lead", i, "review", nil)
	case "hours_entry.draft", "hours_entry.submitted":
		p.fire("lead", i, "drop", nil)
	case "resolution.open":
		p.fire("worker", i, "finish", workflow.Values{"result": "已办"})
	case "award.nominated":
		if i.Body.Data["name_consent"] == nil {
			p.edit("worker", i, workflow.Values{"name_consent": paper("签名")})
		}
	case "objection.raised":
		p.fire("approver", i, pick(p.dice, []string{"dismiss", "dismiss", "uphold"}), nil)
	case "award.awarded":
		p.fire("worker", i, "issue", workflow.Values{"certificate_record": paper("证书1号")})
	}
}

// secondThoughts corrects a gift that was written down wrongly, or gives it back.
func (p *plan) secondThoughts(i *workflow.Instance) {
	switch p.dice.below(12) {
	case 0:
		p.fire("finance", i, "refund", nil)
	case 1:
		p.fire("finance", i, "correct_receipt", nil)
	case 2:
		p.edit("finance", i, workflow.Values{"amount": p.dice.below(300)})
	}
}

func (p *plan) session(i *workflow.Instance) {
	shifts := p.of("shift", i.ID, "invited", "confirmed", "present")
	if len(shifts) < 2 && i.State == "planned" {
		p.fire("worker", i, "invite_team", workflow.Values{"people": p.cast.team()})
		return
	}
	if len(p.of("shift", i.ID, "invited", "confirmed")) > 0 {
		p.fire("worker", i, "all_present", nil)
	}
}

// purchase says which fund pays, and asks for approval. One whose sources do not add up is dropped.
func (p *plan) purchase(i *workflow.Instance) {
	amount, allocated := p.oracle.number(i.ID, "amount", 1), int64(0)
	for _, a := range p.of("allocation", i.ID, "planned") {
		allocated += p.oracle.number(a, "amount", 0)
	}
	funds := p.of("fundraise", "", "closed", "purchasing")
	switch {
	case allocated == amount:
		p.fire("worker", i, "request", nil)
	case allocated != 0 || len(funds) == 0:
		p.fire("worker", i, "drop", nil)
	default:
		slices.SortFunc(funds, func(a, b string) int { return cmp.Compare(p.rest(b), p.rest(a)) })
		p.create("worker", i.ID, "allocation", "", "", workflow.Values{"source": "fund", "fund": funds[0], "amount": amount})
	}
}

func (p *plan) rest(fund string) int64 {
	received, spent := p.oracle.balance(fund)
	return received - spent
}

// approve approves a purchase, or after a refusal drops it.
func (p *plan) approve(i *workflow.Instance) {
	switch p.dice.below(8) {
	case 0:
		p.fire("worker", i, "drop", nil)
	case 1:
		p.fire("approver", i, "approve_above", nil)
	default:
		p.fire("lead", i, "approve", nil)
	}
}

// household moves a household on; a pair or a consent that would stop the round is mended first.
func (p *plan) household(i *workflow.Instance) {
	if len(p.oracle.unfit(i.ID)) > 0 && !chance(p.dice, 30) {
		trained := p.trainedTeam()
		switch {
		case p.oracle.get("field", i.ID, "kind") == "child" && p.oracle.get("field", i.ID, "guardian_consent") == "":
			p.fire("worker", i, "guardian_answer", workflow.Values{"guardian_consent": paper("签名")})
		case len(trained) >= 2 && !slices.Equal(trained, list(p.oracle.get("field", i.ID, "pair"))):
			p.fire("worker", i, "swap_pair", workflow.Values{"pair": trained})
		default:
			p.fire("worker", i, "refuse", nil)
		}
		return
	}
	staff := p.cast.people["staff"]
	if p.oracle.get("field", i.ID, "kind") == "child" && !slices.Contains(p.trainedTeam(), staff) || chance(p.dice, 5) {
		p.fire("worker", i, "refuse", nil) // nobody who was checked could go
		return
	}
	if i.State == "scheduled" && p.oracle.state(i.Parent) == "in_progress" {
		p.fire("worker", i, "record", workflow.Values{"consent": paper("口头"), "outcome": "seen", "answers_record": unrecorded("原文未写"), "receipt_record": unrecorded("原文未写")})
		return
	}
	if i.State != "scheduled" {
		p.fire("worker", i, "schedule", nil)
	}
	if chance(p.dice, 10) {
		p.fire("worker", i, "close_out", workflow.Values{"close_reason": "moved"})
	}
}
