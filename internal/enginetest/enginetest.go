// Package enginetest gives tests a small bundle of definitions, a community with people in every role, and short words for
// commands. The bundle is not the built-in one: tests of the engine must not change when a programme's rules do.
package enginetest

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

//go:embed bundle
var files embed.FS

// Files returns the definitions of the test bundle.
func Files(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := fs.WalkDir(files, "bundle", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		out[path[len("bundle/"):]], err = files.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Bundle returns the compiled test bundle.
func Bundle(t testing.TB) *workflow.Bundle {
	t.Helper()
	b, problems := workflow.Load(Files(t))
	for _, p := range problems {
		t.Error(p)
	}
	if t.Failed() {
		t.FailNow()
	}
	return b
}

// Clock is a clock that tests move.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at 2023-06-01 09:00 in Shenzhen.
func NewClock() *Clock {
	return &Clock{now: time.Date(2023, 6, 1, 1, 0, 0, 0, time.UTC)}
}

// Now is the clock's time; it moves on by a millisecond with every call, so that no two entries share an instant.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// World is a community on an engine. Its methods may be called from several goroutines.
type World struct {
	Engine    *engine.Engine
	Community string
	People    map[string]string // role → person id
}

// NewWorld creates the community "c1" with one person for each role.
func NewWorld(t testing.TB, e *engine.Engine) *World {
	t.Helper()
	b := Bundle(t)
	if err := e.AddBundle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w := &World{Engine: e, Community: "c1", People: map[string]string{}}
	w.Must(t, engine.Request{
		Command: workflow.Command{ID: "c1", Root: "c1", Kind: workflow.KindCreate, Workflow: "community", Actor: workflow.Actor{System: true}},
		Values:  map[string]any{"name": "樟溪社区", "bundle": b.Hash},
	})
	for _, role := range []string{"lead", "worker", "finance", "approver", "admin", "volunteer"} {
		w.People[role] = w.Person(t, role)
		w.Grant(t, w.People[role], role)
	}
	return w
}

// Person registers somebody.
func (w *World) Person(t testing.TB, name string) string {
	t.Helper()
	return w.Must(t, engine.Request{
		Command: workflow.Command{Root: w.Community, Target: w.Community, Kind: workflow.KindCreate, Workflow: "person", Actor: workflow.Actor{System: true}},
		Values:  map[string]any{"name": name},
	}).Instance
}

// Grant gives a person a role in the whole community.
func (w *World) Grant(t testing.TB, person, role string) string {
	t.Helper()
	return w.Must(t, engine.Request{
		Command: workflow.Command{
			Root: w.Community, Target: w.Community, Kind: workflow.KindCreate, Workflow: "grant", Key: person + "/" + role + "/" + w.Community,
			Actor: workflow.Actor{System: true},
		},
		Values: map[string]any{"person": person, "role": role, "scope": w.Community},
	}).Instance
}

// Do carries out a request in the world's community.
func (w *World) Do(ctx context.Context, r engine.Request) (engine.Result, error) {
	r.Community = w.Community
	return w.Engine.Do(ctx, r)
}

// Must is Do for requests that must succeed.
func (w *World) Must(t testing.TB, r engine.Request) engine.Result {
	t.Helper()
	res, err := w.Do(context.WithoutCancel(t.Context()), r)
	if err != nil {
		t.Fatalf("%s %s %s%s: %v", r.Kind, r.Target, r.Event, r.Workflow, err)
	}
	return res
}

// Refused is Do for requests that must be refused for (at least) the given reasons.
func (w *World) Refused(t testing.TB, r engine.Request, codes ...workflow.Code) *workflow.Refusal {
	t.Helper()
	_, err := w.Do(context.WithoutCancel(t.Context()), r)
	var ref *workflow.Refusal
	if !errors.As(err, &ref) {
		t.Fatalf("%s %s %s%s: want a refusal, got %v", r.Kind, r.Target, r.Event, r.Workflow, err)
	}
	for _, c := range codes {
		if !ref.Has(c) {
			t.Errorf("%s %s: reasons %v lack %s", r.Kind, r.Event, ref, c)
		}
	}
	for _, x := range ref.Reasons {
		if x.Text.ZH == "" || x.Text.EN == "" {
			t.Errorf("reason %s %s lacks a language: %+v", x.Code, x.Name, x.Text)
		}
	}
	return ref
}

// Fire is a request to fire an event as the holder of a role.
func (w *World) Fire(role, root, target, event string, values map[string]any) engine.Request {
	return engine.Request{
		Command: workflow.Command{Root: root, Target: target, Kind: workflow.KindFire, Event: event, Actor: workflow.Actor{Person: w.People[role]}},
		Values:  values,
	}
}

// Create is a request to create something as the holder of a role; slot is "" for items.
func (w *World) Create(role, root, parent, of, slot, key string, values map[string]any) engine.Request {
	return engine.Request{
		Command: workflow.Command{
			Root: root, Target: parent, Kind: workflow.KindCreate, Workflow: of, Slot: slot, Key: key,
			Actor: workflow.Actor{Person: w.People[role]},
		},
		Values: values,
	}
}

// Programme creates a programme with one visit and returns its id and the visit's.
func (w *World) Programme(t testing.TB, code string) (root, visit string) {
	t.Helper()
	res := w.Must(t, w.Create("worker", "", "", "programme", "", "", map[string]any{"code": code}))
	visit = workflow.InstanceID(w.Community, res.Root, res.Command, 3) // after the programme and its registry entry
	return res.Root, visit
}

// Fund creates a fund with one received donation, closed, and a purchase that spends spent fen of it.
func (w *World) Fund(t testing.TB, root, key string, received, spent int64) string {
	t.Helper()
	fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", key, map[string]any{"purpose": "生活物资"})).Instance
	w.Must(t, w.Fire("worker", root, fund, "open", nil))
	d := w.Must(t, w.Create("worker", root, fund, "donation", "", "", map[string]any{"amount": received})).Instance
	w.Must(t, w.Fire("finance", root, d, "receive", nil))
	w.Must(t, w.Fire("finance", root, fund, "close", nil))
	p := w.Must(t, w.Create("worker", root, root, "purchase", "", "", map[string]any{"items": "米、油"})).Instance
	w.Must(t, w.Create("worker", root, p, "allocation", "", "", map[string]any{"fund": fund, "amount": spent}))
	w.Must(t, w.Fire("finance", root, p, "pay", nil))
	return fund
}

// Household registers a household.
func (w *World) Household(t testing.TB, label string) string {
	t.Helper()
	return w.Must(t, engine.Request{
		Command: workflow.Command{Root: w.Community, Target: w.Community, Kind: workflow.KindCreate, Workflow: "household", Actor: workflow.Actor{System: true}},
		Values:  map[string]any{"label": label},
	}).Instance
}

// Name makes distinct short names.
func Name(prefix string, n int) string { return fmt.Sprintf("%s%03d", prefix, n) }
