package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
)

func bytesContain(text, part string) bool { return strings.Contains(text, part) }

func TestSQLiteSecondWriterIsRefused(t *testing.T) {
	db := testdb.SQLite(t)
	first := db.Open(t)
	_, err := store.Open(context.Background(), db.Config())
	if !errors.Is(err, store.ErrLocked) || fault.KindOf(err) != fault.Locked {
		t.Fatalf("got %v, want that the directory is in use", err)
	}
	text, _ := fault.TextOf(err)
	for _, part := range []string{db.Dir, strconv.Itoa(os.Getpid())} { // what, and who
		if !strings.Contains(text.EN, part) || !strings.Contains(text.ZH, part) {
			t.Errorf("the message does not name %s: %v", part, text)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	db.Open(t) // the lock went with the first
}

func TestSQLiteOneOfFourCreatesTheDatabase(t *testing.T) {
	db := testdb.SQLite(t)
	var wg sync.WaitGroup
	stores, failures := make([]*store.Store, 4), make([]error, 4)
	for n := range stores {
		wg.Go(func() { stores[n], failures[n] = store.Open(context.Background(), db.Config()) })
	}
	wg.Wait()
	opened := 0
	for n, s := range stores {
		if s == nil {
			if !errors.Is(failures[n], store.ErrLocked) {
				t.Errorf("got %v, want that the directory is in use", failures[n])
			}
			continue
		}
		opened++
		if errs, err := s.Commit(context.Background(), []engine.Slice{storetest.Create("a")}); err != nil || errs[0] != nil {
			t.Errorf("got %v, %v", errs, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if opened != 1 {
		t.Errorf("%d of 4 opened the directory", opened)
	}
}

func TestSQLiteReaderNeedsData(t *testing.T) {
	cfg := testdb.SQLite(t).Config()
	cfg.ReadOnly = true
	if _, err := store.Open(context.Background(), cfg); !errors.Is(err, store.ErrNoData) {
		t.Errorf("got %v, want that there is no data", err)
	}
	if files, err := os.ReadDir(cfg.Dir); err != nil || len(files) != 0 {
		t.Errorf("the reader left something behind: %v, %v", files, err)
	}
}

func TestSQLiteKeepsOthersOut(t *testing.T) {
	cfg := testdb.SQLite(t).Config()
	cfg.Dir = filepath.Join(cfg.Dir, "new", "data")
	s, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // the test is over
	info, err := os.Stat(cfg.Dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the data directory has mode %v, %v", info.Mode(), err)
	}
}

func TestOpenNeedsAClock(t *testing.T) {
	if _, err := store.Open(context.Background(), store.Config{Dir: t.TempDir()}); err == nil {
		t.Error("opened without a clock")
	}
}

// Whoever holds a connection for long makes others wait, but not for ever.
func TestSQLiteReadWaitsOnlySoLongForAConnection(t *testing.T) {
	cfg := testdb.SQLite(t).Config()
	cfg.Timeout, cfg.Readers = 300*time.Millisecond, 2
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	slice := storetest.Create("a")
	if errs, err := s.Commit(t.Context(), []engine.Slice{slice}); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	var held sync.WaitGroup
	reading, done := make(chan bool, cfg.Readers), make(chan struct{})
	for range cfg.Readers {
		held.Go(func() {
			for _, err := range s.Subtree(context.Background(), slice.Community, "a") {
				reading <- err == nil
				<-done
				return
			}
			reading <- false
		})
	}
	for range cfg.Readers {
		if !<-reading {
			t.Error("there is nothing to read")
		}
	}
	answered := make(chan error, 1)
	go func() {
		_, err := s.Communities(context.Background())
		answered <- err
	}()
	select {
	case err := <-answered:
		if err == nil || !store.Unreachable(err) {
			t.Errorf("got %v, want that no connection came free", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the read waits for ever")
	}
	close(done)
	held.Wait()
	if _, err := s.Communities(context.Background()); err != nil {
		t.Errorf("with the connections free again: %v", err)
	}
}
