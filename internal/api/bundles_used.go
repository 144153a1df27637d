package api

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/linli/linli/internal/fault"
)

// trustBundlesFor is how long the bundles that a community's programmes run on are taken for known. A programme begins on the
// community's current bundle, which is asked for every time, and keeps it: only what another server has begun on a bundle that was
// current for less than this long is noticed that late.
const trustBundlesFor = 10 * time.Second

// maxBundlesKnown bounds how many communities' bundles are remembered.
const maxBundlesKnown = 1000

// bundlesInUse remembers on which bundles communities work. It is safe for concurrent use.
type bundlesInUse struct {
	mu    sync.Mutex
	known map[string]usedBundles // by community
}

type usedBundles struct {
	pinned map[string]bool // by the programmes; never changed
	until  time.Time
}

func newBundlesInUse() *bundlesInUse { return &bundlesInUse{known: map[string]usedBundles{}} }

// bundlesFor are the hashes of the bundle of one programme, or with "" of all that a community works on, sorted.
func (s *server) bundlesFor(ctx context.Context, community, programme string) ([]string, error) {
	if programme != "" {
		b, err := s.bundleOf(ctx, community, programme)
		if err != nil {
			return nil, err
		}
		return []string{b.Hash}, nil
	}
	current, err := s.bundleOf(ctx, community, community)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	s.inUse.mu.Lock()
	used, ok := s.inUse.known[community]
	s.inUse.mu.Unlock()
	if !ok || !now.Before(used.until) {
		used = usedBundles{map[string]bool{}, now.Add(trustBundlesFor)}
		if err := s.pinned(ctx, community, used.pinned); err != nil {
			return nil, err
		}
	}
	if !ok || !used.pinned[current.Hash] { // programmes that begin now stay on it, whatever is current afterwards
		used.pinned = maps.Clone(used.pinned)
		used.pinned[current.Hash] = true
	}
	s.inUse.mu.Lock()
	defer s.inUse.mu.Unlock()
	if len(s.inUse.known) >= maxBundlesKnown {
		clear(s.inUse.known)
	}
	s.inUse.known[community] = used
	return slices.Sorted(maps.Keys(used.pinned)), nil
}

// pinned adds the bundles that a community's programmes run on.
func (s *server) pinned(ctx context.Context, community string, to map[string]bool) error {
	for after := ""; ; {
		heads, err := s.Store.Programmes(ctx, community, after, maxListedPinned)
		if err != nil {
			return err
		}
		for _, h := range heads {
			to[h.Bundle], after = true, h.Code
		}
		if len(heads) < maxListedPinned {
			return nil
		}
	}
}

// Checking definitions takes a processor a good part of a second and much memory: so many are checked at once, and whoever cannot
// begin within a few seconds is sent away.
const (
	maxCompiles = 2
	compileWait = 3 * time.Second
)

// compiles admits those who want definitions checked. It is safe for concurrent use.
type compiles struct {
	slots chan struct{}
	wait  time.Duration
}

func newCompiles() *compiles {
	return &compiles{slots: make(chan struct{}, maxCompiles), wait: compileWait}
}

// take waits for a free place and returns how it is given back. The error is ctx's, or says that the server is busy.
func (c *compiles) take(ctx context.Context) (release func(), err error) {
	late := time.NewTimer(c.wait)
	defer late.Stop()
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, fault.New(fault.Unavailable, "too_busy",
			"正在检查别的流程定义，请稍后重试", "other definitions are being checked at the moment; try again shortly")
	}
}
