package casefile

import (
	"slices"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// unmatched returns what a step expects of its refusal and the reasons do not say: each expectation is a reason's code, its
// name, or part of its text in either language.
func unmatched(expected []string, reasons []workflow.Reason) []string {
	var out []string
	for _, want := range expected {
		if !slices.ContainsFunc(reasons, func(r workflow.Reason) bool {
			return string(r.Code) == want || r.Name == want || strings.Contains(r.Text.ZH, want) || strings.Contains(r.Text.EN, want)
		}) {
			out = append(out, want)
		}
	}
	return out
}

// missing returns the refused step without which this one names something that does not exist; nil if all is there.
func (r *run) missing(s *Step) *Step {
	var cause *Step
	look := func(ref Ref, _ workflow.Pos) {
		if cause == nil {
			cause = r.failed[ref.Name()]
		}
		if _, key := ref.Path(); cause == nil && strings.HasPrefix(key, "$") {
			cause = r.failed[key[1:]]
		}
	}
	look(s.On, s.Pos)
	look(Ref(s.By), s.Pos)
	look(Ref(s.Scope), s.Pos)
	if s.OnBehalf != nil {
		look(Ref(s.OnBehalf.Person), s.Pos)
	}
	for _, c := range s.Confirm {
		look(Ref(c.Second), s.Pos)
	}
	for _, in := range s.Input {
		in.Value.refs(look)
	}
	if s.Key != nil {
		s.Key.refs(look)
	}
	return cause
}

// following are the reasons that a command meets when an earlier one was not carried out. Every other reason is the step's own mistake.
var following = []workflow.Code{
	workflow.ReasonState, workflow.ReasonGuard, workflow.ReasonConfirm, workflow.ReasonNeed, workflow.ReasonExpression,
	workflow.ReasonEffect, workflow.ReasonClosed, workflow.ReasonUnknown, workflow.ReasonUsed,
}

// consequence returns the earlier refused step that explains a refusal, or nil if it stands on its own: every reason is of the
// kind that follows, and the refused step concerned the same instance, one above or below it, one that this step names, or an
// activity in the slot of an unmet need.
func (r *run) consequence(s *Step, req engine.Request, reasons []workflow.Reason) *Step {
	for _, x := range reasons {
		if !slices.Contains(following, x.Code) {
			return nil
		}
	}
	near := []string{req.Target}
	for _, in := range s.Input {
		in.Value.refs(func(ref Ref, _ workflow.Pos) { near = append(near, r.ids[ref.Name()]) })
	}
	for _, step := range r.f.Steps {
		for id, cause := range r.tainted {
			if cause == step && (slices.ContainsFunc(near, func(n string) bool { return r.related(n, id) }) || r.needs(reasons, cause)) {
				return cause
			}
		}
	}
	return nil
}

// link remembers which instances of the programme a step's form names: a purchase's allocation names the fund that pays.
func (r *run) link(s *Step, instance string) {
	if instance == "" || r.f.inRegistry(s.On) {
		return
	}
	for _, in := range s.Input {
		in.Value.refs(func(ref Ref, _ workflow.Pos) {
			if !r.f.inRegistry(ref) && ref != nameProgramme && ref != nameCommunity {
				r.links[[2]string{instance, r.ids[ref.Name()]}] = true
			}
		})
	}
}

// related reports whether one instance is the other, stands above or below it, or one of them names the other. The programme
// itself is above everything and so counts only when it is the one.
func (r *run) related(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if a == b || r.above(a, b) || r.above(b, a) {
		return true
	}
	for l := range r.links {
		x, y := l[0], l[1]
		if r.within(x, a) && r.within(y, b) || r.within(x, b) && r.within(y, a) {
			return true
		}
	}
	return false
}

// within reports whether x is a or stands below it.
func (r *run) within(x, a string) bool { return x == a || r.above(a, x) }

func (r *run) above(a, b string) bool {
	if a == r.programme || a == r.f.Community {
		return false
	}
	for id := r.parents[b]; id != ""; id = r.parents[id] {
		if id == a {
			return true
		}
	}
	return false
}

// needs reports whether an unmet need asks for a milestone of the workflow that the refused step acted on or in.
func (r *run) needs(reasons []workflow.Reason, cause *Step) bool {
	root := r.bundle.Definition(r.f.programmeStep().Workflow)
	if root == nil {
		return false
	}
	top := r.f.activityOf(cause.On)
	for _, x := range reasons {
		for _, n := range root.Needs {
			if slot := root.Slot(n.On); x.Code == workflow.ReasonNeed && x.Name == n.Name && slot != nil && slot.Workflow == top {
				return true
			}
		}
	}
	return false
}

// activityOf is the workflow of the activity that a name belongs to: its own, or that of what it was created under.
func (f *File) activityOf(r Ref) string {
	wf := f.workflowOf(r)
	for n := f.names[r.Name()]; n != nil && f.Steps[n.step].On != nameProgramme && f.Steps[n.step].On != ""; {
		on := f.Steps[n.step].On
		wf = f.workflowOf(on)
		n = f.names[on.Name()]
	}
	return wf
}
