package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// waits takes instances out of the state that they waited in, and puts them in the one that they wait in now.
func (p *plan) waits() error {
	for _, w := range p.slice.Waits {
		err := checkTexts(column{"waiting.instance", w.Instance}, column{"waiting.workflow", w.Workflow},
			column{"waiting.state", w.From}, column{"waiting.state", w.To})
		if err != nil {
			return err
		}
		if w.From != "" {
			p.waitDeletes = append(p.waitDeletes, []any{p.slice.Community, w.Workflow, w.From, w.Instance})
		}
		if w.To != "" {
			p.waitInserts = append(p.waitInserts, []any{p.slice.Community, w.Workflow, w.To, w.Instance})
		}
	}
	return nil
}

// waitWrites keep the table of what waits. A row that is there already or not at all is no reason to refuse anything: the states of
// the instances are what counts, and the table is only a way to find them.
func waitWrites() []write {
	return []write{
		{
			what: "forget in which states instances waited", rows: func(p *plan) [][]any { return p.waitDeletes },
			text: `delete from waiting where (community, workflow, state, instance) in (` + rowsMark + `)`,
		},
		{
			what: "store in which states instances wait", rows: func(p *plan) [][]any { return p.waitInserts },
			text: `insert into waiting (community, workflow, state, instance) ` + rowsMark + `
				on conflict (community, workflow, state, instance) do nothing`,
		},
	}
}

// StateOf is a state of a workflow.
type StateOf struct{ Workflow, State string }

// waitingIn asks for the ids of one state; as many of them as there are pairs stand in one statement. Each looks at no more
// rows than one page has, however many there are.
const waitingIn = `select * from (select w.instance from waiting as w
	where w.workflow = ? and w.state = ? and w.community = ? and w.instance > ? order by w.instance limit ?) as x`

// Waiting returns the instances of a community, across all its programmes, that stand in one of the given states, in the
// order of their ids: those behind the id after ("": from the first), at most limit. It finds those that the slices of
// their commits said to wait there (engine.Slice.Waits).
func (s *Store) Waiting(ctx context.Context, community string, in []StateOf, after string, limit int) ([]*workflow.Instance, error) {
	var out []*workflow.Instance
	pairs := distinct(in)
	for len(out) < limit {
		ids, more, err := s.waitingIDs(ctx, community, pairs, after, limit)
		if err != nil {
			return nil, fmt.Errorf("read what waits in %s: %w", community, err)
		}
		found, err := s.Instances(ctx, community, ids)
		if err != nil {
			return nil, err
		}
		for _, i := range found { // it may have moved on since, or never have been there if somebody changed the table
			if len(out) < limit && slices.Contains(pairs, StateOf{i.Workflow, i.State}) {
				out = append(out, i)
			}
		}
		if !more {
			break
		}
		after = ids[len(ids)-1]
	}
	return out, nil
}

// waitingIDs returns the next ids in the table in any of the states, at most limit, and whether there may be more.
func (s *Store) waitingIDs(ctx context.Context, community string, pairs []StateOf, after string, limit int) (ids []string, more bool, err error) {
	for len(pairs) > 0 {
		n := paddedBatch(len(pairs))
		batch := pairs[:min(n, len(pairs))]
		pairs = pairs[len(batch):]
		found, err := s.waitingBatch(ctx, community, batch, n, after, limit)
		if err != nil {
			return nil, false, err
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	ids = ids[:min(limit, len(ids))]
	return slices.Compact(ids), len(ids) == limit, nil
}

// waitingBatch asks for one batch of pairs, filled up to n with a pair that nothing has.
func (s *Store) waitingBatch(ctx context.Context, community string, batch []StateOf, n int, after string, limit int) ([]string, error) {
	var args []any
	for i := range n {
		var pair StateOf
		if i < len(batch) {
			pair = batch[i]
		}
		args = append(args, pair.Workflow, pair.State, community, after, limit)
	}
	text := strings.TrimSuffix(strings.Repeat(waitingIn+" union all ", n), " union all ") + " order by 1 limit ?"
	var ids []string
	err := s.each(ctx, text, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, append(args, limit)...)
	return ids, err
}

// distinct returns the pairs once each, in their order.
func distinct(pairs []StateOf) []StateOf {
	seen, out := map[StateOf]bool{}, make([]StateOf, 0, len(pairs))
	for _, p := range pairs {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}

// WaitRows returns the rows of the table of what waits for the instances of a root in the states in which they are, ordered by instance.
func (s *Store) WaitRows(ctx context.Context, community, root string) ([]engine.WaitRow, error) {
	out, err := s.waitRows(ctx, `from instances as r cross join waiting as w
		where r.community = ? and r.root = ? and w.community = r.community and w.workflow = r.workflow and w.state = r.state
			and w.instance = r.id
		order by w.instance`, community, root)
	if err != nil {
		return nil, fmt.Errorf("read what waits under %s: %w", root, err)
	}
	return out, nil
}

// MisplacedWaits returns the rows of the table of what waits whose instances are in other states than the table says, ordered by
// instance. It goes through all that waits in a community.
func (s *Store) MisplacedWaits(ctx context.Context, community string) ([]engine.WaitRow, error) {
	out, err := s.waitRows(ctx, `from waiting as w cross join instances as r
		where w.community = ? and r.community = w.community and r.id = w.instance and (r.workflow <> w.workflow or r.state <> w.state)
		order by w.instance, w.workflow, w.state`, community)
	if err != nil {
		return nil, fmt.Errorf("compare what waits in %s with its instances: %w", community, err)
	}
	return out, nil
}

func (s *Store) waitRows(ctx context.Context, from string, args ...any) ([]engine.WaitRow, error) {
	var out []engine.WaitRow
	err := s.each(ctx, "select w.instance, w.workflow, w.state, r.root "+from, func(rows *sql.Rows) error {
		var w engine.WaitRow
		err := rows.Scan(&w.Instance, &w.Workflow, &w.State, &w.Root)
		out = append(out, w)
		return err
	}, args...)
	return out, err
}
