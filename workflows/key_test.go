package workflows_test

import (
	"testing"

	"github.com/linli/linli/internal/workflow"
)

// A consent is found by its kind, whoever records it and whatever they call it.
func TestAConsentIsFoundWithoutAKey(t *testing.T) {
	o := newOffice(t)
	p := o.person("李", map[string]any{})
	c := o.Must(t, o.Create("worker", o.Community, p, "consent", "", "", map[string]any{"kind": "record"})).Instance
	if k := o.get(c).Key; k != "record" {
		t.Errorf("the consent's key is %q", k)
	}
	o.inRegistry(c, "withdraw", nil)
	m := o.item("worker", o.slot("recruit"), "membership", "", map[string]any{"person": p})
	o.refused("worker", m, "confirm", "not_withdrawn", map[string]any{"risk_ack": "第2页"})
}

// One person stands in a team once.
func TestAPersonIsInATeamOnce(t *testing.T) {
	o := newOffice(t)
	p := o.person("李", map[string]any{})
	recruit := o.slot("recruit")
	m := o.item("worker", recruit, "membership", "", map[string]any{"person": p})
	if k := o.get(m).Key; k != p {
		t.Errorf("the membership's key is %q", k)
	}
	for _, key := range []string{"", "again"} {
		_, err := o.Do(t.Context(), o.Create("worker", o.root, recruit, "membership", "", key, map[string]any{"person": p}))
		if _, refused := err.(*workflow.Refusal); !refused { //nolint:errorlint // the engine returns it bare
			t.Errorf("key %q: %v", key, err)
		}
	}
}
