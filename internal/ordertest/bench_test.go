package ordertest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// The sizes that are compared: one activity with 10,000 items must commit at 70 % or more of the rate with 100.
const (
	few       = 100
	many      = 10_000
	leastRate = 0.70
)

// crowd is one round of visits with a number of households in it. Its transitions refuse a household and take it up again:
// both move counts and counts of different people of the round.
type crowd struct {
	do    func(workflow.Command) error
	root  string
	visit string
	items []string
	who   map[string]string
	tick  atomic.Int64
}

// turn is the n-th transition: a hundred items, spread over the round, are refused, then they are tried again.
func (c *crowd) turn() workflow.Command {
	n := int(c.tick.Add(1) - 1)
	cmd := workflow.Command{
		Community: community, Root: c.root, Target: c.items[n%few*(len(c.items)/few)], Kind: workflow.KindFire, Event: "refuse",
		Actor: workflow.Actor{Person: c.who["worker"]},
	}
	if n/few%2 == 1 {
		cmd.Event, cmd.Reason, cmd.Actor.Person = "try_again", "再约一次", c.who["lead"]
	}
	return cmd
}

// run carries out n transitions with a number of callers at once.
func (c *crowd) run(n, callers int) error {
	var wg sync.WaitGroup
	errs := make(chan error, callers)
	var left atomic.Int64
	left.Store(int64(n))
	for range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := c.do(c.turn()); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

// newCrowd makes a round with a number of households in a programme of its own.
func newCrowd(b *testing.B, l *live, who map[string]string, house string, items int) *crowd {
	b.Helper()
	c := &crowd{who: who, do: func(cmd workflow.Command) error {
		_, err := l.engine.Do(context.Background(), engine.Request{Command: cmd, Values: cmd.Input})
		return err
	}}
	must := func(cmd workflow.Command) string {
		cmd.Community, cmd.Actor.Person = community, who["worker"]
		res, err := l.engine.Do(b.Context(), engine.Request{Command: cmd, Values: cmd.Input})
		if err != nil {
			b.Fatal(err)
		}
		return res.Instance
	}
	c.root = must(workflow.Command{
		Kind: workflow.KindCreate, Workflow: "neighbourhood", Input: workflow.Values{"title": "左邻右舍", "code": fmt.Sprint("B", items)},
	})
	c.visit = must(workflow.Command{Root: c.root, Target: c.root, Kind: workflow.KindCreate, Workflow: "visit", Slot: "visit"})
	c.items = make([]string, items)
	var wg sync.WaitGroup
	const callers = 64
	for from := range callers {
		wg.Go(func() {
			for n := from; n < items; n += callers {
				c.items[n] = must(workflow.Command{
					Root: c.root, Target: c.visit, Kind: workflow.KindCreate, Workflow: "household_visit",
					Input: workflow.Values{"household": house, "kind": "elder", "pair": []string{who["v1"], who["staff"]}},
				})
			}
		})
	}
	wg.Wait()
	return c
}

// benchOffice is an engine on a database with people in it.
func benchOffice(b *testing.B, db *testdb.Database) (*live, map[string]string, string) {
	b.Helper()
	bundle, zone := builtIn(b)
	l := newLive(b, db, bundle)
	r := newRun(l, bundle, zone, newSeededDice(1))
	if err := r.setUp(b.Context(), bundle.Hash); err != nil {
		b.Fatal(err)
	}
	return l, r.cast.people, r.houses[0]
}

func databases() map[string]func(testing.TB) *testdb.Database {
	return map[string]func(testing.TB) *testdb.Database{"sqlite": testdb.SQLite, "postgres": testdb.Postgres}
}

// callersAtOnce is how many people work on the round at the same time.
const callersAtOnce = 16

// BenchmarkActivityWithItems commits transitions on the items of one activity.
func BenchmarkActivityWithItems(b *testing.B) {
	for name, open := range databases() {
		b.Run(name, func(b *testing.B) {
			l, who, house := benchOffice(b, open(b))
			for _, items := range []int{few, many} {
				c := newCrowd(b, l, who, house, items)
				b.Run(fmt.Sprint(items), func(b *testing.B) {
					b.ReportAllocs()
					if err := c.run(b.N, callersAtOnce); err != nil {
						b.Fatal(err)
					}
					b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transitions/s")
				})
			}
		})
	}
}

// BenchmarkLargeActivityKeepsItsRate measures both sizes in turns, so that whatever else the machine does weighs on both alike,
// and fails when the large activity commits at less than 70 % of the small one's rate.
func BenchmarkLargeActivityKeepsItsRate(b *testing.B) {
	for name, open := range databases() {
		b.Run(name, func(b *testing.B) {
			l, who, house := benchOffice(b, open(b))
			crowds := []*crowd{newCrowd(b, l, who, house, few), newCrowd(b, l, who, house, many)}
			var spent [2]time.Duration
			const chunk = 64
			chunks := 0
			for b.Loop() {
				for n, c := range crowds {
					start := time.Now()
					if err := c.run(chunk, callersAtOnce); err != nil {
						b.Fatal(err)
					}
					spent[n] += time.Since(start)
				}
				chunks++
			}
			ratio := spent[0].Seconds() / spent[1].Seconds()
			b.ReportMetric(ratio, "rate_10000/rate_100")
			b.ReportMetric(float64(chunks*chunk)/spent[0].Seconds(), "transitions/s_100")
			b.ReportMetric(float64(chunks*chunk)/spent[1].Seconds(), "transitions/s_10000")
			if chunks >= 10 && ratio < leastRate {
				b.Errorf("an activity with %d items commits at %.0f %% of the rate of one with %d; at least %.0f %% are wanted", many, 100*ratio, few, 100*leastRate)
			}
		})
	}
}
