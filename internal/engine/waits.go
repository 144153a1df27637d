package engine

import "github.com/linli/linli/internal/workflow"

// WaitWrite says that an instance has left one state and stands in another: the table of what waits for somebody follows. From or To is
// "" where there is no such state, or nobody in particular acts next in it.
type WaitWrite struct {
	Instance string
	Workflow string
	From     string
	To       string
}

// WaitRow is one row of the table of what waits for somebody.
type WaitRow struct {
	Instance string
	Workflow string
	State    string
	Root     string // of the instance
}

// Waits reports whether an instance of a workflow that came to a state under a bundle stands in the table of what waits. A programme's
// definitions never change: there the state must say for whom it waits. The registry's may come to say it later, so there every
// state counts that is not final.
func Waits(b *workflow.Bundle, registry bool, of, state string) bool {
	var s *workflow.State
	if d := b.Definition(of); d != nil {
		s = d.State(state)
	}
	if registry {
		return s == nil || !s.Final
	}
	return s != nil && s.WaitsFor != ""
}

// waits notes which instances a command brought to another state, made or took away. It looks at the rows as they were before.
func (b *build) waits(bundle *workflow.Bundle, out *workflow.Outcome) {
	for _, r := range out.Rows {
		i, before := r.Instance, b.snap.Instance(r.Instance.ID)
		removed := r.Op == workflow.RowDelete
		if before != nil && !removed && before.State == i.State {
			continue
		}
		registry := i.Root == b.key.community
		w := WaitWrite{Instance: i.ID, Workflow: i.Workflow}
		// A row may stand in the table though its state waits for nobody: in the registry under another bundle, and where it was put
		// there before anybody looked at the definitions. What is removed takes that along.
		if before != nil && (removed || registry || Waits(bundle, registry, before.Workflow, before.State)) {
			w.From = before.State
		}
		if !removed && Waits(bundle, registry, i.Workflow, i.State) {
			w.To = i.State
		}
		if earlier, seen := b.moved[i.ID]; seen {
			w.From = earlier.From
		}
		if b.moved == nil {
			b.moved = map[string]WaitWrite{}
		}
		b.moved[i.ID] = w
	}
}

// waited puts the moves into the slice: from where each instance stood before it to where it stands after it.
func (b *build) waited() {
	for _, id := range b.order {
		if w := b.moved[id]; w.From != w.To {
			b.slice.Waits = append(b.slice.Waits, w)
		}
	}
}
