package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/linli/linli/internal/engine"
)

const entryColumns = "r.root, r.seq, r.command, r.target, r.recorded, r.body, r.mac"

func scanEntry(rows *sql.Rows) (engine.StoredEntry, error) {
	var e engine.StoredEntry
	var recorded instant
	err := rows.Scan(&e.Root, &e.Seq, &e.Command, &e.Target, &recorded, &e.Body, &e.MAC)
	e.Recorded = recorded.Time
	return e, err
}

// Committed implements engine.Store. A command that is not there yet may still be on its way: the connection that sent
// it can be lost while the server goes on. So before it answers "no", it waits until nobody holds the root any more.
func (s *Store) Committed(ctx context.Context, community, root, command string) (*engine.StoredEntry, error) {
	entry, err := s.entryOf(ctx, community, root, command)
	if entry != nil || err != nil || s.cfg.ReadOnly {
		return entry, err
	}
	if err := s.awaitRoot(ctx, community, root); err != nil {
		return nil, fmt.Errorf("wait for the outcome of %s on %s: %w", command, root, err)
	}
	return s.entryOf(ctx, community, root, command)
}

func (s *Store) entryOf(ctx context.Context, community, root, command string) (*engine.StoredEntry, error) {
	var entry *engine.StoredEntry
	err := s.each(ctx, "select "+entryColumns+" from history as r where r.community = ? and r.root = ? and r.command = ?",
		func(rows *sql.Rows) error {
			e, err := scanEntry(rows)
			entry = &e
			return err
		}, community, root, command)
	if err != nil {
		return nil, fmt.Errorf("look for command %s of %s: %w", command, root, err)
	}
	return entry, nil
}

// errOnlyWaiting rolls a transaction back that was there for its locks alone.
var errOnlyWaiting = errors.New("only waiting")

// awaitRoot returns when no commit that touches the root is under way. Inserting the root waits for whoever is creating
// it, locking it waits for whoever is changing it; both are undone.
func (s *Store) awaitRoot(ctx context.Context, community, root string) error {
	err := s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
		_, err := t.exec(ctx, `insert into roots (community, id, seq, mac, bundle, code) values (?, ?, 0, ?, '', '')
			on conflict (community, id) do nothing`, community, root, []byte{})
		if err != nil {
			return err
		}
		text := "select r.seq from (" + rowsMark + ") as v cross join roots as r where r.community = v.column1 and r.id = v.column2" + t.dialect.forWrite
		err = t.queryRows(ctx, text, [][]any{{community, root}}, func(*sql.Rows) error { return nil })
		if err != nil {
			return err
		}
		return errOnlyWaiting
	})
	if errors.Is(err, errOnlyWaiting) {
		return nil
	}
	return err
}

// History returns entries of a root's chain from fromSeq on, in order, at most limit.
func (s *Store) History(ctx context.Context, community, root string, fromSeq int64, limit int) ([]engine.StoredEntry, error) {
	return s.entries(ctx, "select "+entryColumns+` from history as r
		where r.community = ? and r.root = ? and r.seq >= ? order by r.seq limit ?`, community, root, fromSeq, limit)
}

// HistoryOf returns the entries of a root's chain whose target was the given instance, from fromSeq on, in order, at
// most limit.
func (s *Store) HistoryOf(ctx context.Context, community, root, target string, fromSeq int64, limit int) ([]engine.StoredEntry, error) {
	return s.entries(ctx, "select "+entryColumns+` from history as r
		where r.community = ? and r.root = ? and r.target = ? and r.seq >= ? order by r.seq limit ?`, community, root, target, fromSeq, limit)
}

func (s *Store) entries(ctx context.Context, text string, args ...any) ([]engine.StoredEntry, error) {
	var entries []engine.StoredEntry
	err := s.each(ctx, text, func(rows *sql.Rows) error {
		e, err := scanEntry(rows)
		entries = append(entries, e)
		return err
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	return entries, nil
}
