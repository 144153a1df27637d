package workflow

import (
	"errors"
	"slices"
	"strings"
)

// runUndo takes one command back: every row it changed gets its before-image, aggregates move by the reverse difference,
// versions rise. It is refused, naming what stands in the way, if anything was built on the command since.
func (x *tx) runUndo() error {
	main, err := x.entry(x.cmd.Root)
	var side *Entry
	if x.cmd.Root != x.cmd.Community {
		var other error
		side, other = x.entry(x.cmd.Community) // asked for in the same round
		err = errors.Join(err, other)
	}
	if err != nil {
		return err
	}
	if main == nil {
		x.refuse(unknownReason("command", x.cmd.Of))
		return errRefused
	}
	entries := []*Entry{main}
	if side != nil {
		entries = append(entries, side)
	}
	x.target = main.Target
	if err := x.checkStillOpen(entries); err != nil {
		return err
	}
	if err := x.checkUndo(main, entries); err != nil {
		return err
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	if len(x.reasons) > 0 {
		return errRefused
	}
	for _, e := range entries {
		for _, c := range slices.Backward(e.Changes) {
			if err := x.restore(c, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (x *tx) entry(root string) (*Entry, error) {
	k := Key{Kind: KeyEntry, A: root, B: x.cmd.Of}
	if !x.Snap.Has(k) {
		return nil, x.want(k)
	}
	return x.Snap.entries[k], nil
}

// checkUndo collects every reason against an undo.
func (x *tx) checkUndo(main *Entry, entries []*Entry) error {
	what := Text{"撤销", "undoing"}
	if main.Kind == KindUndo {
		x.refuse(undoUndoReason())
		return errRefused
	}
	def := x.Bundle.Definition(main.Workflow)
	target, err := x.get(main.Target)
	if err != nil {
		return err
	}
	if def != nil {
		if err := x.checkActor(def, target, def.Undo.By, what); err != nil {
			return err
		}
	}
	if x.cmd.Reason == "" {
		x.refuse(reasonRequired(what))
	}
	for _, e := range entries {
		for _, c := range e.Changes {
			x.checkRevocable(c, e)
			if err := x.checkRestorable(c, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkRevocable refuses to take back what the registry has set off elsewhere: a consent withdrawn, a person who died or was erased,
// whose key is gone for good. Their own ways back, where there are any, are events.
func (x *tx) checkRevocable(c Change, e *Entry) {
	if e.Root != x.cmd.Community || c.State == nil || c.Created != nil || c.Deleted != nil {
		return
	}
	i := x.Snap.instances[c.ID]
	if i == nil {
		return
	}
	event := i.Workflow + "_" + c.State[1]
	if c.State[1] == "erased" || slices.ContainsFunc(x.Bundle.Definitions(), func(d *Definition) bool { return d.Event(event) != nil }) {
		x.refuse(irrevocableReason(x.definition(i), c.State[1]))
	}
}

// checkRestorable refuses if a later entry touched the row, created something under it, or used a milestone it set.
func (x *tx) checkRestorable(c Change, e *Entry) error {
	if c.Touched[0] == c.Touched[1] {
		return nil // only aggregates moved
	}
	i, err := x.get(c.ID)
	if err != nil {
		return err
	}
	if i == nil || c.Deleted != nil {
		x.refuse(laterReason(c.ID, nil))
		return nil
	}
	def := x.definition(i)
	if i.Touched != e.Seq {
		x.refuse(laterReason(c.ID, def))
		return nil
	}
	if c.Created != nil {
		if err := x.checkTakenAway(i, e); err != nil {
			return err
		}
		if err := x.checkUnnamed(i, e); err != nil {
			return err
		}
	}
	if i.Body.LastChild > e.Seq {
		x.refuse(childReason(def, i))
	} else if c.State != nil && c.Created == nil {
		if err := x.checkBelow(i, e); err != nil {
			return err
		}
	}
	if c.Rest != nil {
		if err := x.checkBasis(i, c.Rest[0].Uses); err != nil {
			return err
		}
	}
	for _, m := range sortedKeys(i.Body.Milestones) {
		if i.Body.Milestones[m].Seq != e.Seq {
			continue
		}
		users, err := x.usersOf(i, m)
		if err != nil {
			return err
		}
		users = slices.DeleteFunc(users, func(u *Instance) bool {
			return slices.ContainsFunc(e.Changes, func(o Change) bool { return o.ID == u.ID && o.Created != nil })
		})
		if len(users) > 0 {
			x.refuse(usedReason(x.Bundle, def, m, users))
		}
	}
	return nil
}

// checkUnnamed refuses to take away what something else names in a reference field.
func (x *tx) checkUnnamed(i *Instance, e *Entry) error {
	for _, d := range x.Bundle.Definitions() {
		if !slices.ContainsFunc(d.Fields, func(f *Field) bool { return f.target() == i.Workflow }) {
			continue
		}
		naming, err := x.naming(i.ID, d)
		if err != nil {
			continue // noted; the other definitions' rows are asked for in the same round
		}
		for _, r := range naming {
			if !slices.ContainsFunc(e.Changes, func(c Change) bool { return c.ID == r.ID }) {
				x.refuse(namedReason(x.definition(i), i, d, r))
				break
			}
		}
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	return nil
}

// naming returns the instances of one workflow that name an instance, in the order of their ids: those that are stored and those that
// earlier commands of the same slice changed.
func (x *tx) naming(id string, d *Definition) ([]*Instance, error) {
	candidates, err := x.list(Key{Kind: KeyReferrers, A: id, B: d.Name})
	if err != nil {
		return nil, err
	}
	for _, i := range x.Snap.instances {
		if i != nil && i.Workflow == d.Name && !slices.Contains(candidates, i) {
			candidates = append(candidates, i)
		}
	}
	out := slices.DeleteFunc(candidates, func(i *Instance) bool {
		return !slices.ContainsFunc(d.Fields, func(f *Field) bool {
			return f.Type.Reference() && slices.Contains(idsOf(i.Body.Data[f.Name]), id)
		})
	})
	slices.SortFunc(out, func(a, b *Instance) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// checkBelow refuses to take back a change of state when something below moved on since: a household was recorded because its
// round had started. It looks level by level and stops where it finds something.
func (x *tx) checkBelow(i *Instance, e *Entry) error {
	mine := func(id string) bool { return slices.ContainsFunc(e.Changes, func(c Change) bool { return c.ID == id }) }
	for level := []*Instance{i}; len(level) > 0; {
		var below []*Instance
		for _, p := range level {
			if p.Body.LastChild == 0 {
				continue // nothing was ever made under it
			}
			for _, of := range x.definition(p).children() {
				l, err := x.list(Key{Kind: KeyChildren, A: p.ID, B: of})
				if err != nil {
					continue // noted; the other lists of this level are asked for in the same round
				}
				below = append(below, l...)
			}
		}
		if len(x.missing) > 0 {
			return errMissing
		}
		for _, b := range below {
			if b.Touched > e.Seq && !mine(b.ID) {
				x.refuse(belowReason(x.definition(i), i, x.definition(b)))
				return nil
			}
		}
		level = below
	}
	return nil
}

// checkBasis refuses to bring back what was built on a milestone that is no longer there.
func (x *tx) checkBasis(i *Instance, uses []Use) error {
	for _, u := range uses {
		if slices.Contains(i.Body.Uses, u) {
			continue
		}
		owner, err := x.get(u.Instance)
		if err != nil {
			return err
		}
		if owner == nil {
			x.refuse(laterReason(u.Instance, nil))
		} else if _, latched := owner.Body.Milestones[u.Milestone]; !latched {
			x.refuse(laterReason(u.Instance, x.definition(owner)))
		}
	}
	return nil
}

// restore puts one row back.
func (x *tx) restore(c Change, e *Entry) error {
	if c.Created != nil {
		i, err := x.get(c.ID)
		if err != nil || i == nil {
			return err
		}
		return x.remove(i)
	}
	if c.Touched[0] == c.Touched[1] {
		// An aggregate of this row moved, and moves back with the item. What it knows of its youngest child goes back by hand.
		if c.Rest == nil {
			return nil
		}
		return x.modify(c.ID, false, func(i *Instance) {
			if i.Body.LastChild == e.Seq {
				i.Body.LastChild = c.Rest[0].LastChild
			}
		})
	}
	err := x.modify(c.ID, true, func(i *Instance) {
		if c.State != nil {
			i.State = c.State[0]
		}
		i.set(side(c.Data, 0))
		if c.Rest != nil {
			timers := i.Body.Timers
			i.Body.setRest(c.Rest[0])
			i.Body.Timers = timers // armed anew from the restored state, with a higher generation
		}
	})
	if r := x.rows[c.ID]; r != nil {
		r.restored, r.touched = true, c.Touched[0]
	}
	return err
}

// side is what the fields held before (0) or after (1) a change.
func side(data map[string]Pair, n int) Values {
	out := make(Values, len(data))
	for f, p := range data {
		out[f] = p[n]
	}
	return out
}

// rest is the engine's bookkeeping of a row as history keeps it.
func (b *Body) rest() Rest {
	return Rest{
		Milestones: b.Milestones, By: b.By, Waived: b.Waived, Uses: b.Uses, Timers: b.Timers, Flags: b.Flags,
		Entered: b.Entered, LastChild: b.LastChild,
	}
}

// setRest takes over the bookkeeping, maps and all: nobody changes them.
func (b *Body) setRest(r Rest) {
	b.Milestones, b.By, b.Waived, b.Timers = r.Milestones, r.By, r.Waived, r.Timers
	b.Uses, b.Flags, b.Entered, b.LastChild = r.Uses, r.Flags, r.Entered, r.LastChild
}
