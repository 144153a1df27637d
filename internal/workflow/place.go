package workflow

import (
	"slices"
	"strings"
)

// Admits reports whether an instance of a workflow may be added under a parent in this state, as far as the state goes: the parent is
// not at its end, and in one of the states that the workflow asks for.
func (d *Definition) Admits(state string, child *Definition) bool {
	st := d.State(state)
	return (st == nil || !st.Final) && child.Create.Under(state)
}

// checkParentState refuses to add an instance while its parent is in a state in which that would change what was closed, signed off or
// published.
func (x *tx) checkParentState(def *Definition, parent *Instance) {
	if !def.Create.Under(parent.State) {
		x.refuse(parentStateReason(def, x.definition(parent), parent.State))
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
		r := parentStateReason(def, x.definition(parent), parent.State)
		r.Code = ReasonUsed // what was closed, signed off or published since counts on it
		x.refuse(r)
	}
	return nil
}

// parentStateReason names the state, those in which it is possible, and the way there.
func parentStateReason(def, parent *Definition, state string) Reason {
	var in []string
	for _, s := range def.Create.In {
		if parent.State(s) != nil {
			in = append(in, s)
		}
	}
	r := both(ReasonState, state, "所属的%s已是「%s」，这时不能增减「%s」；只能在%s时进行", `the %s it belongs to is now "%s"; a "%s" can be added or taken away only in %s`,
		parent.Title, stateTitle(parent, state), def.Title, stateList(parent, in))
	way := parent.way(state, in)
	if len(way) == 0 {
		return r
	}
	zh, en := make([]string, len(way)), make([]string, len(way))
	for n, t := range way {
		zh[n], en[n] = "「"+t.ZH+"」", `"`+t.EN+`"`
	}
	r.Text.ZH += "；请先" + strings.Join(zh, "、")
	r.Text.EN += "; first: " + strings.Join(en, ", ")
	return r
}

// way returns what people do to bring an instance from one state into one of others: the titles of the fewest events, or of reopening.
// It is empty if no way leads there.
func (d *Definition) way(from string, to []string) []Text {
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
			if slices.Equal(ev.By, []string{"system"}) {
				continue
			}
			for _, dest := range d.Next(at.state, ev.Name) {
				reach(dest.State, ev.Title)
			}
		}
		if d.Reopen != nil && d.Reopen.To[at.state] != "" {
			reach(d.Reopen.To[at.state], Text{"重新打开", "reopen"})
		}
	}
	return nil
}

// checkCreateIn checks that the states in which a workflow may be created are states of its possible parents, and that each of these
// has one of them.
func (c *checker) checkCreateIn(d *draft) {
	in := d.def.Create.In
	if len(in) == 0 {
		return
	}
	var parents []*Definition
	var known []string
	for _, name := range c.bundle.Parents(d.def.Name) {
		p := c.bundle.Definition(name)
		if !c.readable(p) {
			return // what it lacks cannot be told
		}
		parents = append(parents, p)
		for _, s := range stateNames(p) {
			if !slices.Contains(known, s) {
				known = append(known, s)
			}
		}
	}
	what := partOf(word("create"), "in")
	for _, s := range in {
		if !slices.Contains(known, s) {
			c.problems.add(d.at("create", "in", s), codeState,
				phrase("%s写了“%s”，但可以容纳“%s”的流程都没有这个状态", "%s names %q, which is no state of anything that may hold a %s", what, s, d.def.Name), oneOf(known))
		}
	}
	for _, p := range parents {
		if !slices.ContainsFunc(in, func(s string) bool { return p.State(s) != nil }) {
			c.problems.add(d.at("create", "in"), codeState, phrase("%s没有写“%s”的任何状态，它之下就不能新建", "%s names no state of %s, so that none could be created under it", what, p.Name),
				oneOf(stateNames(p)))
		}
	}
}
