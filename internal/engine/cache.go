package engine

import (
	"container/list"
	"sync"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// The bounds of what is kept: rows altogether, rows and commands of one view, and registry answers and changes of one community.
const (
	maxCachedRows   = 32_768
	maxViewRows     = 4_096
	maxViewCommands = 512
	maxAnswers      = 8_192
	maxDeltas       = 256
)

// cache keeps what decisions read. It only saves questions: a commit refuses whatever was decided on rows that have moved on, so that a
// stale view costs a second try and never a wrong decision; and a refusal, which no commit checks, is answered only when the
// database says that its view is current (Engine.current).
//
// A view is valid at the seqs of its two heads. The one goroutine that works on a root borrows its view and gives it back as its own
// commits left it; whatever else may have moved the root (a conflict, a hint, an unknown outcome) makes it forget the view.
type cache struct {
	mu         sync.Mutex
	views      map[queueKey]*list.Element // of *view
	recent     *list.List                 // the view used last in front
	rows       int
	lent       map[queueKey]*loan
	registries map[string]*registry
}

// loan is a view that somebody works with, and what was heard of its root meanwhile.
type loan struct {
	stale bool
	due   time.Time // of the earliest timer that another root's command armed
}

// view is what is known of one root.
type view struct {
	of    queueKey
	heads map[string]Head // of the root and its registry, as far as they exist
	seq   map[string]int64
	snap  *workflow.Snapshot
	// due is not later than any waiting timer; zero if none waits.
	due time.Time
	// passing: it holds something that no seq of its heads vouches for, and must not be used for the next slice.
	passing        bool
	size, commands int // in rows, and since it was begun
}

func newCache() *cache {
	return &cache{views: map[queueKey]*list.Element{}, recent: list.New(), lent: map[queueKey]*loan{}, registries: map[string]*registry{}}
}

// borrow returns the view of a root, brought up to date with its registry, or nil. The borrower calls either giveBack or forget.
func (c *cache) borrow(k queueKey) *view {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lent[k] = &loan{}
	at := c.views[k]
	if at == nil {
		return nil
	}
	v := c.remove(at)
	if r := c.registries[k.community]; k.root != k.community && (r == nil || !r.catchUp(v)) {
		return nil
	}
	return v
}

// peek returns the head of a root and when its next timer may be due, if its view is here.
func (c *cache) peek(k queueKey) (head Head, due time.Time, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.views[k]
	if at == nil {
		return Head{}, time.Time{}, false
	}
	v, _ := at.Value.(*view)
	return v.heads[k.root], v.due, true
}

// giveBack keeps a view for the next slice of its root.
func (c *cache) giveBack(v *view) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lent[v.of]
	delete(c.lent, v.of)
	if l == nil || l.stale || v.passing || v.size > maxViewRows || v.commands > maxViewCommands {
		return
	}
	v.due = earlier(v.due, l.due)
	c.views[v.of] = c.recent.PushFront(v)
	for c.rows += v.size; c.rows > maxCachedRows && c.recent.Len() > 1; {
		c.remove(c.recent.Back())
	}
}

// forget drops the view of a root, and what a borrower has of it will not be taken back.
func (c *cache) forget(k queueKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(k)
	delete(c.lent, k)
}

func (c *cache) drop(k queueKey) {
	if at := c.views[k]; at != nil {
		c.remove(at)
	}
	if l := c.lent[k]; l != nil {
		l.stale = true
	}
}

func (c *cache) remove(at *list.Element) *view {
	v, _ := c.recent.Remove(at).(*view)
	delete(c.views, v.of)
	c.rows -= v.size
	return v
}

// hint drops what another process may have changed: a root, a registry with everything that was read of it, or all.
func (c *cache) hint(community, root string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if community != "" && community != root {
		c.drop(queueKey{community, root})
		return
	}
	for k := range c.views {
		if community == "" || k.community == community {
			c.drop(k)
		}
	}
	for k, l := range c.lent {
		l.stale = l.stale || community == "" || k.community == community
	}
	if community == "" {
		clear(c.registries)
	}
	delete(c.registries, community)
}

// armed notes a timer of a root that another root's command armed.
func (c *cache) armed(k queueKey, due time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.views[k]; at != nil {
		v, _ := at.Value.(*view)
		v.due = earlier(v.due, due)
	}
	if l := c.lent[k]; l != nil {
		l.due = earlier(l.due, due)
	}
}

// earlier returns the earlier of two times; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
