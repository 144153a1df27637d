package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/linli/linli/internal/engine"
)

// session is one connection kept for writing, with the statements prepared on it. The pool of database/sql would prepare
// them anew for every transaction, or wait for a second connection where SQLite has only one.
type session struct {
	conn  *sql.Conn
	tx    driver.Tx // while one runs
	stmts map[statement]*sql.Stmt
}

// statement is the text of a statement and, where rowsMark stands in it, for how many rows of how many values it is prepared.
type statement struct {
	text        string
	rows, width int
}

func (of statement) whole() string {
	if of.rows == 0 {
		return of.text
	}
	return withRows(of.text, of.rows, of.width)
}

// newSessions returns a pool of n places, of which none is connected yet.
func newSessions(n int) chan *session {
	pool := make(chan *session, n)
	for range n {
		pool <- nil
	}
	return pool
}

// close closes the statements and gives the connection back to its pool.
func (c *session) close() {
	for _, stmt := range c.stmts {
		_ = stmt.Close() // the connection is closed right afterwards
	}
	_ = c.conn.Close()
}

// discard closes the connection instead, and with it the statements and whatever transaction is open on it.
func (c *session) discard() {
	_ = c.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = c.conn.Close()
}

// txn is one transaction on a session.
type txn struct {
	dialect dialect
	session *session
}

// transact runs fn in one transaction and commits it, or rolls it back if fn fails. The caller's context only bounds the
// wait for a connection: once begun, a transaction ends by itself or, on PostgreSQL, by the store's own time limit, so that a
// client who hangs up never leaves the outcome open. A commit without a clear outcome is engine.ErrUnknownOutcome.
func (s *Store) transact(ctx context.Context, onCommit func(func() error) error, fn func(context.Context, *txn) error) error {
	if s.cfg.ReadOnly {
		return ErrReadOnly
	}
	var c *session
	var open bool
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for a connection: %w", ctx.Err())
	case c, open = <-s.sessions:
	}
	if !open {
		return ErrClosed
	}
	defer func() { s.sessions <- c }()

	ctx, cancel := s.bounded(context.WithoutCancel(ctx))
	defer cancel()
	var err error
	if c, err = s.begin(ctx, c); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := fn(ctx, &txn{dialect: s.dialect, session: c}); err != nil {
		if c.rollback() != nil {
			c.discard()
			c = nil
		}
		return err
	}
	if onCommit == nil {
		onCommit = func(commit func() error) error { return commit() }
	}
	if err := onCommit(c.commit); err != nil {
		_ = c.rollback() // where COMMIT was not carried out, SQLite keeps the transaction open until it is rolled back
		c.discard()
		c = nil
		if notCommitted(err) {
			return fmt.Errorf("commit: %w", err)
		}
		return fmt.Errorf("%w: %w", engine.ErrUnknownOutcome, err)
	}
	return nil
}

// bounded gives a transaction, or the reading of one row, the store's time limit. On SQLite it has none once it has its connection: there
// is no other machine to wait for, a lock held by another program has a limit of its own (busy_timeout), and watching a context costs a
// goroutine with each statement.
func (s *Store) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.dialect.name == sqliteDriver {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.cfg.Timeout)
}

// begin starts a transaction on the session, on a new connection if there is none or the old one has died meanwhile. It
// returns the session to use from now on, nil if there is none.
func (s *Store) begin(ctx context.Context, c *session) (*session, error) {
	if c != nil {
		err := c.begin(ctx, s.dialect.isolation)
		if err == nil {
			return c, nil
		}
		c.discard()
		if ctx.Err() != nil {
			return nil, err
		}
	}
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c = &session{conn: conn, stmts: map[statement]*sql.Stmt{}}
	for _, text := range s.dialect.settings {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			c.discard()
			return nil, fmt.Errorf("set up a connection for writing: %w", err)
		}
	}
	if err := c.begin(ctx, s.dialect.isolation); err != nil {
		c.discard()
		return nil, err
	}
	return c, nil
}

// begin asks the driver itself for a transaction. A sql.Tx would hold the connection, and a statement that finds the
// connection dead would wait for that same Tx to let go.
func (c *session) begin(ctx context.Context, isolation sql.IsolationLevel) error {
	return c.conn.Raw(func(driverConn any) error {
		b, ok := driverConn.(driver.ConnBeginTx)
		if !ok {
			return fmt.Errorf("the driver's connection %T cannot begin a transaction", driverConn)
		}
		var err error
		c.tx, err = b.BeginTx(ctx, driver.TxOptions{Isolation: driver.IsolationLevel(isolation)})
		return err
	})
}

func (c *session) commit() error { return c.conn.Raw(func(any) error { return c.tx.Commit() }) }

func (c *session) rollback() error { return c.conn.Raw(func(any) error { return c.tx.Rollback() }) }

// stmt returns the statement prepared on this session's connection.
func (t *txn) stmt(ctx context.Context, of statement) (*sql.Stmt, error) {
	if p, ok := t.session.stmts[of]; ok {
		return p, nil
	}
	p, err := t.session.conn.PrepareContext(ctx, t.dialect.rebind(of.whole()))
	if err != nil {
		return nil, fmt.Errorf("prepare a statement: %w", err)
	}
	t.session.stmts[of] = p
	return p, nil
}

// exec runs a statement and returns how many rows it changed.
func (t *txn) exec(ctx context.Context, text string, args ...any) (int64, error) {
	return t.run(ctx, statement{text: text}, args)
}

func (t *txn) run(ctx context.Context, of statement, args []any) (int64, error) {
	p, err := t.stmt(ctx, of) //nolint:sqlclosecheck // kept as long as its connection
	if err != nil {
		return 0, err
	}
	res, err := p.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// execRows runs a statement with rowsMark for all rows, in as few statements as the batch sizes allow, and returns how
// many rows it changed. after are the arguments that follow the rows in the text.
func (t *txn) execRows(ctx context.Context, text string, rows [][]any, after ...any) (int64, error) {
	var total int64
	for len(rows) > 0 {
		n := nextBatch(len(rows))
		args := make([]any, 0, n*len(rows[0])+len(after))
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		changed, err := t.run(ctx, statement{text, n, len(rows[0])}, append(args, after...))
		if err != nil {
			return total, err
		}
		total += changed
		rows = rows[n:]
	}
	return total, nil
}

// queryRows runs a query with rowsMark for all rows and calls scan for each row of the answer. Rows may be asked for
// twice to fill a batch: scan must not mind the same answer again.
func (t *txn) queryRows(ctx context.Context, text string, rows [][]any, scan func(*sql.Rows) error) error {
	return inBatches(rows, func(n int, args []any) error {
		p, err := t.stmt(ctx, statement{text, n, len(rows[0])}) //nolint:sqlclosecheck // kept as long as its connection
		if err != nil {
			return err
		}
		found, err := p.QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		return scanAll(found, scan)
	})
}

// inBatches calls run with the arguments of each batch, the last one filled up with copies of its last row.
func inBatches(rows [][]any, run func(n int, args []any) error) error {
	for len(rows) > 0 {
		n := paddedBatch(len(rows))
		args := make([]any, 0, n*len(rows[0]))
		for i := range n {
			args = append(args, rows[min(i, len(rows)-1)]...)
		}
		if err := run(n, args); err != nil {
			return err
		}
		rows = rows[min(n, len(rows)):]
	}
	return nil
}

func scanAll(rows *sql.Rows, scan func(*sql.Rows) error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
