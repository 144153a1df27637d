package report

import (
	"cmp"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// builder carries the report while it is computed.
type builder struct {
	*rows
	root *workflow.Instance
	def  *workflow.Definition
	out  *Report
	all  []*Activity // in the order of the programme's slots
}

// report computes the report from the rows that were read.
func (r *rows) report() *Report {
	root := r.byID[r.root]
	if root == nil { // the programme's creation was undone
		root = &workflow.Instance{ID: r.root}
	}
	b := &builder{rows: r, root: root, def: r.bundle.Definition(root.Workflow), out: &Report{Format: 1, Community: r.community}}
	if b.def == nil {
		b.def = &workflow.Definition{}
	}
	b.programme()
	b.activities()
	b.funds()
	b.honours()
	b.sections()
	b.timeline()
	b.totals()
	b.outcomes()
	return b.out
}

func (b *builder) programme() {
	p := b.root
	b.out.Programme = Programme{
		ID: p.ID, Code: cmp.Or(b.text(p, "code"), p.Key), Title: b.text(p, "title"), Category: b.text(p, "category"),
		Sponsor: b.text(p, "sponsor"), Implementer: b.text(p, "implementer"), Slogan: b.text(p, "slogan"),
		Targets: b.texts(p, "targets"), From: b.text(p, "period_from"), To: b.text(p, "period_to"),
		State: p.State, StateTitle: b.stateTitle(p), Backfilled: flagged(p, workflow.FlagBackfilled), Waivers: b.waivers(p),
	}
}

func flagged(i *workflow.Instance, flag string) bool { return slices.Contains(i.Body.Flags, flag) }

// waivers lists the needs that an instance was let pass without, by their names.
func (b *builder) waivers(i *workflow.Instance) []Waiver {
	var out []Waiver
	for _, n := range b.def.Needs {
		w, ok := i.Body.Waived[n.Name]
		if !ok || n.Slot != i.Slot {
			continue
		}
		out = append(out, Waiver{Need: n.Name, Title: b.needTitle(n), Note: w.Note})
	}
	return out
}

// needTitle names the milestone that a need asks for: 培训“已签核”.
func (b *builder) needTitle(n *workflow.Need) workflow.Text {
	slot := b.def.Slot(n.On)
	if slot == nil {
		return workflow.Text{ZH: n.Name, EN: n.Name}
	}
	milestone := workflow.Text{ZH: n.Milestone, EN: n.Milestone}
	if d := b.bundle.Definition(slot.Workflow); d != nil && d.State(n.Milestone) != nil {
		milestone = d.State(n.Milestone).Title
	}
	return workflow.Text{ZH: slot.Title.ZH + "“" + milestone.ZH + "”", EN: slot.Title.EN + ": " + milestone.EN}
}

// preparing are the states of an activity in which nothing has taken place yet.
func preparing(of, state string) bool {
	switch of {
	case ofEvent:
		return slices.Contains([]string{"draft", "returned", "approved", "published", "ready", "postponed"}, state)
	case ofTrain:
		return state == "draft" || state == "scheduled"
	case ofVisit:
		return state == "planning" || state == "assigned"
	case ofFundraise:
		return state == "draft" || state == "review"
	default:
		return state == "draft"
	}
}

// activities reads every living activity, in the order of slots and keys.
func (b *builder) activities() {
	for _, slot := range b.def.Slots {
		for _, i := range b.items(b.root.ID, slot.Workflow) {
			if i.Slot == slot.Name {
				b.all = append(b.all, b.activity(i, slot))
			}
		}
	}
}

func (b *builder) activity(i *workflow.Instance, slot *workflow.Slot) *Activity {
	a := &Activity{
		ID: i.ID, Workflow: i.Workflow, Slot: i.Slot, Key: i.Key, Title: b.text(i, "title"), Kind: slot.Title,
		State: i.State, StateTitle: b.stateTitle(i), Planned: preparing(i.Workflow, i.State),
		Aborted:    b.text(i, "ended_as") == "aborted",
		Backfilled: flagged(i, workflow.FlagBackfilled), BasisChanged: flagged(i, workflow.FlagBasisChanged), Waivers: b.waivers(i),
		When: b.text(i, "when"), WhenText: b.text(i, "when_text"), Place: b.text(i, "place"), Series: b.text(i, "series"),
		Sponsor: b.text(i, "sponsor"), Host: b.text(i, "host"), Cohosts: b.texts(i, "cohosts"), Partner: b.text(i, "partner"),
		Convener: b.text(i, "convener"), Team: b.text(i, "team"), Trainer: b.text(i, "trainer"), Topics: b.titles(i, "topics"),
		Groups: b.texts(i, "groups"), Purpose: b.text(i, "purpose"), Content: b.texts(i, "content"), Tasks: b.texts(i, "tasks"),
		Asked: b.texts(i, "asked"), Gifts: b.text(i, "gifts"), Criteria: b.text(i, "criteria"),
		Suggestions: b.texts(i, "suggestions"), Outcome: b.text(i, "outcome"), Minutes: b.number(i, "duration_minutes"),
	}
	if profile := b.titles(i, "profile"); len(profile) == 1 {
		a.Kind = profile[0]
	}
	b.sessions(i, a)
	b.released(i, a)
	b.figures(i, a)
	return a
}

// sessions lists the parts of days of an activity, in the order of time.
func (b *builder) sessions(i *workflow.Instance, a *Activity) {
	for _, s := range b.items(i.ID, ofSession) {
		session := Session{When: b.text(s, "when"), Title: b.text(s, "title"), Place: b.text(s, "place")}
		if serves := b.titles(s, "serves"); len(serves) == 1 {
			session.Serves = serves[0]
		}
		if session.When != "" {
			a.Sessions = append(a.Sessions, session)
		}
	}
	slices.SortStableFunc(a.Sessions, func(x, y Session) int { return compareWhen(x.When, y.When) })
	a.moments = a.Sessions
	if len(a.moments) == 0 && a.When != "" {
		a.moments = []Session{{When: a.When, Place: a.Place}}
	}
}

// released lists guests and quotes whose publication was released, and what councils resolved.
func (b *builder) released(i *workflow.Instance, a *Activity) {
	for _, g := range b.items(i.ID, ofGuest) {
		if g.State == "released" {
			a.Guests = append(a.Guests, Guest{Name: b.text(g, "name"), Title: b.text(g, "title")})
		}
	}
	for _, q := range b.items(i.ID, ofQuote) {
		if q.State == "released" && b.text(q, "public_text") != "" {
			a.Quotes = append(a.Quotes, Quote{Pseudonym: b.text(q, "pseudonym"), About: b.text(q, "about"), Text: b.text(q, "public_text")})
		}
	}
	for _, d := range b.items(i.ID, ofResolution) {
		a.Resolutions = append(a.Resolutions, Resolution{
			Text: b.text(d, "text"), State: d.State, StateTitle: b.stateTitle(d), Result: b.text(d, "result"),
		})
	}
}

// date is when an activity began, or "".
func (a *Activity) date() string {
	if len(a.moments) == 0 {
		return ""
	}
	return a.moments[0].When
}

// compareWhen orders dates and half-days as they pass; a day without a part comes first.
func compareWhen(a, b string) int {
	dayA, dayB := day(a), day(b)
	return cmp.Or(cmp.Compare(dayA, dayB), cmp.Compare(partOrder(a), partOrder(b)))
}

func day(when string) string { return when[:min(len(when), len("2006-01-02"))] }

// sections puts every activity that is told on its own into its section: the undated ones first, in the order of the
// lifecycle, the others as they took place, those still being prepared last.
func (b *builder) sections() {
	bySection := map[string][]*Activity{}
	for _, a := range b.all {
		if a.told() {
			name := b.text(b.byID[a.ID], "section")
			if !slices.ContainsFunc(b.def.Sections, func(s *workflow.Section) bool { return s.Name == name }) {
				name = ""
			}
			bySection[name] = append(bySection[name], a)
		}
	}
	add := func(name string, title workflow.Text) {
		l := bySection[name]
		slices.SortStableFunc(l, func(x, y *Activity) int {
			return cmp.Or(cmp.Compare(rank(x), rank(y)), compareWhen(x.date(), y.date()))
		})
		b.out.Sections = append(b.out.Sections, Section{Name: name, Title: title, Activities: l})
	}
	for _, s := range b.def.Sections {
		add(s.Name, s.Title)
	}
	if len(bySection[""]) > 0 {
		add("", workflow.Text{ZH: "其他活动", EN: "Other activities"})
	}
}

func rank(a *Activity) int {
	switch {
	case a.Planned:
		return 2
	case a.date() != "":
		return 1
	default:
		return 0
	}
}

// told reports whether an activity is told on its own, not with the event that it belongs to.
func (a *Activity) told() bool { return !a.within }
