package store_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/migrations"
)

// first brings an empty database to version 1 of the schema, as a program did that knew no other.
func first(t *testing.T, db *testdb.Database) {
	t.Helper()
	const name = "0001_base.sql"
	text, err := migrations.Files.ReadFile(db.Kind + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	dialect, address := goose.DialectPostgres, db.DSN
	if db.Kind == "sqlite" {
		dialect, address = goose.DialectSQLite3, filepath.Join(db.Dir, store.DatabaseFile)
	}
	c, err := sql.Open(db.Kind, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // goose has said what went wrong
	provider, err := goose.NewProvider(dialect, c, fstest.MapFS{name: {Data: text}}, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestAnOlderDatabaseIsBroughtUpToDate(t *testing.T) {
	for name, db := range map[string]*testdb.Database{"sqlite": testdb.SQLite(t), "postgres": testdb.EmptyPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			first(t, db)
			bytes := map[string]string{"sqlite": "x'00'", "postgres": "'\\x00'"}[db.Kind]
			storetest.Raw(t, db, `insert into roots (community, id, seq, mac, bundle, code) values ('zhangxi', 'prog', 1, `+bytes+`, '', 'a')`)
			storetest.Raw(t, db, `insert into instances (community, id, root, parent, workflow, slot, key, state, version, touched, data, agg)
				values ('zhangxi', 'shift', 'prog', 'prog', 'shift', '', '', 'booked', 1, 1, '{"entered":"2023-06-14T01:00:00Z"}', '{}')`)
			s := db.Open(t)
			waiting, err := s.Waiting(ctx, "zhangxi", []store.StateOf{{Workflow: "shift", State: "booked"}}, "", 9)
			if err != nil || len(waiting) != 1 || waiting[0].ID != "shift" {
				t.Errorf("what waits: got %v, %v", waiting, err)
			}
			heads, err := s.Programmes(ctx, "zhangxi", "", 9)
			if err != nil || len(heads) != 1 || heads[0].Code != "a" {
				t.Errorf("programmes: got %v, %v", heads, err)
			}
			if err := s.TokensUsed(ctx, []store.TokenUse{{Community: "zhangxi", Token: "t", Used: testdb.Now()}}); err != nil {
				t.Error(err)
			}
			reader, err := s.Meta(ctx, "min_reader")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff("2", reader); diff != "" {
				t.Errorf("the oldest program that may use it (-want +got):\n%s", diff)
			}
		})
	}
}
