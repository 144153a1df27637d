package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// ListQuery says which instances of a community to list. What is "" or empty does not restrict; Root or Parent must be
// given.
type ListQuery struct {
	Root, Parent, Workflow, Slot string
	States                       []string
	After                        ListCursor // the last one of the page before; the zero cursor begins
	Limit                        int        // at most so many; none if it is not positive
}

// ListCursor is the place of an instance in a list. Where the order is by id alone, Key is not looked at.
type ListCursor struct{ Key, ID string }

// CursorOf is the place of an instance: given as ListQuery.After, the list goes on behind it.
func CursorOf(i *workflow.Instance) ListCursor { return ListCursor{Key: i.Key, ID: i.ID} }

var errListScope = errors.New("a list needs a root or a parent")

// keyless is the id of an instance that has no key, and "" otherwise: the last column of the index instances_by_key.
const keyless = "(case when r.key = '' then r.id else '' end)"

// List returns instances in the order of (key, id) where both Parent and Workflow are given, and of their ids otherwise.
// A page costs what it returns, and what it passes over because of Slot or States. A list without Workflow sorts everything
// under the root, or all children of the parent, for each page: whoever wants a whole programme takes Subtree.
func (s *Store) List(ctx context.Context, community string, q ListQuery) ([]*workflow.Instance, error) {
	if q.Root == "" && q.Parent == "" {
		return nil, errListScope
	}
	if q.Limit <= 0 {
		return nil, nil
	}
	if q.Parent == "" && q.Workflow != "" {
		l := q.where(community)
		l.and("r.id > ?", q.After.ID)
		return s.page(ctx, l, "r.id", q.Limit)
	}
	if q.Workflow == "" {
		l := q.where(community)
		// As an expression, so that no planner goes through a community in the order of ids to save the sorting.
		l.and("r.id || '' > ?", q.After.ID)
		return s.page(ctx, l, "r.id || ''", q.Limit)
	}

	// Two questions, first about those without a key: asked for both at once, SQLite goes through all those before the page.
	var first []*workflow.Instance
	if q.After.Key == "" {
		var err error
		l := q.where(community)
		l.and("r.key = '' and "+keyless+" > ?", q.After.ID)
		if first, err = s.page(ctx, l, keyless, q.Limit); err != nil || len(first) == q.Limit {
			return first, err
		}
	}
	l := q.where(community)
	l.and("r.key > ?", q.After.Key)
	rest, err := s.page(ctx, l, "r.key", q.Limit-len(first))
	return append(first, rest...), err
}

// conditions are the text of a question and its arguments, built up together.
type conditions struct {
	text string
	args []any
}

func (c *conditions) and(condition string, values ...any) {
	c.text += " and " + condition
	c.args = append(c.args, values...)
}

// where is what an instance has to meet besides its place. What is written as an expression is there to pass rows over, not to
// find them: no planner shall take an index for it.
func (q ListQuery) where(community string) *conditions {
	c := &conditions{text: "where r.community = ?", args: []any{community}}
	switch {
	case q.Parent == "":
		c.and("r.root = ?", q.Root)
	case q.Root == "":
		c.and("r.parent = ?", q.Parent)
	default:
		c.and("r.parent = ? and r.root || '' = ?", q.Parent, q.Root)
	}
	if q.Workflow != "" {
		c.and("r.workflow = ?", q.Workflow)
	}
	if q.Slot != "" {
		c.and("r.slot = ? and r.slot <> ''", q.Slot)
	}
	if len(q.States) > 0 {
		marks, states := listOf(q.States)
		c.and("r.state || '' in ("+marks+")", states...)
	}
	return c
}

func (s *Store) page(ctx context.Context, c *conditions, order string, limit int) ([]*workflow.Instance, error) {
	return s.instances(ctx, c.text+" order by "+order+" limit ?", append(c.args, limit)...)
}

// listOf returns placeholders for values, and the values, filled up with the last one so that few texts serve any number.
func listOf(values []string) (marks string, args []any) {
	n := paddedBatch(len(values))
	for i := range max(n, len(values)) {
		args = append(args, values[min(i, len(values)-1)])
	}
	return strings.TrimSuffix(strings.Repeat("?, ", len(args)), ", "), args
}

// Instances returns the instances with the given ids, in the order of ids as given. Those that do not exist are left out.
func (s *Store) Instances(ctx context.Context, community string, ids []string) ([]*workflow.Instance, error) {
	keys := make([]workflow.Key, len(ids))
	for n, id := range ids {
		keys[n] = workflow.Key{Kind: workflow.KeyInstance, A: id}
	}
	answers, err := s.Load(ctx, community, keys)
	if err != nil {
		return nil, fmt.Errorf("read %d instances: %w", len(ids), err)
	}
	out := make([]*workflow.Instance, 0, len(ids))
	for _, a := range answers {
		out = append(out, a.Instances...)
	}
	return out, nil
}

// Programmes returns the programmes of a community in the order of their codes, those behind the code after ("": from the
// first), at most limit. The registry, and programmes whose creation was undone, are not among them.
func (s *Store) Programmes(ctx context.Context, community, after string, limit int) ([]engine.Head, error) {
	if limit <= 0 {
		return nil, nil
	}
	return s.heads(ctx, "where r.community = ? and r.code > ? and r.code <> '' and r.id <> r.community order by r.code limit ?",
		community, after, limit)
}
