package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
)

// counted counts the slices that a store left out because somebody else was faster.
type counted struct {
	*store.Store
	conflicts *atomic.Int64
}

func (s counted) Commit(ctx context.Context, slices []engine.Slice) ([]error, error) {
	errs, err := s.Store.Commit(ctx, slices)
	for _, e := range errs {
		if errors.Is(e, engine.ErrConflict) {
			s.conflicts.Add(1)
		}
	}
	return errs, err
}

func TestCreationsOfOneProcessDoNotRaceForTheRegistry(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		var conflicts atomic.Int64
		e := engine.New(engine.Config{Store: counted{h.store, &conflicts}, Keys: h.keys, Now: h.clock.Now})
		t.Cleanup(e.Close)
		w := enginetest.NewWorld(t, e)
		const programmes = 60
		errs := make([]error, programmes)
		var wg sync.WaitGroup
		for n := range programmes {
			wg.Go(func() {
				_, errs[n] = w.Do(context.WithoutCancel(t.Context()), w.Create("worker", "", "", "programme", "", "", map[string]any{"code": fmt.Sprint("P", n)}))
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if n := conflicts.Load(); n != 0 {
			t.Errorf("%d slices had to be prepared again", n)
		}
		h.audit(t)
	})
}

// contested is a store in which somebody else is always faster.
type contested struct{ *store.Store }

func (s contested) Commit(_ context.Context, slices []engine.Slice) ([]error, error) {
	errs := make([]error, len(slices))
	for n := range errs {
		errs[n] = fmt.Errorf("%w: p is at 2, not at 1", engine.ErrConflict)
	}
	return errs, nil
}

func TestEndlessContentionSaysThatTheSystemIsBusy(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		e := engine.New(engine.Config{Store: contested{h.store}, Keys: h.keys, Now: h.clock.Now, Patience: 20 * time.Millisecond})
		t.Cleanup(e.Close)
		w.Engine = e
		_, err := w.Do(t.Context(), w.Create("worker", "", "", "programme", "", "", map[string]any{"code": "P1"}))
		words(t, err, fault.Unavailable, "busy")
	})
}

// words fails the test unless an error has the kind and code, and says so in both languages.
func words(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if !errors.Is(err, &fault.Error{Kind: kind, Code: code}) {
		t.Fatalf("got %v, want a fault %v %s", err, kind, code)
	}
	if text, _ := fault.TextOf(err); text.ZH == "" || text.EN == "" {
		t.Errorf("%v lacks a language: %+v", err, text)
	}
}
