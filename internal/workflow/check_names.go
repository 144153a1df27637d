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
			c.states(d, t.In, phrase("定时“%s”", "timer %s", t.Name), "timer", t.Name, "in")
			c.checkTimer(d, t)
		}
		for _, r := range d.def.Reminders {
			c.states(d, r.In, phrase("提醒“%s”", "reminder %s", r.Name), "reminder", r.Name, "in")
			c.checkReminder(d, r)
		}
		c.states(d, d.def.Edit.In, word("edit"), "edit", "in")
		c.checkReopen(d)
		c.checkBackfill(d)
	}
}

// states notes every name that is no state of the definition.
func (c *checker) states(d *draft, names []string, what Text, where ...string) {
	for _, s := range names {
		if d.def.State(s) == nil {
			c.unknownState(d, s, what, append(slices.Clone(where), s)...)
		}
	}
}

func (c *checker) unknownState(d *draft, state string, what Text, where ...string) {
	do := oneOf(stateNames(d.def))
	if state == StateCancelled || state == StateSkipped {
		do = Text{"请在定义里加上 `cancel:` 或 `skip:`，由它带来这个状态", "add `cancel:` or `skip:` to the definition, which brings that state"}
	}
	c.problems.add(d.at(where...), codeState, noState(what, state, d.def), do)
}

func noState(what Text, state string, of *Definition) Text {
	return phrase("%s写了“%s”，但“%s”没有这个状态", "%s names %q, which is no state of %s", what, state, of.Name)
}

func noField(what Text, field string, of *Definition) Text {
	return phrase("%s写了“%s”，但“%s”没有这个字段", "%s names %q, which is no field of %s", what, field, of.Name)
}

func notFrom(what Text, event, state string) Text {
	return phrase("%s触发“%s”，但它不能从“%s”出发", "%s fires %s, which does not leave from %s", what, event, state)
}

func (c *checker) checkSubject(d *draft) {
	name := d.def.Subject
	if name == "" {
		return
	}
	f := d.def.Field(name)
	switch {
	case f == nil:
		c.unknownField(d, name, word("subject"), "subject")
	case f.Type != TypePerson && f.Type != TypeHousehold || f.List:
		c.problems.add(d.at("subject"), codeSubject, phrase("subject“%s”既不是人员也不是住户", "the subject %q is neither a person nor a household", name),
			Text{"请写一个类型为 person 或 household 的单个字段", "name a single field of type person or household"})
	}
}

func (c *checker) unknownField(d *draft, name string, what Text, where ...string) {
	c.problems.add(d.at(where...), codeField, noField(what, name, d.def), oneOf(fieldNames(d.def)))
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
		c.unknownState(d, d.def.Initial, word("initial"), "initial")
	}
}

func (c *checker) checkEventNames(d *draft, e *Event) {
	what := phrase("事件“%s”", "event %s", e.Name)
	c.states(d, e.From, what, "event", e.Name, "from")
	for _, to := range e.To {
		switch {
		case d.def.State(to.State) == nil:
			c.problems.add(to.Pos, codeState, phrase("%s通往“%s”，但“%s”没有这个状态", "%s leads to %q, which is no state of %s", what, to.State, d.def.Name),
				oneOf(stateNames(d.def)))
		case to.State == StateCancelled || to.State == StateSkipped:
			c.problems.add(to.Pos, codeReserved, phrase("%s通往“%s”，而那里只有引擎能通往", "%s leads to %q, where only the engine leads", what, to.State),
				Text{"请写自己的状态，或交给 `cancel:` 与 `skip:`", "write a state of your own, or leave it to `cancel:` and `skip:`"})
		}
	}
	if len(e.By) == 0 {
		c.problems.add(d.at("event", e.Name, "by"), codeNobody, phrase("没有人可以触发%s", "%s may be fired by nobody", what), Text{
			"请加上 `by:` 并至少写一个角色；只由定时和效果触发的，写 `by: [system]`",
			"add `by:` with at least one role; `by: [system]` if only timers and effects fire it",
		})
	}
	if e.Checks != "" && d.def.Event(e.Checks) == nil {
		c.unknownEvent(e.Checks, d.def, partOf(what, "checks"), d.at("event", e.Name, "checks"))
	}
	if e.Checks == e.Name && e.Checks != "" {
		c.problems.add(d.at("event", e.Name, "checks"), codeEvent, phrase("%s核对的是它自己", "%s checks itself", what), anotherMaker())
	}
	if slices.Contains(e.By, "self") && d.def.Subject == "" {
		c.problems.add(d.at("event", e.Name, "by"), codeSubject, phrase("%s可由 self 触发，但流程没有 subject", "%s may be fired by self, but the workflow has no subject", what),
			Text{"请加上 `subject:` 并写一个人员字段，或去掉 self", "add `subject:` with a person field, or remove self"})
	}
	for _, m := range e.Clears {
		c.milestone(d.def, m, partOf(what, "clears"), d.at("event", e.Name, "clears", m))
	}
}

// milestone notes a name that is no milestone of the definition.
func (c *checker) milestone(d *Definition, name string, what Text, pos Pos) {
	if s := d.State(name); s != nil && s.Milestone || name == "" {
		return
	}
	var have []string
	for _, s := range d.States {
		if s.Milestone {
			have = append(have, s.Name)
		}
	}
	c.problems.add(pos, codeMilestone, phrase("%s写了“%s”，但“%s”没有这个里程碑", "%s names %q, which is no milestone of %s", what, name, d.Name),
		phrase("请用下列之一：%s；或在状态处写 `milestone: true`", "use one of: %s; or write `milestone: true` at the state", listed(have)))
}

func (c *checker) unknownEvent(event string, of *Definition, what Text, pos Pos) {
	names := make([]string, len(of.Events))
	for n, e := range of.Events {
		names[n] = e.Name
	}
	c.problems.add(pos, codeEvent, phrase("%s写了“%s”，但“%s”没有这个事件", "%s names %q, which is no event of %s", what, event, of.Name), oneOf(names))
}

// checkTimer checks the anchor of a timer and that the system may fire its event from every state in which it lives.
func (c *checker) checkTimer(d *draft, t *Timer) {
	what := phrase("定时“%s”", "timer %s", t.Name)
	c.anchor(d, d.def, t.Anchor, what, "timer", t.Name, "anchor")
	if t.Fire != "" {
		c.systemFires(d, t.Fire, t.In, what, d.at("timer", t.Name, "fire"))
	}
}

// systemFires checks an event that nobody but the clock asks for.
func (c *checker) systemFires(d *draft, event string, in []string, what Text, pos Pos) {
	e := d.def.Event(event)
	if e == nil {
		c.unknownEvent(event, d.def, what, pos)
		return
	}
	if !slices.Contains(e.By, "system") {
		c.problems.add(pos, codeSystem, phrase("%s触发“%s”，而系统无权触发它", "%s fires %s, which the system may not", what, event),
			Text{"请在那个事件的 `by:` 中加上 system", "add system to `by:` of that event"})
	}
	for _, s := range in {
		if d.def.State(s) != nil && d.def.Next(s, event) == nil {
			c.problems.add(pos, codeEvent, notFrom(what, event, s),
				Text{"请把这个状态加进事件的 `from:`，或从 `in:` 中去掉", "add the state to `from:` of the event, or take it out of `in:`"})
		}
	}
	for _, in := range e.Input {
		if in.Required {
			c.problems.add(pos, codeEffectInput, phrase("%s触发“%s”，它必须有输入项“%s”，而到时无人填写",
				"%s fires %s, which requires the input %s that the clock cannot give", what, event, in.Name),
				Text{"请把输入项改为选填，或触发别的事件", "make the input optional, or fire another event"})
		}
	}
	if e.Reason {
		c.problems.add(pos, codeEffectInput, phrase("%s触发“%s”，它要写原因，而到时无人填写", "%s fires %s, which asks for a reason that the clock cannot give", what, event),
			Text{"请删除 `reason: true`，或触发别的事件", "remove `reason: true`, or fire another event"})
	}
}

// anchor checks that something is a time: entered, or a field that holds a date, a half-day or an instant.
func (c *checker) anchor(d *draft, of *Definition, name string, what Text, where ...string) {
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
		c.problems.add(d.at(where...), codeAnchor, phrase("%s以“%s”为准，但它不是“%s”的时间", "%s is anchored to %q, which is no time of %s", what, name, of.Name),
			phrase("请用 entered，或一个 date、half_day、time 类型的单个字段：%s", "use entered, or a single date, half_day or time field: %s", listed(times)))
	}
}

func (c *checker) checkReminder(d *draft, r *Reminder) {
	what := phrase("提醒“%s”", "reminder %s", r.Name)
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
		c.anchor(d, d.def, r.Repeat.Until, partOf(what, "repeat"), "reminder", r.Name, "until")
	}
	for _, to := range []string{"self", "subject"} {
		if slices.Contains(r.To, to) && d.def.Subject == "" {
			c.problems.add(d.at("reminder", r.Name, "to"), codeSubject, phrase("%s发给 %s，但流程没有 subject", "%s goes to %s, but the workflow has no subject", what, to),
				Text{"请加上 `subject:` 并写一个人员字段，或写一个角色", "add `subject:` with a person field, or name a role"})
		}
	}
}

// remoteAnchor checks parent.FIELD and root.FIELD in every workflow that may stand there.
func (c *checker) remoteAnchor(d *draft, r *Reminder, whose, field string) {
	what := phrase("提醒“%s”", "reminder %s", r.Name)
	pos := d.at("reminder", r.Name, "anchor")
	if whose != "parent" && whose != "root" {
		c.problems.add(pos, codeAnchor, phrase("%s以“%s”为准", "%s is anchored to %q", what, r.Anchor),
			Text{"请用 entered、一个字段、parent.字段 或 root.字段", "use entered, a field, parent.FIELD or root.FIELD"})
		return
	}
	targets, why := placeTargets(c.bundle, d.def, whose)
	if !why.IsZero() && !c.unread {
		c.problems.add(pos, codeAnchor, phrase("%s以“%s”为准，但%s", "%s is anchored to %s, but %s", what, r.Anchor, why),
			Text{"请用本流程的字段", "use a field of this workflow"})
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
			c.unknownState(d, from, word("reopen"), "reopen", from)
		}
		if s := d.def.State(to); s == nil || to == StateCancelled || to == StateSkipped {
			c.unknownState(d, to, word("reopen"), "reopen", from, "to")
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
			c.unknownState(d, state, word("backfill"), "backfill", state)
			continue
		}
		here := []string{d.def.Initial}
		broken := false
		for i, event := range d.def.Backfill.Paths[state] {
			pos := d.at("backfill", state, fmt.Sprint(i))
			if d.def.Event(event) == nil {
				c.unknownEvent(event, d.def, phrase("通往“%s”的路径", "the path to %s", state), pos)
				broken = true
				break
			}
			next := c.step(d.def, here, event)
			if len(next) == 0 {
				c.problems.add(pos, codeBackfill, phrase("通往“%s”的路径接着是“%s”，但它不能从%s出发", "the path to %s goes on with %s, which does not leave from %s", state, event, either(here)),
					Text{
						"请从初始状态起，按本应触发的先后列出事件",
						"list the events from the initial state in the order in which they would have been fired",
					})
				broken = true
				break
			}
			here = next
		}
		if !broken && !slices.Contains(here, state) {
			c.problems.add(d.at("backfill", state), codeBackfill, phrase("通往“%s”的路径止于%s", "the path to %s ends in %s", state, either(here)),
				Text{"请在末尾补上缺少的事件", "add the events that are missing at its end"})
		}
	}
}

// either is one state or several that it may be.
func either(states []string) Text {
	return Text{ZH: "“" + strings.Join(states, "”或“") + "”", EN: strings.Join(states, " or ")}
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
