package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func batchCases() []Case {
	return []Case{
		{"a poisoned slice harms no other", onePoisoned},
		{"a batch of nothing but poison writes nothing", allPoisoned},
		{"poison, conflicts and sound slices keep apart", mixture},
		{"an empty batch is fine", func(t *testing.T, db *testdb.Database) { outcomes(t, db.Open(t)) }},
		{"a caller who gave up writes nothing", gaveUp},
		{"a large slice is written whole", largeSlice},
	}
}

// poisoned is a slice that the database refuses: the instance "first" exists already, as another root.
func poisoned(root string) engine.Slice {
	s := Create(root)
	s.Rows = append(s.Rows, insert(instance("first", root, root)))
	return s
}

func onePoisoned(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	commit(t, s, Create("first"))
	for at := range 7 {
		var batch []engine.Slice
		for n := range 7 {
			root := fmt.Sprintf("p%d-%d", at, n)
			if n == at {
				batch = append(batch, poisoned(root))
			} else {
				batch = append(batch, Create(root))
			}
		}
		for n, err := range outcomes(t, s, batch...) {
			root := head(batch[n]).Root
			switch {
			case n != at && (err != nil || seqOf(t, s, root) != 1):
				t.Errorf("poison at %d: slice %d: got %v", at, n, err)
			case n == at && (err == nil || errors.Is(err, engine.ErrConflict) || seqOf(t, s, root) != 0):
				t.Errorf("poison at %d: got %v, want an error that is no conflict and nothing written", at, err)
			}
		}
	}
}

func allPoisoned(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	commit(t, s, Create("first"))
	for _, err := range outcomes(t, s, poisoned("a"), poisoned("b")) {
		if err == nil {
			t.Error("a poisoned slice went through")
		}
	}
	same(t, "roots", len(must(s.Roots(context.Background(), Community))(t)), 1)
}

func mixture(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	first := Create("first")
	commit(t, s, first)
	broken := Create("broken")
	broken.Rows[0].Instance.State = "a\x00b"
	errs := outcomes(t, s, Create("a"), poisoned("b"), Create("first"), broken, Step(head(first), "c2"), Create("c"))
	for n, want := range []string{"", "poison", "conflict", "text", "", ""} {
		err := errs[n]
		ok := map[string]bool{
			"": err == nil, "conflict": errors.Is(err, engine.ErrConflict), "text": errors.Is(err, store.ErrText),
			"poison": err != nil && !errors.Is(err, engine.ErrConflict) && !errors.Is(err, store.ErrText),
		}[want]
		if !ok {
			t.Errorf("slice %d: got %v, want %q", n, err, want)
		}
	}
	same(t, "seq", seqOf(t, s, "first"), int64(2))
}

func gaveUp(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	// The wait for a connection may or may not notice first; but an error means that nothing was written.
	if _, err := s.Commit(ctx, []engine.Slice{Create("prog")}); err != nil {
		if errors.Is(err, engine.ErrUnknownOutcome) {
			t.Errorf("got %v, want a clear outcome", err)
		}
		same(t, "seq", seqOf(t, s, "prog"), int64(0))
		return
	}
	same(t, "seq", seqOf(t, s, "prog"), int64(1))
}

func largeSlice(t *testing.T, db *testdb.Database) {
	const n = 5000 // the most rows that a command may touch
	s := db.Open(t)
	slice := Create("prog")
	for i := range n {
		row := instance(fmt.Sprintf("i%04d", i), "prog", "prog")
		row.Body.Data = workflow.Values{"note": strings.Repeat("访", 20)}
		slice.Rows = append(slice.Rows, insert(row))
	}
	commit(t, s, slice)
	count := 0
	for i, err := range s.Subtree(context.Background(), Community, "prog") {
		if err != nil {
			t.Fatal(err)
		}
		if i.Parent == "prog" {
			count++
		}
	}
	same(t, "rows", count, n)
}

func outcomeCases() []Case {
	return []Case{
		{"a connection lost after COMMIT was carried out", lostAfter},
		{"a connection lost before COMMIT was carried out", lostBefore},
		{"the question for an outcome waits for a commit under way", outcomeWaits},
	}
}

var errLost = errors.New("the line went dead")

func lostAfter(t *testing.T, db *testdb.Database) {
	lose := false
	s := db.Open(t, func(c *store.Config) {
		c.OnCommit = func(commit func() error) error {
			err := commit()
			if lose {
				return errors.Join(errLost, err)
			}
			return err
		}
	})
	slice := Create("prog")
	commit(t, s, slice)
	lose = true
	_, err := s.Commit(context.Background(), []engine.Slice{Step(head(slice), "c2")})
	if !errors.Is(err, engine.ErrUnknownOutcome) {
		t.Fatalf("got %v, want an unknown outcome", err)
	}
	if got := must(s.Committed(context.Background(), Community, "prog", "c2"))(t); got == nil || got.Seq != 2 {
		t.Errorf("asked for the outcome: got %v, want entry 2", got)
	}
	lose = false
	conflict(t, s, Step(head(slice), "c2"))
	commit(t, s, Step(engine.Head{Community: Community, Root: "prog", Seq: 2}, "c3"))
}

func lostBefore(t *testing.T, db *testdb.Database) {
	lose := false
	s := db.Open(t, func(c *store.Config) {
		c.OnCommit = func(commit func() error) error {
			if lose {
				return errLost
			}
			return commit()
		}
	})
	slice := Create("prog")
	commit(t, s, slice)
	lose = true
	for _, lost := range []engine.Slice{Step(head(slice), "c2"), Create("new")} {
		_, err := s.Commit(context.Background(), []engine.Slice{lost})
		if !errors.Is(err, engine.ErrUnknownOutcome) {
			t.Fatalf("got %v, want an unknown outcome", err)
		}
		h := head(lost)
		if got := must(s.Committed(context.Background(), Community, h.Root, lost.Chains[0].Entries[0].Command))(t); got != nil {
			t.Errorf("asked for the outcome: got %v, want none", got)
		}
	}
	same(t, "no trace of asking", len(must(s.Roots(context.Background(), Community))(t)), 1)
	lose = false
	commit(t, s, Step(head(slice), "c2"), Create("new"))
}

// outcomeWaits asks for a command whose commit is on its way: "not there" would be true and wrong a moment later.
func outcomeWaits(t *testing.T, db *testdb.Database) {
	s, hold := openHolding(t, db)
	slice := Create("old")
	commit(t, s, slice)
	for _, underway := range []engine.Slice{Step(head(slice), "c2"), Create("new")} {
		gate := make(chan struct{})
		hold <- gate
		done := make(chan error, 1)
		go func() {
			errs, err := s.Commit(context.Background(), []engine.Slice{underway})
			done <- errors.Join(append(errs, err)...)
		}()
		<-gate
		asked := make(chan *engine.StoredEntry, 1)
		go func() {
			e, err := s.Committed(context.Background(), Community, head(underway).Root, underway.Chains[0].Entries[0].Command)
			if err != nil {
				t.Error(err)
			}
			asked <- e
		}()
		select {
		case e := <-asked:
			t.Errorf("answered %v while the commit was under way", e)
			asked <- e
		case <-timeAfterShort():
		}
		gate <- struct{}{}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if e := <-asked; e == nil {
			t.Error("answered that the command was not committed, and it was")
		}
	}
}
