package workflow

import (
	"slices"
)

// checkEffect checks that what an effect acts on exists and has what is written or fired.
func (c *checker) checkEffect(d *draft, e *Event, eff *Effect) {
	what := phrase("事件“%[2]s”的效果“%[1]s”", "the effect %s of event %s", string(eff.Kind), e.Name)
	pos := func(part string) Pos {
		if p, ok := d.marks["effect/"+eff.Pos.String()+"/"+part]; ok {
			return p
		}
		return eff.Pos
	}
	switch eff.Kind {
	case EffectLatch:
		c.milestone(d.def, eff.Latch, what, pos("latch"))
		return
	case EffectMessage:
		return
	case EffectCreate, EffectRegister:
		c.checkCreate(d, eff, what, pos)
		return
	case EffectFire, EffectSet, EffectParticipation:
	}
	if eff.Kind == EffectFire && eff.On == "items" {
		c.checkOnItems(d, eff, what, pos)
	}
	targets, why := effectTargets(c.bundle, d.def, eff)
	if !why.IsZero() && !c.unread {
		do := knownTargets()
		if eff.Kind == EffectParticipation {
			do = phrase("请加上 %[1]s/%[1]s.yaml", "add %[1]s/%[1]s.yaml", workflowParticipation)
		}
		c.problems.add(pos("on"), codeEffectTarget, phrase("%s没有目标：%s", "%s has no target: %s", what, why), do)
	}
	for _, t := range targets {
		if !c.readable(t) {
			continue
		}
		if eff.Kind == EffectFire {
			c.checkFired(eff, t, what, pos)
		}
		c.checkWrites(eff, t, what)
	}
}

func knownTargets() Text {
	return Text{"请用 self、parent、root，或一个引用字段的名称", "use self, parent, root or the name of a reference field"}
}

// checkWrites checks the fields that are set, added to or removed from.
func (c *checker) checkWrites(eff *Effect, t *Definition, what Text) {
	for _, m := range []map[string]*Expr{eff.Set, eff.Add, eff.Remove} {
		for _, name := range sortedKeys(m) {
			if t.Field(name) == nil {
				c.problems.add(m[name].key, codeField, phrase("%s写入“%s”，但“%s”没有这个字段", "%s writes %q, which is no field of %s", what, name, t.Name),
					oneOf(fieldNames(t)))
			}
		}
	}
}

// checkOnItems checks which items are fired on.
func (c *checker) checkOnItems(d *draft, eff *Effect, what Text, pos func(string) Pos) {
	w := c.workflow(eff.Of, what, pos("of"))
	if w == nil {
		return
	}
	if !slices.Contains(d.def.children(), eff.Of) {
		c.problems.add(pos("of"), codeEffectTarget, phrase("%s作用于“%s”，但它不是“%s”的下属事项", "%s fires on %s, which is no item of %s", what, eff.Of, d.def.Name),
			Text{"请把它加进 `items:`", "add it to `items:`"})
	}
	if !c.readable(w) {
		return
	}
	for _, s := range eff.In {
		switch {
		case w.State(s) == nil:
			c.problems.add(pos("in/"+s), codeState, noState(what, s, w), oneOf(stateNames(w)))
		case w.Event(eff.Event) != nil && w.Next(s, eff.Event) == nil:
			c.problems.add(pos("in/"+s), codeEffectTarget, notFrom(what, eff.Event, s),
				Text{"请从 `in:` 中去掉这个状态，否则整个操作都会被拒绝", "take the state out of `in:`: the whole command would be refused"})
		}
	}
}

// checkFired checks an event that an effect fires: it exists and asks for nothing that an effect cannot give.
func (c *checker) checkFired(eff *Effect, t *Definition, what Text, pos func(string) Pos) {
	e := t.Event(eff.Event)
	if e == nil {
		c.unknownEvent(eff.Event, t, what, pos("fire"))
		return
	}
	for _, in := range e.Input {
		if in.Required && !in.Store {
			c.problems.add(pos("fire"), codeEffectInput,
				phrase("%s触发“%s”，它必须有输入项“%s”，而效果无法填写", "%s fires %s, which requires the input %s that an effect cannot give", what, eff.Event, in.Name),
				phrase("请把它改为“%s”的字段并事先写入，或改为选填", "make it a field of %s that is set before, or make it optional", t.Name))
		}
	}
}

// checkCreate checks where an item is created and that its required fields are given.
func (c *checker) checkCreate(d *draft, eff *Effect, what Text, pos func(string) Pos) {
	w := c.workflow(eff.Of, what, pos("of"))
	parents := c.createdUnder(d, eff, what, pos)
	if !c.readable(w) {
		return
	}
	for _, p := range parents {
		if c.readable(p) && !slices.Contains(p.Items, w.Name) {
			c.problems.add(pos("of"), codeEffectTarget, phrase("%s在“%[3]s”之下新建“%[2]s”，但那里没有这种事项", "%s creates %s under %s, which has no such items", what, w.Name, p.Name),
				phrase("请把“%s”加进“%s”的 `items:`，或建在别处", "add %s to `items:` of %s, or create it under something else", w.Name, p.Name))
		}
	}
	c.checkWrites(eff, w, what)
	for _, f := range w.Fields {
		if f.Required && eff.Set[f.Name] == nil {
			c.problems.add(eff.Pos, codeRequiredNotGiven, phrase("%s没有写入必填的 %s.%s", "%s does not set %s.%s, which is required", what, w.Name, f.Name),
				Text{"请在 `set:` 中写上", "add it to `set:`"})
		}
	}
}

// createdUnder returns the possible parents. What is registered at the root belongs to the community.
func (c *checker) createdUnder(d *draft, eff *Effect, what Text, pos func(string) Pos) []*Definition {
	if eff.Kind == EffectRegister && eff.On == "root" {
		for _, w := range c.bundle.definitions {
			if w.Level == LevelCommunity {
				return []*Definition{w}
			}
		}
		return nil
	}
	parents, why := placeTargets(c.bundle, d.def, eff.On)
	if !why.IsZero() && !c.unread {
		c.problems.add(pos("on"), codeEffectTarget, phrase("%s没有归属：%s", "%s has no place: %s", what, why), knownTargets())
	}
	return parents
}

// checkEffectCycle looks for events that fire each other without end.
func (c *checker) checkEffectCycle(drafts []*draft) {
	edges := map[string][]string{}
	at := map[[2]string]Pos{}
	var nodes []string
	for _, d := range drafts {
		for _, e := range d.def.Events {
			from := d.def.Name + "." + e.Name
			for _, eff := range e.Effects {
				if eff.Kind != EffectFire {
					continue
				}
				targets, _ := effectTargets(c.bundle, d.def, eff)
				for _, t := range targets {
					to := t.Name + "." + eff.Event
					edges[from] = append(edges[from], to)
					at[[2]string{from, to}] = eff.Pos
				}
			}
			nodes = append(nodes, from)
		}
	}
	for _, path := range cycles(nodes, edges) {
		c.problems.add(at[[2]string{path[0], path[1]}], codeEffectCycle, phrase("事件互相触发：%s", "the events fire each other: %s", arrows(path)),
			Text{"请去掉其中一个效果", "take one of these effects away"})
	}
}
