// Package store keeps programmes, registries and their history in SQLite or PostgreSQL. It is the only package that
// speaks SQL. It knows nothing of definitions, guards or keys: it stores what the engine decided, all or nothing, and
// refuses what somebody else changed first.
package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"

	"github.com/linli/linli/internal/engine"
)

// Config says which database to open and how.
type Config struct {
	// DSN is "" for the SQLite file linli.db in Dir, or a postgres:// address.
	DSN string
	// Dir is the data directory. It is created if it is missing, unless ReadOnly.
	Dir string
	// ReadOnly opens an existing database without the lock on its directory and without migrating it; every write fails.
	ReadOnly bool
	// Now is the clock that decides whether a stored answer to an Idempotency-Key has expired. Required.
	Now func() time.Time
	// Committers is how many commits may run at once on PostgreSQL, default 2. SQLite always has one.
	Committers int
	// Readers is how many connections serve reads, default 8 on PostgreSQL and 4 on SQLite.
	Readers int
	// Timeout, default 30 s, bounds one transaction and the wait for each row of a read on PostgreSQL; when it passes before COMMIT was
	// sent, nothing was written. On SQLite it bounds the wait of a read for a connection: the file is on this machine, and a lock that
	// another program holds has a limit of its own, ten seconds.
	Timeout time.Duration
	// OnCommit, if set, runs in place of the final COMMIT of every Commit and must call commit exactly once to make it
	// happen. An error it returns after that is taken as a lost connection: tests inject failures here.
	OnCommit func(commit func() error) error
}

const (
	defaultCommitters      = 2
	defaultPostgresReaders = 8
	defaultSQLiteReaders   = 4
	defaultTimeout         = 30 * time.Second
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	cfg        Config
	dialect    dialect
	read       *sqlx.DB // readers; on PostgreSQL the committers' connections come from it too
	write      *sqlx.DB // on SQLite the single writer; otherwise the same as read
	sessions   chan *session
	readers    chan struct{} // on SQLite as many places as read has connections; nil elsewhere
	teller     *teller       // nil where nobody else could listen
	lock       *flock.Flock  // nil unless this store owns a data directory
	durability map[string]string

	silence atomic.Int64 // how long a connection may wait for the server, in nanoseconds; 0: for ever

	closing  sync.Once
	mu       sync.Mutex
	prepared map[string]*sqlx.Stmt // reads, by their text
}

var _ engine.Store = (*Store)(nil)

// ErrReadOnly says that a write was asked of a store that was opened for reading.
var ErrReadOnly = errors.New("the data was opened for reading only")

// Open opens the database, brings its schema up to date unless it is read-only, and checks that this program may use it.
// Several programs may open one PostgreSQL database at once; a second writer of a SQLite directory gets ErrLocked.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		return nil, errors.New("open the data: no clock was given in Config.Now")
	}
	cfg.Timeout = orDefault(cfg.Timeout, defaultTimeout)
	// The library knows lib/pq's placeholders but not those of this driver; setting them again changes nothing.
	sqlx.BindDriver(sqliteDriver, sqlx.QUESTION)

	s := &Store{cfg: cfg, prepared: map[string]*sqlx.Stmt{}}
	var err error
	if cfg.DSN == "" {
		err = s.openSQLite(ctx)
	} else {
		err = s.openPostgres(ctx)
	}
	if err == nil {
		err = s.migrate(ctx)
	}
	if err == nil {
		err = s.readDurability(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.silence.Store(int64(cfg.Timeout + cancelGrace)) // a migration may take its time
	if s.dialect.name == postgresDriver && !cfg.ReadOnly {
		s.teller = newTeller(s)
	}
	return s, nil
}

// ErrClosed says that a store was used after Close.
var ErrClosed = errors.New("the data is closed")

// Close waits for running commits, closes all connections and gives the data directory free. Closing again does nothing.
func (s *Store) Close() (err error) {
	s.closing.Do(func() { err = s.close() })
	return err
}

func (s *Store) close() error {
	var errs []error
	if s.sessions != nil {
		for range cap(s.sessions) {
			if c := <-s.sessions; c != nil {
				c.close()
			}
		}
		close(s.sessions)
	}
	if s.teller != nil {
		s.teller.close()
	}
	s.mu.Lock()
	for _, p := range s.prepared {
		errs = append(errs, p.Close())
	}
	clear(s.prepared)
	s.mu.Unlock()
	if s.write != nil && s.write != s.read {
		errs = append(errs, s.write.Close())
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close the data: %w", err)
	}
	return nil
}

// Durability returns the settings on which "what was answered is not lost" depends, as the database itself reported
// them when it was opened: journal_mode and synchronous on SQLite; fsync, full_page_writes and synchronous_commit on
// PostgreSQL.
func (s *Store) Durability() map[string]string { return maps.Clone(s.durability) }

// Kind is "sqlite" or "postgres".
func (s *Store) Kind() string { return s.dialect.name }

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
