package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
)

// timeAfterShort is long enough for a call that does not wait to come back.
func timeAfterShort() <-chan time.Time { return time.After(100 * time.Millisecond) }

func raceCases() []Case {
	return []Case{
		{"replicas racing on one programme write every seq exactly once", racingProgramme},
		{"replicas racing for the registry from many programmes do not stop each other", racingRegistry},
		{"replicas racing to create one programme create it once", racingCreate},
	}
}

// replicas are two stores on one database, or the same one twice where a second writer is refused.
func replicas(t *testing.T, db *testdb.Database) [2]*store.Store {
	t.Helper()
	first := db.Open(t)
	if db.Kind == "sqlite" {
		return [2]*store.Store{first, first}
	}
	return [2]*store.Store{first, db.Open(t)}
}

// append writes n entries to a chain, starting over at every conflict.
func appendEntries(s *store.Store, root, name string, n int, extend func(engine.Slice) (engine.Slice, error)) error {
	ctx := context.Background()
	for done := 0; done < n; {
		heads, err := s.Heads(ctx, Community, []string{root})
		if err != nil {
			return err
		}
		slice, err := extend(Step(heads[root], fmt.Sprintf("%s-%d", name, done)))
		if err != nil {
			return err
		}
		errs, err := s.Commit(ctx, []engine.Slice{slice})
		switch {
		case err != nil:
			return err
		case errs[0] == nil:
			done++
		case !errors.Is(errs[0], engine.ErrConflict):
			return errs[0]
		}
	}
	return nil
}

func racingProgramme(t *testing.T, db *testdb.Database) {
	const each = 15
	stores := replicas(t, db)
	commit(t, stores[0], Create("prog"))
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			alone := func(s engine.Slice) (engine.Slice, error) { return s, nil }
			if err := appendEntries(stores[n%2], "prog", fmt.Sprint(n), each, alone); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkChain(t, stores[0], "prog", 1+4*each)
}

// checkChain fails the test unless the chain has each seq up to last exactly once and ends with its head.
func checkChain(t *testing.T, s *store.Store, root string, last int) {
	t.Helper()
	entries := must(s.History(context.Background(), Community, root, 1, last+10))(t)
	same(t, "entries of "+root, len(entries), last)
	for n, e := range entries {
		if e.Seq != int64(n+1) {
			t.Fatalf("entry %d of %s has seq %d", n+1, root, e.Seq)
		}
	}
	h := must(s.Heads(context.Background(), Community, []string{root}))(t)[root]
	same(t, "head of "+root, h.Seq, int64(last))
	same(t, "its MAC", h.MAC, entries[len(entries)-1].MAC)
}

func racingRegistry(t *testing.T, db *testdb.Database) {
	const each = 8
	ctx := context.Background()
	stores := replicas(t, db)
	commit(t, stores[0], Create(Community), Create("p0"), Create("p1"), Create("p2"), Create("p3"))
	var wg sync.WaitGroup
	for n := range 4 {
		s := stores[n%2]
		both := func(slice engine.Slice) (engine.Slice, error) {
			heads, err := s.Heads(ctx, Community, []string{Community})
			return withRegistry(slice, heads[Community]), err
		}
		wg.Go(func() {
			if err := appendEntries(s, fmt.Sprintf("p%d", n), fmt.Sprint(n), each, both); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	checkChain(t, stores[0], Community, 1+4*each)
	for n := range 4 {
		checkChain(t, stores[0], fmt.Sprintf("p%d", n), 1+each)
	}
}

func racingCreate(t *testing.T, db *testdb.Database) {
	stores := replicas(t, db)
	for round := range 5 {
		root := fmt.Sprintf("r%d", round)
		var wg sync.WaitGroup
		results := make([]error, 4)
		for n := range results {
			wg.Go(func() {
				errs, err := stores[n%2].Commit(context.Background(), []engine.Slice{Create(root)})
				results[n] = errors.Join(append(errs, err)...)
			})
		}
		wg.Wait()
		created := 0
		for _, err := range results {
			if err == nil {
				created++
			} else if !errors.Is(err, engine.ErrConflict) {
				t.Error(err)
			}
		}
		same(t, "created", created, 1)
		checkChain(t, stores[0], root, 1)
	}
}
