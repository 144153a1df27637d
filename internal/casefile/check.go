package casefile

import (
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// Check compares the file with the definitions that it will be played on: unknown workflows, events, states and fields,
// values of the wrong kind, and missing inputs, all at once. It knows nothing of what happens while the file is played;
// steps that are to be refused are left to that.
func (f *File) Check(b *workflow.Bundle) Problems {
	c := &checker{f: f, b: b}
	for _, s := range f.Steps {
		if len(s.Refused) == 0 {
			c.step(s)
		}
	}
	return c.problems.sorted()
}

type checker struct {
	f        *File
	b        *workflow.Bundle
	problems Problems
}

func (c *checker) note(pos workflow.Pos, what, do workflow.Text) {
	c.problems = append(c.problems, Problem{pos, what, do})
}

func (c *checker) step(s *Step) {
	def := c.f.definition(c.b, s)
	if def == nil {
		wf := s.Workflow
		if wf == "" {
			wf = c.f.workflowOf(s.On)
		}
		if wf != "" {
			c.note(s.Where(), text("没有流程 %q", "there is no workflow %q", wf), text("请用 linli check 列出的名称", "use a name that `linli check` lists"))
		}
		return
	}
	form := c.f.form(c.b, s)
	if form == nil {
		c.noForm(s, def)
		return
	}
	c.inputs(s, form)
}

// noForm says which event, state or slot the definition lacks.
func (c *checker) noForm(s *Step, def *workflow.Definition) {
	switch s.Kind {
	case workflow.KindFire:
		names := make([]string, len(def.Events))
		for n, e := range def.Events {
			names[n] = e.Name
		}
		c.note(s.Where(), text("%s 没有事件 %q", "%s has no event %q", def.Name, s.Event), text("可用的事件：%v", "its events are: %v", names))
	case workflow.KindBackfill:
		var states []string
		if def.Backfill != nil {
			for st := range def.Backfill.Paths {
				states = append(states, st)
			}
			slices.Sort(states)
		}
		c.note(s.Where(), text("%s 不能补录到 %q", "%s cannot be back-filled to %q", def.Name, s.State), text("可补录到：%v", "possible are: %v", states))
	default:
	}
}

// inputs checks names, kinds of value and what must not be missing.
func (c *checker) inputs(s *Step, form *workflow.Event) {
	values := workflow.Values{}
	for _, in := range s.Input {
		values[in.Name] = in.Value.plain(fieldOf(form, in.Name), func(r Ref) string { return "$" + string(r) })
	}
	normal, bad := workflow.NormaliseInput(form, values)
	for _, r := range bad {
		pos := s.Where()
		for _, in := range s.Input {
			if in.Name == r.Name {
				pos = in.Pos
			}
		}
		c.note(pos, r.Text, text("请改正后再载入", "correct it"))
	}
	for _, in := range form.Input {
		if in.Required && normal[in.Name] == nil && !slices.ContainsFunc(bad, func(r workflow.Reason) bool { return r.Name == in.Name }) {
			c.note(s.Where(), text("缺少 %s（%s）", "%[3]s (%[1]s) is missing", in.Name, in.Title.ZH, in.Title.EN), text("请在 input 里写明 %s", "add %s to `input`", in.Name))
		}
	}
}

// definition is the definition that a step's form belongs to; nil if the file or the definitions do not say.
func (f *File) definition(b *workflow.Bundle, s *Step) *workflow.Definition {
	wf := s.Workflow
	if s.Kind != workflow.KindCreate {
		wf = f.workflowOf(s.On)
	}
	if wf == "" {
		return nil
	}
	return b.Definition(wf)
}

// form is the form that a step fills in; nil if there is none.
func (f *File) form(b *workflow.Bundle, s *Step) *workflow.Event {
	def := f.definition(b, s)
	if def == nil {
		return nil
	}
	switch s.Kind {
	case workflow.KindCreate:
		return workflow.FieldForm(def, true)
	case workflow.KindFire:
		return def.Event(s.Event)
	case workflow.KindEdit:
		return workflow.FieldForm(def, false)
	case workflow.KindBackfill:
		return workflow.BackfillForm(def, s.State)
	default:
		return nil
	}
}

// inRegistry reports whether a reference leads into the community's registry and not into the programme.
func (f *File) inRegistry(r Ref) bool {
	for range len(f.Steps) + 1 {
		n := f.names[r.Name()]
		if n == nil {
			return false
		}
		switch s := f.Steps[n.step]; {
		case s.section == nameProgramme:
			return false
		case s.section != "":
			return true
		default:
			r = s.On
		}
	}
	return false
}
