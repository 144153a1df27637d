package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
)

func timerCases() []Case {
	return []Case{
		{"due timers come in the order of their times", dueOrder},
		{"the timers of a frozen programme are left alone", frozenTimers},
		{"a timer ends once", timerEndsOnce},
		{"a timer armed and ended in one slice is ended", armedAndEnded},
		{"a timer that exists already is no conflict but a mistake", timerTwice},
	}
}

func timer(root, rule string, generation int64, due time.Time) engine.TimerRow {
	return engine.TimerRow{Community: Community, Root: root, Instance: root, Rule: rule, Generation: generation, Due: due, Event: "lapse", Status: engine.TimerWaiting}
}

func arm(s engine.Slice, timers ...engine.TimerRow) engine.Slice {
	for _, t := range timers {
		s.Timers = append(s.Timers, engine.TimerWrite{Insert: true, Row: t})
	}
	return s
}

func end(t engine.TimerRow, status engine.TimerStatus, reason string) engine.TimerRow {
	t.Status, t.Reason, t.Ended = status, reason, testdb.Now().Add(time.Microsecond)
	return t
}

func rules(timers []engine.TimerRow) []string {
	out := []string{}
	for _, t := range timers {
		out = append(out, fmt.Sprintf("%s/%s/%d", t.Root, t.Rule, t.Generation))
	}
	return out
}

func due(t *testing.T, s *store.Store, in, root string, at time.Time, limit int) []string {
	t.Helper()
	return rules(must(s.DueTimers(context.Background(), in, root, at, engine.TimerRow{}, limit))(t))
}

func dueOrder(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	now := testdb.Now()
	early, late := timer("a", "x", 1, now.Add(-time.Hour)), timer("b", "y", 1, now.Add(-time.Minute))
	commit(t, s, arm(Create("a"), early, timer("a", "z", 1, now.Add(time.Microsecond))), arm(Create("b"), late, timer("b", "y", 2, now)))
	same(t, "all", due(t, s, Community, "", now, 10), []string{"a/x/1", "b/y/1", "b/y/2"})
	same(t, "of every community", due(t, s, "", "", now, 10), []string{"a/x/1", "b/y/1", "b/y/2"})
	same(t, "of another community", due(t, s, "other", "", now, 10), []string{})
	same(t, "first two", due(t, s, Community, "", now, 2), []string{"a/x/1", "b/y/1"})
	same(t, "of one root", due(t, s, Community, "b", now, 10), []string{"b/y/1", "b/y/2"})
	same(t, "as written", must(s.DueTimers(context.Background(), Community, "a", now, engine.TimerRow{}, 1))(t), []engine.TimerRow{early})
	after := func(root string, last engine.TimerRow) []string {
		return rules(must(s.DueTimers(context.Background(), Community, root, now, last, 10))(t))
	}
	same(t, "after the first", after("", early), []string{"b/y/1", "b/y/2"})
	same(t, "of one root, after its first", after("b", late), []string{"b/y/2"})
	same(t, "after the last", after("", timer("b", "y", 2, now)), []string{})
	same(t, "every timer", rules(must(s.AllTimers(context.Background(), Community, "a"))(t)), []string{"a/x/1", "a/z/1"})
}

func frozenTimers(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	now := testdb.Now()
	frozen := arm(Create("demo"), timer("demo", "x", 1, now))
	frozen.Chains[0].Head.Frozen = now
	commit(t, s, frozen, arm(Create("live"), timer("live", "x", 1, now)))
	same(t, "of all", due(t, s, Community, "", now, 10), []string{"live/x/1"})
	same(t, "of the frozen one", due(t, s, Community, "demo", now, 10), []string{"demo/x/1"})
}

func timerEndsOnce(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	now := testdb.Now()
	ctx := context.Background()
	row, other := timer("a", "x", 1, now), timer("a", "x", 2, now)
	slice := arm(Create("a"), row, other)
	commit(t, s, slice)
	fired := Step(head(slice), "fire")
	fired.Timers = []engine.TimerWrite{{Row: end(row, engine.TimerFired, "")}}
	commit(t, s, fired)
	again := Step(head(fired), "again")
	again.Timers = fired.Timers
	conflict(t, s, again)

	skipped := end(other, engine.TimerSkipped, "已拒绝")
	if err := s.EndTimer(ctx, skipped); err != nil {
		t.Fatal(err)
	}
	if err := s.EndTimer(ctx, skipped); !errors.Is(err, engine.ErrConflict) {
		t.Errorf("ended twice: got %v, want a conflict", err)
	}
	same(t, "due", due(t, s, Community, "a", now, 10), []string{})
	moved := Step(head(fired), "move") // what was skipped needs no superseding, but that is no conflict
	moved.Timers = []engine.TimerWrite{{Row: end(other, engine.TimerSuperseded, "moved")}}
	commit(t, s, moved)
	same(t, "the record", must(s.AllTimers(ctx, Community, "a"))(t), []engine.TimerRow{end(row, engine.TimerFired, ""), skipped})
}

func armedAndEnded(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	row := timer("a", "x", 1, testdb.Now())
	slice := arm(Create("a"), row)
	slice.Timers = append(slice.Timers, engine.TimerWrite{Row: end(row, engine.TimerSuperseded, "moved")})
	commit(t, s, slice)
	same(t, "the record", must(s.AllTimers(context.Background(), Community, "a"))(t), []engine.TimerRow{end(row, engine.TimerSuperseded, "moved")})
}

func timerTwice(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	row := timer("a", "x", 1, testdb.Now())
	slice := arm(Create("a"), row)
	commit(t, s, slice)
	if err := outcomes(t, s, arm(Step(head(slice), "c2"), row))[0]; err == nil || errors.Is(err, engine.ErrConflict) {
		t.Errorf("got %v, want an error that does not invite to try again", err)
	}
}
