package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/testdb"
)

// stillCases are about what a commit need not look at, and what it must all the same.
func stillCases() []Case {
	return []Case{
		{"a registry that stands still vouches for every row of it", registryVouches},
		{"a registry that moved on is asked row by row", registryMoved},
		{"a registry that moves in the same batch is asked row by row", registryMovesInBatch},
		{"a timer that is due fires before a command", dueFirst},
	}
}

// at is a step that relied on the consent, seen when the registry was at a seq.
func at(prog engine.Head, version, seq int64) engine.Slice {
	s := relying(prog, "consent", version)
	s.ReadsAt = seq
	s.Chains[0].Entries[0].Command = fmt.Sprint("record after ", prog.Seq, " at ", seq)
	return s
}

func registryVouches(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	_, prog, _ := consentSetup(t, s)
	commit(t, s, at(prog, 1, 1))
	same(t, "seq", seqOf(t, s, "prog"), int64(2))
}

func registryMoved(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	registry, prog, withdrawn := consentSetup(t, s)
	other := Step(registry, "another person")
	commit(t, s, other)
	commit(t, s, at(prog, 1, 1)) // of that row nothing changed
	prog.Seq++
	commit(t, s, Step(head(other), "withdraw", update(withdrawn)))
	conflict(t, s, at(prog, 1, 1))
	conflict(t, s, at(prog, 1, 2))
	commit(t, s, at(prog, 2, 3))
}

func registryMovesInBatch(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	registry, prog, withdrawn := consentSetup(t, s)
	other := Create("other")
	commit(t, s, other)
	errs := outcomes(t, s, Step(registry, "another person"), at(prog, 1, 1))
	if errs[0] != nil || errs[1] != nil {
		t.Fatalf("got %v, want both to be written", errs)
	}
	registry.Seq++
	errs = outcomes(t, s, Step(registry, "withdraw", update(withdrawn)), at(head(other), 1, 2))
	if errs[0] != nil || !errors.Is(errs[1], engine.ErrConflict) {
		t.Fatalf("got %v, want the second to find the consent withdrawn", errs)
	}
}

func dueFirst(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	now := testdb.Now()
	row := timer("prog", "x", 1, now)
	slice := arm(Create("prog"), row)
	commit(t, s, slice, arm(Create("other"), timer("other", "x", 1, now)))
	step := func(by time.Time) engine.Slice {
		seq := seqOf(t, s, "prog")
		n := Step(engine.Head{Community: Community, Root: "prog", Seq: seq}, fmt.Sprint("step after ", seq))
		n.DueBy = by
		return n
	}
	commit(t, s, step(now.Add(-time.Microsecond)))
	conflict(t, s, step(now))
	tried := step(now)
	tried.Tried = []engine.TimerRow{row}
	commit(t, s, tried)
	fired := step(now)
	done := row
	done.Status = engine.TimerFired
	fired.Timers = []engine.TimerWrite{{Row: done}}
	commit(t, s, fired)
	commit(t, s, step(now))
}
