package testdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"
)

// Cluster is a PostgreSQL server of one test's own, which it may crash.
type Cluster struct {
	DSN string // of a database that is migrated
	c   *cluster
}

// OwnPostgres starts a server for one test, with a migrated database. It is gone when the test ends, also if the process is killed.
func OwnPostgres(t testing.TB) *Cluster {
	t.Helper()
	c, err := startServer(context.Background())
	if err != nil {
		t.Fatalf("the test needs a PostgreSQL server of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Errorf("stop the test's server: %v", err)
		}
	})
	if err := migrate(context.Background(), c.address); err != nil {
		t.Fatalf("prepare the test's server: %v", err)
	}
	return &Cluster{DSN: c.address, c: c}
}

// Crash ends every process of the server at once, as if it were killed, and starts it again. It returns when the new one answers.
func (c *Cluster) Crash(ctx context.Context) error {
	before, err := c.started(ctx)
	if err != nil {
		return fmt.Errorf("crash the test's server: %w", err)
	}
	if _, err := fmt.Fprintln(c.c.pipe, "crash"); err != nil {
		return fmt.Errorf("crash the test's server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		after, err := c.started(ctx)
		if err == nil && after != before {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the test's server did not come back: %w", errors.Join(ctx.Err(), err))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// started is when the server that answers now was started.
func (c *Cluster) started(ctx context.Context) (at string, err error) {
	db, err := sql.Open("postgres", c.DSN)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.QueryRowContext(ctx, "select pg_postmaster_start_time()::text").Scan(&at)
	return at, err
}
