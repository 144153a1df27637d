// Package ordertest draws random lives of the built-in programme and holds them against the order that PRACTICE and DOMAIN
// describe. It has three parts: systems (the pure core over maps, the engine on a database), a driver that knows what an office
// would do next and what it would do wrong, and an oracle that was written by hand and reads no definition.
package ordertest

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli/linli/internal/calendar"
	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

// builtIn is the bundle of the built-in definitions, and the zone of the community.
func builtIn(t testing.TB) (*workflow.Bundle, *time.Location) {
	t.Helper()
	b, problems := workflow.Load(workflows.Files())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	zone, err := calendar.Zone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return b, zone
}

// live takes a number of random steps and recounts everything at their end.
func (r *run) live(ctx context.Context, steps int) error {
	for range steps {
		if err := r.step(ctx); err != nil {
			return err
		}
	}
	return r.recount()
}

// born is a function that begins lives in memory, each with a community and a programme in its first state.
func born(t testing.TB, b *workflow.Bundle, zone *time.Location) func(dice) *run {
	t.Helper()
	m := newMemory(b, zone)
	first := newRun(m, b, zone, newSeededDice(0))
	if err := first.setUp(t.Context(), b.Hash); err != nil {
		t.Fatal(err)
	}
	return func(d dice) *run { return first.fork(m, d) }
}

func (r *run) recount() error {
	for _, im := range r.now {
		if err := recount(r.bundle, im); err != nil {
			return r.failed("%w", err)
		}
	}
	return nil
}

// TestRandomLivesKeepTheOrder lets rapid draw thousands of commands against the pure core. A sequence that breaks a rule is
// shrunk; LINLI_SOAK with -rapid.checks draws hundreds of thousands.
func TestRandomLivesKeepTheOrder(t *testing.T) {
	b, zone := builtIn(t)
	begin := born(t, b, zone)
	rapid.Check(t, func(rt *rapid.T) {
		if err := begin(rapidDice{rt}).live(t.Context(), rapid.IntRange(1, 100).Draw(rt, "steps")); err != nil {
			rt.Fatal(err)
		}
	})
}

// destinations are what the long lives have to come to, by every road: events, ways back, back-fills.
func destinations() []string {
	return []string{
		"recruit.form", "train.start", "train.sign_off", "train.reopen", "fundraise.reconcile", "fundraise.publish", "fundraise.back_to_purchase",
		"visit.start", "household_visit.record", "visit.complete", "event.start", "event.quick_record", "event.close",
		"recognise.lock_hours", "recognise.announce", "recognise.award", "neighbourhood.close", "train.backfill.sign_off", "fundraise.backfill.approve",
	}
}

// TestLongLivesReachTheEnd plays seeded lives until they have come to every destination, and fails when they do not: random
// commands that never get anywhere show nothing.
func TestLongLivesReachTheEnd(t *testing.T) {
	b, zone := builtIn(t)
	begin := born(t, b, zone)
	least, most := soak.Count(8, 300), 120
	reached := map[string]int{}
	missing := destinations()
	lives, accepted, refused, undone, kept := 0, 0, 0, 0, 0
	for lives < least || lives < most && len(missing) > 0 {
		r := begin(newSeededDice(uint64(lives)))
		if err := r.live(t.Context(), 400); err != nil {
			t.Fatalf("life %d: %v", lives, err)
		}
		for what, n := range r.oracle.seen {
			reached[what] += n
		}
		missing = slices.DeleteFunc(missing, func(what string) bool { return reached[what] > 0 })
		accepted, refused, undone, kept = accepted+r.accepted, refused+r.refused, undone+r.undone, kept+r.kept
		lives++
	}
	t.Logf("%d lives: %d commands accepted, %d refused; %d late undos carried out, %d refused", lives, accepted, refused, undone, kept)
	if len(missing) > 0 {
		t.Errorf("no life came to %v: the test shows nothing about it", missing)
	}
	if undone == 0 || kept == 0 {
		t.Errorf("%d late undos were carried out and %d refused: both must be seen", undone, kept)
	}
}

// TestRandomLivesOnDatabases draws the same commands through the engine, and audits each database at the end of the life.
func TestRandomLivesOnDatabases(t *testing.T) {
	b, zone := builtIn(t)
	for life := range soak.Count(1, 20) {
		testdb.Each(t, func(t *testing.T, db *testdb.Database) {
			l := newLive(t, db, b)
			r := newRun(l, b, zone, newSeededDice(uint64(7+life)))
			if err := r.setUp(t.Context(), b.Hash); err != nil {
				t.Fatal(err)
			}
			if err := r.live(t.Context(), 260); err != nil {
				t.Fatal(err)
			}
			if err := l.audit(t.Context()); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d accepted, %d refused; came to %v", r.accepted, r.refused, r.oracle.seen)
		})
	}
}
