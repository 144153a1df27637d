package workflow

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// outcome turns the changed clones into rows, timers and history entries.
func (x *tx) outcome() (*Outcome, error) {
	x.consequences()
	if len(x.missing) > 0 {
		return &Outcome{Missing: x.missing}, nil
	}
	for _, r := range x.order {
		if err := x.rearm(r); err != nil {
			return nil, err
		}
	}
	o := &Outcome{Timers: x.timers, Reads: x.reads, Absent: x.absent, Warnings: x.warnings}
	if len(x.distinct) > 0 {
		o.Distinct = make(map[Key]int64, len(x.distinct))
		for k, n := range x.distinct {
			o.Distinct[k] = n[1]
		}
	}
	var main, side []Change // in the chain of the command's root, and in the registry's if that is another
	for _, r := range x.order {
		if r.orig == nil && r.deleted {
			continue
		}
		x.stamp(r)
		switch r.now.Root {
		case x.cmd.Root:
			main = append(main, x.change(r))
		case x.cmd.Community:
			side = append(side, x.change(r))
		}
		op := RowUpdate
		switch {
		case r.orig == nil:
			op = RowInsert
		case r.deleted:
			op = RowDelete
		}
		if o.Rows == nil {
			o.Rows = make([]RowChange, 0, len(x.order))
		}
		o.Rows = append(o.Rows, RowChange{Op: op, Instance: r.now})
	}
	o.Entries = append(o.Entries, x.entryFor(x.cmd.Root, main))
	if len(side) > 0 {
		o.Entries = append(o.Entries, x.entryFor(x.cmd.Community, side))
		for _, c := range side {
			delete(o.Reads, c.ID)
		}
	}
	switch r := x.rows[x.target]; {
	case r == nil:
		o.Target = x.Snap.instances[x.target]
	case !r.deleted:
		o.Target = r.now
	}
	return o, nil
}

// stamp raises the version of a row that changed itself, and notes the entry that touched it.
func (x *tx) stamp(r *row) {
	if !r.direct {
		return
	}
	r.now.Version = 1
	if r.orig != nil {
		r.now.Version = r.orig.Version + 1
	}
	r.now.Touched = x.seqAfter(r.now.Root)
	if r.restored {
		r.now.Touched = r.touched
	}
}

// change is the difference between a row before and after.
func (x *tx) change(r *row) Change {
	orig, now := r.orig, r.now
	c := Change{ID: now.ID, Version: [2]int64{0, now.Version}, Touched: [2]int64{0, now.Touched}}
	before := &Instance{}
	switch {
	case orig == nil:
		c.Created = &Identity{now.Parent, now.Workflow, now.Slot, now.Key}
	case r.deleted:
		c.Deleted = &Identity{now.Parent, now.Workflow, now.Slot, now.Key}
		before, now = orig, &Instance{}
		c.Version, c.Touched = [2]int64{orig.Version, 0}, [2]int64{orig.Touched, 0}
	default:
		before = orig
		c.Version[0], c.Touched[0] = orig.Version, orig.Touched
	}
	if before.State != now.State {
		c.State = &[2]string{before.State, now.State}
	}
	c.Data = diffValues(before.Body.Data, now.Body.Data)
	c.Aggregate = diffAggregates(before.Body.Aggregates, now.Body.Aggregates)
	c.Distinct = x.diffDistinct(c.ID)
	if a, b := before.Body.rest(), now.Body.rest(); !sameRest(a, b) {
		c.Rest = &[2]Rest{a, b}
	}
	return c
}

func sameRest(a, b Rest) bool {
	return a.Entered.Equal(b.Entered) && a.LastChild == b.LastChild && slices.Equal(a.Uses, b.Uses) && slices.Equal(a.Flags, b.Flags) &&
		equalMaps(a.By, b.By, func(v, w string) bool { return v == w }) &&
		equalMaps(a.Waived, b.Waived, func(v, w Waiver) bool { return v == w }) &&
		equalMaps(a.Timers, b.Timers, Due.same) && equalMaps(a.Milestones, b.Milestones, Milestone.same)
}

func equalMaps[V any](a, b map[string]V, same func(V, V) bool) bool {
	return sameMap(a, b) || maps.EqualFunc(a, b, same)
}

func diffValues(a, b Values) map[string]Pair {
	if sameMap(a, b) {
		return nil
	}
	var out map[string]Pair
	note := func(k string, v, w Value) {
		if out == nil {
			out = map[string]Pair{}
		}
		out[k] = Pair{v, w}
	}
	for k, v := range a {
		if w := b[k]; !Equal(v, w) {
			note(k, v, w)
		}
	}
	for k, w := range b {
		if _, ok := a[k]; !ok && w != nil {
			note(k, nil, w)
		}
	}
	return out
}

func diffAggregates(a, b map[string]int64) map[string][2]int64 {
	if sameMap(a, b) {
		return nil
	}
	var out map[string][2]int64
	note := func(k string, n, m int64) {
		if out == nil {
			out = map[string][2]int64{}
		}
		out[k] = [2]int64{n, m}
	}
	for k, n := range a {
		if m := b[k]; m != n {
			note(k, n, m)
		}
	}
	for k, m := range b {
		if _, ok := a[k]; !ok && m != 0 {
			note(k, 0, m)
		}
	}
	return out
}

func (x *tx) diffDistinct(id string) []DistinctChange {
	var out []DistinctChange
	for k, n := range x.distinct {
		if k.A == id && n[0] != n[1] {
			out = append(out, DistinctChange{Aggregate: k.B, Value: k.C, N: n})
		}
	}
	slices.SortFunc(out, func(a, b DistinctChange) int {
		if a.Aggregate != b.Aggregate {
			return strings.Compare(a.Aggregate, b.Aggregate)
		}
		return strings.Compare(a.Value, b.Value)
	})
	return out
}

// entryFor is the history entry of this command in one chain. The registry's side of a command holds no inputs: they are in the programme's.
func (x *tx) entryFor(root string, changes []Change) Entry {
	c := x.cmd
	e := Entry{
		Format: 1, Community: c.Community, Root: root, Seq: x.seqAfter(root), Command: c.ID, Kind: c.Kind, Event: c.Event,
		Target: x.target, Bundle: x.Bundle.Hash, Actor: c.Actor, OnBehalf: c.OnBehalf, Recorded: x.Now, Occurred: c.Occurred,
		Timer: c.Timer, Undoes: c.Of, Changes: changes,
	}
	if r := x.rows[x.target]; r != nil {
		e.Workflow = r.now.Workflow
	} else if t := x.Snap.instances[x.target]; t != nil {
		e.Workflow = t.Workflow
	}
	if root == c.Root {
		e.Reason, e.Note, e.Input, e.Confirm = c.Reason, c.Note, c.Input, c.Confirm
		e.Warnings, e.Waived, e.Messages = x.warnings, x.waived, x.messages
		if len(e.Input) == 0 {
			e.Input = nil
		}
	}
	return e
}

// Replay applies one recorded change to a row, rebuilding what the command did; nil stands for a row that does not exist.
// It reports false if the row was not what the change says it was before.
func Replay(i *Instance, c Change, community, root string) (*Instance, bool) {
	if c.Created != nil {
		if i != nil {
			return nil, false
		}
		i = &Instance{
			ID: c.ID, Community: community, Root: root, Parent: c.Created.Parent, Workflow: c.Created.Workflow,
			Slot: c.Created.Slot, Key: c.Created.Key,
		}
	}
	if i == nil {
		return nil, false
	}
	ok := c.Created != nil || i.Version == c.Version[0] && i.Touched == c.Touched[0]
	n := i.clone()
	if c.State != nil {
		ok = ok && i.State == c.State[0]
		n.State = c.State[1]
	}
	for f, p := range c.Data {
		ok = ok && Equal(i.Body.Data[f], p[0])
	}
	n.set(side(c.Data, 1))
	if len(c.Aggregate) > 0 {
		n.Body.Aggregates = make(map[string]int64, len(i.Body.Aggregates)+len(c.Aggregate))
		maps.Copy(n.Body.Aggregates, i.Body.Aggregates)
	}
	for a, p := range c.Aggregate {
		ok = ok && i.Body.Aggregates[a] == p[0]
		n.Body.Aggregates[a] = p[1]
	}
	if c.Rest != nil {
		ok = ok && (c.Created != nil || sameRest(i.Body.rest(), c.Rest[0]))
		n.Body.setRest(c.Rest[1])
	}
	if c.Deleted != nil {
		return nil, ok
	}
	n.Version, n.Touched = c.Version[1], c.Touched[1]
	return n, ok
}

// Same reports whether two rows are the same, bookkeeping and aggregates included; a zero aggregate equals an absent one.
func Same(a, b *Instance) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.Body, y.Body = Body{}, Body{}
	return reflect.DeepEqual(x, y) && len(diffValues(a.Body.Data, b.Body.Data)) == 0 &&
		len(diffAggregates(a.Body.Aggregates, b.Body.Aggregates)) == 0 && sameRest(a.Body.rest(), b.Body.rest())
}
