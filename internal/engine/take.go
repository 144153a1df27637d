package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// take adds one command's outcome to the slice and makes it visible to the next.
func (b *build) take(ctx context.Context, p *part, cmd workflow.Command, out *workflow.Outcome) error {
	terms, err := b.terms(ctx, out) // first: nothing of a command that fails may be in the slice
	if err != nil {
		return err
	}
	b.subj.use(cmd.Input)
	for n := range out.Entries {
		if err := b.chain(p, &out.Entries[n]); err != nil {
			return err
		}
	}
	for _, r := range out.Rows {
		b.row(r)
	}
	for k, n := range out.Distinct {
		b.dist[k] = n
	}
	for id, v := range out.Reads {
		if _, own := b.rows[id]; !own {
			if _, seen := b.reads[id]; !seen {
				b.reads[id] = v
			}
		}
	}
	b.absent = b.absent || out.Absent
	b.timers(out)
	b.erase(out)
	b.slice.Terms = append(b.slice.Terms, terms...)
	b.refs(b.bundle, out)
	b.waits(b.bundle, out)
	b.snap.Absorb(out)

	main := out.Entries[0]
	p.result = Result{Command: cmd.ID, Root: main.Root, Seq: main.Seq, Instance: main.Target, Warnings: out.Warnings, Target: out.Target}
	if out.Target != nil {
		p.result.State, p.result.Version = out.Target.State, out.Target.Version
	}
	return b.remember(p)
}

// chain appends one entry to its root's chain.
func (b *build) chain(p *part, entry *workflow.Entry) error {
	head, known := b.heads[entry.Root]
	c := b.chains[entry.Root]
	if c == nil {
		c = &Chain{Expect: head.Seq, New: !known}
		b.chains[entry.Root] = c
	}
	if !known {
		r := &p.job.req
		head = Head{Community: entry.Community, Root: entry.Root, Bundle: entry.Bundle, Code: b.code(entry)}
		if r.Frozen {
			head.Frozen, entry.Frozen = entry.Recorded, true
		}
	}
	if entry.Root != b.key.root {
		entry.Recorded = b.ownClock(head)
	}
	if entry.Recorded.Before(head.Recorded) {
		entry.Recorded = head.Recorded
	}
	body, err := entry.AppendJSON(nil)
	if err != nil {
		return fmt.Errorf("encode history entry of command %s: %w", entry.Command, err)
	}
	mac := b.e.keys.Chain(head.MAC, body)
	head.Seq, head.MAC, head.Recorded = entry.Seq, mac, entry.Recorded
	if removesRoot(entry) {
		head.Code = "" // free for another programme
	}
	if !head.Frozen.IsZero() && head.Frozen.Before(entry.Recorded) {
		head.Frozen = entry.Recorded
	}
	b.setHead(head)
	c.Head = head
	c.Entries = append(c.Entries, StoredEntry{
		Root: entry.Root, Seq: entry.Seq, Command: entry.Command, Target: entry.Target, Recorded: entry.Recorded, Body: body, MAC: mac,
	})
	return nil
}

// ownClock is the time of the registry's side of a programme's command. The programme may be a replayed one, whose clock stands
// anywhere: the registry keeps its own, or one such programme would move it for every other.
func (b *build) ownClock(registry Head) time.Time {
	if !registry.Frozen.IsZero() {
		return registry.Frozen
	}
	return b.e.now().UTC().Truncate(time.Microsecond)
}

// code is the short name of a root that an entry creates.
func (b *build) code(entry *workflow.Entry) string {
	for _, c := range entry.Changes {
		if c.ID == entry.Root && c.Created != nil {
			return c.Created.Key
		}
	}
	return ""
}

// removesRoot reports whether an entry takes the creation of its root back. The chain stays, without a programme.
func removesRoot(entry *workflow.Entry) bool {
	return slices.ContainsFunc(entry.Changes, func(c workflow.Change) bool { return c.ID == entry.Root && c.Deleted != nil })
}

// row merges one changed row into the slice: several commands may change the same one.
func (b *build) row(r workflow.RowChange) {
	id := r.Instance.ID
	before, seen := b.rows[id]
	w := RowWrite{Op: RowOp(r.Op), Instance: r.Instance}
	if !seen {
		b.order = append(b.order, id)
		b.rows[id] = w
		return
	}
	switch {
	case before.Op == RowInsert && w.Op == RowDelete:
		delete(b.rows, id)
		b.order = slices.DeleteFunc(b.order, func(o string) bool { return o == id })
		return
	case before.Op == RowInsert:
		w.Op = RowInsert
	}
	b.rows[id] = w
}

// timers adds what a command armed and ended. A timer armed and ended within one slice leaves no row.
func (b *build) timers(out *workflow.Outcome) {
	for _, t := range out.Timers {
		row := TimerRow{
			Community: b.key.community, Root: t.Root, Instance: t.Ref.Instance, Rule: t.Ref.Rule, Generation: t.Ref.Generation,
			Due: t.Due, Event: t.Event, Status: TimerWaiting,
		}
		if t.Consequence { // it may be another programme's, and is due by the registry's clock
			row.Due = out.Entries[len(out.Entries)-1].Recorded
		}
		if t.Arm {
			b.slice.Timers = append(b.slice.Timers, TimerWrite{Insert: true, Row: row})
			continue
		}
		row.Status, row.Reason, row.Ended = TimerSuperseded, "anchor or state changed", out.Entries[0].Recorded
		if t.Fired {
			row.Status, row.Reason = TimerFired, out.Entries[0].Command
		}
		same := func(w TimerWrite) bool {
			return w.Insert && w.Row.Instance == row.Instance && w.Row.Rule == row.Rule && w.Row.Generation == row.Generation
		}
		if n := slices.IndexFunc(b.slice.Timers, same); n >= 0 {
			row.Due, row.Event = b.slice.Timers[n].Row.Due, b.slice.Timers[n].Row.Event
			b.slice.Timers[n].Row = row
			continue
		}
		b.slice.Timers = append(b.slice.Timers, TimerWrite{Row: row})
	}
}

// stateErased is where somebody's personal data is gone for good.
const stateErased = "erased"

// erase destroys the data key of everybody whom a command brought to the state "erased".
func (b *build) erase(out *workflow.Outcome) {
	for _, r := range out.Rows {
		i := r.Instance
		if i.Root != b.key.community || i.State != stateErased || i.Touched != b.heads[i.Root].Seq {
			continue
		}
		b.subj.destroy(i.ID, out.Entries[0].Recorded)
	}
}

// refs rewrites which instances the changed rows point to.
func (b *build) refs(bundle *workflow.Bundle, out *workflow.Outcome) {
	for _, r := range out.Rows {
		d := bundle.Definition(r.Instance.Workflow)
		if d == nil {
			continue
		}
		targets, pointing := d.References(r.Instance.Body.Data)
		if !pointing {
			continue
		}
		if r.Op == workflow.RowDelete {
			targets = nil
		}
		b.relyOn(targets)
		b.slice.Refs = append(b.slice.Refs, RefWrite{Instance: r.Instance.ID, Targets: targets})
	}
}

// remember stores the answer under the request's idempotency key, in the same commit.
func (b *build) remember(p *part) error {
	r := &p.job.req
	if r.IdempotencyKey == "" {
		return nil
	}
	response, err := json.Marshal(p.result)
	if err != nil {
		return fmt.Errorf("encode answer of command %s: %w", r.ID, err)
	}
	b.slice.Keys = append(b.slice.Keys, Idempotency{
		Person: r.Actor.Person, Key: r.IdempotencyKey, Fingerprint: r.print, Root: p.result.Root, Command: r.ID,
		Response: response, Expires: b.e.now().Add(keepKeys),
	})
	return nil
}

// finish puts the collected changes into the slice, in a stable order.
func (b *build) finish() {
	for _, root := range []string{b.key.root, b.key.community} {
		if c := b.chains[root]; c != nil {
			b.slice.Chains = append(b.slice.Chains, *c)
			delete(b.chains, root)
		}
	}
	for _, id := range b.order {
		b.slice.Rows = append(b.slice.Rows, b.rows[id])
	}
	b.waited()
	for k, n := range b.dist {
		b.slice.Distinct = append(b.slice.Distinct, DistinctWrite{Instance: k.A, Aggregate: k.B, Value: k.C, N: n})
	}
	slices.SortFunc(b.slice.Distinct, compareDistinct)
	if !b.registers() { // whoever writes the registry holds it still by its seq
		b.relied()
	}
	b.slice.Subjects = b.subj.writes()
}

// relied names the registry rows that the decisions rest on.
func (b *build) relied() {
	for id, v := range b.reads {
		b.slice.Reads = append(b.slice.Reads, Read{Instance: id, Version: v})
	}
	slices.SortFunc(b.slice.Reads, func(x, y Read) int { return strings.Compare(x.Instance, y.Instance) })
	if len(b.slice.Reads) > 0 {
		b.slice.ReadsAt = b.at
	}
	if b.absent {
		b.slice.RegistrySeq = b.at
	}
}

func compareDistinct(x, y DistinctWrite) int {
	for _, p := range [][2]string{{x.Instance, y.Instance}, {x.Aggregate, y.Aggregate}, {x.Value, y.Value}} {
		if c := strings.Compare(p[0], p[1]); c != 0 {
			return c
		}
	}
	return 0
}
