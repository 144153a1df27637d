package engine

import (
	"container/list"
	"context"
	"fmt"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// maxBundles is how many compiled bundles are kept: each takes megabytes, and years of definitions gather in a database.
const maxBundles = 64

// codeBundleMissing is the code of the fault that a bundle is not stored. Timers wait for it to come back.
const codeBundleMissing = "bundle_missing"

// bundles are the compiled bundles used last. It is not safe for concurrent use: Engine.mu guards it.
type bundles struct {
	byHash map[string]*list.Element // of *workflow.Bundle
	recent *list.List               // the one used last in front
}

func newBundles() bundles { return bundles{byHash: map[string]*list.Element{}, recent: list.New()} }

func (s *bundles) get(hash string) *workflow.Bundle {
	at := s.byHash[hash]
	if at == nil {
		return nil
	}
	s.recent.MoveToFront(at)
	b, _ := at.Value.(*workflow.Bundle)
	return b
}

func (s *bundles) put(b *workflow.Bundle) {
	if at := s.byHash[b.Hash]; at != nil {
		at.Value = b
		s.recent.MoveToFront(at)
		return
	}
	s.byHash[b.Hash] = s.recent.PushFront(b)
	if s.recent.Len() > maxBundles {
		last, _ := s.recent.Remove(s.recent.Back()).(*workflow.Bundle)
		delete(s.byHash, last.Hash)
	}
}

// Bundle returns a stored bundle, compiled. The compiled bundles used last are kept; one that goes stays valid for whoever
// holds it.
func (e *Engine) Bundle(ctx context.Context, hash string) (*workflow.Bundle, error) {
	if b := e.cached(hash); b != nil {
		return b, nil
	}
	e.compiling.Lock() // after a start everybody asks for the same one at once, and compiling it takes longer than anything else
	defer e.compiling.Unlock()
	if b := e.cached(hash); b != nil {
		return b, nil
	}
	files, err := e.store.Bundle(ctx, hash)
	if err != nil {
		return nil, err
	}
	if files == nil {
		return nil, fault.New(fault.NotFound, codeBundleMissing, "数据库里没有定义集 "+hash+"；请先载入", "the bundle "+hash+" is not in the database; load it first")
	}
	b, problems := workflow.Load(files)
	if len(problems) > 0 {
		return nil, fmt.Errorf("stored bundle %s: %w", hash, problems)
	}
	if b.Hash != hash {
		return nil, fmt.Errorf("stored bundle %s has the hash %s: its files were changed in the database", hash, b.Hash)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bundles.put(b)
	return b, nil
}

func (e *Engine) cached(hash string) *workflow.Bundle {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.bundles.get(hash)
}

// AddBundle stores a checked bundle so that communities can take it up. Nothing running moves.
func (e *Engine) AddBundle(ctx context.Context, b *workflow.Bundle) error {
	if err := e.store.PutBundle(ctx, b.Hash, b.Language, b.Files); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.bundles.put(b)
	return nil
}
