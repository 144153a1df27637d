package schedule

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/testdb"
)

// withDatabases runs the tests with a PostgreSQL server; nothing of it may be left when goleak looks.
type withDatabases struct{ *testing.M }

func (m withDatabases) Run() int { return testdb.Main(m.M) }

func TestMain(m *testing.M) { goleak.VerifyTestMain(withDatabases{m}) }

// clockwork is an engine with a list of due times.
type clockwork struct {
	mu    sync.Mutex
	due   []time.Time
	fired []time.Time
	looks int
	err   error // of the next FireDue
	stuck bool  // what is due cannot be fired
}

func (c *clockwork) FireDue(context.Context) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	if c.err != nil {
		err := c.err
		return 0, err
	}
	n := 0
	for !c.stuck && len(c.due) > 0 && !c.due[0].After(time.Now()) {
		c.fired = append(c.fired, time.Now())
		c.due = c.due[1:]
		n++
	}
	return n, nil
}

func (c *clockwork) NextDue(_ context.Context, after time.Time) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.due {
		if t.After(after) {
			return t, nil
		}
	}
	return time.Time{}, nil
}

func (c *clockwork) set(f func(*clockwork)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

// running starts a loop and returns a function that stops it and waits for its end.
func running(t *testing.T, c *clockwork) (*Loop, func()) {
	t.Helper()
	l := NewLoop(c, time.Now, nil)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	return l, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
	}
}

func TestLoop(t *testing.T) {
	t.Run("fires each timer at its time, late ones at once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			c := &clockwork{due: []time.Time{start.Add(-time.Hour), start.Add(7 * time.Second), start.Add(95 * time.Second)}}
			_, stop := running(t, c)
			time.Sleep(2 * time.Minute)
			stop()
			want := []time.Duration{0, 7 * time.Second, 95 * time.Second}
			if len(c.fired) != len(want) {
				t.Fatalf("fired %d timers, want %d", len(c.fired), len(want))
			}
			for n, at := range c.fired {
				if got := at.Sub(start); got != want[n] {
					t.Errorf("timer %d fired after %v, want %v", n, got, want[n])
				}
			}
		})
	})
	t.Run("looks again after half a minute, because others set timers too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := &clockwork{}
			_, stop := running(t, c)
			synctest.Wait()
			at := time.Now().Add(time.Second)
			c.set(func(c *clockwork) { c.due = []time.Time{at} })
			time.Sleep(maxSleep + time.Second)
			stop()
			if len(c.fired) != 1 || c.fired[0].Sub(at) > maxSleep {
				t.Fatalf("fired %v, want once within %v of %v", c.fired, maxSleep, at)
			}
		})
	})
	t.Run("looks at once when woken", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := &clockwork{}
			l, stop := running(t, c)
			synctest.Wait()
			at := time.Now()
			c.set(func(c *clockwork) { c.due = []time.Time{at} })
			l.Wake()
			l.Wake()
			synctest.Wait()
			stop()
			if len(c.fired) != 1 || !c.fired[0].Equal(at) {
				t.Fatalf("fired %v, want once at %v", c.fired, at)
			}
		})
	})
	t.Run("waits longer after every failure and recovers", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := &clockwork{err: errors.New("the database is away")}
			_, stop := running(t, c)
			time.Sleep(10 * time.Minute)
			looks := 0
			c.set(func(c *clockwork) { looks, c.err, c.due = c.looks, nil, []time.Time{time.Now()} })
			if looks < 10 || looks > 30 {
				t.Errorf("looked %d times in ten minutes of trouble, want 10 to 30", looks)
			}
			time.Sleep(maxBackoff)
			stop()
			if len(c.fired) != 1 {
				t.Errorf("fired %d timers after the trouble, want 1", len(c.fired))
			}
		})
	})
	t.Run("is in time for the next timer although an earlier one fails", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			c := &clockwork{err: errors.New("one timer is poisoned")}
			_, stop := running(t, c)
			time.Sleep(5 * time.Minute) // by now it waits half a minute and more between its tries
			due := time.Now().Add(2 * time.Minute)
			c.set(func(c *clockwork) { c.due = []time.Time{start, due} })
			time.Sleep(time.Until(due) - time.Millisecond)
			before := 0
			c.set(func(c *clockwork) { before = c.looks })
			time.Sleep(2 * time.Millisecond)
			after := 0
			c.set(func(c *clockwork) { after = c.looks })
			stop()
			if after == before {
				t.Error("nobody looked when it fell due")
			}
		})
	})
	t.Run("takes a timer that another replica fired as done", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := &clockwork{err: engine.ErrConflict}
			_, stop := running(t, c)
			time.Sleep(5 * time.Minute)
			stop()
			if c.looks < 9 || c.looks > 12 {
				t.Errorf("looked %d times in five quiet minutes, want about 10", c.looks)
			}
		})
	})
	t.Run("does not spin over a timer that stays due", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := &clockwork{stuck: true, due: []time.Time{time.Now()}}
			_, stop := running(t, c)
			time.Sleep(time.Minute)
			stop()
			if c.looks > 65 {
				t.Errorf("looked %d times in a minute, want at most one a second", c.looks)
			}
		})
	})
}

func TestHousekeeping(t *testing.T) {
	t.Run("does chores at the start and then at their intervals, whatever the others do", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var fine, failing, panicking atomic.Int32
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute+30*time.Second)
			defer cancel()
			err := Housekeeping(ctx, nil,
				Chore{"panics", time.Minute, func(context.Context) error { panicking.Add(1); panic("broken") }},
				Chore{"fails", time.Minute, func(context.Context) error { failing.Add(1); return errors.New("away") }},
				Chore{"works", 5 * time.Minute, func(context.Context) error { fine.Add(1); return nil }},
			)
			if err != nil {
				t.Fatal(err)
			}
			if got := [3]int32{panicking.Load(), failing.Load(), fine.Load()}; got != [3]int32{11, 11, 3} {
				t.Errorf("chores were done %v times, want [11 11 3]", got)
			}
		})
	})
	t.Run("waits for the chore under way and starts none twice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var running, most, ended atomic.Int32
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			first := true
			err := Housekeeping(ctx, nil, Chore{"slow", time.Minute, func(context.Context) error {
				if first { // the one at the start is quick
					first = false
					return nil
				}
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(5 * time.Minute)
				running.Add(-1)
				ended.Add(1)
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			if most.Load() != 1 || ended.Load() != 1 || running.Load() != 0 {
				t.Errorf("at most %d at once, %d ended, %d still running; want 1, 1, 0", most.Load(), ended.Load(), running.Load())
			}
		})
	})
	t.Run("refuses an interval that would never rest", func(t *testing.T) {
		err := Housekeeping(t.Context(), nil, Chore{"restless", 0, func(context.Context) error { return nil }})
		if err == nil {
			t.Fatal("an interval of 0 was accepted")
		}
	})
}
