package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/migrations"
)

// TestStatementsUseIndexes runs every statement of the hot paths on tables of ten thousand rows and asks the database
// how it finds its rows. Reading a whole table is a mistake: a large programme would slow everybody down.
func TestStatementsUseIndexes(t *testing.T) {
	const rows = 10_000
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		young := &testdb.Database{Kind: db.Kind, DSN: db.DSN, Dir: t.TempDir()}
		if db.Kind == "postgres" {
			young = testdb.Postgres(t)
		}
		young.Open(t) // a database without rows or statistics: plans made there are kept while it grows

		s := db.Open(t)
		fill(t, s, rows)
		storetest.Raw(t, db, "analyze")
		use(t, s)
		statements := s.Statements()
		if len(statements) < 20 {
			t.Fatalf("only %d statements were used", len(statements))
		}
		explain := explainSQLite
		if db.Kind == "postgres" {
			explain = explainPostgres
		}
		var plans strings.Builder
		for _, text := range statements {
			plan := explain(t, db, text)
			plans.WriteString(plan)
			checkPlan(t, text, plan)
		}
		for _, text := range statements {
			checkPlan(t, text, explain(t, young, text))
		}
		for _, index := range indexes(t, db.Kind) {
			if !strings.Contains(plans.String(), index) {
				t.Errorf("no statement uses the index %s", index)
			}
		}
	})
}

func checkPlan(t *testing.T, text, plan string) {
	t.Helper()
	for line := range strings.Lines(plan) {
		if wasteful(line) {
			t.Errorf("it reads a whole table, or all of a community:\n%s\n%s", text, plan)
		}
	}
}

// indexes returns the names of the indexes that the migrations create and leave.
func indexes(t *testing.T, kind string) []string {
	t.Helper()
	files, err := fs.Glob(migrations.Files, kind+"/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no migrations: %v", err)
	}
	var names []string
	for _, file := range files {
		text, err := migrations.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^(create (?:unique )?|drop )index (\w+)`).FindAllSubmatch(text, -1) {
			name := string(found[2])
			names = slices.DeleteFunc(names, func(n string) bool { return n == name })
			if string(found[1]) != "drop " {
				names = append(names, name)
			}
		}
	}
	return names
}

// wasteful reports whether a line of a plan says that it goes through a whole table, or through everything that belongs
// to a community. SQLite names aliases: p stands for the few roots and v for the values asked for, the others for large
// tables; and the search for roots by the head of their chains is the only one that needs all columns of a key.
func wasteful(line string) bool {
	line = strings.TrimSpace(line)
	if strings.Contains(line, "roots") {
		return false
	}
	for _, pattern := range []string{
		`^(->  )?Seq Scan on (instances|history|timers|distinct_counts|refs|search_terms|idempotency|subject_keys|token_uses|waiting)\b`,
		`^SCAN (instances|history|timers|distinct_counts|refs|search_terms|idempotency|subject_keys|token_uses|waiting|[rdfiw])\b`,
		`^Index Cond: \(\(?community = [^()]*\)?(::text)?\)?$`,
		`^Index Cond: \(\(community = [^()]*\) AND \(id > [^()]*\)\)$`,
		`\(community=\?( AND id>\?)?\)$`,
	} {
		if regexp.MustCompile(pattern).MatchString(line) {
			return true
		}
	}
	return false
}

// fill writes one programme with n rows under one activity, and forty ordinary ones in ten communities: what is
// right for one must not be wrong for the other.
func fill(t *testing.T, s *store.Store, n int) {
	t.Helper()
	all := []engine.Slice{programme(storetest.Community, "big", n, func(int) string { return "big" })}
	for p := range 40 {
		root := fmt.Sprint("ordinary", p)
		all = append(all, programme(fmt.Sprint("community", p%10), root, 50, func(i int) string { return fmt.Sprint(root, "/", i%9) }))
	}
	errs, err := s.Commit(context.Background(), all)
	if err != nil || errors.Join(errs...) != nil {
		t.Fatalf("fill the tables: %v, %v", err, errors.Join(errs...))
	}
}

// programme is a new root with n items under the parents that parent names, and some of everything else.
func programme(community, root string, n int, parent func(int) string) engine.Slice {
	slice := storetest.CreateIn(community, root)
	first := slice.Chains[0].Entries[0]
	for i := range n {
		id := itemID(root, i)
		row := &workflow.Instance{ID: id, Community: community, Root: root, Parent: parent(i), Workflow: "visit", Key: "k" + id, State: "s", Version: 1}
		if i%100 == 0 {
			row.Slot = "visit"
		}
		slice.Rows = append(slice.Rows, engine.RowWrite{Op: engine.RowInsert, Instance: row})
		slice.Waits = append(slice.Waits, engine.WaitWrite{Instance: id, Workflow: row.Workflow, To: row.State})
		if i >= 1000 { // enough of the smaller kinds
			continue
		}
		slice.Distinct = append(slice.Distinct, engine.DistinctWrite{Instance: id, Aggregate: "a", Value: "v", N: 1})
		slice.Timers = append(slice.Timers, engine.TimerWrite{Insert: true, Row: engine.TimerRow{Root: root, Instance: id, Rule: "r", Generation: 1, Due: testdb.Now().AddDate(0, 0, i)}})
		slice.Keys = append(slice.Keys, engine.Idempotency{Person: "p", Key: id, Expires: testdb.Now().AddDate(0, 0, i)})
		slice.Subjects = append(slice.Subjects, engine.SubjectKey{Subject: id, KeyID: fmt.Sprint("m", i%200), Wrapped: []byte{1}})
		slice.Terms = append(slice.Terms, engine.SearchTerm{Instance: id, Kind: "name", Term: "t" + id})
		slice.Refs = append(slice.Refs, engine.RefWrite{Instance: id, Targets: []string{fmt.Sprint("target", i%300)}})
		first.Seq, first.Command, first.Target = int64(i+2), id, id
		slice.Chains[0].Entries = append(slice.Chains[0].Entries, first)
	}
	slice.Chains[0].Head.Seq = int64(len(slice.Chains[0].Entries))
	return slice
}

func itemID(root string, i int) string { return fmt.Sprintf("%s/i%05d", root, i) }

// use runs what the engine, the scheduler and the audit run.
func use(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	c := storetest.Community
	var keys []workflow.Key
	for i := range 70 {
		id := itemID("big", i)
		keys = append(keys, workflow.Key{Kind: workflow.KeyInstance, A: id}, workflow.Key{Kind: workflow.KeyByKey, A: "big", B: "visit", C: "k" + id},
			workflow.Key{Kind: workflow.KeyDistinct, A: id, B: "a", C: "v"}, workflow.Key{Kind: workflow.KeyDistinct, A: id, B: "a"},
			workflow.Key{Kind: workflow.KeyEntry, A: "big", B: id}, workflow.Key{Kind: workflow.KeyReferrers, A: fmt.Sprint("target", i), B: "visit"},
			workflow.Key{Kind: workflow.KeyChildren, A: id, B: "visit"})
	}
	keys = append(keys, workflow.Key{Kind: workflow.KeySlot, A: "big"}, workflow.Key{Kind: workflow.KeyPrefix, A: "big", B: "visit", C: "kbig/i0000"})
	check := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{1, len(keys)} {
		check(s.Load(ctx, c, keys[:n]))
	}
	check(s.Heads(ctx, c, []string{"big"}))
	check(s.Instance(ctx, c, "big/i00001"))
	check(s.FindByKey(ctx, c, "big", "visit", "kbig/i00001"))
	check(s.Children(ctx, c, "big/i00001", "visit"))
	check(s.Children(ctx, c, "big/i00001", ""))
	for _, err := range s.Subtree(ctx, c, "small") {
		check(nil, err)
	}
	useLists(t, s)
	check(s.DistinctRows(ctx, c, "small"))
	check(s.WaitRows(ctx, c, "small"))
	check(s.History(ctx, c, "big", 900, 10))
	check(s.HistoryOf(ctx, c, "big", "big/i00007", 1, 10))
	check(s.Committed(ctx, c, "big", "none"))
	check(s.Replay(ctx, c, "p", "big/i00001", testdb.Now()))
	check(s.DueTimers(ctx, "", "", testdb.Now(), engine.TimerRow{}, 10))
	check(s.DueTimers(ctx, c, "big", testdb.Now(), engine.TimerRow{}, 10))
	check(s.SubjectKeys(ctx, c, []string{"big/i00001", "big/i00002"}))
	check(s.SubjectKeysUnder(ctx, "m1", 10))
	check(s.SearchTerms(ctx, c, "big/i00001"))
	check(s.Find(ctx, c, "name", "tbig/i00001"))
	check(s.IdempotencyExpire(ctx, testdb.Now()))
	check(nil, s.EndTimer(ctx, engine.TimerRow{Community: c, Instance: "big/i00001", Rule: "r", Generation: 1, Status: engine.TimerSkipped}))
	small := change(c)
	errs, err := s.Commit(ctx, []engine.Slice{small})
	check(errs, err)
	check(nil, errs[0])
}

// useLists runs what the HTTP API runs.
func useLists(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	c := storetest.Community
	for _, q := range []store.ListQuery{
		{Root: "big"},
		{Root: "big", Workflow: "visit"},
		{Root: "big", Workflow: "visit", States: []string{"s", "t"}},
		{Parent: "big", Workflow: "visit"},
		{Parent: "big", Workflow: "visit", After: store.ListCursor{Key: "k", ID: "i"}},
		{Parent: "big", Slot: "visit"},
		{Root: "big", Parent: "big", Workflow: "visit", States: []string{"s"}},
		{Root: "big", Slot: "visit"},
		{Parent: "big"},
		{Parent: "big", Root: "big", States: []string{"s"}},
	} {
		q.Limit = 10
		if _, err := s.List(ctx, c, q); err != nil {
			t.Fatal(err)
		}
	}
	_, errInstances := s.Instances(ctx, c, []string{"big/i00001", "big/i00002"})
	_, errProgrammes := s.Programmes(ctx, c, "", 10)
	_, errOne := s.Waiting(ctx, c, []store.StateOf{{Workflow: "visit", State: "s"}}, "", 10)
	_, errWaiting := s.Waiting(ctx, c, []store.StateOf{{Workflow: "visit", State: "s"}, {Workflow: "visit", State: "t"}}, "", 10)
	_, errBundles := s.BundleHashes(ctx)
	errUsed := s.TokensUsed(ctx, []store.TokenUse{{Community: c, Token: "a", Used: testdb.Now()}, {Community: c, Token: "b", Used: testdb.Now()}})
	_, errUses := s.TokenUses(ctx, c, []string{"a", "b"})
	if err := errors.Join(errInstances, errProgrammes, errOne, errWaiting, errBundles, errUsed, errUses, s.Ping(ctx)); err != nil {
		t.Fatal(err)
	}
}

// change is a slice that changes and deletes some of every kind.
func change(community string) engine.Slice {
	row := func(n int) *workflow.Instance {
		return &workflow.Instance{ID: fmt.Sprintf("big/i%05d", n), Community: community, Root: "big", Workflow: "visit", State: "s2", Version: 2}
	}
	slice := storetest.Step(engine.Head{Community: community, Root: "big", Seq: 1_001}, "change",
		engine.RowWrite{Op: engine.RowUpdate, Instance: row(2)}, engine.RowWrite{Op: engine.RowDelete, Instance: row(3)})
	slice.Distinct = []engine.DistinctWrite{{Instance: "big/i00002", Aggregate: "a", Value: "v"}, {Instance: "big/i00002", Aggregate: "a", Value: "w", N: 1}}
	slice.Timers = []engine.TimerWrite{{Row: engine.TimerRow{Instance: "big/i00002", Rule: "r", Generation: 1, Status: engine.TimerFired}}}
	slice.Keys = []engine.Idempotency{{Person: "q", Key: "k", Expires: testdb.Now()}}
	slice.Subjects = []engine.SubjectKey{{Subject: "big/i00002", Destroyed: testdb.Now()}, {Subject: "new", KeyID: "m1", Wrapped: []byte{1}}}
	slice.Terms = []engine.SearchTerm{{Instance: "big/i00002", Kind: "name"}, {Instance: "big/i00004", Kind: "name", Term: "x"}}
	slice.Refs = []engine.RefWrite{{Instance: "big/i00002", Targets: []string{"x"}}}
	slice.Reads = []engine.Read{{Instance: "big/i00005", Version: 1}}
	slice.Waits = []engine.WaitWrite{{Instance: "big/i00002", Workflow: "visit", From: "s", To: "s2"}, {Instance: "big/i00003", Workflow: "visit", From: "s"}}
	return slice
}

func explainSQLite(t *testing.T, db *testdb.Database, text string) string {
	t.Helper()
	var args []any
	parts := strings.Split(text, "?")
	for _, before := range parts[:len(parts)-1] { // of what is not there the planner knows it, and takes any way to it
		if strings.HasSuffix(before, "community = ") {
			args = append(args, "community1")
		} else {
			args = append(args, "ordinary1")
		}
	}
	return ask(t, "sqlite", filepath.Join(db.Dir, store.DatabaseFile), "explain query plan "+text, 3, args...)
}

// explainPostgres asks for the plan that a prepared statement ends up with, whatever its arguments.
func explainPostgres(t *testing.T, db *testdb.Database, text string) string {
	t.Helper()
	n := 0
	for strings.Contains(text, fmt.Sprintf("$%d", n+1)) {
		n++
	}
	execute := "explain execute x"
	if n > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("null, ", n), ", ") + ")"
	}
	settings := "set plan_cache_mode = force_generic_plan; "
	for name, value := range store.SessionSettings() {
		settings += "set " + name + " = " + value + "; "
	}
	return ask(t, "postgres", db.DSN, settings+"prepare x as "+text+"; "+execute, 0)
}

// ask returns one column of all rows of an answer.
func ask(t *testing.T, driver, address, question string, column int, args ...any) string {
	t.Helper()
	c, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() // it only asked
	rows, err := c.QueryContext(context.Background(), question, args...)
	if err != nil {
		t.Fatalf("%s: %v", question, err)
	}
	defer rows.Close() // rows.Err says it
	var plan []string
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			columns, err := rows.Columns()
			if err != nil {
				t.Fatal(err)
			}
			values := make([]any, len(columns))
			for n := range values {
				values[n] = new(sql.NullString)
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, values[column].(*sql.NullString).String)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}
