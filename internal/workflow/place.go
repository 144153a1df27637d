package workflow

import (
	"errors"
	"slices"
)

// checkParentState refuses to add an instance while its parent is in a state in which that would change what was closed, signed off or
// published.
func (x *tx) checkParentState(def *Definition, parent *Instance) {
	if !def.Create.Under(parent.State) {
		x.refuse(parentStateReason(x.Bundle, def, x.definition(parent), parent.State))
	}
}

// checkTakenAway refuses to undo a creation where none would be possible any more. A parent that goes back with it counts as it will be.
func (x *tx) checkTakenAway(i *Instance, e *Entry) error {
	def := x.definition(i)
	if len(def.Create.In) == 0 {
		return nil
	}
	parent, err := x.get(i.Parent)
	if err != nil || parent == nil {
		return err
	}
	for _, c := range e.Changes {
		if c.ID == parent.ID && (c.Created != nil || c.State != nil && def.Create.Under(c.State[0])) {
			return nil
		}
	}
	if !def.Create.Under(parent.State) {
		r := parentStateReason(x.Bundle, def, x.definition(parent), parent.State)
		r.Code = ReasonUsed // what was closed, signed off or published since counts on it
		x.refuse(r)
	}
	return nil
}

// checkFixed refuses people's changes of what is fixed while its parent is in a state in which it could not be added either.
func (x *tx) checkFixed(i *Instance) error {
	def := x.definition(i)
	if !def.Fixed {
		return nil
	}
	parent, err := x.get(i.Parent)
	if err == nil && parent != nil {
		x.checkParentState(def, parent)
	}
	return err
}

// goingBack is what an undo will put back, by id.
type goingBack map[string]Change

// state is the state that an instance will be in; "" if it will be gone.
func (g goingBack) state(i *Instance) string {
	switch c, ok := g[i.ID]; {
	case ok && c.Created != nil:
		return ""
	case ok && c.State != nil:
		return c.State[0]
	default:
		return i.State
	}
}

// checkStillOpen refuses people's undoing of a change to anything below what has come to its end since: see checkRunning. What goes back
// together counts as it will be. That a row which an effect changed is fixed meanwhile does not matter: effects go on as well.
func (x *tx) checkStillOpen(entries []*Entry) error {
	if x.cmd.Actor.System {
		return nil
	}
	back := goingBack{}
	for _, e := range entries {
		for _, c := range e.Changes {
			back[c.ID] = c
		}
	}
	told := map[string]bool{}
	for _, e := range entries {
		for _, c := range e.Changes {
			if e.Root == x.cmd.Community || c.Touched[0] == c.Touched[1] {
				continue // the registry has no end; or only aggregates moved
			}
			if err := x.checkOpenAbove(c, back, told); err != nil && !errors.Is(err, errMissing) {
				return err // what is missing is asked for in one round
			}
		}
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	return nil
}

// checkOpenAbove looks at everything that one change to be undone stands under.
func (x *tx) checkOpenAbove(c Change, back goingBack, told map[string]bool) error {
	i, err := x.get(c.ID)
	if err != nil || i == nil {
		return err
	}
	above, err := x.get(i.Parent)
	if err != nil {
		return err
	}
	if def := x.definition(i); def.Fixed && c.ID == x.target && c.Created == nil && above != nil && !def.Create.Under(back.state(above)) {
		r := parentStateReason(x.Bundle, def, x.definition(above), above.State)
		r.Code = ReasonUsed
		x.refuse(r)
	}
	for above != nil {
		def := x.definition(above)
		state := back.state(above)
		st := def.State(state)
		if st != nil && st.Final && (def.Level != LevelItem || state == StateCancelled || state == StateSkipped) {
			if !told[above.ID] {
				x.refuse(ancestorReason(def, above))
			}
			told[above.ID] = true
			return nil
		}
		if above, err = x.get(above.Parent); err != nil {
			return err
		}
	}
	return nil
}

// parentStateReason names the state, those in which it is possible, and the way there.
func parentStateReason(b *Bundle, def, parent *Definition, state string) Reason {
	var in []string
	for _, s := range def.Create.In {
		if parent.State(s) != nil {
			in = append(in, s)
		}
	}
	zh, en := "所属的「%s」已是「%s」，这时不能增减「%s」；只能在%s时进行", `"%s", which it belongs to, is now "%s"; "%s" can be added or taken away only in %s`
	if def.Fixed {
		zh, en = "所属的「%s」已是「%s」，这时不能增减或更改「%s」；只能在%s时进行", `"%s", which it belongs to, is now "%s"; "%s" can be added, changed or taken away only in %s`
	}
	r := both(ReasonState, state, zh, en, parent.Title, stateTitle(parent, state), def.Title, stateList(parent, in))
	return b.withWay(r, parent, state, in)
}

// withWay adds to a reason what people do first to bring an instance from one state into one of others, if there is such a way.
func (b *Bundle) withWay(r Reason, d *Definition, from string, to []string) Reason {
	way := b.way(d, from, to)
	if len(way) == 0 {
		return r
	}
	first := quoted(way)
	r.Text.ZH += "；请先" + first.ZH
	r.Text.EN += "; first: " + first.EN
	return r
}

// way returns what people do to bring an instance back from one state into one of others: the titles of the fewest events that ask for a
// reason, or of reopening. What only follows from something else, such as an objection that is upheld, is no advice. It is empty if no way
// leads there, and if things get there in their ordinary course.
func (b *Bundle) way(d *Definition, from string, to []string) []Text {
	ordinary := func(ev *Event) bool { return !ev.Reason }
	if d.steps(from, to, ordinary, nil) != nil {
		return nil
	}
	return d.steps(from, to, func(ev *Event) bool { return ev.Reason && !b.follows(d, ev.Name) }, d.Reopen)
}

// steps are the titles of the fewest events that people take from one state to one of others, or nil.
func (d *Definition) steps(from string, to []string, usable func(*Event) bool, reopen *ReopenOption) []Text {
	type step struct {
		state string
		did   []Text
	}
	seen := []string{from}
	for queue := []step{{state: from}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if slices.Contains(to, at.state) {
			return at.did
		}
		reach := func(state string, title Text) {
			if !slices.Contains(seen, state) {
				seen = append(seen, state)
				queue = append(queue, step{state, append(slices.Clone(at.did), title)})
			}
		}
		for _, ev := range d.Events {
			if slices.Equal(ev.By, []string{"system"}) || !usable(ev) {
				continue
			}
			for _, dest := range d.Next(at.state, ev.Name) {
				reach(dest.State, ev.Title)
			}
		}
		if reopen != nil && reopen.To[at.state] != "" {
			reach(reopen.To[at.state], Text{"重新打开", "reopen"})
		}
	}
	return nil
}

// follows reports whether an effect of something else fires an event of a workflow.
func (b *Bundle) follows(d *Definition, event string) bool {
	fires := func(by *Definition, e *Effect) bool {
		if e.Kind != EffectFire || e.Event != event {
			return false
		}
		switch e.On {
		case "parent":
			return slices.Contains(b.Parents(by.Name), d.Name)
		case "root":
			return d.Level == LevelProgramme
		default:
			f := by.Field(e.On)
			return f != nil && f.target() == d.Name
		}
	}
	for _, by := range b.Definitions() {
		for _, ev := range by.Events {
			if slices.ContainsFunc(ev.Effects, func(e *Effect) bool { return fires(by, e) }) {
				return true
			}
		}
	}
	return false
}

// checkCreateIn checks that the states in which a workflow may be created are states of its possible parents, and that each of these
// has one of them that it has not ended in: nothing is ever created under what has ended.
func (c *checker) checkCreateIn(d *draft) {
	in := d.def.Create.In
	what := partOf(word("create"), "in")
	if _, given := d.marks["create/in"]; !given {
		if d.def.Fixed {
			c.problems.add(d.at("fixed"), codeValue, phrase("“fixed”没有依据：新建没有限定上级的状态", "`fixed` has nothing to go by: create names no states of the parent"),
				Text{"请写 `create: {in: [状态]}`，或删除", "write `create: {in: [states]}`, or remove it"})
		}
		return
	}
	if len(in) == 0 {
		c.problems.add(d.at("create", "in"), codeValue, phrase("%s没有写任何状态", "%s names no states", what),
			Text{"请至少写一个状态，或删除“in”", "name at least one, or remove `in`"})
		return
	}
	var parents []*Definition
	var known, open []string
	for _, name := range c.bundle.Parents(d.def.Name) {
		p := c.bundle.Definition(name)
		if !c.readable(p) {
			return // what it lacks cannot be told
		}
		parents = append(parents, p)
		known, open = union(known, stateNames(p)), union(open, openStates(p))
	}
	for _, s := range in {
		switch {
		case slices.Contains(open, s):
		case slices.Contains(known, s):
			c.problems.add(d.at("create", "in", s), codeState,
				phrase("%s写了“%s”，但这是终结状态，其下不能新建", "%s names %q, a final state, under which nothing is created", what, s), oneOf(open))
		default:
			c.problems.add(d.at("create", "in", s), codeState,
				phrase("%s写了“%s”，但可以容纳“%s”的流程都没有这个状态", "%s names %q, which is no state of anything that may hold a %s", what, s, d.def.Name), oneOf(open))
		}
	}
	for _, p := range parents {
		if !slices.ContainsFunc(in, func(s string) bool { return slices.Contains(openStates(p), s) }) {
			c.problems.add(d.at("create", "in"), codeState,
				phrase("%s没有写“%s”的任何未终结的状态，它之下就不能新建", "%s names no state of %s that is not final, so that none could be created under it", what, p.Name),
				oneOf(openStates(p)))
		}
		if p.Level == LevelProgramme && !slices.Contains(in, p.Initial) &&
			slices.ContainsFunc(p.Slots, func(s *Slot) bool { return s.Workflow == d.def.Name && s.Min > 0 }) {
			c.problems.add(d.at("create", "in"), codeState,
				phrase("%s没有写“%s”，但“%s”一新建就带有一个“%s”", "%s lacks %q, but a %s begins with a %s", what, p.Initial, p.Name, d.def.Name),
				phrase("请加上“%s”", "add %s", p.Initial))
		}
	}
}

// openStates are the states of a definition that are not final.
func openStates(d *Definition) []string {
	return slices.DeleteFunc(stateNames(d), func(s string) bool { return d.State(s).Final })
}
