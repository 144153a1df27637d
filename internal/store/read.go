package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// Communities returns the ids of all communities, in order.
func (s *Store) Communities(ctx context.Context) ([]string, error) {
	var out []string
	err := s.each(ctx, "select distinct community from roots order by community", func(rows *sql.Rows) error {
		var c string
		err := rows.Scan(&c)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the communities: %w", err)
	}
	return out, nil
}

// Roots returns the heads of a community's chains in the order of their ids: its programmes and its registry.
func (s *Store) Roots(ctx context.Context, community string) ([]engine.Head, error) {
	return s.heads(ctx, "where r.community = ? order by r.id", community)
}

// RootByCode returns the root with the given short name, or nil.
func (s *Store) RootByCode(ctx context.Context, community, code string) (*engine.Head, error) {
	heads, err := s.heads(ctx, "where r.community = ? and r.code = ? and r.code <> ''", community, code)
	if err != nil || len(heads) == 0 {
		return nil, err
	}
	return &heads[0], nil
}

func (s *Store) heads(ctx context.Context, text string, args ...any) ([]engine.Head, error) {
	var out []engine.Head
	err := s.each(ctx, "select "+headColumns+" from roots as r "+text, func(rows *sql.Rows) error {
		h, err := scanHead(rows)
		out = append(out, h)
		return err
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("read the roots: %w", err)
	}
	return out, nil
}

// Instance returns the instance with the given id, or nil.
func (s *Store) Instance(ctx context.Context, community, id string) (*workflow.Instance, error) {
	return s.one(ctx, "where r.community = ? and r.id = ?", community, id)
}

// FindByKey returns the instance with the given key under a parent, or nil.
func (s *Store) FindByKey(ctx context.Context, community, parent, of, key string) (*workflow.Instance, error) {
	return s.one(ctx, "where r.community = ? and r.parent = ? and r.workflow = ? and r.key = ? and r.key <> ''", community, parent, of, key)
}

// Children returns the instances of one workflow under a parent, in the order of (key, id). With of "" it returns the
// children of every workflow.
func (s *Store) Children(ctx context.Context, community, parent, of string) ([]*workflow.Instance, error) {
	if of == "" {
		return s.instances(ctx, "where r.community = ? and r.parent = ? order by r.workflow, r.key, r.id", community, parent)
	}
	return s.instances(ctx, "where r.community = ? and r.parent = ? and r.workflow = ? order by r.key, r.id", community, parent, of)
}

// Subtree yields every instance of a root, the root itself included, in the order of ids. It holds one connection until
// the loop ends. An error ends the loop.
func (s *Store) Subtree(ctx context.Context, community, root string) iter.Seq2[*workflow.Instance, error] {
	return func(yield func(*workflow.Instance, error) bool) {
		stop := errors.New("stopped by the reader")
		// The order is by an expression so that no planner reads all of a community by its primary key to save the sorting.
		err := s.each(ctx, "select "+instanceColumns+" from instances as r where r.community = ? and r.root = ? order by r.id || ''",
			func(rows *sql.Rows) error {
				i, err := scanInstance(rows)
				if err != nil {
					return err
				}
				if !yield(i, nil) {
					return stop
				}
				return nil
			}, community, root)
		if err != nil && !errors.Is(err, stop) {
			yield(nil, fmt.Errorf("read everything under %s: %w", root, err))
		}
	}
}

func (s *Store) one(ctx context.Context, text string, args ...any) (*workflow.Instance, error) {
	found, err := s.instances(ctx, text, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

func (s *Store) instances(ctx context.Context, text string, args ...any) ([]*workflow.Instance, error) {
	var out []*workflow.Instance
	err := s.each(ctx, "select "+instanceColumns+" from instances as r "+text, func(rows *sql.Rows) error {
		i, err := scanInstance(rows)
		out = append(out, i)
		return err
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("read instances: %w", err)
	}
	return out, nil
}

// DistinctRows returns every counted value of every distinct aggregate under a root, ordered by instance, aggregate and value.
func (s *Store) DistinctRows(ctx context.Context, community, root string) ([]engine.DistinctWrite, error) {
	var out []engine.DistinctWrite
	err := s.each(ctx, `select d.instance, d.aggregate, d.value, d.n
		from instances as r cross join distinct_counts as d
		where r.community = ? and r.root = ? and d.community = r.community and d.instance = r.id
		order by d.instance, d.aggregate, d.value`, func(rows *sql.Rows) error {
		var d engine.DistinctWrite
		err := rows.Scan(&d.Instance, &d.Aggregate, &d.Value, &d.N)
		out = append(out, d)
		return err
	}, community, root)
	if err != nil {
		return nil, fmt.Errorf("read the distinct values under %s: %w", root, err)
	}
	return out, nil
}

// SearchTerms returns the search terms of the given instance.
func (s *Store) SearchTerms(ctx context.Context, community, instance string) ([]engine.SearchTerm, error) {
	return s.terms(ctx, "where community = ? and instance = ? order by kind", community, instance)
}

// Search returns the terms of one kind that hold text anywhere, at most limit, in the order of the terms. A keyed hash
// has to be given whole: see Find.
func (s *Store) Search(ctx context.Context, community, kind, text string, limit int) ([]engine.SearchTerm, error) {
	pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
	return s.terms(ctx, `where community = ? and kind = ? and term like ? escape '\' order by term, instance limit ?`, community, kind, pattern, limit)
}

// Find returns the terms of one kind that equal text: several instances may share one, as families share a telephone.
func (s *Store) Find(ctx context.Context, community, kind, text string) ([]engine.SearchTerm, error) {
	return s.terms(ctx, "where community = ? and kind = ? and term = ? order by instance", community, kind, text)
}

func (s *Store) terms(ctx context.Context, text string, args ...any) ([]engine.SearchTerm, error) {
	var out []engine.SearchTerm
	err := s.each(ctx, "select instance, kind, term from search_terms "+text, func(rows *sql.Rows) error {
		var t engine.SearchTerm
		err := rows.Scan(&t.Instance, &t.Kind, &t.Term)
		out = append(out, t)
		return err
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	return out, nil
}

// Empty reports whether no community has been stored yet, as in a database just created.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	communities, err := s.Communities(ctx)
	return len(communities) == 0, err
}

// Ping reads one row, so that whoever asks knows whether the database answers within ctx and the store's time limit.
func (s *Store) Ping(ctx context.Context) error {
	var value string
	if err := s.get(ctx, &value, "select value from meta where name = ?", metaMinReader); err != nil {
		return fault.Wrap(err, fault.Unavailable, "database_unreachable",
			"数据库没有应答。请检查数据库是否在运行；恢复后会自动继续。", "the database does not answer; check that it runs, work goes on by itself once it does")
	}
	return nil
}
