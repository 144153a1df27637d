package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
)

func schemaCases() []Case {
	return []Case{
		{"data is there after closing and opening again", reopened},
		{"a reader reads and cannot write", readOnly},
		{"a database that needs a newer program is refused", minReader},
		{"a half-migrated database is refused", halfMigrated},
		{"a database that lacks a migration is refused", missingMigration},
		{"an older program works on a newer schema that allows it", newerSchema},
		{"the durability settings are read back", durability},
		{"a closed store says so", closed},
		{"a fact about the database is stored once", metaOnce},
	}
}

func mentions(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }

// Raw runs a statement behind the store's back.
func Raw(t *testing.T, db *testdb.Database, statement string) {
	t.Helper()
	driver, address := "postgres", db.DSN
	if db.Kind == "sqlite" {
		driver, address = "sqlite", filepath.Join(db.Dir, store.DatabaseFile)
	}
	c, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ExecContext(context.Background(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

// touch creates the schema, as a program did that has ended.
func touch(t *testing.T, db *testdb.Database) {
	t.Helper()
	s, err := store.Open(context.Background(), db.Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// refusedSchema opens a database that must be refused because of its schema.
func refusedSchema(t *testing.T, db *testdb.Database, says string) {
	t.Helper()
	for _, readOnly := range []bool{false, true} {
		cfg := db.Config()
		cfg.ReadOnly = readOnly
		s, err := store.Open(context.Background(), cfg)
		if !errors.Is(err, store.ErrSchema) || !mentions(err, says) {
			t.Errorf("read-only %v: got %v, want a refusal that says %q", readOnly, err, says)
		}
		if s != nil {
			t.Error("a refused store was handed out")
		}
	}
}

func reopened(t *testing.T, db *testdb.Database) {
	s, err := store.Open(context.Background(), db.Config())
	if err != nil {
		t.Fatal(err)
	}
	if !must(s.Empty(context.Background()))(t) {
		t.Error("a new database does not count as empty")
	}
	commit(t, s, Create("prog"))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "seq", seqOf(t, db.Open(t), "prog"), int64(1))
}

func readOnly(t *testing.T, db *testdb.Database) {
	writer := db.Open(t)
	commit(t, writer, Create("prog"))
	reader := db.Open(t, func(c *store.Config) { c.ReadOnly = true }) // beside the writer
	ctx := context.Background()
	same(t, "seq", seqOf(t, reader, "prog"), int64(1))
	if got := must(reader.Committed(ctx, Community, "prog", "none"))(t); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
	if _, err := reader.Commit(ctx, []engine.Slice{Create("other")}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("commit: got %v", err)
	}
	if err := reader.SetMeta(ctx, "a", "b"); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("set meta: got %v", err)
	}
	commit(t, writer, Create("other"))
	same(t, "what was committed later", seqOf(t, reader, "other"), int64(1))
}

func minReader(t *testing.T, db *testdb.Database) {
	touch(t, db)
	Raw(t, db, "update meta set value = '99' where name = 'min_reader'")
	refusedSchema(t, db, "99")
	Raw(t, db, "update meta set value = 'new' where name = 'min_reader'")
	refusedSchema(t, db, "min_reader")
}

func halfMigrated(t *testing.T, db *testdb.Database) {
	touch(t, db)
	Raw(t, db, "insert into meta (name, value) values ('half_done', '0007')")
	refusedSchema(t, db, "0007")
}

func missingMigration(t *testing.T, db *testdb.Database) {
	touch(t, db)
	Raw(t, db, "update goose_db_version set version_id = 77 where version_id = 1")
	refusedSchema(t, db, "half-migrated")
}

func newerSchema(t *testing.T, db *testdb.Database) {
	touch(t, db)
	applied := "1"
	if db.Kind == "postgres" {
		applied = "true"
	}
	Raw(t, db, "insert into goose_db_version (version_id, is_applied) values (99, "+applied+")")
	Raw(t, db, "alter table roots add column colour text")
	Raw(t, db, "create table later (x text)")
	commit(t, db.Open(t), Create("prog"))
}

func durability(t *testing.T, db *testdb.Database) {
	got := db.Open(t).Durability()
	names := map[string][]string{"sqlite": {"journal_mode", "synchronous"}, "postgres": {"fsync", "full_page_writes", "synchronous_commit"}}[db.Kind]
	same(t, "settings", len(got), len(names))
	for _, name := range names {
		if got[name] == "" {
			t.Errorf("%s was not read back", name)
		}
	}
	if db.Kind == "sqlite" {
		same(t, "settings", got, map[string]string{"journal_mode": "wal", "synchronous": "full"})
		return
	}
	Raw(t, db, "do $$ begin execute 'alter database ' || quote_ident(current_database()) || ' set synchronous_commit = off'; end $$")
	same(t, "a weakened setting", db.Open(t).Durability()["synchronous_commit"], "off")
}

func closed(t *testing.T, db *testdb.Database) {
	s, err := store.Open(context.Background(), db.Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(context.Background(), []engine.Slice{Create("prog")}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("commit: got %v", err)
	}
	if _, err := s.Heads(context.Background(), Community, []string{"prog"}); err == nil {
		t.Error("heads: no error")
	}
}

func metaOnce(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	var wg sync.WaitGroup
	answers := make([]string, 4)
	for n := range answers {
		wg.Go(func() {
			var err error
			if answers[n], err = s.PutMetaOnce(ctx, "key_check", fmt.Sprint("value ", n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, a := range answers {
		same(t, "answer", a, answers[0])
	}
	for _, value := range []string{"new", "newer", ""} {
		if err := s.SetMeta(ctx, "key_check", value); err != nil {
			t.Fatal(err)
		}
		same(t, "meta", must(s.Meta(ctx, "key_check"))(t), value)
	}
}
