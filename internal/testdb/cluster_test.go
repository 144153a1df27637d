package testdb

import (
	"context"
	"testing"

	"github.com/linli/linli/internal/store"
)

func TestACrashedServerComesBackWithWhatWasCommitted(t *testing.T) {
	c := OwnPostgres(t)
	open := func() *store.Store {
		s, err := store.Open(context.Background(), store.Config{DSN: c.DSN, Now: Now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	if err := s.SetMeta(context.Background(), "mark", "kept"); err != nil {
		t.Fatal(err)
	}
	if err := c.Crash(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Log("the connections died with the server:", err)
	}
	s = open()
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if got, err := s.Meta(context.Background(), "mark"); err != nil || got != "kept" {
		t.Errorf("got %q, %v", got, err)
	}
}
