package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

// askedEngine notes which bundles it is asked for.
type askedEngine struct {
	Engine
	mu     sync.Mutex
	hashes map[string]bool
}

func (e *askedEngine) Bundle(ctx context.Context, hash string) (*workflow.Bundle, error) {
	e.mu.Lock()
	e.hashes[hash] = true
	e.mu.Unlock()
	return e.Engine.Bundle(ctx, hash)
}

// bundleWith stores the built-in definitions with a remark behind one of them.
func (h *harness) bundleWith(remark string) *workflow.Bundle {
	h.t.Helper()
	files := maps.Clone(workflows.Files())
	files["note/note.yaml"] = append(slices.Clone(files["note/note.yaml"]), "\n# "+remark+"\n"...)
	b, problems := workflow.Load(files)
	if len(problems) > 0 {
		h.t.Fatal(problems)
	}
	if err := h.engine.AddBundle(h.t.Context(), b); err != nil {
		h.t.Fatal(err)
	}
	return b
}

func (h *harness) current(b *workflow.Bundle) {
	h.t.Helper()
	h.command(engine.Request{
		Command: workflow.Command{Kind: workflow.KindEdit, Root: here, Target: here, Actor: workflow.Actor{Person: h.people["admin"]}},
		Values:  map[string]any{"bundle": b.Hash},
	})
}

func TestTasksAreLookedForInTheBundlesOfTheCommunityOnly(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		asked := &askedEngine{Engine: h.engine, hashes: map[string]bool{}}
		_, h.url = h.serve(func(c *Config) { c.Engine = asked })
		h.bundleWith("of somebody else")
		second, third := h.bundleWith("second"), h.bundleWith("third")
		check := func(query string, want ...string) {
			t.Helper()
			asked.hashes = map[string]bool{}
			h.tasks("worker", query)
			if got := slices.Sorted(maps.Keys(asked.hashes)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
				t.Errorf("asked for %q, want %q", got, want)
			}
		}
		check("limit=50", h.bundle.Hash)
		h.current(second)
		check("limit=50", h.bundle.Hash, second.Hash)
		h.makeProgramme("ZX-2")
		h.current(third)
		check("limit=50", h.bundle.Hash, second.Hash, third.Hash)
		check("limit=50&programme=ZX-2", second.Hash)
		tasks := h.tasks("worker", "limit=50")
		if !slices.ContainsFunc(tasks, func(t Task) bool { return t.ProgrammeCode == "ZX-1" }) || !slices.ContainsFunc(tasks, func(t Task) bool { return t.ProgrammeCode == "ZX-2" }) {
			t.Errorf("tasks: %+v", tasks)
		}
		h.clock.Add(trustBundlesFor) // forgotten: found again by the programmes
		check("limit=50", h.bundle.Hash, second.Hash, third.Hash)
	})
}

func TestDefinitionsAreCheckedAFewAtATime(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		s := h.server.s
		s.compile.wait = 20 * time.Millisecond
		body := map[string]any{"files": map[string]any{}}
		for _, role := range []string{"lead", "worker", "admin"} {
			h.post(role, at("/bundles/check"), body).status(http.StatusOK)
		}
		for _, role := range []string{"block", "finance", "approver", "auditor", "volunteer"} {
			h.post(role, at("/bundles/check"), body).problem(http.StatusForbidden, "missing_role")
		}
		var held []func()
		for range maxCompiles {
			release, err := s.compile.take(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, release)
		}
		for _, path := range []string{"/bundles/check", "/bundles"} {
			if got := h.post("admin", at(path), body); got.problem(http.StatusServiceUnavailable, "too_busy").Code == "" || got.Header.Get("Retry-After") == "" {
				t.Errorf("%s: %v", path, got.Header)
			}
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := s.compile.take(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("who has left: %v", err)
		}
		held[0]()
		h.post("worker", at("/bundles/check"), body).status(http.StatusOK)
	})
}
