package api

import (
	"context"
	"sync"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// maxRemembered bounds the caches of what never changes.
const maxRemembered = 100_000

// programmeCache remembers which bundle a programme is pinned to, which never changes. That of the registry does, and is asked for.
type programmeCache struct {
	mu      sync.RWMutex
	bundles map[rootPlace]string
}

type rootPlace struct{ community, root string }

func newProgrammeCache() *programmeCache { return &programmeCache{bundles: map[rootPlace]string{}} }

// bundleOf is the bundle that a root runs on: a programme's own, for the registry the community's current one.
func (s *server) bundleOf(ctx context.Context, community, root string) (*workflow.Bundle, error) {
	at := rootPlace{community, root}
	s.kinds.mu.RLock()
	hash := s.kinds.bundles[at]
	s.kinds.mu.RUnlock()
	if hash == "" {
		heads, err := s.Store.Heads(ctx, community, []string{root})
		if err != nil {
			return nil, err
		}
		head, ok := heads[root]
		if !ok {
			return nil, unknownProgramme()
		}
		hash = head.Bundle
		if root == community {
			return s.registryBundle(ctx, community, hash)
		}
		s.kinds.mu.Lock()
		if len(s.kinds.bundles) >= maxRemembered {
			clear(s.kinds.bundles)
		}
		s.kinds.bundles[at] = hash
		s.kinds.mu.Unlock()
	}
	return s.Engine.Bundle(ctx, hash)
}

func (s *server) registryBundle(ctx context.Context, community, pinned string) (*workflow.Bundle, error) {
	row, err := s.Store.Instance(ctx, community, community)
	if err != nil {
		return nil, err
	}
	if row != nil {
		if hash, _ := row.Body.Data["bundle"].(string); hash != "" {
			pinned = hash
		}
	}
	return s.Engine.Bundle(ctx, pinned)
}

func unknownProgramme() error {
	return fault.New(fault.NotFound, "unknown_programme", "找不到这个项目；请核对编号", "there is no such programme; check its code")
}

func unknownInstance() error {
	return fault.New(fault.NotFound, "unknown_instance", "找不到这一项；请核对编号", "there is no such thing here; check the id")
}

// programme resolves the id or code of a programme in a path to its id. One that the caller's token is not good for is not found.
func (s *server) programme(ctx context.Context, community, named string) (string, error) {
	if err := inCommunity(ctx, community); err != nil {
		return "", err
	}
	id := ""
	heads, err := s.Store.Heads(ctx, community, []string{named})
	if err != nil {
		return "", err
	}
	if h, ok := heads[named]; ok && h.Live() {
		id = named
	} else {
		h, err := s.Store.RootByCode(ctx, community, named)
		if err != nil {
			return "", err
		}
		if h != nil && h.Live() {
			id = h.Root
		}
	}
	if id == "" || !from(ctx).within(id) {
		return "", unknownProgramme()
	}
	return id, nil
}

// instance reads an instance that the caller may see.
func (s *server) instance(ctx context.Context, community, id string) (*workflow.Instance, *workflow.Definition, sight, error) {
	if err := inCommunity(ctx, community); err != nil {
		return nil, nil, sightNone, err
	}
	i, err := s.Store.Instance(ctx, community, id)
	if err != nil {
		return nil, nil, sightNone, err
	}
	if i == nil {
		return nil, nil, sightNone, unknownInstance()
	}
	def, err := s.definitionOf(ctx, i)
	if err != nil {
		return nil, nil, sightNone, err
	}
	see := s.sees(ctx, i, def)
	if see == sightNone {
		return nil, nil, sightNone, unknownInstance()
	}
	return i, def, see, nil
}
