package engine

import (
	"context"
	"slices"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// bareView is what a view without rows counts for, in rows.
const bareView = 4

// farFuture is later than any timer.
func farFuture() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// view borrows what is known of a root, or reads the beginnings of it.
func (e *Engine) view(ctx context.Context, k queueKey) (*view, error) {
	if v := e.cache.borrow(k); v != nil {
		return v, nil
	}
	v, err := e.newView(ctx, k)
	if err != nil {
		return nil, err
	}
	if _, exists := v.heads[k.root]; !exists {
		return v, nil
	}
	rows, err := e.store.DueTimers(ctx, k.community, k.root, farFuture(), TimerRow{}, 1)
	if err != nil {
		return nil, err
	}
	if len(rows) > 0 {
		v.due = rows[0].Due
	}
	return v, nil
}

// newView reads the heads of a root and its registry.
func (e *Engine) newView(ctx context.Context, k queueKey) (*view, error) {
	e.mu.Lock()
	writing := e.turns[k.community] != nil
	e.mu.Unlock()
	heads, err := e.store.Heads(ctx, k.community, k.roots())
	if err != nil {
		return nil, err
	}
	v := &view{of: k, heads: map[string]Head{}, seq: map[string]int64{}, snap: workflow.NewSnapshot(), size: bareView}
	for _, h := range heads {
		v.setHead(h)
	}
	if h, ok := heads[k.community]; ok {
		e.cache.sawRegistry(k.community, h, writing)
	}
	return v, nil
}

// roots are the chains that a slice of a root may write.
func (k queueKey) roots() []string {
	if k.root == k.community {
		return []string{k.root}
	}
	return []string{k.root, k.community}
}

// current reports whether the database is still where a view says. A refusal is only worth answering then: nothing else checks it.
func (e *Engine) current(ctx context.Context, k queueKey, seq map[string]int64) (bool, error) {
	heads, err := e.store.Heads(ctx, k.community, k.roots())
	if err != nil {
		return false, err
	}
	for _, root := range k.roots() {
		if heads[root].Seq != seq[root] {
			return false, nil
		}
	}
	return true, nil
}

// keep gives the view of a slice that was committed, or that wrote nothing, back to the cache, and tells what it changed for others.
func (b *build) keep() {
	v, c := b.view, b.e.cache
	v.commands += len(b.parts)
	v.size += len(b.slice.Rows)
	if slices.ContainsFunc(b.slice.Rows, func(w RowWrite) bool { return w.Op == RowInsert }) {
		b.e.place(b.key.community, func(yield func(*workflow.Instance)) {
			for _, w := range b.slice.Rows {
				yield(w.Instance)
			}
		})
	}
	for _, t := range b.slice.Timers {
		switch {
		case !t.Insert || t.Row.Status != TimerWaiting:
		case t.Row.Root == b.key.root:
			v.due = earlier(v.due, t.Row.Due)
		default:
			c.armed(queueKey{b.key.community, t.Row.Root}, t.Row.Due)
		}
	}
	for _, chain := range b.slice.Chains {
		if chain.Head.Root == b.key.community {
			out, whole := b.registryChanges()
			c.registryGrew(b.key.community, chain.Expect, chain.Head, out, whole)
		}
	}
	c.giveBack(v)
}

// registryChanges is what the slice changed in the registry, and whether that is known to be all.
func (b *build) registryChanges() (workflow.Outcome, bool) {
	out := workflow.Outcome{Distinct: map[workflow.Key]int64{}}
	for _, w := range b.slice.Rows {
		if w.Instance.Root == b.key.community {
			out.Rows = append(out.Rows, workflow.RowChange{Op: workflow.RowOp(w.Op), Instance: w.Instance})
		}
	}
	for k, n := range b.dist {
		i := b.snap.Instance(k.A)
		if i == nil {
			return out, false
		}
		if i.Root == b.key.community {
			out.Distinct[k] = n
		}
	}
	return out, true
}
