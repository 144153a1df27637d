package engine_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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
			b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			own, server := spent(b)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				t := <-next
				defer func() { next <- t }()
				for pb.Next() {
					r := w.Fire("lead", t.root, t.visit, "train", map[string]any{"who": w.People["volunteer"]})
					r.IdempotencyKey = rand.Text()
					w.Must(b, r)
				}
			})
			b.StopTimer()
			ownAfter, serverAfter := spent(b)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transitions/s")
			b.ReportMetric(float64((ownAfter-own).Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64((serverAfter-server).Microseconds())/float64(b.N), "server-cpu-µs/op")
		})
	}
}

// spent is the processor time of this process, and of the database servers that run under it as far as /proc tells.
func spent(b *testing.B) (own, servers time.Duration) {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	own = time.Duration(used.Utime.Nano() + used.Stime.Nano())
	parents, ticks := map[string]string{}, map[string]int64{}
	all, _ := os.ReadDir("/proc") // elsewhere there is none
	for _, p := range all {
		stat, err := os.ReadFile("/proc/" + p.Name() + "/stat")
		end := strings.LastIndexByte(string(stat), ')')
		if err != nil || end < 0 {
			continue
		}
		fields := strings.Fields(string(stat)[end+1:])
		user, _ := strconv.ParseInt(fields[11], 10, 64)
		system, _ := strconv.ParseInt(fields[12], 10, 64)
		parents[p.Name()], ticks[p.Name()] = fields[1], user+system
	}
	self := strconv.Itoa(os.Getpid())
	for p, n := range ticks {
		at := p
		for at != "" && at != self {
			at = parents[at]
		}
		if p != self && at == self {
			servers += time.Duration(n) * 10 * time.Millisecond
		}
	}
	return own, servers
}
