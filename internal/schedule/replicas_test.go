package schedule_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/schedule"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// replicas opens one database n times where it allows that, and makes an engine on each.
func replicas(t *testing.T, db *testdb.Database, n int, now func() time.Time) ([]*engine.Engine, *store.Store) {
	t.Helper()
	path := filepath.Join(t.TempDir(), seal.KeyFile)
	if err := seal.Create(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	s := db.Open(t, func(c *store.Config) { c.Now = now })
	var engines []*engine.Engine
	for n := range n {
		if n > 0 && db.Kind == "postgres" {
			s = db.Open(t, func(c *store.Config) { c.Now = now })
		}
		keys, err := seal.Open(t.Context(), seal.Config{Path: path, Random: rand.Reader}, s)
		if err != nil {
			t.Fatal(err)
		}
		e := engine.New(engine.Config{Store: s, Keys: keys, Now: now})
		t.Cleanup(e.Close)
		engines = append(engines, e)
	}
	return engines, s
}

func TestTwoLoopsFireEachTimerAtMostOnce(t *testing.T) {
	const funds = 12
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		clock := enginetest.NewClock()
		engines, s := replicas(t, db, 2, clock.Now)
		w := enginetest.NewWorld(t, engines[0])
		root, _ := w.Programme(t, "P1")
		var ids []string
		for n := range funds {
			id := w.Must(t, w.Create("worker", root, root, "fund", "fund", enginetest.Name("fund", n), map[string]any{"keep_open": n%4 == 3})).Instance
			w.Must(t, w.Fire("worker", root, id, "open", map[string]any{"deadline": "2023-06-03"}))
			ids = append(ids, id)
		}
		clock.Add(60 * 24 * time.Hour) // all of them are late

		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		var wg sync.WaitGroup
		for _, e := range engines {
			for range 2 { // and two loops in one process
				wg.Go(func() {
					if err := schedule.NewLoop(e, clock.Now, nil).Run(ctx); err != nil {
						t.Error(err)
					}
				})
			}
		}
		for ctx.Err() == nil && len(waiting(t, s, root)) > 0 {
			time.Sleep(20 * time.Millisecond)
		}
		stop()
		wg.Wait()

		got := map[engine.TimerStatus]int{}
		for _, row := range timers(t, s, root) {
			got[row.Status]++
			if row.Reason == "" || row.Ended.IsZero() {
				t.Errorf("timer %s of %s ended as %s without reason or time", row.Rule, row.Instance, row.Status)
			}
		}
		want := map[engine.TimerStatus]int{engine.TimerFired: funds - funds/4, engine.TimerSkipped: funds / 4}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("timers (-want +got):\n%s", diff)
		}
		fired := firings(t, s, root)
		for n, id := range ids {
			want := 1
			if n%4 == 3 {
				want = 0
			}
			if fired[id] != want {
				t.Errorf("fund %d was closed by its timer %d times, want %d", n, fired[id], want)
			}
		}
	})
}

func timers(t *testing.T, s *store.Store, root string) []engine.TimerRow {
	t.Helper()
	rows, err := s.AllTimers(context.WithoutCancel(t.Context()), "c1", root)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func waiting(t *testing.T, s *store.Store, root string) []engine.TimerRow {
	t.Helper()
	var out []engine.TimerRow
	for _, row := range timers(t, s, root) {
		if row.Status == engine.TimerWaiting {
			out = append(out, row)
		}
	}
	return out
}

// firings counts the history's entries that a timer caused, by target.
func firings(t *testing.T, s *store.Store, root string) map[string]int {
	t.Helper()
	entries, err := s.History(t.Context(), "c1", root, 1, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, stored := range entries {
		var e workflow.Entry
		if err := json.Unmarshal(stored.Body, &e); err != nil {
			t.Fatal(err)
		}
		if e.Timer != nil {
			out[e.Target]++
		}
	}
	return out
}
