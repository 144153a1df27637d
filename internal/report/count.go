package report

import (
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// share is what the rows under an instance come to for one of its aggregates.
type share struct {
	rows   int64
	sum    int64
	values map[string]int64
}

// tally recounts an aggregate of an instance with its own definition: over every row, or only over those that may feed a
// public figure. An aggregate that the definition lacks comes to nothing.
func (r *rows) tally(owner *workflow.Instance, aggregate string, onlyReal bool) share {
	s := share{values: map[string]int64{}}
	d := r.bundle.Definition(owner.Workflow)
	if d == nil || d.Aggregate(aggregate) == nil {
		return s
	}
	a := d.Aggregate(aggregate)
	for _, i := range r.of[a.Of] {
		target := i.Parent
		if a.Via != "" {
			target, _ = i.Body.Data[a.Via].(string)
		}
		if target != owner.ID || onlyReal && !r.real(i) {
			continue
		}
		c, ok, err := workflow.Contribution(a, i, r)
		if err != nil || !ok {
			continue // the audit names a row that cannot be counted; here it feeds no figure
		}
		s.rows++
		s.sum += c.N
		for _, v := range c.Values {
			s.values[v]++
		}
	}
	return s
}

// The resolver of aggregates: they look at nothing but rows of their own programme.

// Instance returns a row of the programme.
func (r *rows) Instance(id string) (*workflow.Instance, error) { return r.byID[id], nil }

// Participation returns the data of a person's participation row.
func (r *rows) Participation(person string) (workflow.Values, error) {
	for _, i := range r.of["participation"] {
		if i.Key == person {
			return i.Body.Data, nil
		}
	}
	return nil, nil //nolint:nilnil // nobody there: the defaults
}

// Consent is not part of any aggregate.
func (r *rows) Consent(string, string) (string, error) { return "none", nil }

// Distinct is not part of any aggregate.
func (r *rows) Distinct(string, string) ([]string, error) { return nil, nil }

// claims returns the claims about an instance that stand and may be published, in the order of their keys.
func (r *rows) claims(about string) []Figure {
	var out []Figure
	for _, c := range r.items(about, ofClaim) {
		if c.State != "stated" {
			continue
		}
		if public, ok := c.Body.Data["public"].(bool); ok && !public {
			continue
		}
		f := Figure{
			Metric: r.text(c, "metric"), Label: r.text(c, "label"), Qualifier: Qualifier(r.text(c, "qualifier")), Basis: FromClaim,
		}
		n := r.number(c, "n")
		if n == nil || f.Qualifier != Exact && f.Qualifier != MoreThan {
			f.Qualifier = NotCounted
		} else {
			f.N = *n
		}
		out = append(out, f)
	}
	return out
}

// of returns the figures of one metric.
func of(figures []Figure, metric string) []Figure {
	var out []Figure
	for _, f := range figures {
		if f.Metric == metric {
			out = append(out, f)
		}
	}
	return out
}

// roster is who is named for a metric.
type roster struct {
	metric string
	real   int64 // that may feed a figure
	named  int64 // invented ones included: what a claim is checked against
	whole  bool  // it names all, not only some
	needed bool  // this kind of activity has the figure: unknown is said
}

// figures fills in what was claimed of an activity, and for metrics nobody claimed what its rows come to.
func (b *builder) figures(i *workflow.Instance, a *Activity) {
	claims := b.claims(i.ID)
	if i.Workflow == ofRecruit {
		for n := range claims {
			if claims[n].Metric == MetricHeadcount { // whom recruiting brought together is the team
				claims[n].Metric = MetricTeam
			}
		}
	}
	for _, d := range b.gifts(i.ID) {
		claims = append(claims, b.claims(d.ID)...)
	}
	rosters := b.rosters(i)
	for _, ro := range rosters {
		stated := of(claims, ro.metric)
		for _, f := range stated {
			b.checkClaim(i.ID, f, ro)
		}
		switch {
		case len(stated) > 0:
			a.Figures = append(a.Figures, stated...)
		case ro.real > 0 || ro.needed:
			a.Figures = append(a.Figures, counted(ro.metric, ro.real))
		}
	}
	for _, f := range claims {
		if !slices.ContainsFunc(rosters, func(ro roster) bool { return ro.metric == f.Metric }) {
			a.Figures = append(a.Figures, f)
		}
	}
	a.dropEmptyHeadcount()
}

// dropEmptyHeadcount leaves "attendance not counted" out where the sale's stall-holders are known: the seed says no more.
func (a *Activity) dropEmptyHeadcount() {
	known := slices.ContainsFunc(a.Figures, func(f Figure) bool { return f.Metric == MetricStallholders && f.Qualifier != NotCounted })
	if !known {
		return
	}
	a.Figures = slices.DeleteFunc(a.Figures, func(f Figure) bool { return f.Metric == MetricHeadcount && f.Qualifier == NotCounted })
}

func (b *builder) checkClaim(about string, f Figure, ro roster) {
	if !contradicts(f, ro.named, ro.whole) {
		return
	}
	zh, en := voice(Chinese).count(f), voice(English).count(f)
	b.out.Contradictions = append(b.out.Contradictions, Contradiction{
		Activity: about, Claim: f, Roster: ro.named,
		Text: workflow.Text{
			ZH: "表述为“" + zh + "”，而名单上有 " + digits(ro.named) + "；请核对表述或名单",
			EN: "it is stated as " + en + ", but the roster has " + digits(ro.named) + "; check the statement or the roster",
		},
	})
}

// rosters counts the rows that bear a metric of an activity.
func (b *builder) rosters(i *workflow.Instance) []roster {
	switch i.Workflow {
	case ofRecruit:
		return []roster{b.team(i)}
	case ofTrain, ofEvent:
		return []roster{b.present(i, true)}
	case ofVisit:
		served, named := b.tally(i, "served", true), b.tally(i, "served", false)
		blocks, allBlocks := b.tally(i, "blocks", true), b.tally(i, "blocks", false)
		return []roster{
			{metric: MetricHouseholds, real: served.rows, named: named.rows, whole: true, needed: true},
			{metric: MetricBlocks, real: b.realBlocks(blocks.values), named: int64(len(allBlocks.values)), needed: true},
			b.present(i, true),
		}
	case ofFundraise:
		named := b.donors(i, false)
		return []roster{{metric: MetricDonors, real: b.donors(i, true), named: named}}
	default:
		return nil
	}
}

// team counts the confirmed members of a team.
func (b *builder) team(i *workflow.Instance) roster {
	ro := roster{metric: MetricTeam, whole: true, needed: true}
	for _, m := range b.items(i.ID, "membership") {
		if m.State != "confirmed" {
			continue
		}
		ro.named += b.people(m)
		if b.real(m) {
			ro.real += b.people(m)
		}
	}
	return ro
}

// present counts the different people who were present in the sessions of an activity.
func (b *builder) present(i *workflow.Instance, whole bool) roster {
	ro := roster{metric: MetricHeadcount, whole: whole, needed: true}
	seen := map[string]bool{}
	for _, s := range b.items(i.ID, ofSession) {
		for _, shift := range b.items(s.ID, ofShift) {
			person, _ := shift.Body.Data["person"].(string)
			if shift.State != "present" && shift.State != "made_up" || seen[person] {
				continue
			}
			seen[person] = true
			ro.named += b.people(shift)
			if b.real(shift) {
				ro.real += b.people(shift)
			}
		}
	}
	return ro
}

// realBlocks counts the blocks whose names were not invented.
func (b *builder) realBlocks(ids map[string]int64) int64 {
	var n int64
	for id := range ids {
		if s, ok := b.subjects[id]; ok && !s.invented {
			n++
		}
	}
	return n
}

// donors counts the different people and organisations that gave; a group row without a size says nothing.
func (b *builder) donors(i *workflow.Instance, onlyReal bool) int64 {
	var n int64
	seen := map[string]bool{}
	for _, d := range b.gifts(i.ID) {
		if onlyReal && !b.real(d) {
			continue
		}
		if size, ok := d.Body.Data["group_of"].(int64); ok {
			n += size
			continue
		}
		for _, f := range []string{"donor", "organisation"} {
			if id, _ := d.Body.Data[f].(string); id != "" && !seen[id] {
				seen[id] = true
				n++
			}
		}
	}
	return n
}
