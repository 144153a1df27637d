package engine_test

import (
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

func TestTextsThatNoIndexTakesAreNamed(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		long := varied(3000)
		id := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["lead"]})
		id.ID = long
		person := w.Fire("lead", root, visit, "train", nil)
		person.Actor.Person = long
		for name, c := range map[string]struct {
			request engine.Request
			field   string
		}{
			"a command id":     {id, "id"},
			"an actor":         {person, "actor"},
			"a programme code": {w.Create("worker", "", "", "programme", "", "", map[string]any{"code": long}), "code"},
		} {
			t.Run(name, func(t *testing.T) {
				ref := w.Refused(t, c.request, workflow.ReasonField)
				if ref.Reasons[0].Name != c.field {
					t.Errorf("named %q, want %q", ref.Reasons[0].Name, c.field)
				}
			})
		}
		t.Run("the name of a person is stored all the same", func(t *testing.T) {
			person := w.Person(t, long)
			if shown, err := h.engine.Reveal(t.Context(), h.instance(t, person)); err != nil || shown["name"] != long {
				t.Errorf("revealed %d characters, %v", len(shown), err)
			}
		})
		h.audit(t)
	})
}

// varied is a text of n Chinese characters that does not compress well: PostgreSQL squeezes an index row before it measures it.
func varied(n int) string {
	var b strings.Builder
	for x := uint32(7); n > 0; n-- {
		x = x*1664525 + 1013904223
		b.WriteRune(rune(0x4e00 + x>>8%20000))
	}
	return b.String()
}

func TestARootInTheWrongPlaceIsRefusedInBothLanguages(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		existing, _ := w.Programme(t, "P1")
		for name, root := range map[string]string{"another programme": existing, "the community": "c1", "nothing there is": "nowhere"} {
			t.Run("a programme under "+name, func(t *testing.T) {
				_, err := w.Do(t.Context(), w.Create("worker", root, "", "programme", "", "", map[string]any{"code": "P2"}))
				words(t, err, fault.Invalid, "root_given")
			})
		}
	})
}

func TestABundleThatIsNotStoredIsNamedInBothLanguages(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		_, err := h.engine.Bundle(t.Context(), "0000")
		words(t, err, fault.NotFound, "bundle_missing")
	})
}
