package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// pageSize is how many entries of a chain are read at a time.
const pageSize = 500

// chain is one root being audited: its rows as the history says they must be.
type chain struct {
	*auditor
	head     engine.Head
	registry *chain // of a programme; nil for the registry itself

	entries  int64
	previous []byte // MAC of the last entry checked
	recorded time.Time
	marks    []mark
	rows     map[string]*workflow.Instance
	bundle   *bundle
	entered  map[string]string // the bundle on which each row came to its state
	moved    map[int64]bool    // registry: seqs at which an entry of it changed its state
	created  string            // bundle that the first entry was decided on
	frozen   bool              // the root was created with a clock of its own
	fired    map[occurrence]bool

	registered []registered // registry: what programmes there must be
}

type registered struct{ programme, code string }

// check returns the first thing that does not hold, or nil.
func (c *chain) check(ctx context.Context) (*wrong, error) {
	c.rows, c.entered, c.moved, c.fired = map[string]*workflow.Instance{}, map[string]string{}, map[int64]bool{}, map[occurrence]bool{}
	c.marks = c.auditor.marks[place{c.head.Community, c.head.Root}]
	steps := []func(context.Context) (*wrong, error){
		c.walk, c.checkHead, c.checkBundle, c.checkRows, c.checkRegistered, c.recount, c.checkRefs, c.checkTimers, c.checkWaiting, c.checkSubjectKeys,
	}
	for _, step := range steps {
		if w, err := step(ctx); w != nil || err != nil {
			return w, err
		}
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}

// close keeps what the audit of other roots asks of this one, and lets the rest go.
func (c *chain) close() *chain {
	kept := &chain{head: c.head, moved: c.moved}
	if c.registry != nil {
		return kept
	}
	for _, i := range c.rows {
		if i.Workflow != workflowRegistered {
			continue
		}
		r := registered{code: i.Key}
		r.programme, _ = i.Body.Data["programme"].(string)
		kept.registered = append(kept.registered, r)
	}
	return kept
}

// workflowRegistered is the registry's entry of a programme: it keeps the code unique, and the audit knows by it that there
// must be a root.
const workflowRegistered = "registered_programme"

// walk checks the chain of entries and folds their changes into rows.
func (c *chain) walk(ctx context.Context) (*wrong, error) {
	for {
		page, err := c.src.History(ctx, c.head.Community, c.head.Root, c.entries+1, pageSize)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if c.entries == c.head.Seq {
				return tooMany(e.Seq), nil // or written since the head was read; then the root is read again
			}
			if w := c.entry(e); w != nil {
				return w, nil
			}
		}
		if len(page) < pageSize {
			return c.walked(), nil
		}
	}
}

// entry checks one stored entry and folds it.
func (c *chain) entry(s engine.StoredEntry) *wrong {
	want := c.entries + 1
	if s.Seq != want {
		return missingEntry(want, s.Seq)
	}
	if !bytes.Equal(c.keys.Chain(c.previous, s.Body), s.MAC) {
		return wrongMAC(want)
	}
	for len(c.marks) > 0 && c.marks[0].seq <= want {
		if c.marks[0].seq == want && c.marks[0].mac != string(s.MAC) {
			return otherThanMarked(want)
		}
		c.marks = c.marks[1:]
	}
	var e workflow.Entry
	if err := json.Unmarshal(s.Body, &e); err != nil {
		return unreadableEntry(want, err)
	}
	if w := c.agrees(s, &e); w != nil {
		return w
	}
	if s.Recorded.Before(c.recorded) {
		return wentBack(want, c.recorded, s.Recorded)
	}
	c.entries, c.previous, c.recorded = want, s.MAC, s.Recorded
	if w := c.pins(&e); w != nil {
		return w
	}
	return c.fold(&e)
}

// agrees compares an entry's columns with its bytes.
func (c *chain) agrees(s engine.StoredEntry, e *workflow.Entry) *wrong {
	for _, p := range []struct {
		what           string
		column, inBody string
	}{
		{"format", "1", number(int64(e.Format))},
		{"community", c.head.Community, e.Community},
		{"root", c.head.Root, e.Root},
		{"seq", number(s.Seq), number(e.Seq)},
		{"command", s.Command, e.Command},
		{"target", s.Target, e.Target},
		{"recorded_at", stamp(s.Recorded), stamp(e.Recorded)},
	} {
		if p.column != p.inBody {
			return disagrees(s.Seq, p.what, p.column, p.inBody)
		}
	}
	return nil
}

// pins takes note of what an entry says once and for all: on which bundle the root was created and whether it has a clock of its
// own. A programme stays on its bundle; the registry may move on, and its side of a programme's command was decided on that one's.
func (c *chain) pins(e *workflow.Entry) *wrong {
	if e.Seq == 1 {
		c.created, c.frozen = e.Bundle, e.Frozen
	}
	if c.registry != nil && e.Bundle != c.created {
		return otherBundle(e.Seq, c.created, e.Bundle)
	}
	if e.Timer != nil {
		c.fired[occurrence{e.Timer.Instance, e.Timer.Rule, e.Timer.Generation}] = true
	}
	return nil
}

// fold carries out the recorded changes.
func (c *chain) fold(e *workflow.Entry) *wrong {
	for _, change := range e.Changes {
		row, ok := workflow.Replay(c.rows[change.ID], change, c.head.Community, c.head.Root)
		if !ok {
			return doesNotFollow(e.Seq, change.ID)
		}
		if row == nil {
			delete(c.rows, change.ID)
		} else {
			c.rows[change.ID] = row
		}
		if change.State != nil || change.Created != nil {
			c.entered[change.ID] = e.Bundle
		}
		if change.State != nil && change.Created == nil && c.registry == nil {
			c.moved[e.Seq] = true
		}
	}
	return nil
}

// walked checks where the chain ends.
func (c *chain) walked() *wrong {
	if c.entries < c.head.Seq {
		return missingEntry(c.entries+1, 0)
	}
	if len(c.marks) > 0 {
		return cutOff(c.entries, c.marks[len(c.marks)-1].seq)
	}
	return nil
}

// checkHead compares the root's own row with the end of its chain.
func (c *chain) checkHead(context.Context) (*wrong, error) {
	if !bytes.Equal(c.previous, c.head.MAC) {
		return wrongHead("mac"), nil
	}
	if !c.head.Recorded.Equal(c.recorded) {
		return wrongHead("recorded"), nil
	}
	root := c.rows[c.head.Root]
	if root != nil && root.Key != c.head.Code {
		return wrongHead("code"), nil
	}
	if c.head.Bundle != c.created {
		return wrongHead("bundle"), nil
	}
	var clock time.Time // of a replayed programme: that of its last entry
	if c.frozen {
		clock = c.recorded
	}
	if !c.head.Frozen.Equal(clock) {
		return wrongHead("frozen"), nil
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}

// checkBundle loads the definitions that the rows are held against: the ones the root was created on, and for the registry those
// that the community has moved to.
func (c *chain) checkBundle(ctx context.Context) (*wrong, error) {
	hash := c.head.Bundle
	if community := c.rows[c.head.Community]; community != nil && c.registry == nil {
		if moved, _ := community.Body.Data["bundle"].(string); moved != "" {
			hash = moved
		}
	}
	var err error
	if c.bundle, err = c.auditor.bundle(ctx, hash); err != nil {
		return nil, err
	}
	return c.bundle.wrong, nil
}

// checkRegistered finds a programme that the registry does not know.
func (c *chain) checkRegistered(context.Context) (*wrong, error) {
	if c.registry == nil || c.registry.head.Seq == 0 || c.rows[c.head.Root] == nil || c.bundle.Definition(workflowRegistered) == nil {
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	for _, r := range c.registry.registered {
		if r.programme == c.head.Root {
			return nil, nil //nolint:nilnil // nothing is wrong
		}
	}
	return notRegistered(), nil
}
