package workflow

import (
	"slices"
)

// checkTree checks what definitions say about each other.
func (c *checker) checkTree(drafts []*draft) {
	for _, d := range drafts {
		c.checkReferences(d)
		c.checkItems(d)
		c.checkCreateIn(d)
		c.checkSlots(d)
		for _, n := range d.def.Needs {
			c.checkNeed(d, n)
		}
		c.checkNeedCycle(d)
		for _, a := range d.def.Aggregates {
			c.checkAggregate(d, a)
		}
		for _, e := range d.def.Events {
			for _, eff := range e.Effects {
				c.checkEffect(d, e, eff)
			}
		}
	}
	c.checkEffectCycle(drafts)
	c.checkFiredBySystem(drafts)
}

// workflow returns the named workflow, or notes that the set has none. It keeps quiet about files that cannot be read.
func (c *checker) workflow(name string, what Text, pos Pos) *Definition {
	if name == "" {
		return nil
	}
	w := c.bundle.byName[name]
	if w == nil {
		c.problems.add(pos, codeWorkflow, phrase("%s写了“%s”，但这套定义里没有这个流程", "%s names %q, which is no workflow of this set", what, name),
			phrase("请改正名称，或加上 %[1]s/%[1]s.yaml", "correct the name, or add %[1]s/%[1]s.yaml", name))
	}
	return w
}

// readable reports whether a definition was read, so that what it lacks is really missing.
func (c *checker) readable(w *Definition) bool { return w != nil && len(w.States) > 0 }

func (c *checker) checkReferences(d *draft) {
	for _, f := range d.def.Fields {
		c.workflow(f.Of, phrase("字段“%s”", "field %s", f.Name), d.at("field", f.Name, "of"))
	}
	for _, e := range d.def.Events {
		for _, in := range e.Input {
			if !in.Store {
				c.workflow(in.Of, phrase("事件“%[2]s”的输入项“%[1]s”", "input %s of event %s", in.Name, e.Name), d.at("event", e.Name, "input", in.Name, "of"))
			}
		}
	}
}

func (c *checker) checkItems(d *draft) {
	for _, item := range d.def.Items {
		pos := d.at("items", item)
		if w := c.workflow(item, word("items"), pos); c.readable(w) && w.Level != LevelItem && (d.def.Level != LevelCommunity || w.Level != LevelProgramme) && w.Level != "" {
			c.problems.add(pos, codeLevel, phrase("“%s”的层级是 %s，不是事项", "%s is a workflow of level %s, not an item", item, w.Level),
				Text{"请在那里写 `level: item`，或在项目里给它一个活动位置", "write `level: item` there, or give it a slot of a programme"})
		}
	}
}

func (c *checker) checkSlots(d *draft) {
	if d.def.Level != LevelProgramme && d.def.Level != "" && len(d.def.Slots)+len(d.def.Needs)+len(d.def.Sections) > 0 {
		c.problems.add(d.at("level"), codeLevel, phrase("“%s”的层级是 %s，却有 slots、needs 或 sections", "%s is of level %s but has slots, needs or sections", d.def.Name, d.def.Level),
			Text{"只有项目才有这些：请写 `level: programme`，或删除它们", "only programmes have them: write `level: programme`, or remove them"})
	}
	for _, s := range d.def.Slots {
		pos := d.at("slot", s.Name, "workflow")
		if w := c.workflow(s.Workflow, phrase("活动位置“%s”", "slot %s", s.Name), pos); c.readable(w) && w.Level != LevelActivity && w.Level != "" {
			c.problems.add(pos, codeLevel, phrase("“%s”的层级是 %s，不是活动", "%s is a workflow of level %s, not an activity", s.Workflow, w.Level),
				Text{"请在那里写 `level: activity`", "write `level: activity` there"})
		}
	}
}

// slot returns the workflow of a slot, or notes that there is no such slot.
func (c *checker) slot(d *draft, name string, what Text, pos Pos) *Definition {
	if name == "" {
		return nil
	}
	s := d.def.Slot(name)
	if s == nil {
		names := make([]string, len(d.def.Slots))
		for n, s := range d.def.Slots {
			names[n] = s.Name
		}
		do := oneOf(names)
		if d.def.Level != LevelProgramme {
			do = Text{"先后要求写在项目里，针对其活动位置或项目自己的事件", "needs stand in a programme, on events of its slots or its own"}
		}
		c.problems.add(pos, codeSlot, phrase("%s写了“%s”，但“%s”没有这个活动位置", "%s names %q, which is no slot of %s", what, name, d.def.Name), do)
		return nil
	}
	if w := c.bundle.byName[s.Workflow]; c.readable(w) {
		return w
	}
	return nil
}

func (c *checker) checkNeed(d *draft, n *Need) {
	what := phrase("先后要求“%s”", "need %s", n.Name)
	event := d.at("need", n.Name, "event")
	of := d.def
	if n.Slot != "" {
		of = c.slot(d, n.Slot, what, event)
	}
	if of != nil && n.Event != "" && of.Event(n.Event) == nil {
		c.unknownEvent(n.Event, of, what, event)
	}
	on := c.slot(d, n.On, what, d.at("need", n.Name, "on"))
	if on != nil {
		c.milestone(on, n.Milestone, what, d.at("need", n.Name, "milestone"))
	}
	if n.Which == WhichNamed && n.Field != "" && of != nil && on != nil {
		c.checkNamed(d, n, of, on)
	}
}

// checkNamed checks that the field of a `named` need can hold the ids of the activities asked.
func (c *checker) checkNamed(d *draft, n *Need, of, on *Definition) {
	pos := d.at("need", n.Name, "field")
	what := phrase("先后要求“%s”", "need %s", n.Name)
	f := of.Field(n.Field)
	if f == nil {
		c.problems.add(pos, codeField, noField(what, n.Field, of), oneOf(fieldNames(of)))
		return
	}
	if f.target() != on.Name {
		c.problems.add(pos, codeNeed, phrase("%s读取 %s.%s，但它引用的不是“%s”", "%s reads %s.%s, which does not refer to %s", what, of.Name, n.Field, on.Name),
			phrase("请用写有 `type: ref, of: %s` 的字段", "use a field with `type: ref, of: %s`", on.Name))
	}
}

// checkNeedCycle looks for slots that wait for each other.
func (c *checker) checkNeedCycle(d *draft) {
	edges := map[string][]string{}
	var nodes []string
	for _, n := range d.def.Needs {
		if n.Slot == "" || n.On == "" {
			continue
		}
		edges[n.Slot] = append(edges[n.Slot], n.On)
		nodes = append(nodes, n.Slot)
	}
	for _, path := range cycles(nodes, edges) {
		at := slices.IndexFunc(d.def.Needs, func(n *Need) bool { return n.Slot == path[0] && n.On == path[1] })
		c.problems.add(d.def.Needs[at].Pos, codeNeedCycle, phrase("先后要求互相等待：%s", "the needs wait for each other: %s", arrows(path)),
			Text{"请去掉其中一个要求", "take one of these needs away"})
	}
}

func (c *checker) checkAggregate(d *draft, a *Aggregate) {
	what := phrase("汇总“%s”", "aggregate %s", a.Name)
	of := d.at("aggregate", a.Name, "of")
	item := c.workflow(a.Of, what, of)
	if !c.readable(item) {
		return
	}
	if a.Via == "" && !slices.Contains(d.def.children(), a.Of) {
		c.problems.add(of, codeAggregate, phrase("%s统计“%s”，但它不是“%s”的下属事项", "%s counts %s, which is no item of %s", what, a.Of, d.def.Name), Text{
			"请把它加进 `items:`，或用 `via:` 写出它指向这里的字段",
			"add it to `items:`, or name with `via:` the field through which it points here",
		})
	}
	if a.Via != "" {
		f := item.Field(a.Via)
		if f == nil || f.List || f.target() != d.def.Name {
			c.problems.add(d.at("aggregate", a.Name, "via"), codeAggregate,
				phrase("%s经由“%s”，但它不是“%s”指向“%s”的单个引用", "%s goes via %q, which is no single reference of %s to %s", what, a.Via, a.Of, d.def.Name),
				phrase("请写“%s”中带 `type: ref, of: %s` 的字段", "name a field of %s with `type: ref, of: %s`", a.Of, d.def.Name))
		}
	}
	for _, s := range a.In {
		if item.State(s) == nil {
			c.problems.add(d.at("aggregate", a.Name, "in", s), codeState, noState(what, s, item), oneOf(stateNames(item)))
		}
	}
}
