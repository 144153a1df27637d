package workflow

import (
	"fmt"
	"slices"
)

// checkTree checks what definitions say about each other.
func (c *checker) checkTree(drafts []*draft) {
	for _, d := range drafts {
		c.checkReferences(d)
		c.checkItems(d)
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
func (c *checker) workflow(name, what string, pos Pos) *Definition {
	if name == "" {
		return nil
	}
	w := c.bundle.byName[name]
	if w == nil {
		c.problems.add(pos, codeWorkflow, fmt.Sprintf("%s names %q, which is no workflow of this set", what, name),
			"correct the name, or add "+name+"/"+name+".yaml")
	}
	return w
}

// readable reports whether a definition was read, so that what it lacks is really missing.
func (c *checker) readable(w *Definition) bool { return w != nil && len(w.States) > 0 }

func (c *checker) checkReferences(d *draft) {
	for _, f := range d.def.Fields {
		c.workflow(f.Of, "field "+f.Name, d.at("field", f.Name, "of"))
	}
	for _, e := range d.def.Events {
		for _, in := range e.Input {
			if !in.Store {
				c.workflow(in.Of, "input "+in.Name+" of event "+e.Name, d.at("event", e.Name, "input", in.Name, "of"))
			}
		}
	}
}

func (c *checker) checkItems(d *draft) {
	for _, item := range d.def.Items {
		pos := d.at("items", item)
		if w := c.workflow(item, "items", pos); c.readable(w) && w.Level != LevelItem && !(d.def.Level == LevelCommunity && w.Level == LevelProgramme) && w.Level != "" {
			c.problems.add(pos, codeLevel, fmt.Sprintf("%s is a workflow of level %s, not an item", item, w.Level),
				"write `level: item` there, or give it a slot of a programme")
		}
	}
}

func (c *checker) checkSlots(d *draft) {
	if d.def.Level != LevelProgramme && d.def.Level != "" && len(d.def.Slots)+len(d.def.Needs)+len(d.def.Sections) > 0 {
		c.problems.add(d.at("level"), codeLevel, fmt.Sprintf("%s is of level %s but has slots, needs or sections", d.def.Name, d.def.Level),
			"only programmes have them: write `level: programme`, or remove them")
	}
	for _, s := range d.def.Slots {
		pos := d.at("slot", s.Name, "workflow")
		if w := c.workflow(s.Workflow, "slot "+s.Name, pos); c.readable(w) && w.Level != LevelActivity && w.Level != "" {
			c.problems.add(pos, codeLevel, fmt.Sprintf("%s is a workflow of level %s, not an activity", s.Workflow, w.Level), "write `level: activity` there")
		}
	}
}

// slot returns the workflow of a slot, or notes that there is no such slot.
func (c *checker) slot(d *draft, name, what string, pos Pos) *Definition {
	if name == "" {
		return nil
	}
	s := d.def.Slot(name)
	if s == nil {
		names := make([]string, len(d.def.Slots))
		for n, s := range d.def.Slots {
			names[n] = s.Name
		}
		do := "use one of: " + listed(names)
		if d.def.Level != LevelProgramme {
			do = "needs stand in a programme, on events of its slots or its own"
		}
		c.problems.add(pos, codeSlot, fmt.Sprintf("%s names %q, which is no slot of %s", what, name, d.def.Name), do)
		return nil
	}
	if w := c.bundle.byName[s.Workflow]; c.readable(w) {
		return w
	}
	return nil
}

func (c *checker) checkNeed(d *draft, n *Need) {
	what := "need " + n.Name
	event := d.at("need", n.Name, "event")
	of := d.def
	if n.Slot != "" {
		of = c.slot(d, n.Slot, what, event)
	}
	if of != nil && n.Event != "" && of.Event(n.Event) == nil {
		c.unknownEvent(d, n.Event, of, what, event)
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
	f := of.Field(n.Field)
	if f == nil {
		c.problems.add(pos, codeField, fmt.Sprintf("need %s names %q, which is no field of %s", n.Name, n.Field, of.Name), "use one of: "+listed(fieldNames(of)))
		return
	}
	if f.target() != on.Name {
		c.problems.add(pos, codeNeed, fmt.Sprintf("need %s reads %s.%s, which does not refer to %s", n.Name, of.Name, n.Field, on.Name),
			fmt.Sprintf("use a field with `type: ref, of: %s`", on.Name))
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
		c.problems.add(d.def.Needs[at].Pos, codeNeedCycle, "the needs wait for each other: "+arrows(path), "take one of these needs away")
	}
}

func (c *checker) checkAggregate(d *draft, a *Aggregate) {
	what := "aggregate " + a.Name
	of := d.at("aggregate", a.Name, "of")
	item := c.workflow(a.Of, what, of)
	if !c.readable(item) {
		return
	}
	if a.Via == "" && !slices.Contains(d.def.children(), a.Of) {
		c.problems.add(of, codeAggregate, fmt.Sprintf("%s counts %s, which is no item of %s", what, a.Of, d.def.Name),
			"add it to `items:`, or name with `via:` the field through which it points here")
	}
	if a.Via != "" {
		f := item.Field(a.Via)
		if f == nil || f.List || f.target() != d.def.Name {
			c.problems.add(d.at("aggregate", a.Name, "via"), codeAggregate,
				fmt.Sprintf("%s goes via %q, which is no single reference of %s to %s", what, a.Via, a.Of, d.def.Name),
				fmt.Sprintf("name a field of %s with `type: ref, of: %s`", a.Of, d.def.Name))
		}
	}
	for _, s := range a.In {
		if item.State(s) == nil {
			c.problems.add(d.at("aggregate", a.Name, "in", s), codeState, fmt.Sprintf("%s names %q, which is no state of %s", what, s, a.Of),
				"use one of: "+listed(stateNames(item)))
		}
	}
}
