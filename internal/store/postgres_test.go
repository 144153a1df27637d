package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
)

// commitMessage is how COMMIT looks on the line.
const commitMessage = "Q\x00\x00\x00\x0bCOMMIT\x00"

func TestPostgresLosesTheLineDuringCommit(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		mode      cut
		committed bool
	}{
		"before the server has seen COMMIT":      {cutBefore, false},
		"after the server has carried it out":    {cutAfter, true},
		"while the server is still carrying out": {cutAtOnce, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testdb.Postgres(t)
			if c.mode == cutAtOnce { // committing takes a while
				storetest.Raw(t, db, `create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return null; end $$;
					create constraint trigger slow after insert on history deferrable initially deferred for each row execute function slow()`)
			}
			p, dsn := newProxy(t, db.DSN, commitMessage)
			s := db.Open(t, func(c *store.Config) { c.DSN = dsn })
			for _, root := range []string{"a", "b"} { // on a first and on a used connection
				p.set(c.mode)
				_, err := s.Commit(ctx, []engine.Slice{storetest.Create(root)})
				if !errors.Is(err, engine.ErrUnknownOutcome) {
					t.Fatalf("got %v, want an unknown outcome", err)
				}
				entry, err := s.Committed(ctx, storetest.Community, root, root+"/create")
				if err != nil {
					t.Fatal(err)
				}
				if (entry != nil) != c.committed {
					t.Errorf("asked for the outcome: got %v, want it to be there: %v", entry, c.committed)
				}
			}
			errs, err := s.Commit(ctx, []engine.Slice{storetest.Create("a")})
			if err != nil || errors.Is(errs[0], engine.ErrConflict) != c.committed {
				t.Errorf("tried again: got %v, %v", errs, err)
			}
		})
	}
}

func TestPostgresFallsSilent(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, c := range map[string]struct {
		trigger string
		ask     func(*store.Store) error
	}{
		"during a read":   {"history", func(s *store.Store) error { _, err := s.Committed(ctx, "c", "a", "x"); return err }},
		"during a commit": {"insert into roots", func(s *store.Store) error { _, err := s.Commit(ctx, []engine.Slice{storetest.Create("a")}); return err }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testdb.Postgres(t)
			p, dsn := newProxy(t, db.DSN, c.trigger)
			s := db.Open(t, func(c *store.Config) { c.DSN, c.Timeout = dsn, 300*time.Millisecond })
			p.set(cutSilently)
			done := make(chan error, 1)
			go func() { done <- c.ask(s) }()
			select {
			case err := <-done:
				if err == nil {
					t.Error("it was answered over a dead line")
				}
			case <-time.After(20 * time.Second):
				t.Fatal("it is still waiting")
			}
			if err := c.ask(s); err != nil {
				t.Errorf("over a new line: %v", err)
			}
		})
	}
}

func TestPostgresLosesTheLineBeforeCommit(t *testing.T) {
	ctx := context.Background()
	db := testdb.Postgres(t)
	p, dsn := newProxy(t, db.DSN, "insert into roots")
	s := db.Open(t, func(c *store.Config) { c.DSN = dsn })
	p.set(cutBefore)
	_, err := s.Commit(ctx, []engine.Slice{storetest.Create("a")})
	if err == nil || errors.Is(err, engine.ErrUnknownOutcome) {
		t.Fatalf("got %v, want an error with a clear outcome", err)
	}
	errs, err := s.Commit(ctx, []engine.Slice{storetest.Create("a")})
	if err != nil || errs[0] != nil {
		t.Errorf("tried again: got %v, %v", errs, err)
	}
}

// failing makes the database refuse every new history entry with the given SQLSTATE, the first times times.
func failing(t *testing.T, db *testdb.Database, state, times string) {
	t.Helper()
	storetest.Raw(t, db, `create sequence tries;
		create function fail() returns trigger language plpgsql as $$ begin
			if nextval('tries') <= `+times+` then raise exception 'as told' using errcode = '`+state+`'; end if;
			return new;
		end $$;
		create trigger fail before insert on history for each row execute function fail()`)
}

func TestPostgresAsksToTryAgain(t *testing.T) {
	for state, name := range map[string]string{"40001": "serialization failure", "40P01": "deadlock"} {
		t.Run("a "+name+" is tried again", func(t *testing.T) {
			t.Parallel()
			db := testdb.Postgres(t)
			failing(t, db, state, "3")
			errs, err := db.Open(t).Commit(context.Background(), []engine.Slice{storetest.Create("a"), storetest.Create("b")})
			if err != nil || errors.Join(errs...) != nil {
				t.Errorf("got %v, %v", errs, err)
			}
		})
		t.Run("a "+name+" for ever is given up", func(t *testing.T) {
			t.Parallel()
			db := testdb.Postgres(t)
			failing(t, db, state, "1000000")
			_, err := db.Open(t).Commit(context.Background(), []engine.Slice{storetest.Create("a")})
			if err == nil || errors.Is(err, engine.ErrUnknownOutcome) {
				t.Errorf("got %v, want an error with a clear outcome", err)
			}
		})
	}
}

func TestPostgresCannotWorkAtAll(t *testing.T) {
	db := testdb.Postgres(t)
	failing(t, db, "53100", "1") // disk full
	s := db.Open(t)
	batch := []engine.Slice{storetest.Create("a"), storetest.Create("b")}
	if _, err := s.Commit(context.Background(), batch); err == nil || errors.Is(err, engine.ErrUnknownOutcome) {
		t.Fatalf("got %v, want an error with a clear outcome", err)
	}
	roots, err := s.Roots(context.Background(), storetest.Community)
	if err != nil || len(roots) != 0 {
		t.Errorf("something was written: %v, %v", roots, err)
	}
	if errs, err := s.Commit(context.Background(), batch); err != nil || errors.Join(errs...) != nil {
		t.Errorf("tried again: got %v, %v", errs, err)
	}
}

func TestPostgresReplicasMigrateTogether(t *testing.T) {
	db := testdb.EmptyPostgres(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := store.Open(context.Background(), db.Config())
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	errs, err := db.Open(t).Commit(context.Background(), []engine.Slice{storetest.Create("a")})
	if err != nil || errs[0] != nil {
		t.Errorf("got %v, %v", errs, err)
	}
}

func TestPostgresReaderRefusesAnEmptyDatabase(t *testing.T) {
	cfg := testdb.EmptyPostgres(t).Config()
	cfg.ReadOnly = true
	if _, err := store.Open(context.Background(), cfg); !errors.Is(err, store.ErrSchema) {
		t.Errorf("got %v, want that the schema is too old", err)
	}
}

func TestPostgresAddress(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u@db.example/linli":                          "require 10s",
		"postgres://u@127.0.0.1/linli":                           "disable 10s",
		"postgres:///linli?host=/run/postgresql":                 "disable 10s",
		"postgres://u@localhost/linli?sslmode=verify-full":       "verify-full 10s",
		"postgres://u@db.example/linli?connect_timeout=3":        "require 3s",
		"postgres:///linli?host=/run/postgresql,db.example":      "require 10s",
		"postgresql://u@db.example/linli?sslmode=disable":        "disable 10s",
		"postgres:///linli?host=a,b&target_session_attrs=any":    "require 10s",
		"postgres://u@[::1]:5433/linli?application_name=replica": "disable 10s",
	} {
		got, err := store.AddressDefaults(dsn)
		if err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", dsn, diff)
		}
	}
	for _, dsn := range []string{"linli.db", "mysql://x", "postgres://u:se%cret@h/d"} {
		_, err := store.AddressDefaults(dsn)
		if err == nil {
			t.Errorf("%s was taken for an address", dsn)
		} else if bytesContain(err.Error(), "se%cret") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}
