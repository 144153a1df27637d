package workflow

import (
	"fmt"
	"slices"
	"strings"
)

// checkNames checks that the names a definition uses within itself exist.
func (c *checker) checkNames(drafts []*draft) {
	for _, d := range drafts {
		c.checkSubject(d)
		c.checkInitial(d)
		for _, e := range d.def.Events {
			c.checkEventNames(d, e)
		}
		for _, t := range d.def.Timers {
			c.states(d, t.In, "timer "+t.Name, "timer", t.Name, "in")
			c.checkTimer(d, t)
		}
		for _, r := range d.def.Reminders {
			c.states(d, r.In, "reminder "+r.Name, "reminder", r.Name, "in")
			c.checkReminder(d, r)
		}
		c.states(d, d.def.Edit.In, "edit", "edit", "in")
		c.checkReopen(d)
		c.checkBackfill(d)
	}
}

// states notes every name that is no state of the definition.
func (c *checker) states(d *draft, names []string, what string, where ...string) {
	for _, s := range names {
		if d.def.State(s) == nil {
			c.unknownState(d, s, what, append(slices.Clone(where), s)...)
		}
	}
}

func (c *checker) unknownState(d *draft, state, what string, where ...string) {
	do := "use one of: " + listed(stateNames(d.def))
	if state == StateCancelled || state == StateSkipped {
		do = "add `cancel:` or `skip:` to the definition, which brings that state"
	}
	c.problems.add(d.at(where...), codeState, fmt.Sprintf("%s names %q, which is no state of %s", what, state, d.def.Name), do)
}

func (c *checker) checkSubject(d *draft) {
	name := d.def.Subject
	if name == "" {
		return
	}
	f := d.def.Field(name)
	switch {
	case f == nil:
		c.unknownField(d, name, "subject", "subject")
	case f.Type != TypePerson && f.Type != TypeHousehold || f.List:
		c.problems.add(d.at("subject"), codeSubject, fmt.Sprintf("the subject %q is neither a person nor a household", name),
			"name a single field of type person or household")
	}
}

func (c *checker) unknownField(d *draft, name, what string, where ...string) {
	c.problems.add(d.at(where...), codeField, fmt.Sprintf("%s names %q, which is no field of %s", what, name, d.def.Name),
		"use one of: "+listed(fieldNames(d.def)))
}

func fieldNames(d *Definition) []string {
	out := make([]string, len(d.Fields))
	for n, f := range d.Fields {
		out[n] = f.Name
	}
	return out
}

func (c *checker) checkInitial(d *draft) {
	if d.def.Initial == "" {
		return
	}
	if d.def.State(d.def.Initial) == nil || d.def.Initial == StateCancelled || d.def.Initial == StateSkipped {
		c.unknownState(d, d.def.Initial, "initial", "initial")
	}
}

func (c *checker) checkEventNames(d *draft, e *Event) {
	what := "event " + e.Name
	c.states(d, e.From, what, "event", e.Name, "from")
	for _, to := range e.To {
		switch {
		case d.def.State(to.State) == nil:
			c.problems.add(to.Pos, codeState, fmt.Sprintf("%s leads to %q, which is no state of %s", what, to.State, d.def.Name),
				"use one of: "+listed(stateNames(d.def)))
		case to.State == StateCancelled || to.State == StateSkipped:
			c.problems.add(to.Pos, codeReserved, fmt.Sprintf("%s leads to %q, where only the engine leads", what, to.State),
				"write a state of your own, or leave it to `cancel:` and `skip:`")
		}
	}
	if len(e.By) == 0 {
		c.problems.add(d.at("event", e.Name, "by"), codeNobody, what+" may be fired by nobody",
			"add `by:` with at least one role; `by: [system]` if only timers and effects fire it")
	}
	if e.Checks != "" && d.def.Event(e.Checks) == nil {
		c.unknownEvent(d, e.Checks, d.def, "checks of "+what, d.at("event", e.Name, "checks"))
	}
	if e.Checks == e.Name && e.Checks != "" {
		c.problems.add(d.at("event", e.Name, "checks"), codeEvent, what+" checks itself", "name the event whose maker must be another person")
	}
	if slices.Contains(e.By, "self") && d.def.Subject == "" {
		c.problems.add(d.at("event", e.Name, "by"), codeSubject, what+" may be fired by self, but the workflow has no subject",
			"add `subject:` with a person field, or remove self")
	}
	for _, m := range e.Clears {
		c.milestone(d.def, m, "clears of "+what, d.at("event", e.Name, "clears", m))
	}
}

// milestone notes a name that is no milestone of the definition.
func (c *checker) milestone(d *Definition, name, what string, pos Pos) {
	if s := d.State(name); s != nil && s.Milestone || name == "" {
		return
	}
	var have []string
	for _, s := range d.States {
		if s.Milestone {
			have = append(have, s.Name)
		}
	}
	c.problems.add(pos, codeMilestone, fmt.Sprintf("%s names %q, which is no milestone of %s", what, name, d.Name),
		fmt.Sprintf("use one of: %s; or write `milestone: true` at the state", listed(have)))
}

func (c *checker) unknownEvent(d *draft, event string, of *Definition, what string, pos Pos) {
	names := make([]string, len(of.Events))
	for n, e := range of.Events {
		names[n] = e.Name
	}
	c.problems.add(pos, codeEvent, fmt.Sprintf("%s names %q, which is no event of %s", what, event, of.Name), "use one of: "+listed(names))
}

// checkTimer checks the anchor of a timer and that the system may fire its event from every state in which it lives.
func (c *checker) checkTimer(d *draft, t *Timer) {
	what := "timer " + t.Name
	c.anchor(d, d.def, t.Anchor, what, "timer", t.Name, "anchor")
	if t.Fire != "" {
		c.systemFires(d, t.Fire, t.In, what, d.at("timer", t.Name, "fire"))
	}
}

// systemFires checks an event that nobody but the clock asks for.
func (c *checker) systemFires(d *draft, event string, in []string, what string, pos Pos) {
	e := d.def.Event(event)
	if e == nil {
		c.unknownEvent(d, event, d.def, what, pos)
		return
	}
	if !slices.Contains(e.By, "system") {
		c.problems.add(pos, codeSystem, fmt.Sprintf("%s fires %s, which the system may not", what, event), "add system to `by:` of that event")
	}
	for _, s := range in {
		if d.def.State(s) != nil && d.def.Next(s, event) == nil {
			c.problems.add(pos, codeEvent, fmt.Sprintf("%s fires %s, which does not leave from %s", what, event, s),
				"add the state to `from:` of the event, or take it out of `in:`")
		}
	}
	for _, in := range e.Input {
		if in.Required {
			c.problems.add(pos, codeEffectInput, fmt.Sprintf("%s fires %s, which requires the input %s that the clock cannot give", what, event, in.Name),
				"make the input optional, or fire another event")
		}
	}
	if e.Reason {
		c.problems.add(pos, codeEffectInput, fmt.Sprintf("%s fires %s, which asks for a reason that the clock cannot give", what, event),
			"remove `reason: true`, or fire another event")
	}
}

// anchor checks that something is a time: entered, or a field that holds a date, a half-day or an instant.
func (c *checker) anchor(d *draft, of *Definition, name, what string, where ...string) {
	if name == "entered" && of == d.def || name == "" {
		return
	}
	var times []string
	for _, f := range of.Fields {
		if !f.List && !f.Privacy.Sealed() && (f.Type == TypeDate || f.Type == TypeHalfDay || f.Type == TypeTime) {
			times = append(times, f.Name)
		}
	}
	if !slices.Contains(times, name) {
		c.problems.add(d.at(where...), codeAnchor, fmt.Sprintf("%s is anchored to %q, which is no time of %s", what, name, of.Name),
			"use entered, or a single date, half_day or time field: "+listed(times))
	}
}

func (c *checker) checkReminder(d *draft, r *Reminder) {
	what := "reminder " + r.Name
	whose, field, dotted := strings.Cut(r.Anchor, ".")
	switch {
	case r.Anchor == "cron":
	case !dotted:
		c.anchor(d, d.def, r.Anchor, what, "reminder", r.Name, "anchor")
	default:
		c.remoteAnchor(d, r, whose, field)
	}
	if r.Then != "" {
		c.systemFires(d, r.Then, r.In, what, d.at("reminder", r.Name, "then"))
	}
	if r.Repeat != nil && r.Repeat.Until != "" {
		c.anchor(d, d.def, r.Repeat.Until, "repeat of "+what, "reminder", r.Name, "until")
	}
	for _, to := range []string{"self", "subject"} {
		if slices.Contains(r.To, to) && d.def.Subject == "" {
			c.problems.add(d.at("reminder", r.Name, "to"), codeSubject, what+" goes to "+to+", but the workflow has no subject",
				"add `subject:` with a person field, or name a role")
		}
	}
}

// remoteAnchor checks parent.FIELD and root.FIELD in every workflow that may stand there.
func (c *checker) remoteAnchor(d *draft, r *Reminder, whose, field string) {
	what := "reminder " + r.Name
	pos := d.at("reminder", r.Name, "anchor")
	if whose != "parent" && whose != "root" {
		c.problems.add(pos, codeAnchor, fmt.Sprintf("%s is anchored to %q", what, r.Anchor), "use entered, a field, parent.FIELD or root.FIELD")
		return
	}
	targets, why := placeTargets(c.bundle, d.def, whose)
	if why != "" && !c.unread {
		c.problems.add(pos, codeAnchor, fmt.Sprintf("%s is anchored to %s, but %s", what, r.Anchor, why), "use a field of this workflow")
	}
	for _, t := range targets {
		c.anchor(d, t, field, what, "reminder", r.Name, "anchor")
	}
}

func (c *checker) checkReopen(d *draft) {
	if d.def.Reopen == nil {
		return
	}
	for _, from := range sortedKeys(d.def.Reopen.To) {
		to := d.def.Reopen.To[from]
		if d.def.State(from) == nil {
			c.unknownState(d, from, "reopen", "reopen", from)
		}
		if s := d.def.State(to); s == nil || to == StateCancelled || to == StateSkipped {
			c.unknownState(d, to, "reopen", "reopen", from, "to")
		}
	}
}

// checkBackfill walks each path from the initial state and checks that it leads where it says.
func (c *checker) checkBackfill(d *draft) {
	if d.def.Backfill == nil {
		return
	}
	for _, state := range sortedKeys(d.def.Backfill.Paths) {
		if d.def.State(state) == nil {
			c.unknownState(d, state, "backfill", "backfill", state)
			continue
		}
		here := []string{d.def.Initial}
		broken := false
		for i, event := range d.def.Backfill.Paths[state] {
			pos := d.at("backfill", state, fmt.Sprint(i))
			if d.def.Event(event) == nil {
				c.unknownEvent(d, event, d.def, "the path to "+state, pos)
				broken = true
				break
			}
			next := c.step(d.def, here, event)
			if len(next) == 0 {
				c.problems.add(pos, codeBackfill, fmt.Sprintf("the path to %s goes on with %s, which does not leave from %s", state, event, strings.Join(here, " or ")),
					"list the events from the initial state in the order in which they would have been fired")
				broken = true
				break
			}
			here = next
		}
		if !broken && !slices.Contains(here, state) {
			c.problems.add(d.at("backfill", state), codeBackfill, fmt.Sprintf("the path to %s ends in %s", state, strings.Join(here, " or ")),
				"add the events that are missing at its end")
		}
	}
}

// step returns the states that an event may lead to from any of the given ones.
func (c *checker) step(d *Definition, from []string, event string) []string {
	var out []string
	for _, s := range from {
		for _, to := range d.Next(s, event) {
			if !slices.Contains(out, to.State) {
				out = append(out, to.State)
			}
		}
	}
	return out
}
