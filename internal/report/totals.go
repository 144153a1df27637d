package report

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// timeline lists what took place, in the order of time; what happened in the same part of a day stands side by side.
func (b *builder) timeline() {
	b.out.Timeline = []Moment{}
	for _, s := range b.out.Sections {
		for _, a := range s.Activities {
			if a.Planned {
				continue
			}
			for _, m := range a.moments {
				b.out.Timeline = append(b.out.Timeline, Moment{
					When: m.When, Activity: a.ID, Title: a.Title, Kind: a.Kind, Place: firstText(m.Place, a.Place), Serves: m.Serves,
				})
			}
		}
	}
	slices.SortStableFunc(b.out.Timeline, func(x, y Moment) int { return compareWhen(x.When, y.When) })
}

func firstText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// totals adds up what may be added up.
func (b *builder) totals() {
	t := &b.out.Totals
	t.Households, t.Blocks, t.Venues = []Figure{}, []Figure{}, []string{}
	for _, f := range b.out.Funds {
		add(&t.Raised, f.Received)
		add(&t.Spent, f.Spent)
		add(&t.Balance, f.Balance)
	}
	for _, s := range b.out.Sections {
		for _, a := range s.Activities {
			if !a.Planned {
				t.count(a)
			}
		}
	}
	if n := len(b.out.Timeline); n > 0 {
		t.span(b.out.Timeline[0].When, b.out.Timeline[n-1].When)
	}
	if claims := of(b.claims(b.root.ID), MetricBlocks); len(claims) > 0 {
		t.Blocks = claims
	}
	t.BlockNames = b.blockNames()
}

func (t *Totals) count(a *Activity) {
	t.Activities++
	if len(a.moments) > 0 {
		t.Dated++
	}
	t.Sessions += len(a.moments)
	for _, place := range append([]string{a.Place}, places(a.Sessions)...) {
		if place != "" && !slices.Contains(t.Venues, place) {
			t.Venues = append(t.Venues, place)
		}
	}
	if a.Workflow == ofVisit {
		t.Households = append(t.Households, of(a.Figures, MetricHouseholds)...)
		t.Blocks = append(t.Blocks, of(a.Figures, MetricBlocks)...)
	}
}

func places(sessions []Session) []string {
	var out []string
	for _, s := range sessions {
		out = append(out, s.Place)
	}
	return out
}

func add(sum **int64, n *int64) {
	if n == nil {
		return
	}
	total := *n
	if *sum != nil {
		total += **sum
	}
	*sum = &total
}

// span counts the days from the first to the last, both included.
func (t *Totals) span(first, last string) {
	t.First, t.Last = day(first), day(last)
	from, err1 := time.Parse(time.DateOnly, t.First)
	to, err2 := time.Parse(time.DateOnly, t.Last)
	if err1 == nil && err2 == nil {
		t.Days = int(to.Sub(from).Hours()/24) + 1
	}
}

// blockNames lists the programme's blocks whose names are real, in its own order.
func (b *builder) blockNames() []string {
	ids, _ := b.root.Body.Data["blocks"].([]string)
	out := []string{}
	for _, id := range ids {
		if s := b.subjects[id]; s.workflow == ofBlock && !s.invented && s.name != "" {
			out = append(out, s.name)
		}
	}
	return out
}

// outcomes takes the programme's claims, or counts whom the registry says were found and cultivated here.
func (b *builder) outcomes() {
	var found, groups int64
	named := map[string]int64{}
	out := Outcomes{GroupNames: []string{}}
	for _, s := range b.inOrder() {
		if s.state == "closed" || s.state == "erased" {
			continue
		}
		if b.registered[s.foundIn] {
			named[MetricResources]++
			if !s.invented {
				found += max(1, s.groupOf)
			}
		}
		if b.registered[s.cultivated] {
			named[MetricSelfGovernance]++
			if !s.invented {
				groups++
				if s.name != "" {
					out.GroupNames = append(out.GroupNames, s.name)
				}
			}
		}
	}
	out.Resources, out.SelfGovernance = counted(MetricResources, found), counted(MetricSelfGovernance, groups)
	for _, f := range b.claims(b.root.ID) {
		b.checkClaim(b.root.ID, f, roster{named: named[f.Metric]})
		switch f.Metric {
		case MetricResources:
			out.Resources = f
		case MetricSelfGovernance:
			out.SelfGovernance = f
		}
	}
	b.out.Outcomes = out
}

// inOrder returns the registry's entries as they were last written.
func (b *builder) inOrder() []subject {
	return slices.SortedFunc(maps.Values(b.subjects), func(x, y subject) int {
		return cmp.Or(cmp.Compare(x.touched, y.touched), cmp.Compare(x.id, y.id))
	})
}
