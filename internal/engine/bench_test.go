package engine_test

import (
	"fmt"
	"testing"

	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/testdb"
)

// BenchmarkTransitions commits transitions of many programmes from 64 callers at once, each acknowledged when durable.
func BenchmarkTransitions(b *testing.B) {
	for name, db := range map[string]func(testing.TB) *testdb.Database{"sqlite": testdb.SQLite, "postgres": testdb.Postgres} {
		b.Run(name, func(b *testing.B) {
			d := db(b)
			h, err := openHarness(b.Context(), d.Dir, d.DSN)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { h.engine.Close(); _ = h.store.Close() }()
			w := enginetest.NewWorld(b, h.engine)
			type target struct{ root, visit string }
			var targets []target
			const callers = 64
			for n := range callers {
				root, visit := w.Programme(b, fmt.Sprint("b", n))
				targets = append(targets, target{root, visit})
			}
			next := make(chan target, callers)
			for _, t := range targets {
				next <- t
			}
			b.SetParallelism(callers / 2)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				t := <-next
				defer func() { next <- t }()
				for pb.Next() {
					r := w.Fire("lead", t.root, t.visit, "train", map[string]any{"who": w.People["volunteer"]})
					w.Must(b, r)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transitions/s")
		})
	}
}
