package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// pair is one world behind two engines on one database, of which neither hears of the other.
func pair(t *testing.T, h *harness) (a, b *enginetest.World) {
	t.Helper()
	a = enginetest.NewWorld(t, h.engine)
	other := *a
	other.Engine = h.replica(t)
	return a, &other
}

func TestARefusalIsNeverDecidedOnOldRows(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		a, b := pair(t, h)
		root, visit := a.Programme(t, "P1")
		a.Refused(t, a.Fire("lead", root, visit, "complete", nil), workflow.ReasonState)
		b.Must(t, a.Fire("lead", root, visit, "start", nil))
		a.Must(t, a.Fire("lead", root, visit, "complete", nil))
		b.Refused(t, a.Fire("lead", root, visit, "start", nil), workflow.ReasonState)
		t.Run("nor on an old registry", func(t *testing.T) {
			p := a.Person(t, "新来的")
			other, otherVisit := b.Programme(t, "P2")
			start := a.Fire("lead", other, otherVisit, "start", nil)
			start.Actor.Person = p
			a.Refused(t, start, workflow.ReasonRole)
			g := b.Grant(t, p, "lead")
			a.Must(t, start)
			b.Must(t, a.Fire("admin", "c1", g, "revoke", nil))
			start.Event = "complete"
			a.Refused(t, start, workflow.ReasonRole)
		})
		h.audit(t)
	})
}

func TestAWhyAndAPreviewSeeWhatOthersDid(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		a, b := pair(t, h)
		root, visit := a.Programme(t, "P1")
		a.Must(t, a.Fire("lead", root, visit, "train", map[string]any{"who": a.People["volunteer"]}))
		b.Must(t, a.Fire("lead", root, visit, "start", nil))
		options, err := a.Engine.Why(t.Context(), "c1", "", visit, a.People["lead"])
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range options {
			if o.Event == "complete" && !o.Allowed {
				t.Errorf("not allowed: %+v", o.Reasons)
			}
		}
		r := a.Fire("lead", root, visit, "complete", nil)
		r.Community = "c1"
		if o := a.Engine.Preview(t.Context(), []engine.Request{r}); o[0].Err != nil || o[0].Result.State != "completed" {
			t.Errorf("got %+v", o[0])
		}
	})
}

func TestTwoEnginesWriteOneOrder(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		a, b := pair(t, h)
		root, visit := a.Programme(t, "P1")
		const each = 60
		var wg sync.WaitGroup
		for n, w := range []*enginetest.World{a, b} {
			for i := range each {
				wg.Go(func() {
					r := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
					r.IdempotencyKey = fmt.Sprint("key ", i/2, " ", n) // every second one is a repetition
					if i%2 == 1 {
						r.Event = "train"
					}
					if _, err := w.Do(context.WithoutCancel(t.Context()), r); err != nil {
						t.Error(err)
					}
					if i%20 == 0 {
						w.Engine.Hint("c1", root)
					}
				})
			}
		}
		wg.Wait()
		if n := len(h.entries(t, "c1", root)) - 1; n != each {
			t.Errorf("%d transitions, want %d", n, each)
		}
		h.audit(t)
	})
}

func TestAKeyUsedElsewhereIsReplayed(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		a, b := pair(t, h)
		root, visit := a.Programme(t, "P1")
		a.Must(t, a.Fire("lead", root, visit, "train", map[string]any{"who": a.People["volunteer"]}))
		r := a.Fire("lead", root, visit, "start", nil)
		r.IdempotencyKey, r.IfVersion = "k1", h.instance(t, visit).Version
		first := b.Must(t, r)
		again := a.Must(t, r) // its state, its version and its key all stand against it
		if !again.Replayed || again.Command != first.Command {
			t.Errorf("got %+v, want a replay of %+v", again, first)
		}
		r.Event = "complete"
		_, err := a.Do(t.Context(), r)
		words(t, err, fault.Mismatch, "idempotency_key_reused")
	})
}

func TestATimerThatFellDueMeanwhileFiresFirst(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		a, b := pair(t, h)
		root, _ := a.Programme(t, "P1")
		fund := a.Must(t, a.Create("worker", root, root, "fund", "fund", "f1", map[string]any{"purpose": "米"})).Instance
		a.Must(t, a.Fire("worker", root, fund, "open", nil))
		a.Must(t, a.Create("worker", root, fund, "donation", "", "", map[string]any{"amount": int64(1)}))
		second := a.Must(t, a.Create("worker", root, root, "fund", "fund", "f2", map[string]any{"purpose": "油"})).Instance
		h.beforeCommit(func() {
			// Elsewhere a deadline is set that has passed by the time of the command here.
			b.Must(t, a.Fire("worker", root, second, "open", map[string]any{"deadline": "2023-06-02"}))
			h.clock.Add(30 * 24 * time.Hour)
		})
		a.Must(t, a.Create("worker", root, fund, "donation", "", "", map[string]any{"amount": int64(2)}))
		entries := h.entries(t, "c1", root)
		if last := entries[len(entries)-2]; last.Timer == nil {
			t.Errorf("before the donation came %s %s, want the timer", last.Kind, last.Event)
		}
		h.audit(t)
	})
}

// allergic is a store that does not take what concerns one instance: as a whole, or by what it makes of the slice.
type allergic struct {
	*store.Store
	to   string
	how  func(*engine.Slice)
	fail error
}

func (s *allergic) Commit(ctx context.Context, slices []engine.Slice) ([]error, error) {
	for n := range slices {
		if slices[n].Chains[0].Entries[0].Target != s.to {
			continue
		}
		if s.fail != nil {
			return nil, s.fail
		}
		s.how(&slices[n])
	}
	return s.Store.Commit(ctx, slices)
}

func TestOnePoisonedCommandHarmsNoOther(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		const callers = 64
		var reqs []engine.Request
		for n := range callers {
			root, visit := w.Programme(t, fmt.Sprint("P", n))
			r := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
			r.Community = "c1"
			reqs = append(reqs, r)
		}
		for name, s := range map[string]*allergic{
			"refused with its batch": {fail: errors.New("the disk has a scratch there")},
			"text that no database holds": {how: func(s *engine.Slice) {
				s.Terms = append(s.Terms, engine.SearchTerm{Instance: s.Chains[0].Head.Root, Kind: "name", Term: "a\x00b"})
			}},
			"a row that is there already": {how: func(s *engine.Slice) {
				i := *s.Rows[0].Instance
				i.ID = s.Chains[0].Head.Root
				s.Rows = append(s.Rows[:len(s.Rows):len(s.Rows)], engine.RowWrite{Op: engine.RowInsert, Instance: &i})
			}},
			"an entry that is too long for its index": {how: func(s *engine.Slice) {
				s.Chains[0].Entries[0].Target = string(make([]byte, 1<<20))
			}},
		} {
			for _, committers := range []int{1, 3} {
				t.Run(fmt.Sprint(name, " with ", committers), func(t *testing.T) {
					s.Store, s.to = h.store, reqs[callers/3].Target
					e := engine.New(engine.Config{Store: s, Keys: h.keys, Now: h.clock.Now, Committers: committers})
					defer e.Close()
					for n, o := range e.DoAll(t.Context(), reqs) {
						if (o.Err != nil) != (n == callers/3) {
							t.Errorf("request %d: %v", n, o.Err)
						}
					}
				})
			}
		}
		h.audit(t)
	})
}

func TestWatchersHearOfCommits(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		hints, stop := h.engine.Watch("c1", root)
		registry, stopRegistry := h.engine.Watch("c1", "c1")
		hears := func(c <-chan struct{}, want bool) {
			t.Helper()
			select {
			case <-c:
				if !want {
					t.Error("a hint came for nothing")
				}
			default:
				if want {
					t.Error("no hint came")
				}
			}
		}
		hears(hints, false)
		w.Must(t, w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]}))
		w.Must(t, w.Fire("lead", root, visit, "start", nil))
		hears(hints, true)
		hears(hints, false)
		hears(registry, false)
		w.Refused(t, w.Fire("lead", root, visit, "start", nil))
		hears(hints, false)
		w.Programme(t, "P2")
		hears(registry, true)
		h.engine.Hint("c1", root)
		hears(hints, true)
		h.engine.Hint("", "")
		hears(hints, true)
		hears(registry, true)
		stop()
		stop()
		w.Must(t, w.Fire("lead", root, visit, "complete", nil))
		hears(hints, false)
		h.engine.Close() // with a watcher that stays
		stopRegistry()
	})
}
