package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
)

// statement returns the read prepared on the pool.
func (s *Store) statement(ctx context.Context, text string) (*sqlx.Stmt, error) {
	s.mu.Lock()
	p, ok := s.prepared[text]
	s.mu.Unlock()
	if ok {
		return p, nil
	}
	p, err := s.read.PreparexContext(ctx, s.dialect.rebind(text))
	if err != nil {
		return nil, fmt.Errorf("prepare a statement: %w", err)
	}
	s.mu.Lock()
	other, meanwhile := s.prepared[text]
	if !meanwhile {
		s.prepared[text] = p
	}
	s.mu.Unlock()
	if meanwhile { // somebody else prepared it at the same time
		return other, p.Close() //nolint:sqlclosecheck // only this one of the two
	}
	return p, nil
}

// checkArguments keeps text that no row can hold away from the database, which would fail with a message for programmers.
func checkArguments(args []any) error {
	for _, a := range args {
		if text, ok := a.(string); ok {
			if err := checkText("the text to look for", text); err != nil {
				return err
			}
		}
	}
	return nil
}

// errSilent says that a read was given up.
var errSilent = errors.New("the database did not answer in time")

// silent adds to an error that the time was up, where that is its cause.
func silent(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		return fmt.Errorf("%w: %w", errSilent, err)
	}
	return err
}

// enter waits for one of SQLite's connections for reading, at most for the store's time limit; leave gives it free again. The pool itself
// could only be watched by a context that ends, which would watch the statement as well: see bounded. Elsewhere the pool is waited for
// under such a context, and enter and leave do nothing.
func (s *Store) enter(ctx context.Context) error {
	if s.readers == nil {
		return nil
	}
	select {
	case s.readers <- struct{}{}:
		return nil
	default: // every one is in use
	}
	patience := time.NewTimer(s.cfg.Timeout)
	defer patience.Stop()
	select {
	case s.readers <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a connection: %w", ctx.Err())
	case <-patience.C:
		return fmt.Errorf("wait for a connection: %w", errSilent)
	}
}

func (s *Store) leave() {
	if s.readers != nil {
		<-s.readers
	}
}

// get reads one row; the error is sql.ErrNoRows if there is none.
func (s *Store) get(ctx context.Context, dest any, text string, args ...any) error {
	if err := checkArguments(args); err != nil {
		return err
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	p, err := s.statement(ctx, text) //nolint:sqlclosecheck // kept until the store is closed
	if err != nil {
		return err
	}
	return p.GetContext(ctx, dest, args...)
}

// each calls scan for every row of the answer. The database has the store's time limit for the first row and for each further one; SQLite,
// which reads in this very process, has it for the wait for a connection.
func (s *Store) each(ctx context.Context, text string, scan func(*sql.Rows) error, args ...any) error {
	if err := checkArguments(args); err != nil {
		return err
	}
	if s.readers == nil {
		return s.eachInTime(ctx, text, scan, args...)
	}
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	p, err := s.statement(ctx, text) //nolint:sqlclosecheck // kept until the store is closed
	if err != nil {
		return err
	}
	rows, err := p.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return scanAll(rows, scan)
}

func (s *Store) eachInTime(ctx context.Context, text string, scan func(*sql.Rows) error, args ...any) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	patience := time.AfterFunc(s.cfg.Timeout, func() { cancel(errSilent) })
	defer patience.Stop()
	p, err := s.statement(ctx, text) //nolint:sqlclosecheck // kept until the store is closed
	if err != nil {
		return silent(ctx, err)
	}
	rows, err := p.QueryContext(ctx, args...)
	if err != nil {
		return silent(ctx, err)
	}
	return silent(ctx, scanAll(rows, func(row *sql.Rows) error {
		patience.Stop() // the reader may take its time
		defer patience.Reset(s.cfg.Timeout)
		return scan(row)
	}))
}

// communityMark stands in a statement for the community of eachOf.
const communityMark = "@community"

// eachOf runs a query with rowsMark for all rows and calls scan for every row of the answers; scan must not mind the
// same answer twice. The community goes along as a further column of every row, which takes communityMark's place: as a
// constant it would invite PostgreSQL to read all of the community once instead of looking each row up.
func (s *Store) eachOf(ctx context.Context, community, text string, rows [][]any, scan func(*sql.Rows) error) error {
	for n, row := range rows {
		rows[n] = append(row, community)
	}
	return inBatches(rows, func(n int, args []any) error {
		width := len(rows[0])
		text := strings.Replace(text, communityMark, "v.column"+strconv.Itoa(width), 1)
		return s.each(ctx, withRows(text, n, width), scan, args...)
	})
}
