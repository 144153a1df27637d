package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// BenchmarkCommit measures commits of slices that each change one item and its activity, as a visit's record does: the item keeps its
// state, goes on to one in which it waits for nobody, or to one in which it waits.
func BenchmarkCommit(b *testing.B) {
	for _, kind := range []func(testing.TB) *testdb.Database{testdb.SQLite, testdb.Postgres} {
		db := kind(b)
		s := db.Open(b)
		for _, items := range []int{100, 10_000} {
			for _, batch := range []int{1, 16} {
				for _, states := range []string{stays, moves, waits} {
					b.Run(fmt.Sprintf("%s/items=%d/batch=%d/%s", db.Kind, items, batch, states), func(b *testing.B) {
						benchmarkCommit(b, db, s, items, batch, states)
					})
				}
			}
		}
	}
}

// What the item of a benchmark's slice does.
const (
	stays = "stays"
	moves = "moves"
	waits = "waits"
)

func benchmarkCommit(b *testing.B, db *testdb.Database, s *store.Store, items, batch int, states string) {
	var slices []engine.Slice
	for n := range batch {
		root := fmt.Sprintf("%s-%d-%d-%s-%d-%d", db.Kind, items, batch, states, b.N, n)
		slices = append(slices, programme(storetest.Community, root, items/batch, func(int) string { return root }))
	}
	commitAll(b, s, slices)
	written := walBytes(b, db)
	b.ResetTimer()
	for i := range b.N {
		for n := range slices {
			slices[n] = record(slices[n].Chains[0].Head, i, items/batch, states)
		}
		commitAll(b, s, slices)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "slices/s")
	if db.Kind == "postgres" {
		b.ReportMetric(float64(walBytes(b, db)-written)/float64(b.N*batch), "wal-B/slice")
	}
}

// walBytes is how far PostgreSQL's write-ahead log has come.
func walBytes(b *testing.B, db *testdb.Database) int64 {
	b.Helper()
	if db.Kind != "postgres" {
		return 0
	}
	c, err := sql.Open("postgres", db.DSN)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close() // it only asked
	var n int64
	if err := c.QueryRowContext(context.Background(), "select pg_current_wal_lsn() - '0/0'::pg_lsn").Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

func commitAll(b *testing.B, s interface {
	Commit(context.Context, []engine.Slice) ([]error, error)
}, slices []engine.Slice,
) {
	b.Helper()
	errs, err := s.Commit(context.Background(), slices)
	if err := errors.Join(append(errs, err)...); err != nil {
		b.Fatal(err)
	}
}

// record is the next slice on a programme: one item and the root change.
func record(head engine.Head, i, items int, states string) engine.Slice {
	row := func(id, state string) engine.RowWrite {
		return engine.RowWrite{Op: engine.RowUpdate, Instance: &workflow.Instance{
			ID: id, Community: head.Community, Root: head.Root, Workflow: "visit", State: state, Version: int64(i + 2),
			Body: workflow.Body{Data: workflow.Values{"health": "良好", "needs": "助听器", "wishes": "无"}, Aggregates: map[string]int64{"recorded": int64(i)}},
		}}
	}
	item := itemID(head.Root, i%items)
	from, to := "s", "s"
	if states != stays && i/items > 0 { // as the round before has left it
		from = fmt.Sprint("round", (i/items-1)%4)
	}
	if states != stays {
		to = fmt.Sprint("round", i/items%4)
	}
	slice := storetest.Step(head, fmt.Sprint("record", i), row(item, to), row(head.Root, "recorded"))
	slice.Keys = []engine.Idempotency{{Person: "p", Key: fmt.Sprint(head.Root, "/", i), Response: make([]byte, 200), Expires: testdb.Now().AddDate(1, 0, 0).Add(time.Duration(i))}}
	if states == waits {
		slice.Waits = []engine.WaitWrite{{Instance: item, Workflow: "visit", From: from, To: to}}
	}
	return slice
}
