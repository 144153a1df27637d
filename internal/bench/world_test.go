package bench

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// foundWorld makes a community with three copied programmes.
func foundWorld(t *testing.T, db *testdb.Database) *world {
	t.Helper()
	w, err := found(t.Context(), place{dsn: db.DSN, dir: db.Dir}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.copies(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	return w
}

// walkSteps carries out the first n steps of a programme, each in the name of somebody with the role.
func walkSteps(t *testing.T, w *world, p loadProgramme, n int) {
	t.Helper()
	for _, s := range lifecycle()[:n] {
		var body struct {
			Input map[string]any `json:"input"`
		}
		if err := json.Unmarshal([]byte(s.Body), &body); err != nil {
			t.Fatal(err)
		}
		r, err := w.do(t.Context(), engine.Request{
			Command: workflow.Command{
				Root: p.Root, Target: p.Activities[s.Slot], Kind: workflow.KindFire, Event: s.Event,
				Actor: workflow.Actor{Person: w.tokens[s.Role*staff].Person},
			},
			Values: body.Input,
		})
		if err != nil || r.State != s.State {
			t.Fatalf("%s of %s: %s, %v", s.Event, slotNames()[s.Slot], r.State, err)
		}
	}
}

func TestACopiedProgrammeIsAsGoodAsACreatedOne(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		w := foundWorld(t, db)
		p := w.set.Programmes[1]
		walkSteps(t, w, p, len(lifecycle()))
		v := &verifier{ctx: t.Context(), store: w.store}
		if n, err := v.programme(p, len(lifecycle()), 0); n != len(lifecycle()) || err != nil {
			t.Errorf("%d found, %v", n, err)
		}
		// The one thing that copies lack.
		if _, err := w.register(t.Context(), "registered_programme", map[string]any{"programme": p.Root, "code": "p0000001"}); err != nil {
			t.Fatal(err)
		}
		r, err := audit.Run(t.Context(), w.store, w.keys, audit.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range r.Findings {
			if f.Root == p.Root {
				t.Errorf("the audit finds: %s", f.In("en"))
			}
		}
	})
}

func TestTheOrderOfTheLifecycleIsEnforced(t *testing.T) {
	w := foundWorld(t, testdb.SQLite(t))
	p := w.set.Programmes[0]
	_, err := w.do(t.Context(), engine.Request{Command: workflow.Command{
		Root: p.Root, Target: p.Activities[4], Kind: workflow.KindFire, Event: "lock", Actor: workflow.Actor{Person: w.tokens[0].Person},
	}, Values: map[string]any{"cutoff": "2023-12-31"}})
	var refusal *workflow.Refusal
	if !errors.As(err, &refusal) || !refusal.Has(workflow.ReasonNeed) {
		t.Errorf("the hours of an unfinished programme: %v", err)
	}
}

func TestAHistoryThatLacksOrDoublesSomethingIsFound(t *testing.T) {
	w := foundWorld(t, testdb.SQLite(t))
	p := w.set.Programmes[0]
	walkSteps(t, w, p, 5)
	v := &verifier{ctx: context.Background(), store: w.store}
	if _, err := v.programme(p, 5, 0); err != nil {
		t.Fatal(err)
	}
	for name, claim := range map[string]struct{ steps, notes int }{"one too few": {4, 0}, "one too many": {6, 0}, "a note": {5, 1}} {
		if _, err := v.programme(p, claim.steps, claim.notes); err == nil {
			t.Errorf("%s is not noticed", name)
		}
	}
}
