package workflow

import (
	"encoding/json"
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
	for _, id := range x.order {
		if err := x.rearm(id); err != nil {
			return nil, err
		}
	}
	o := &Outcome{Distinct: map[Key]int64{}, Timers: x.timers, Reads: x.reads, Absent: x.absent, Warnings: x.warnings}
	for k, n := range x.distinct {
		o.Distinct[k] = n[1]
	}
	changes := map[string][]Change{}
	for _, id := range x.order {
		orig, now := x.orig[id], x.work[id]
		if orig == nil && x.deleted[id] {
			continue
		}
		x.stamp(id, orig, now)
		changes[now.Root] = append(changes[now.Root], x.change(id, orig, now))
		op := RowUpdate
		switch {
		case orig == nil:
			op = RowInsert
		case x.deleted[id]:
			op = RowDelete
		}
		o.Rows = append(o.Rows, RowChange{Op: op, Instance: now})
	}
	o.Entries = append(o.Entries, x.entryFor(x.cmd.Root, changes[x.cmd.Root]))
	if x.cmd.Root != x.cmd.Community && len(changes[x.cmd.Community]) > 0 {
		o.Entries = append(o.Entries, x.entryFor(x.cmd.Community, changes[x.cmd.Community]))
		for _, c := range changes[x.cmd.Community] {
			delete(o.Reads, c.ID)
		}
	}
	if i := x.work[x.target]; i != nil && !x.deleted[x.target] {
		o.Target = i
	} else if !x.deleted[x.target] {
		o.Target = x.Snap.instances[x.target]
	}
	return o, nil
}

// stamp raises the version of a row that changed itself, and notes the entry that touched it.
func (x *tx) stamp(id string, orig, now *Instance) {
	if !x.direct[id] {
		return
	}
	if orig != nil {
		now.Version = orig.Version + 1
	} else {
		now.Version = 1
	}
	now.Touched = x.seqAfter(now.Root)
	if t, ok := x.restored[id]; ok {
		now.Touched = t
	}
}

// change is the difference between a row before and after.
func (x *tx) change(id string, orig, now *Instance) Change {
	c := Change{ID: id, Version: [2]int64{0, now.Version}, Touched: [2]int64{0, now.Touched}}
	before := &Instance{}
	switch {
	case orig == nil:
		c.Created = &Identity{now.Parent, now.Workflow, now.Slot, now.Key}
	case x.deleted[id]:
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
	c.Distinct = x.diffDistinct(id)
	if a, b := before.Body.rest(), now.Body.rest(); !sameRest(a, b) {
		c.Rest = &[2]Rest{a, b}
	}
	return c
}

func sameRest(a, b Rest) bool {
	if len(a.Milestones) == len(b.Milestones) && len(a.By) == len(b.By) && len(a.Waived) == len(b.Waived) &&
		len(a.Timers) == len(b.Timers) && len(a.Uses) == len(b.Uses) && len(a.Flags) == len(b.Flags) &&
		a.Entered.Equal(b.Entered) && a.LastChild == b.LastChild {
		x, _ := json.Marshal(a)
		y, _ := json.Marshal(b)
		return slices.Equal(x, y)
	}
	return false
}

func diffValues(a, b Values) map[string]Pair {
	out := map[string]Pair{}
	for k, v := range a {
		if w := b[k]; !Equal(v, w) {
			out[k] = Pair{v, w}
		}
	}
	for k, w := range b {
		if _, ok := a[k]; !ok && w != nil {
			out[k] = Pair{nil, w}
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func diffAggregates(a, b map[string]int64) map[string][2]int64 {
	out := map[string][2]int64{}
	for k, n := range a {
		if m := b[k]; m != n {
			out[k] = [2]int64{n, m}
		}
	}
	for k, m := range b {
		if _, ok := a[k]; !ok && m != 0 {
			out[k] = [2]int64{0, m}
		}
	}
	if len(out) == 0 {
		return nil
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
	if t := x.work[x.target]; t != nil {
		e.Workflow = t.Workflow
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
		n.set(Values{f: p[1]})
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
