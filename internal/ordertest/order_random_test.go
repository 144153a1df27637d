package ordertest

import (
	"context"
	"errors"
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

// live carries a run out for a number of steps and recounts everything at its end.
func (r *run) live(ctx context.Context, steps int) error {
	err := r.setUp(ctx, r.bundle.Hash)
	for n := 0; n < steps && err == nil; n++ {
		err = r.step(ctx)
	}
	return errors.Join(err, r.recount())
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
	rapid.Check(t, func(rt *rapid.T) {
		r := newRun(newMemory(b, zone), b, zone, rapidDice{rt})
		if err := r.live(t.Context(), rapid.IntRange(1, 120).Draw(rt, "steps")); err != nil {
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
	least, most := soak.Count(8, 300), 120
	reached := map[string]int{}
	missing := destinations()
	lives, accepted, refused, undone, kept := 0, 0, 0, 0, 0
	for lives < least || lives < most && len(missing) > 0 {
		r := newRun(newMemory(b, zone), b, zone, newSeededDice(uint64(lives))) //nolint:gosec // not negative
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

// TestRandomLivesOnDatabases draws the same commands through the engine, and audits the database at the end.
func TestRandomLivesOnDatabases(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		b, zone := builtIn(t)
		l := newLive(t, db, b)
		r := newRun(l, b, zone, newSeededDice(7))
		if err := r.live(t.Context(), soak.Count(250, 5000)); err != nil {
			t.Fatal(err)
		}
		if err := l.audit(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d accepted, %d refused; came to %v", r.accepted, r.refused, r.oracle.seen)
	})
}
