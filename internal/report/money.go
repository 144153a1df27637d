package report

import (
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// funds computes every fund, and tells the one that takes an event's proceeds with that event.
func (b *builder) funds() {
	b.out.Funds = []*Fund{}
	byID := map[string]*Activity{}
	for _, a := range b.all {
		byID[a.ID] = a
		if a.Workflow != ofFundraise {
			continue
		}
		a.Fund = b.fund(b.byID[a.ID], a)
		if !a.Planned {
			b.out.Funds = append(b.out.Funds, a.Fund)
		}
	}
	for _, a := range b.all {
		if a.Workflow != ofEvent || a.Fund != nil {
			continue
		}
		id, _ := b.byID[a.ID].Body.Data["fund"].(string)
		if f := byID[id]; f != nil && !f.within {
			f.within = true
			f.Fund.Activity = a.ID
			a.Fund = f.Fund
		}
	}
}

func (b *builder) fund(i *workflow.Instance, a *Activity) *Fund {
	f := &Fund{
		ID: i.ID, Title: a.Title, Kind: a.Kind, Purpose: a.Purpose, Beneficiaries: b.text(i, "beneficiaries"), SpendAll: b.yes(i, "spend_all"),
		State: i.State, StateTitle: a.StateTitle, Activity: a.ID,
	}
	if in := b.tally(i, "received", true); in.rows > 0 {
		f.Received = &in.sum
	}
	if out := b.tally(i, "spent", true); out.rows > 0 {
		f.Spent = &out.sum
	}
	if f.Received != nil {
		left := *f.Received
		if f.Spent != nil {
			left -= *f.Spent
		}
		f.Balance = &left
	}
	for _, d := range of(a.Figures, MetricDonors) {
		f.Donors = &d
		break
	}
	for _, d := range b.gifts(i.ID) {
		if g := b.text(d, "group"); g != "" && b.real(d) && !slices.Contains(f.Groups, g) {
			f.Groups = append(f.Groups, g)
		}
	}
	f.Purchases = b.purchases(i)
	return f
}

// gifts are the donations to a fund that it kept: what was refunded comes from nobody.
func (b *builder) gifts(fund string) []*workflow.Instance {
	return slices.DeleteFunc(slices.Clone(b.items(fund, ofDonation)), func(d *workflow.Instance) bool { return d.State == "refunded" })
}

// purchases lists what a fund paid for.
func (b *builder) purchases(fund *workflow.Instance) []string {
	var out []string
	seen := map[string]bool{}
	for _, p := range b.of[ofPurchase] {
		for _, al := range b.items(p.ID, ofAllocation) {
			id, _ := al.Body.Data["fund"].(string)
			if id != fund.ID || al.State == "planned" || al.State == "dropped" || seen[p.ID] || !b.real(p) {
				continue
			}
			seen[p.ID] = true
			if t := b.text(p, "title"); t != "" {
				out = append(out, t)
			}
		}
	}
	return out
}

// honours tells what came of the nominations with the one recognition evening, if there is one.
func (b *builder) honours() {
	var evening *Activity
	for _, a := range b.all {
		if a.Workflow == ofEvent && (a.Slot == "recognition_evening" || b.text(b.byID[a.ID], "profile") == "recognition_evening") {
			if evening != nil {
				return // several: nobody can say which one
			}
			evening = a
		}
	}
	for _, a := range b.all {
		if a.Workflow != ofRecognise {
			continue
		}
		a.Honours = b.honoursOf(b.byID[a.ID], a)
		if evening != nil && evening.Honours == nil && !a.Planned {
			a.within = true
			evening.Honours = a.Honours
		}
	}
}

func (b *builder) honoursOf(i *workflow.Instance, a *Activity) *Honours {
	h := &Honours{StateTitle: a.StateTitle, Criteria: a.Criteria, Awards: notCounted(MetricAwards), Waivers: a.Waivers}
	var n int64
	for _, w := range b.items(i.ID, ofAward) {
		if (w.State != "awarded" && w.State != "issued") || !b.real(w) {
			continue
		}
		n++
		if t := b.text(w, "name"); t != "" {
			h.Names = append(h.Names, t)
		}
	}
	h.Awards = counted(MetricAwards, n)
	return h
}
