// Package testdb gives tests a database of their own, on SQLite and on PostgreSQL. Only tests import it.
//
// A test binary that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }
//
// The PostgreSQL server is the one that LINLI_TEST_POSTGRES names, else a throw-away one that Main starts and removes.
// Without either, tests fail: a store that was tested on one database only is not tested.
package testdb

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/linli/linli/internal/store"
)

// Variable is the environment variable that names a server on which the tests may create databases.
const Variable = "LINLI_TEST_POSTGRES"

// Now is the clock of the databases given out, unless a test sets another one.
func Now() time.Time { return time.Date(2023, time.June, 14, 1, 0, 0, 0, time.UTC) }

// Database is an empty database that belongs to one test and is removed after it.
type Database struct {
	Kind string // "sqlite" or "postgres"
	DSN  string // "" on SQLite
	Dir  string // the data directory on SQLite; a directory for the test's other files on PostgreSQL
}

// Config says how to open the database.
func (d *Database) Config() store.Config { return store.Config{DSN: d.DSN, Dir: d.Dir, Now: Now} }

// Open opens the database, and closes it when the test ends. On SQLite only one may be open at a time.
func (d *Database) Open(t testing.TB, change ...func(*store.Config)) *store.Store {
	t.Helper()
	cfg := d.Config()
	for _, f := range change {
		f(&cfg)
	}
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the test database: %v", err)
		}
	})
	return s
}

// Each runs a test on both databases, each as a subtest named after its kind.
func Each(t *testing.T, run func(t *testing.T, db *Database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { run(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { run(t, Postgres(t)) })
}

// SQLite returns a new data directory.
func SQLite(t testing.TB) *Database {
	t.Helper()
	return &Database{Kind: "sqlite", Dir: t.TempDir()}
}

// Postgres returns a new database on the test server, with the schema in place.
func Postgres(t testing.TB) *Database {
	t.Helper()
	s := serverOf(t)
	name, err := s.create(context.Background(), os.Getenv(templateVariable))
	if err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.drop(context.Background(), name); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return &Database{Kind: "postgres", DSN: s.dsn(name), Dir: t.TempDir()}
}

// EmptyPostgres returns a new database on the test server without any schema.
func EmptyPostgres(t testing.TB) *Database {
	t.Helper()
	s := serverOf(t)
	name, err := s.create(context.Background(), "template0")
	if err != nil {
		t.Fatalf("create a test database: %v", err)
	}
	t.Cleanup(func() {
		if err := s.drop(context.Background(), name); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return &Database{Kind: "postgres", DSN: s.dsn(name), Dir: t.TempDir()}
}

func serverOf(t testing.TB) server {
	t.Helper()
	address := os.Getenv(Variable)
	if address == "" || os.Getenv(templateVariable) == "" {
		t.Fatal("no PostgreSQL for this test: its package needs func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }")
	}
	return server{address: address}
}
