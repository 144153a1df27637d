package engine_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// asked is a store that counts how often all grants are asked for.
type asked struct {
	*store.Store
	grants *atomic.Int64
}

func (s asked) Load(ctx context.Context, community string, keys []workflow.Key) ([]workflow.Answer, error) {
	if slices.ContainsFunc(keys, func(k workflow.Key) bool { return k.Kind == workflow.KeyPrefix && k.B == "grant" && k.C == "" }) {
		s.grants.Add(1)
	}
	return s.Store.Load(ctx, community, keys)
}

func TestWhoCanHelp(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		var grants atomic.Int64
		e := engine.New(engine.Config{Store: asked{h.store, &grants}, Keys: h.keys, Now: h.clock.Now})
		defer e.Close()
		w := enginetest.NewWorld(t, e)
		root, visit := w.Programme(t, "P1")
		who := func(t *testing.T) []string {
			t.Helper()
			ref := w.Refused(t, w.Fire("volunteer", root, visit, "start", nil), workflow.ReasonRole)
			n := slices.IndexFunc(ref.Reasons, func(r workflow.Reason) bool { return r.Code == workflow.ReasonRole })
			return ref.Reasons[n].Who
		}
		want := who(t)
		if len(want) == 0 || !slices.IsSorted(want) {
			t.Fatalf("got %v", want)
		}
		t.Run("is looked up once while no grant changes", func(t *testing.T) {
			before := grants.Load()
			for range 3 {
				if d := cmp.Diff(want, who(t)); d != "" {
					t.Error(d)
				}
			}
			w.Person(t, "somebody else")
			who(t)
			if n := grants.Load() - before; n != 0 {
				t.Errorf("the grants were looked through %d times more", n)
			}
		})
		t.Run("is looked up at most once for all options", func(t *testing.T) {
			fresh := engine.New(engine.Config{Store: asked{h.store, &grants}, Keys: h.keys, Now: h.clock.Now})
			defer fresh.Close()
			before := grants.Load()
			options, err := fresh.Why(t.Context(), "c1", root, visit, w.People["volunteer"])
			if err != nil {
				t.Fatal(err)
			}
			helped := slices.ContainsFunc(options, func(o workflow.Option) bool {
				return slices.ContainsFunc(o.Reasons, func(r workflow.Reason) bool { return slices.Equal(r.Who, want) })
			})
			if n := grants.Load() - before; n != 1 || !helped {
				t.Errorf("the grants were looked through %d times; who can help was said: %v", n, helped)
			}
		})
		t.Run("follows a grant that is given and revoked", func(t *testing.T) {
			p := w.Person(t, "new lead")
			g := w.Grant(t, p, "lead")
			if !slices.Contains(who(t), p) {
				t.Error("she holds the role and is not named")
			}
			w.Must(t, w.Fire("admin", "c1", g, "revoke", nil))
			if slices.Contains(who(t), p) {
				t.Error("she does not hold the role any more and is named")
			}
		})
		t.Run("names twenty, in order and each once", func(t *testing.T) {
			for n := range 25 {
				w.Grant(t, w.Person(t, fmt.Sprintf("lead %d", n)), "lead")
			}
			got := who(t)
			if len(got) != 20 || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != 20 {
				t.Errorf("got %d: %v", len(got), got)
			}
		})
	})
}
