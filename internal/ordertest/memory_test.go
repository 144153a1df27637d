package ordertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// memory is a community in maps: it answers what the pure core asks for as the store does, and takes over what follows.
// There is no I/O in it, so that thousands of commands a second can be tried. It is not safe for concurrent use.
//
// It distrusts what it is given: every entry must follow the last one of its chain, the recorded changes folded from
// nothing must give the very rows, and no timer may be armed or ended twice.
type memory struct {
	bundle   *workflow.Bundle
	zone     *time.Location
	now      time.Time
	rows     map[string]*workflow.Instance
	folded   map[string]*workflow.Instance // rebuilt from the entries alone
	children map[string][]string           // parent → ids
	distinct map[workflow.Key]int64
	entries  map[workflow.Key]*workflow.Entry
	seq      map[string]int64
	timers   map[workflow.TimerRef]*memoryTimer
	commands int
	rounds   int // of Apply, rows asked for included
}

type memoryTimer struct {
	root, event string
	due         time.Time
	waiting     bool
}

func newMemory(b *workflow.Bundle, zone *time.Location) *memory {
	return &memory{
		bundle: b, zone: zone, now: startOfTime(),
		rows: map[string]*workflow.Instance{}, folded: map[string]*workflow.Instance{}, children: map[string][]string{},
		distinct: map[workflow.Key]int64{}, entries: map[workflow.Key]*workflow.Entry{}, seq: map[string]int64{},
		timers: map[workflow.TimerRef]*memoryTimer{},
	}
}

// fork is a world that goes on from here by itself. Rows and entries are never changed in place.
func (m *memory) fork() *memory {
	c := *m
	c.rows, c.folded, c.distinct = maps.Clone(m.rows), maps.Clone(m.folded), maps.Clone(m.distinct)
	c.entries, c.seq = maps.Clone(m.entries), maps.Clone(m.seq)
	c.children, c.timers = map[string][]string{}, map[workflow.TimerRef]*memoryTimer{}
	for parent, ids := range m.children {
		c.children[parent] = slices.Clone(ids)
	}
	for ref, t := range m.timers {
		one := *t
		c.timers[ref] = &one
	}
	return &c
}

// startOfTime is when every world begins: 1 June 2023, 09:00 in Shenzhen.
func startOfTime() time.Time { return time.Date(2023, 6, 1, 1, 0, 0, 0, time.UTC) }

// do carries out one command; what timers are due fires before it.
func (m *memory) do(_ context.Context, cmd workflow.Command) ([]workflow.Entry, error) {
	m.now = m.now.Add(time.Millisecond)
	fired, err := m.fireDue(cmd.Root)
	if err != nil {
		return fired, err
	}
	mine, err := m.apply(cmd)
	return append(fired, mine...), err
}

// advance moves the clock and fires what is due.
func (m *memory) advance(_ context.Context, d time.Duration) ([]workflow.Entry, error) {
	m.now = m.now.Add(d)
	return m.fireDue("")
}

// fireDue fires the due timers of one root, or of all, earliest first. A refused one ends as skipped.
func (m *memory) fireDue(root string) ([]workflow.Entry, error) {
	var out []workflow.Entry
	for range 1000 {
		ref, due := m.nextDue(root)
		if due == nil {
			return out, nil
		}
		entries, err := m.apply(workflow.Command{
			ID: fmt.Sprintf("timer/%s/%s/%d", ref.Instance, ref.Rule, ref.Generation), Community: community, Root: due.root,
			Target: ref.Instance, Kind: workflow.KindFire, Event: due.event, Actor: workflow.Actor{System: true}, Timer: &ref,
		})
		out = append(out, entries...)
		var refused *workflow.Refusal
		switch {
		case errors.As(err, &refused):
			due.waiting = false
		case err != nil:
			return out, err
		case due.waiting:
			return out, fmt.Errorf("timer %+v fired and still waits", ref)
		}
	}
	return out, errors.New("timers fire without end")
}

func (m *memory) nextDue(root string) (workflow.TimerRef, *memoryTimer) {
	var ref workflow.TimerRef
	var found *memoryTimer
	for r, t := range m.timers {
		if !t.waiting || t.due.After(m.now) || root != "" && t.root != root {
			continue
		}
		earlier := found == nil || t.due.Before(found.due) ||
			t.due.Equal(found.due) && strings.Compare(r.Instance+r.Rule, ref.Instance+ref.Rule) < 0
		if earlier {
			ref, found = r, t
		}
	}
	return ref, found
}

// apply is load → Apply → commit.
func (m *memory) apply(cmd workflow.Command) ([]workflow.Entry, error) {
	m.commands++
	if !cmd.Occurred.Known() && cmd.Kind != workflow.KindBackfill {
		cmd.Occurred = workflow.OccurredAt(m.now)
	}
	cmd.Input = m.seal(cmd)
	env := workflow.Env{Bundle: m.bundle, Snap: workflow.NewSnapshot(), Now: m.now, Zone: m.zone, Seq: m.seq}
	for range 50 {
		m.rounds++
		out, err := workflow.Apply(env, cmd)
		if err != nil {
			return nil, err
		}
		if len(out.Missing) == 0 {
			return out.Entries, m.commit(out)
		}
		for _, k := range out.Missing {
			if env.Snap.Has(k) {
				return nil, fmt.Errorf("%s %s asks again for %+v", cmd.Kind, cmd.Event, k)
			}
			env.Snap.Put(k, m.answer(k))
		}
	}
	return nil, fmt.Errorf("%s %s asks for rows without end", cmd.Kind, cmd.Event)
}

// seal does what the engine does to private inputs: the core never sees them in the clear.
func (m *memory) seal(cmd workflow.Command) workflow.Values {
	form := formOf(m.bundle, m.rows[cmd.Target], cmd)
	out := workflow.Values{}
	for k, v := range cmd.Input {
		out[k] = v
	}
	if form == nil {
		return out
	}
	normal, _ := workflow.NormaliseInput(form, cmd.Input)
	for _, in := range form.Input {
		v, given := normal[in.Name]
		if !given || v == nil || !in.Privacy.Sealed() {
			continue
		}
		box, err := json.Marshal(v)
		if err == nil {
			out[in.Name] = workflow.Sealed{Subject: cmd.Target, Box: box}
		}
	}
	return out
}

// answer is what a store says about one key.
func (m *memory) answer(k workflow.Key) workflow.Answer {
	var a workflow.Answer
	switch k.Kind {
	case workflow.KeyInstance:
		if i := m.rows[k.A]; i != nil {
			a.Instances = append(a.Instances, i)
		}
	case workflow.KeyDistinct:
		a.Distinct = map[string]int64{}
		for d, n := range m.distinct {
			if d.A == k.A && d.B == k.B && (k.C == "" || d.C == k.C) {
				a.Distinct[d.C] = n
			}
		}
	case workflow.KeyEntry:
		a.Entry = m.entries[k]
	case workflow.KeyReferrers:
		for _, i := range m.rows {
			if i.Workflow == k.B && pointsTo(m.bundle.Definition(i.Workflow), i, k.A) {
				a.Instances = append(a.Instances, i)
			}
		}
	default:
		for _, id := range m.children[k.A] {
			if i := m.rows[id]; inList(k, i) {
				a.Instances = append(a.Instances, i)
			}
		}
	}
	return a
}

func inList(k workflow.Key, i *workflow.Instance) bool {
	switch k.Kind {
	case workflow.KeySlot:
		return i.Slot != ""
	case workflow.KeyByKey:
		return i.Workflow == k.B && i.Key == k.C
	case workflow.KeyPrefix:
		return i.Workflow == k.B && strings.HasPrefix(i.Key, k.C)
	default:
		return i.Workflow == k.B
	}
}

// pointsTo reports whether a reference field of an instance holds an id.
func pointsTo(d *workflow.Definition, i *workflow.Instance, id string) bool {
	for _, f := range d.Fields {
		if f.Type.Reference() && slices.Contains(idsIn(i.Body.Data[f.Name]), id) {
			return true
		}
	}
	return false
}

// commit takes over an outcome, and refuses one that a database would refuse.
func (m *memory) commit(o *workflow.Outcome) error {
	for _, r := range o.Rows {
		if err := m.write(r); err != nil {
			return err
		}
	}
	for k, n := range o.Distinct {
		if n < 0 {
			return fmt.Errorf("%d items hold %+v", n, k)
		}
		if m.distinct[k] = n; n == 0 {
			delete(m.distinct, k)
		}
	}
	for i := range o.Entries {
		if err := m.append(&o.Entries[i]); err != nil {
			return err
		}
	}
	for _, t := range o.Timers {
		if err := m.timer(t); err != nil {
			return err
		}
	}
	for _, r := range o.Rows {
		if !workflow.Same(m.rows[r.Instance.ID], m.folded[r.Instance.ID]) {
			return fmt.Errorf("the entries make of %s\n%+v\nbut the row is\n%+v", r.Instance.ID, m.folded[r.Instance.ID], m.rows[r.Instance.ID])
		}
	}
	return nil
}

func (m *memory) write(r workflow.RowChange) error {
	i := r.Instance
	was := m.rows[i.ID]
	switch {
	case (r.Op == workflow.RowInsert) != (was == nil):
		return fmt.Errorf("row %s (%s): operation %d, but it was there: %v", i.ID, i.Workflow, r.Op, was != nil)
	case r.Op == workflow.RowDelete:
		delete(m.rows, i.ID)
		m.children[i.Parent] = slices.DeleteFunc(m.children[i.Parent], func(id string) bool { return id == i.ID })
		return nil
	case r.Op == workflow.RowInsert:
		if i.Key != "" && len(m.answer(workflow.Key{Kind: workflow.KeyByKey, A: i.Parent, B: i.Workflow, C: i.Key}).Instances) > 0 {
			return fmt.Errorf("a second %s with the key %s under %s", i.Workflow, i.Key, i.Parent)
		}
		m.children[i.Parent] = append(m.children[i.Parent], i.ID)
	case i.Version < was.Version:
		return fmt.Errorf("version of %s fell from %d to %d", i.ID, was.Version, i.Version)
	}
	m.rows[i.ID] = i
	return nil
}

// append checks that an entry follows the last one of its chain, and folds its changes.
func (m *memory) append(e *workflow.Entry) error {
	if e.Seq != m.seq[e.Root]+1 {
		return fmt.Errorf("entry %d of %s follows %d", e.Seq, e.Root, m.seq[e.Root])
	}
	k := workflow.Key{Kind: workflow.KeyEntry, A: e.Root, B: e.Command}
	if m.entries[k] != nil {
		return fmt.Errorf("command %s stands twice in the chain of %s", e.Command, e.Root)
	}
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode entry: %w", err)
	}
	var stored workflow.Entry
	if err := json.Unmarshal(body, &stored); err != nil {
		return fmt.Errorf("decode entry: %w", err)
	}
	for name, v := range e.Input {
		if !workflow.Equal(v, stored.Input[name]) {
			return fmt.Errorf("the history of %s %s holds %s as %#v, and reads it back as %#v", e.Kind, e.Event, name, v, stored.Input[name])
		}
	}
	for _, c := range stored.Changes {
		row, ok := workflow.Replay(m.folded[c.ID], c, community, e.Root)
		if !ok {
			return fmt.Errorf("entry %d of %s: the change of %s does not follow from the entries before", e.Seq, e.Root, c.ID)
		}
		if m.folded[c.ID] = row; row == nil {
			delete(m.folded, c.ID)
		}
	}
	m.seq[e.Root], m.entries[k] = e.Seq, &stored
	return nil
}

func (m *memory) timer(t workflow.TimerChange) error {
	have := m.timers[t.Ref]
	switch {
	case t.Arm && have != nil:
		return fmt.Errorf("timer %+v is armed twice", t.Ref)
	case t.Arm:
		m.timers[t.Ref] = &memoryTimer{root: t.Root, event: t.Event, due: t.Due, waiting: true}
	case have == nil || t.Fired && !have.waiting: // one that was skipped may still be superseded
		return fmt.Errorf("timer %+v is ended but does not wait", t.Ref)
	default:
		have.waiting = false
	}
	return nil
}

func (m *memory) clock() time.Time { return m.now }

// image is every row of a root, and every counted value.
func (m *memory) image(_ context.Context, root string) (*image, error) {
	im := newImage()
	for _, i := range m.rows {
		if i.Root == root {
			im.add(i)
		}
	}
	for k, n := range m.distinct {
		if i := m.rows[k.A]; i != nil && i.Root == root {
			im.Distinct[k] = n
		}
	}
	return im, nil
}
