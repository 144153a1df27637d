package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// BenchmarkCommit measures commits of slices that each change one item and its activity, as a visit's record does.
func BenchmarkCommit(b *testing.B) {
	for _, kind := range []func(testing.TB) *testdb.Database{testdb.SQLite, testdb.Postgres} {
		db := kind(b)
		s := db.Open(b)
		for _, items := range []int{100, 10_000} {
			for _, batch := range []int{1, 16} {
				b.Run(fmt.Sprintf("%s/items=%d/batch=%d", db.Kind, items, batch), func(b *testing.B) {
					var slices []engine.Slice
					for n := range batch {
						root := fmt.Sprintf("%s-%d-%d-%d-%d", db.Kind, items, batch, b.N, n)
						slices = append(slices, programme(storetest.Community, root, items/batch, func(int) string { return root }))
					}
					commitAll(b, s, slices)
					b.ResetTimer()
					for i := range b.N {
						for n := range slices {
							slices[n] = record(slices[n].Chains[0].Head, i, items/batch)
						}
						commitAll(b, s, slices)
					}
					b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "slices/s")
				})
			}
		}
	}
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
func record(head engine.Head, i, items int) engine.Slice {
	row := func(id string) engine.RowWrite {
		return engine.RowWrite{Op: engine.RowUpdate, Instance: &workflow.Instance{
			ID: id, Community: head.Community, Root: head.Root, Workflow: "visit", State: "recorded", Version: int64(i + 2),
			Body: workflow.Body{Data: workflow.Values{"health": "良好", "needs": "助听器", "wishes": "无"}, Aggregates: map[string]int64{"recorded": int64(i)}},
		}}
	}
	return storetest.Step(head, fmt.Sprint("record", i), row(itemID(head.Root, i%items)), row(head.Root))
}
