package api

import (
	"context"
	"iter"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// countingStore counts how many reports are built: each reads the rows of its programme once.
type countingStore struct {
	Store
	builds atomic.Int64
	slow   time.Duration // what reading a programme takes at least
}

func (c *countingStore) Subtree(ctx context.Context, community, root string) iter.Seq2[*workflow.Instance, error] {
	if root != community {
		c.builds.Add(1)
		time.Sleep(c.slow)
	}
	return c.Store.Subtree(ctx, community, root)
}

// counted makes the server of a harness count. The clock of the harness is its own.
func counted(c *countingStore) func(*Config) {
	return func(config *Config) { c.Store, config.Store = config.Store, c }
}

// fund makes a fund, a draft or one whose statement is published.
func (h *harness) fund(published bool) string {
	h.t.Helper()
	worker := workflow.Actor{Person: h.people["worker"]}
	id := h.command(engine.Request{
		Command: workflow.Command{
			Kind: workflow.KindCreate, Root: h.programme, Target: h.programme, Workflow: workflowFundraise, Slot: workflowFundraise, Actor: worker,
		},
		Values: map[string]any{"title": "微心愿善款", "purpose": "微心愿"},
	}).Instance
	if published {
		h.command(engine.Request{Command: workflow.Command{
			Kind: workflow.KindWaive, Root: h.programme, Target: id, Need: "team_for_funds", Reason: "先筹款", Note: "先筹款",
			Actor: workflow.Actor{Person: h.people["approver"]},
		}})
		h.command(engine.Request{
			Command: workflow.Command{Kind: workflow.KindBackfill, Root: h.programme, Target: id, State: "reconciled", Reason: "纸质台账", Actor: workflow.Actor{Person: h.people["lead"]}},
		})
		h.fire(id, "publish", "approver", map[string]any{"statement": "公示第 1 号"})
	}
	return id
}

func TestNobodyWithoutATokenMakesTheServerBuildWhatIsNotPublished(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		c := &countingStore{}
		_, h.url = h.serve(counted(c))
		h.run(h.programme)
		h.fund(false)
		for _, what := range []string{"report", "disclosure"} {
			h.get("", "/public"+at("/programmes/ZX-1/")+what).problem(http.StatusNotFound, "not_published")
		}
		if got := c.builds.Load(); got != 0 {
			t.Errorf("%d reports were built", got)
		}
		published := h.fund(true)
		var out disclosure
		h.get("", "/public"+at("/programmes/ZX-1/disclosure")).status(http.StatusOK).into(&out.Body)
		if len(out.Body.Funds) != 1 || out.Body.Funds[0].ID != published || c.builds.Load() != 1 {
			t.Errorf("%d reports were built for %+v", c.builds.Load(), out.Body)
		}
	})
}

func TestThePublicGetsAReportOfTheLastSeconds(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		c := &countingStore{}
		_, h.url = h.serve(counted(c))
		h.run(h.programme)
		h.fund(true)
		public, own := "/public"+at("/programmes/ZX-1/disclosure"), at("/programmes/ZX-1/report")
		read := func(role, path string, want int64, when string) {
			t.Helper()
			h.get(role, path).status(http.StatusOK)
			if got := c.builds.Load(); got != want {
				t.Errorf("%s: %d reports were built, want %d", when, got, want)
			}
		}
		read("", public, 1, "at first")
		h.person(here, "新人")
		read("", public, 1, "after a change of the registry")
		read("worker", own, 2, "who works on it sees every change")
		read("worker", own, 2, "and nothing is built when there is none")
		h.person(here, "又一人")
		read("", public, 2, "after another")
		h.clock.Add(agePublic)
		read("", public, 3, "when it is old")
		h.clock.Add(agePublic)
		read("", public, 3, "when it is old, and nothing has changed")
	})
}

func TestManyWhoAskAtOnceGetOneReport(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		c := &countingStore{slow: 300 * time.Millisecond}
		_, h.url = h.serve(counted(c))
		h.run(h.programme)
		h.fund(true)
		var wait sync.WaitGroup
		for n := range 12 {
			role, path := "", "/public"+at("/programmes/ZX-1/disclosure")
			if n%2 == 0 {
				role, path = "worker", at("/programmes/ZX-1/report")
			}
			wait.Go(func() {
				if got := h.get(role, path).Status; got != http.StatusOK {
					t.Errorf("status %d", got)
				}
			})
		}
		wait.Wait()
		if got := c.builds.Load(); got > 2 {
			t.Errorf("%d reports were built", got)
		}
	})
}
