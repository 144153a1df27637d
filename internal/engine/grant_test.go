package engine_test

import (
	"testing"

	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/workflow"
)

func TestAGrantsKeySaysWhatItsFieldsSay(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		p := w.Person(t, "甲")
		fields := map[string]any{"person": p, "role": "volunteer", "scope": "c1"}
		for name, key := range map[string]string{
			"another role":   p + "/approver/c1",
			"another person": w.People["worker"] + "/volunteer/c1",
			"another scope":  p + "/volunteer/c2",
		} {
			t.Run(name, func(t *testing.T) {
				ref := w.Refused(t, w.Create("admin", "c1", "c1", "grant", "", key, fields), workflow.ReasonField)
				if len(ref.Reasons) != 1 || ref.Reasons[0].Name != "key" {
					t.Errorf("got %+v", ref.Reasons)
				}
			})
		}
		t.Run("a role that hides another", func(t *testing.T) {
			w.Refused(t, w.Create("admin", "c1", "c1", "grant", "", p+"/approver/c1/x", map[string]any{"person": p, "role": "approver/c1", "scope": "x"}), workflow.ReasonField)
		})
		g := w.Must(t, w.Create("admin", "c1", "c1", "grant", "", "", fields)).Instance
		if k := h.instance(t, g).Key; k != p+"/volunteer/c1" {
			t.Errorf("the key was not derived: %q", k)
		}
		t.Run("a second one", func(t *testing.T) {
			w.Refused(t, w.Create("admin", "c1", "c1", "grant", "", "", fields), workflow.ReasonUnknown)
		})
		t.Run("an edit that makes it another grant", func(t *testing.T) {
			w.Refused(t, edit(w, "worker", "c1", g, map[string]any{"role": "approver"}), workflow.ReasonField)
		})
		w.Must(t, w.Fire("admin", "c1", g, "revoke", nil))
	})
}
