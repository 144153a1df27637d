package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// leaving is a store that can be made to go away: at once, or during the next commit, which it carries out or not.
type leaving struct {
	*store.Store
	away     *atomic.Bool
	leaves   *atomic.Bool // with the next commit
	finishes *atomic.Bool // that commit
	commits  *atomic.Int64
}

func newLeaving(s *store.Store) leaving {
	return leaving{s, &atomic.Bool{}, &atomic.Bool{}, &atomic.Bool{}, &atomic.Int64{}}
}

func (s leaving) err() error {
	if s.away.Load() {
		return fmt.Errorf("query: %w", &net.OpError{Op: "dial", Err: errors.New("connection refused")})
	}
	return nil
}

func (s leaving) Heads(ctx context.Context, community string, roots []string) (map[string]engine.Head, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Heads(ctx, community, roots)
}

func (s leaving) Load(ctx context.Context, community string, keys []workflow.Key) ([]workflow.Answer, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Load(ctx, community, keys)
}

func (s leaving) Committed(ctx context.Context, community, root, command string) (*engine.StoredEntry, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Committed(ctx, community, root, command)
}

func (s leaving) DueTimers(ctx context.Context, community, root string, now time.Time, after engine.TimerRow, limit int) ([]engine.TimerRow, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.DueTimers(ctx, community, root, now, after, limit)
}

func (s leaving) Commit(ctx context.Context, slices []engine.Slice) ([]error, error) {
	s.commits.Add(1)
	if s.leaves.Swap(false) {
		if s.finishes.Load() {
			if _, err := s.Store.Commit(ctx, slices); err != nil {
				return nil, err
			}
		}
		s.away.Store(true)
		return nil, fmt.Errorf("%w: %w", engine.ErrUnknownOutcome, s.err())
	}
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Commit(ctx, slices)
}

// code is the code of the fault that an error is.
func code(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Unavailable {
		return f.Code
	}
	return fmt.Sprint(err)
}

func TestADatabaseThatIsAway(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		s := newLeaving(h.store)
		e := engine.New(engine.Config{Store: s, Keys: h.keys, Now: h.clock.Now, Unreachable: store.Unreachable, Patience: 100 * time.Millisecond})
		defer e.Close()
		w := enginetest.NewWorld(t, e)
		root, visit := w.Programme(t, "P1")
		train := func(id string) engine.Request {
			r := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
			r.ID, r.Community, r.IdempotencyKey = id, "c1", "key-"+id
			return r
		}
		seq := func() int { return len(h.entries(t, "c1", root)) }
		t.Run("is said to be away to every command of a slice, and each is tried once", func(t *testing.T) {
			before := seq()
			s.away.Store(true)
			reqs := make([]engine.Request, 8)
			for n := range reqs {
				reqs[n] = train(fmt.Sprintf("away%d", n))
			}
			commits := s.commits.Load()
			for n, out := range e.DoAll(t.Context(), reqs) {
				if got := code(out.Err); got != "database_unreachable" {
					t.Errorf("command %d: %s", n, got)
				}
			}
			if n := s.commits.Load() - commits; n > 2 {
				t.Errorf("%d commits were tried", n)
			}
			s.away.Store(false)
			if n := seq() - before; n != 0 {
				t.Errorf("%d were carried out, though it was said that nothing was saved", n)
			}
		})
		for name, finishes := range map[string]bool{"that was carried out": true, "that was not": false} {
			t.Run("leaves the outcome unknown of a commit "+name, func(t *testing.T) {
				before := seq()
				s.finishes.Store(finishes)
				s.leaves.Store(true)
				r := train("unknown" + fmt.Sprint(finishes))
				_, err := e.Do(t.Context(), r)
				if got := code(err); got != "outcome_unknown" {
					t.Errorf("got %s", got)
				}
				s.away.Store(false)
				res, err := e.Do(t.Context(), r)
				if err != nil || res.Replayed != finishes {
					t.Errorf("repeated with the same id: %+v, %v", res, err)
				}
				if n := seq() - before; n != 1 {
					t.Errorf("it was carried out %d times", n)
				}
			})
		}
		h.audit(t)
	})
}
