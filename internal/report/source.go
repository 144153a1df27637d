package report

import (
	"context"
	"fmt"
	"iter"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// Source is the database as a report reads it.
type Source interface {
	// Heads returns the given roots; one that does not exist is absent.
	Heads(ctx context.Context, community string, roots []string) (map[string]engine.Head, error)
	// RootByCode returns the root with the given short name, or nil.
	RootByCode(ctx context.Context, community, code string) (*engine.Head, error)
	// Subtree yields every instance of a root. An error ends it.
	Subtree(ctx context.Context, community, root string) iter.Seq2[*workflow.Instance, error]
	// Bundle returns the files of a stored bundle, or nil.
	Bundle(ctx context.Context, hash string) (map[string][]byte, error)
}

// Build computes the report of a programme, named by its id or its code. It holds the programme's rows in memory, and of the
// registry only what figures ask for. The error is a *fault.Error of kind NotFound if there is no such programme.
func Build(ctx context.Context, src Source, community, programme string) (*Report, error) {
	head, err := find(ctx, src, community, programme)
	if err != nil {
		return nil, err
	}
	files, err := src.Bundle(ctx, head.Bundle)
	if err != nil {
		return nil, err
	}
	bundle, problems := workflow.Load(files)
	if bundle == nil {
		return nil, fmt.Errorf("the definitions %s of programme %s do not load: %w", head.Bundle, head.Code, problems)
	}
	return buildOn(ctx, src, community, head, bundle)
}

// buildOn builds the report of a root on its definitions.
func buildOn(ctx context.Context, src Source, community string, head engine.Head, bundle *workflow.Bundle) (*Report, error) {
	rows := newRows(bundle, head.Root)
	if err := rows.read(src.Subtree(ctx, community, head.Root), rows.add); err != nil {
		return nil, fmt.Errorf("read programme %s: %w", head.Code, err)
	}
	if err := rows.read(src.Subtree(ctx, community, community), rows.register); err != nil {
		return nil, fmt.Errorf("read the registry of %s: %w", community, err)
	}
	return rows.report(), nil
}

func find(ctx context.Context, src Source, community, programme string) (engine.Head, error) {
	if programme != community {
		heads, err := src.Heads(ctx, community, []string{programme})
		if err != nil {
			return engine.Head{}, err
		}
		if h, ok := heads[programme]; ok {
			return h, nil
		}
		h, err := src.RootByCode(ctx, community, programme)
		if err != nil {
			return engine.Head{}, err
		}
		if h != nil && h.Root != community {
			return *h, nil
		}
	}
	return engine.Head{}, fault.New(fault.NotFound, "unknown_programme",
		"社区 "+community+" 没有编号为 "+programme+" 的项目", "community "+community+" has no programme "+programme)
}
