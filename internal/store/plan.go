package store

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/linli/linli/internal/engine"
)

// plan is a slice made ready for writing: checked, encoded, and with one row for each thing however often the slice's
// commands touched it.
type plan struct {
	slice    *engine.Slice
	err      error // why the slice is left out
	invalid  bool  // the slice itself is at fault, whatever the database says
	newRoots [][]any
	oldRoots [][]any
	entries  [][]any

	inserts, updates, deletes      [][]any // instances
	distinctSets, distinctDeletes  [][]any
	timerInserts                   [][]any
	timerFires, timerEnds          [][]any // those that must still wait, and those that may have ended already
	keys                           [][]any // of idempotency
	newSubjects, destroyedSubjects [][]any
	termSets, termDeletes          [][]any
	refOwners, refs                [][]any
	waitDeletes, waitInserts       [][]any
}

// newPlan checks and encodes a slice. A slice at fault gets a plan that only carries the error.
func newPlan(slice *engine.Slice) *plan {
	p := &plan{slice: slice}
	for _, step := range []func() error{p.chains, p.instances, p.distinct, p.timers, p.idempotency, p.subjects, p.terms, p.references, p.waits} {
		if err := step(); err != nil {
			return &plan{slice: slice, err: fmt.Errorf("%w: %w", engine.ErrUnstorable, err), invalid: true}
		}
	}
	return p
}

func (p *plan) chains() error {
	if len(p.slice.Chains) == 0 {
		return fmt.Errorf("a slice of community %s has no chain to write", p.slice.Community)
	}
	for _, c := range p.slice.Chains {
		h := c.Head
		if h.Community != p.slice.Community {
			return fmt.Errorf("chain %s belongs to community %s, its slice to %s", h.Root, h.Community, p.slice.Community)
		}
		if h.Seq != c.Expect+int64(len(c.Entries)) || c.New && c.Expect != 0 {
			return fmt.Errorf("chain %s cannot go from seq %d to %d with %d entries", h.Root, c.Expect, h.Seq, len(c.Entries))
		}
		err := checkTexts(column{"roots.community", h.Community}, column{"roots.id", h.Root}, column{"roots.bundle", h.Bundle}, column{"roots.code", h.Code})
		if err != nil {
			return err
		}
		row := []any{h.Community, h.Root, h.Seq, blob(h.MAC), h.Bundle, h.Code, instant{h.Recorded}, instant{h.Frozen}}
		if c.New {
			p.newRoots = append(p.newRoots, row)
		} else {
			p.oldRoots = append(p.oldRoots, row)
		}
		if err := p.chainEntries(c); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) chainEntries(c engine.Chain) error {
	for n, e := range c.Entries {
		if e.Root != c.Head.Root || e.Seq != c.Expect+int64(n)+1 {
			return fmt.Errorf("entry %d of %s stands at place %d of chain %s, which begins after %d", e.Seq, e.Root, n+1, c.Head.Root, c.Expect)
		}
		if err := checkTexts(column{"history.command", e.Command}, column{"history.target", e.Target}); err != nil {
			return err
		}
		p.entries = append(p.entries, []any{p.slice.Community, e.Root, e.Seq, e.Command, e.Target, instant{e.Recorded}, blob(e.Body), blob(e.MAC)})
	}
	return nil
}

// writes reports whether the slice writes to a root.
func (p *plan) writes(root string) bool {
	return slices.ContainsFunc(p.slice.Chains, func(c engine.Chain) bool { return c.Head.Root == root })
}

func (p *plan) instances() error {
	last := map[string]engine.RowWrite{}
	var order []string
	for _, w := range p.slice.Rows {
		i := w.Instance
		if i.Community != p.slice.Community || !p.writes(i.Root) {
			return fmt.Errorf("instance %s belongs to %s/%s, which its slice does not write", i.ID, i.Community, i.Root)
		}
		before, seen := last[i.ID]
		if !seen {
			order = append(order, i.ID)
		}
		last[i.ID] = engine.RowWrite{Op: then(before.Op, w.Op), Instance: i}
	}
	for _, id := range order {
		w := last[id]
		row, err := encodeInstance(w.Instance)
		if err != nil {
			return err
		}
		switch w.Op {
		case engine.RowInsert:
			p.inserts = append(p.inserts, row)
		case engine.RowUpdate:
			p.updates = append(p.updates, []any{row[0], row[1], row[7], row[8], row[9], row[10], row[11]})
		case engine.RowDelete:
			p.deletes = append(p.deletes, row[:2])
		default:
			if w.Op != rowNothing {
				return fmt.Errorf("instance %s: unknown row operation %d", id, w.Op)
			}
		}
	}
	return nil
}

// rowNothing is a row that a slice both created and deleted.
const rowNothing engine.RowOp = -1

// then is what two operations on one row come to.
func then(first, second engine.RowOp) engine.RowOp {
	switch {
	case first == engine.RowInsert && second == engine.RowUpdate, first == rowNothing && second == engine.RowInsert:
		return engine.RowInsert
	case first == engine.RowInsert && second == engine.RowDelete:
		return rowNothing
	case first == engine.RowDelete && second == engine.RowInsert:
		return engine.RowUpdate
	default:
		return second
	}
}

func (p *plan) distinct() error {
	type place struct{ instance, aggregate, value string }
	last := map[place]int64{}
	var order []place
	for _, d := range p.slice.Distinct {
		at := place{d.Instance, d.Aggregate, d.Value}
		if _, seen := last[at]; !seen {
			order = append(order, at)
		}
		last[at] = d.N
		err := checkTexts(column{"distinct_counts.instance", d.Instance}, column{"distinct_counts.aggregate", d.Aggregate}, column{"distinct_counts.value", d.Value})
		if err != nil {
			return err
		}
	}
	for _, at := range order {
		row := []any{p.slice.Community, at.instance, at.aggregate, at.value}
		if n := last[at]; n != 0 {
			p.distinctSets = append(p.distinctSets, append(row, n))
		} else {
			p.distinctDeletes = append(p.distinctDeletes, row)
		}
	}
	return nil
}

func (p *plan) timers() error {
	type occurrence struct {
		instance, rule string
		generation     int64
	}
	inserted := map[occurrence]int{}
	for _, w := range p.slice.Timers {
		t := w.Row
		err := checkTexts(column{"timers.instance", t.Instance}, column{"timers.rule", t.Rule}, column{"timers.root", t.Root},
			column{"timers.event", t.Event}, column{"timers.status", string(t.Status)}, column{"timers.reason", t.Reason})
		if err != nil {
			return err
		}
		at := occurrence{t.Instance, t.Rule, t.Generation}
		n, here := inserted[at]
		switch {
		case w.Insert:
			inserted[at] = len(p.timerInserts)
			p.timerInserts = append(p.timerInserts, []any{
				p.slice.Community, t.Instance, t.Rule, t.Generation, t.Root,
				instant{t.Due},
				t.Event,
				string(cmp.Or(t.Status, engine.TimerWaiting)), t.Reason,
				instant{t.Ended},
			})
		case here: // armed and ended by commands of one slice
			row := p.timerInserts[n]
			row[7], row[8], row[9] = string(t.Status), t.Reason, instant{t.Ended}
		case t.Status == engine.TimerFired: // what fired it must have been the first
			p.timerFires = append(p.timerFires, p.timerEnd(t))
		default: // a timer that was skipped already needs no superseding
			p.timerEnds = append(p.timerEnds, p.timerEnd(t))
		}
	}
	return nil
}

func (p *plan) timerEnd(t engine.TimerRow) []any {
	return []any{p.slice.Community, t.Instance, t.Rule, t.Generation, string(t.Status), t.Reason, instant{t.Ended}, t.Mark}
}

func (p *plan) idempotency() error {
	seen := map[[2]string]bool{}
	for _, k := range p.slice.Keys {
		id := [2]string{k.Person, k.Key}
		if seen[id] {
			return fmt.Errorf("idempotency key %q of %s stands twice in one slice", k.Key, k.Person)
		}
		seen[id] = true
		err := checkTexts(column{"idempotency.person", k.Person}, column{"idempotency.key", k.Key}, column{"idempotency.fingerprint", k.Fingerprint},
			column{"idempotency.root", k.Root}, column{"idempotency.command", k.Command})
		if err != nil {
			return err
		}
		p.keys = append(p.keys, []any{p.slice.Community, k.Person, k.Key, k.Fingerprint, k.Root, k.Command, blob(k.Response), instant{k.Expires}})
	}
	return nil
}

// subjects keeps new keys apart from destroyed ones: a new key must not exist yet, while destroying works on any.
func (p *plan) subjects() error {
	created, destroyed := map[string]int{}, map[string]bool{}
	for _, k := range p.slice.Subjects {
		if err := checkTexts(column{"subject_keys.subject", k.Subject}, column{"subject_keys.key_id", k.KeyID}); err != nil {
			return err
		}
		n, here := created[k.Subject]
		switch {
		case k.Destroyed.IsZero():
			if len(k.Wrapped) == 0 {
				return fmt.Errorf("subject %s: a key that is not destroyed cannot be empty", k.Subject)
			}
			created[k.Subject] = len(p.newSubjects)
			p.newSubjects = append(p.newSubjects, []any{p.slice.Community, k.Subject, k.KeyID, blob(k.Wrapped), instant{}})
		case here:
			row := p.newSubjects[n]
			row[3], row[4] = []byte{}, instant{k.Destroyed}
		case !destroyed[k.Subject]:
			destroyed[k.Subject] = true
			p.destroyedSubjects = append(p.destroyedSubjects, []any{p.slice.Community, k.Subject, k.KeyID, []byte{}, instant{k.Destroyed}})
		}
	}
	return nil
}

// terms keeps the last word on each (instance, kind).
func (p *plan) terms() error {
	type place struct{ instance, kind string }
	last := map[place]string{}
	var order []place
	for _, t := range p.slice.Terms {
		err := checkTexts(column{"search_terms.instance", t.Instance}, column{"search_terms.kind", t.Kind}, column{"search_terms.term", t.Term})
		if err != nil {
			return err
		}
		at := place{t.Instance, t.Kind}
		if _, seen := last[at]; !seen {
			order = append(order, at)
		}
		last[at] = t.Term
	}
	for _, at := range order {
		row := []any{p.slice.Community, at.instance, at.kind}
		if term := last[at]; term != "" {
			p.termSets = append(p.termSets, append(row, term))
		} else {
			p.termDeletes = append(p.termDeletes, row)
		}
	}
	return nil
}

// references keeps the last set of targets of each instance.
func (p *plan) references() error {
	last := map[string][]string{}
	var order []string
	for _, r := range p.slice.Refs {
		if _, seen := last[r.Instance]; !seen {
			order = append(order, r.Instance)
		}
		last[r.Instance] = r.Targets
		if err := checkText("refs.instance", r.Instance); err != nil {
			return err
		}
	}
	for _, instance := range order {
		p.refOwners = append(p.refOwners, []any{p.slice.Community, instance})
		seen := map[string]bool{}
		for _, target := range last[instance] {
			if err := checkText("refs.target", target); err != nil {
				return err
			}
			if !seen[target] {
				seen[target] = true
				p.refs = append(p.refs, []any{p.slice.Community, instance, target})
			}
		}
	}
	return nil
}

// blob keeps an empty value apart from null.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
