package audit_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

// office is a community with two programmes, on a real database that a test may reach into behind the engine's back.
type office struct {
	db         *testdb.Database
	clock      *enginetest.Clock
	store      *store.Store
	keys       *seal.Keyring
	engine     *engine.Engine
	world      *enginetest.World
	raw        *sql.DB
	checkpoint string

	root, visit, fund string // programme P1
	other             string // programme P2
	visits            []string
}

// openOffice plays a small office: a fund with its timer fired and one waiting, a round of visits with a distinct count, an
// undone command, a withdrawn consent whose consequence waits, and a second programme.
func openOffice(t *testing.T, db *testdb.Database) *office {
	t.Helper()
	o := &office{db: db, clock: enginetest.NewClock(), checkpoint: filepath.Join(db.Dir, "checkpoint")}
	var err error
	o.store = db.Open(t, func(c *store.Config) { c.Now = o.clock.Now })
	o.keys, err = seal.Open(t.Context(), seal.Config{Path: filepath.Join(db.Dir, seal.KeyFile), MayCreate: true, Random: rand.Reader}, o.store)
	if err != nil {
		t.Fatal(err)
	}
	o.engine = engine.New(engine.Config{Store: o.store, Keys: o.keys, Now: o.clock.Now})
	t.Cleanup(o.engine.Close)
	o.play(t)
	o.mark(t)
	driver, dsn := "postgres", db.DSN
	if db.Kind == "sqlite" {
		driver, dsn = "sqlite", "file:"+filepath.Join(db.Dir, "linli.db")+"?_pragma=busy_timeout(5000)"
	}
	if o.raw, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.raw.Close() })
	return o
}

func (o *office) play(t *testing.T) {
	t.Helper()
	w := enginetest.NewWorld(t, o.engine)
	o.world = w
	o.root, o.visit = w.Programme(t, "P1")
	o.fund = w.Fund(t, o.root, "food", 160000, 160000)
	w.Must(t, w.Fire("finance", o.root, o.fund, "reconcile", nil))
	wishes := w.Must(t, w.Create("worker", o.root, o.root, "fund", "fund", "wishes", map[string]any{"purpose": "微心愿"})).Instance
	w.Must(t, w.Fire("worker", o.root, wishes, "open", map[string]any{"deadline": "2023-06-10"}))
	undone := w.Must(t, w.Create("worker", o.root, wishes, "donation", "", "", map[string]any{"amount": 77890}))
	undo := w.Fire("worker", o.root, undone.Instance, "", nil)
	undo.Kind, undo.Of, undo.Reason = workflow.KindUndo, undone.Command, "录错了"
	w.Must(t, undo)
	for n := range 3 {
		house := w.Household(t, enginetest.Name("户", n))
		v := w.Must(t, w.Create("worker", o.root, o.visit, "household_visit", "", "",
			map[string]any{"household": house, "pair": []any{w.People["volunteer"], w.People["worker"]}})).Instance
		o.visits = append(o.visits, v)
		w.Must(t, w.Fire("worker", o.root, v, "record", map[string]any{"answers": "一切都好"}))
	}
	o.other, _ = w.Programme(t, "P2")
	w.Fund(t, o.other, "books", 5000, 2000)
	open := w.Must(t, w.Create("worker", o.other, o.other, "fund", "fund", "open", map[string]any{"purpose": "图书"})).Instance
	w.Must(t, w.Fire("worker", o.other, open, "open", map[string]any{"deadline": "2023-07-10"}))
	o.clock.Add(10 * 24 * time.Hour)
	if _, err := o.engine.FireDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// mark appends the heads of all chains to the checkpoint file.
func (o *office) mark(t *testing.T) {
	t.Helper()
	heads, err := o.store.Roots(t.Context(), o.world.Community)
	if err != nil {
		t.Fatal(err)
	}
	var marks []seal.Head
	for _, h := range heads {
		marks = append(marks, seal.Head{Community: h.Community, Root: h.Root, Seq: h.Seq, MAC: h.MAC})
	}
	if err := o.keys.AppendCheckpoint(o.checkpoint, marks, o.clock.Now()); err != nil {
		t.Fatal(err)
	}
}

// audit runs an audit, with the checkpoint file or without.
func (o *office) audit(t *testing.T, checkpoint bool) audit.Report {
	t.Helper()
	var opt audit.Options
	if checkpoint {
		var err error
		if opt.Checkpoint, err = o.keys.ReadCheckpoint(o.checkpoint); err != nil {
			t.Fatal(err)
		}
	}
	report, err := audit.Run(t.Context(), o.store, o.keys, opt)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// exec changes the database behind the engine's back and fails unless it changed something.
func (o *office) exec(t *testing.T, text string, args ...any) {
	t.Helper()
	res, err := o.raw.ExecContext(t.Context(), o.bind(text), args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		t.Fatalf("%s: changed nothing (%v)", text, err)
	}
}

// bind writes ? as PostgreSQL wants it.
func (o *office) bind(text string) string {
	if o.db.Kind == "sqlite" {
		return text
	}
	var b strings.Builder
	for n, part := range strings.Split(text, "?") {
		if n > 0 {
			fmt.Fprintf(&b, "$%d", n)
		}
		b.WriteString(part)
	}
	return b.String()
}

// value reads one value.
func value[T any](t *testing.T, o *office, text string, args ...any) T {
	t.Helper()
	var v T
	if err := o.raw.QueryRowContext(t.Context(), o.bind(text), args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// rewrite replaces text inside a JSON column of one instance.
func (o *office) rewrite(t *testing.T, column, id, from, to string) {
	t.Helper()
	was := value[string](t, o, "select "+column+" from instances where id = ?", id)
	if !strings.Contains(was, from) {
		t.Fatalf("%s of %s has no %s: %s", column, id, from, was)
	}
	o.exec(t, "update instances set "+column+" = ? where id = ?", strings.Replace(was, from, to, 1), id)
}

// body is the stored bytes of an entry.
func (o *office) body(t *testing.T, root string, seq int64) string {
	t.Helper()
	return string(value[[]byte](t, o, "select body from history where root = ? and seq = ?", root, seq))
}

// recompute gives every entry of a chain from seq on a new MAC, as somebody who has a key would.
func (o *office) recompute(t *testing.T, ring *seal.Keyring, root string, from int64) {
	t.Helper()
	var previous []byte
	if from > 1 {
		previous = value[[]byte](t, o, "select mac from history where root = ? and seq = ?", root, from-1)
	}
	last := value[int64](t, o, "select seq from roots where id = ?", root)
	for seq := from; seq <= last; seq++ {
		previous = ring.Chain(previous, []byte(o.body(t, root, seq)))
		o.exec(t, "update history set mac = ? where root = ? and seq = ?", previous, root, seq)
	}
	o.exec(t, "update roots set mac = ? where id = ?", previous, root)
}

// strangerKeys is a keyring that did not write this database.
func strangerKeys(t *testing.T) *seal.Keyring {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := seal.Create(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	ring, err := seal.Load(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// dropRoot deletes everything that is stored of a root.
func (o *office) dropRoot(t *testing.T, root string) {
	t.Helper()
	for _, table := range []string{"distinct_counts where instance in (select id from instances where root = ?)", "timers where root = ?", "history where root = ?", "instances where root = ?", "roots where id = ?"} {
		if _, err := o.raw.ExecContext(context.Background(), o.bind("delete from "+table), root); err != nil {
			t.Fatal(err)
		}
	}
}

// contents is everything that an audit looks at.
type contents struct {
	tables     map[string][][]any
	checkpoint []byte
}

// audited are the tables that a tampering may change.
func audited() []string {
	return []string{"roots", "instances", "refs", "distinct_counts", "history", "timers", "bundles", "subject_keys", "waiting"}
}

func (o *office) snapshot(t *testing.T) contents {
	t.Helper()
	c := contents{tables: map[string][][]any{}}
	var err error
	if c.checkpoint, err = os.ReadFile(o.checkpoint); err != nil {
		t.Fatal(err)
	}
	for _, table := range audited() {
		c.tables[table] = o.rowsOf(t, table)
	}
	return c
}

func (o *office) rowsOf(t *testing.T, table string) [][]any {
	t.Helper()
	rows, err := o.raw.QueryContext(t.Context(), "select * from "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out [][]any
	for rows.Next() {
		row, into := make([]any, len(columns)), make([]any, len(columns))
		for n := range row {
			into[n] = &row[n]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		out = append(out, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// restore puts everything back.
func (o *office) restore(t *testing.T, c contents) {
	t.Helper()
	if err := os.WriteFile(o.checkpoint, c.checkpoint, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	tx, err := o.raw.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, table := range audited() {
		if _, err := tx.ExecContext(ctx, "delete from "+table); err != nil {
			t.Fatal(err)
		}
		for _, row := range c.tables[table] {
			text := o.bind("insert into " + table + " values (?" + strings.Repeat(", ?", len(row)-1) + ")")
			if _, err := tx.ExecContext(ctx, text, row...); err != nil {
				t.Fatalf("%s: %v", table, err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}
