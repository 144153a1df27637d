package engine_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func TestMain(m *testing.M) {
	if b := os.Getenv("LINLI_CRASH_PLAN"); b != "" {
		var plan crashPlan
		err := json.Unmarshal([]byte(b), &plan)
		if err == nil {
			err = crashWorker(plan)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(testdb.Main(m))
}

// harness is an engine on a database of its own.
type harness struct {
	dir, dsn string
	clock    *enginetest.Clock
	store    *store.Store
	keys     *seal.Keyring
	engine   *engine.Engine
	hook     *hook
}

// hook lets a test reach into the moment of a commit.
type hook struct {
	mu     sync.Mutex
	before func()
	after  error
	drop   bool
}

// hooked is a store whose next commits a test interferes with.
type hooked struct {
	*store.Store
	hook *hook
}

var errCut = errors.New("connection reset by peer")

func (s hooked) Commit(ctx context.Context, slices []engine.Slice) ([]error, error) {
	s.hook.mu.Lock()
	before, after, drop := s.hook.before, s.hook.after, s.hook.drop
	s.hook.before, s.hook.after, s.hook.drop = nil, nil, false
	s.hook.mu.Unlock()
	if before != nil {
		before()
	}
	if drop {
		return nil, fmt.Errorf("%w: %w", engine.ErrUnknownOutcome, errCut)
	}
	errs, err := s.Store.Commit(ctx, slices)
	if after != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrUnknownOutcome, after)
	}
	return errs, err
}

func each(t *testing.T, run func(t *testing.T, h *harness)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		h, err := openHarness(t.Context(), db.Dir, db.DSN)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.close(t) })
		run(t, h)
	})
}

func openHarness(ctx context.Context, dir, dsn string) (*harness, error) {
	h := &harness{dir: dir, dsn: dsn, clock: enginetest.NewClock(), hook: &hook{}}
	var err error
	h.store, err = store.Open(ctx, store.Config{DSN: dsn, Dir: dir, Now: h.clock.Now})
	if err != nil {
		return nil, err
	}
	h.keys, err = seal.Open(ctx, seal.Config{Path: filepath.Join(dir, seal.KeyFile), MayCreate: true, Random: rand.Reader}, h.store)
	if err != nil {
		return nil, err
	}
	h.engine = engine.New(engine.Config{Store: hooked{h.store, h.hook}, Keys: h.keys, Now: h.clock.Now})
	return h, nil
}

func (h *harness) close(t *testing.T) {
	t.Helper()
	h.engine.Close()
	if err := h.store.Close(); err != nil {
		t.Error(err)
	}
}

func (h *harness) reopen(t *testing.T) {
	t.Helper()
	again, err := openHarness(t.Context(), h.dir, h.dsn)
	if err != nil {
		t.Fatal(err)
	}
	*h = *again
}

// replica is a second engine on the same database: in a second process's place on PostgreSQL; SQLite has one writer, so there it
// shares the store.
func (h *harness) replica(t *testing.T) *engine.Engine {
	t.Helper()
	s := h.store
	if h.dsn != "" {
		var err error
		if s, err = store.Open(t.Context(), store.Config{DSN: h.dsn, Dir: h.dir, Now: h.clock.Now}); err != nil {
			t.Fatal(err)
		}
	}
	e := engine.New(engine.Config{Store: s, Keys: h.keys, Now: h.clock.Now})
	t.Cleanup(func() {
		e.Close()
		if s != h.store {
			_ = s.Close()
		}
	})
	return e
}

// beforeCommit runs f when the next slice has been loaded and decided, just before it is committed.
func (h *harness) beforeCommit(f func()) {
	h.hook.mu.Lock()
	defer h.hook.mu.Unlock()
	h.hook.before = f
}

// cutCommit loses the connection during the next commit, after or before the database carried it out.
func (h *harness) cutCommit(committed bool) {
	h.hook.mu.Lock()
	defer h.hook.mu.Unlock()
	h.hook.drop = !committed
	if committed {
		h.hook.after = errCut
	}
}

func (h *harness) entries(t *testing.T, community, root string) []workflow.Entry {
	t.Helper()
	var out []workflow.Entry
	for from := int64(1); ; {
		rows, err := h.store.History(t.Context(), community, root, from, 500)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			return out
		}
		for _, r := range rows {
			var e workflow.Entry
			if err := json.Unmarshal(r.Body, &e); err != nil {
				t.Fatal(err)
			}
			if e.Seq != from {
				t.Fatalf("entry %d follows %d", e.Seq, from-1)
			}
			from++
			out = append(out, e)
		}
	}
}

// dump is every byte that the history holds.
func (h *harness) dump(t *testing.T, community, root string) string {
	t.Helper()
	rows, err := h.store.History(t.Context(), community, root, 1, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range rows {
		b.Write(r.Body)
	}
	return b.String()
}

func (h *harness) instance(t *testing.T, id string) *workflow.Instance {
	t.Helper()
	i, err := h.store.Instance(t.Context(), "c1", id)
	if err != nil || i == nil {
		t.Fatalf("instance %s: %v, %v", id, i, err)
	}
	return i
}

func (h *harness) timers(t *testing.T, community, root string) []engine.TimerRow {
	t.Helper()
	rows, err := h.store.AllTimers(t.Context(), community, root)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// rows returns the instances of a root without what an undo may change: versions, and the generations of timers.
func (h *harness) rows(t *testing.T, community, root string) map[string]*workflow.Instance {
	t.Helper()
	out := map[string]*workflow.Instance{}
	for i, err := range h.store.Subtree(t.Context(), community, root) {
		if err != nil {
			t.Fatal(err)
		}
		c := *i
		c.Version = 0
		c.Body.Timers = nil
		for name, n := range c.Body.Aggregates {
			if n == 0 {
				delete(c.Body.Aggregates, name)
			}
		}
		out[i.ID] = &c
	}
	return out
}

func sameRows(t *testing.T, want, got map[string]*workflow.Instance) {
	t.Helper()
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b workflow.Occurred) bool { return a.String() == b.String() })); d != "" {
		t.Errorf("rows differ (-before +after):\n%s", d)
	}
}

// audit re-computes everything and fails the test on the first finding.
func (h *harness) audit(t *testing.T) {
	t.Helper()
	report, err := audit.Run(t.Context(), h.store, h.keys, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		t.Errorf("audit: %+v", f)
	}
}
