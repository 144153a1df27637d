package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/store"
)

// usesStore keeps what it is told, unless it fails.
type usesStore struct {
	Store
	mu     sync.Mutex
	fail   error
	during func() // a write
	got    []store.TokenUse
}

func (s *usesStore) TokensUsed(_ context.Context, uses []store.TokenUse) error {
	if s.during != nil {
		s.during()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail == nil {
		s.got = append(s.got, uses...)
	}
	return s.fail
}

func (s *usesStore) take() []store.TokenUse {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

func TestWhenTokensWereUsed(t *testing.T) {
	now := time.Date(2023, 6, 1, 1, 0, 0, 0, time.UTC)
	began := now
	s := &usesStore{}
	u := newTokenUses(s, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	defer u.close()
	written := func(t *testing.T, at ...time.Time) {
		t.Helper()
		u.flush()
		var want []store.TokenUse
		for _, a := range at {
			want = append(want, store.TokenUse{Community: "c1", Token: "t", Used: a})
		}
		if d := cmp.Diff(want, s.take()); d != "" {
			t.Error(d)
		}
	}
	t.Run("a use whose write fails is written the next time", func(t *testing.T) {
		s.fail = errors.New("the database is away")
		u.note("c1", "t")
		written(t)
		s.fail = nil
		written(t, began)
	})
	t.Run("the later use is written if there was one meanwhile", func(t *testing.T) {
		now = now.Add(useEvery)
		u.note("c1", "t")
		s.fail = errors.New("the database is away")
		first := now
		s.during = func() { now = first.Add(time.Second); u.note("c1", "t") }
		written(t)
		s.fail, s.during = nil, nil
		written(t, first.Add(time.Second))
	})
	t.Run("a use within the minute is not written, even one during the write", func(t *testing.T) {
		u.note("c1", "t")
		written(t)
		now = now.Add(useEvery)
		u.note("c1", "t")
		s.during = func() { u.note("c1", "t") }
		written(t, now)
		s.during = nil
		written(t)
	})
	t.Run("what is left is written at the end, which may come twice", func(t *testing.T) {
		now = now.Add(useEvery)
		u.note("c1", "t")
		u.close()
		u.close()
		if got := s.take(); len(got) != 1 || !got[0].Used.Equal(now) {
			t.Errorf("got %v", got)
		}
	})
}
