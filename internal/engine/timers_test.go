package engine_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// poisoned is a store that reads three timers at a time and cannot write what concerns some instances.
type poisoned struct {
	*store.Store
	mu   sync.Mutex
	with map[string]error
}

func (s *poisoned) poison(instance string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.with[instance] = err
}

func (s *poisoned) DueTimers(ctx context.Context, community, root string, now time.Time, after engine.TimerRow, limit int) ([]engine.TimerRow, error) {
	return s.Store.DueTimers(ctx, community, root, now, after, min(limit, 3))
}

func (s *poisoned) Commit(ctx context.Context, slices []engine.Slice) ([]error, error) {
	s.mu.Lock()
	var bad error
	for _, slice := range slices {
		for _, e := range slice.Chains[0].Entries {
			bad = errors.Join(bad, s.with[e.Target])
		}
	}
	s.mu.Unlock()
	if bad != nil {
		return nil, bad
	}
	return s.Store.Commit(ctx, slices)
}

// due makes a world on a store that can be poisoned, with open funds whose deadlines have passed.
func due(t *testing.T, h *harness, n int) (*poisoned, *enginetest.World, string, []string) {
	t.Helper()
	s := &poisoned{Store: h.store, with: map[string]error{}}
	e := engine.New(engine.Config{Store: s, Keys: h.keys, Now: h.clock.Now})
	t.Cleanup(e.Close)
	w := enginetest.NewWorld(t, e)
	root, _ := w.Programme(t, "P1")
	funds := make([]string, n)
	for i := range funds {
		funds[i] = w.Must(t, w.Create("worker", root, root, "fund", "fund", enginetest.Name("f", i), nil)).Instance
		w.Must(t, w.Fire("worker", root, funds[i], "open", map[string]any{"deadline": "2023-06-0" + string(rune('2'+i))}))
	}
	h.clock.Add(30 * 24 * time.Hour)
	return s, w, root, funds
}

func TestTimersThatCannotFireDoNotStarveTheOthers(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		s, w, root, funds := due(t, h, 6)
		away := errors.New("no luck today")
		for _, f := range funds[:4] {
			s.poison(f, away)
		}
		if n, err := w.Engine.FireDue(t.Context()); n != 2 || !errors.Is(err, away) {
			t.Errorf("ended %d timers, %v; want 2 and the failure of the others", n, err)
		}
		for _, f := range funds[:4] {
			s.poison(f, nil)
		}
		w.Must(t, w.Create("worker", root, root, "purchase", "", "", map[string]any{"items": "米"})) // they are tried again
		for _, f := range funds {
			if i := h.instance(t, f); i.State != "closed" {
				t.Errorf("%s is %s", i.Key, i.State)
			}
		}
		h.audit(t)
	})
}

func TestATimerThatTheDatabaseRefusesIsSkippedInTheEnd(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		s, w, root, funds := due(t, h, 1)
		s.poison(funds[0], engine.ErrUnstorable)
		failures := 0
		for range 5 {
			if _, err := w.Engine.FireDue(t.Context()); err != nil {
				failures++
			}
		}
		rows := h.timers(t, "c1", root)
		if failures != 2 || len(rows) != 1 || rows[0].Status != engine.TimerSkipped || rows[0].Reason == "" {
			t.Errorf("%d failures, timers %+v", failures, rows)
		}
	})
}

func TestEveryDueTimerFiresBeforeALaterCommand(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		_, w, root, funds := due(t, h, 5) // more than are read at a time
		last := w.Must(t, edit(w, "worker", root, funds[0], map[string]any{"purpose": "米"}))
		for _, f := range funds {
			if i := h.instance(t, f); i.State != "closed" || i.Touched > last.Seq {
				t.Errorf("%s is %s since entry %d, the command is entry %d", i.Key, i.State, i.Touched, last.Seq)
			}
		}
		h.audit(t)
	})
}

func TestWhatATimerArmsFiresInTheSamePass(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		files := enginetest.Files(t)
		fund := bytes.Replace(files["fund/fund.yaml"], []byte("timers:\n"), []byte("timers:\n  next: {in: [closed], anchor: deadline, at: \"19:00\", fire: unreconcile}\n"), 1)
		fund = bytes.Replace(fund, []byte("from: [reconciled], to: closed, by: [finance], reason: true, clears: [reconciled]"),
			[]byte("from: [closed], to: draft, by: [system]"), 1)
		files["fund/fund.yaml"] = fund
		b, problems := workflow.Load(files)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if err := h.engine.AddBundle(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		w.Must(t, edit(w, "admin", "c1", "c1", map[string]any{"bundle": b.Hash}))
		root, _ := w.Programme(t, "P1")
		id := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		w.Must(t, w.Fire("worker", root, id, "open", map[string]any{"deadline": "2023-06-03"}))
		h.clock.Add(30 * 24 * time.Hour)
		w.Must(t, w.Create("worker", root, root, "purchase", "", "", map[string]any{"items": "米"}))
		if s := h.instance(t, id).State; s != "draft" {
			t.Errorf("the fund is %s: what its first timer armed did not fire", s)
		}
		h.audit(t)
	})
}

func TestACommandBehindATimersStillWaitsForTheOthers(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		var funds []string
		for n := range 2 {
			f := w.Must(t, w.Create("worker", root, root, "fund", "fund", enginetest.Name("f", n), nil)).Instance
			w.Must(t, w.Fire("worker", root, f, "open", map[string]any{"deadline": "2023-06-03"}))
			funds = append(funds, f)
		}
		var wg sync.WaitGroup
		var last engine.Result
		h.beforeCommit(func() { // the queue is held up: a timer's command comes to stand in it, and then a person's
			h.clock.Add(30 * 24 * time.Hour)
			wg.Go(func() {
				if n, err := h.engine.FireDue(t.Context()); n != 2 || err != nil {
					t.Errorf("ended %d, %v", n, err)
				}
			})
			time.Sleep(200 * time.Millisecond)
			wg.Go(func() {
				last = w.Must(t, w.Create("worker", root, root, "purchase", "", "", map[string]any{"items": "米"}))
			})
			time.Sleep(200 * time.Millisecond)
		})
		w.Must(t, w.Create("worker", root, root, "purchase", "", "", map[string]any{"items": "油"}))
		wg.Wait()
		for _, f := range funds {
			if i := h.instance(t, f); i.State != "closed" || i.Touched > last.Seq {
				t.Errorf("%s is %s since entry %d, the command is entry %d", i.Key, i.State, i.Touched, last.Seq)
			}
		}
		h.audit(t)
	})
}
