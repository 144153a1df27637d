package casefile

import (
	"fmt"
	"strings"

	"github.com/linli/linli/internal/workflow"
)

// derivedName is the name of a step that was given none: what it makes, or what it does to what.
func derivedName(s *Step) string {
	switch {
	case s.Kind == workflow.KindCreate && s.As != "":
		return s.As
	case s.Kind == workflow.KindCreate:
		key := ""
		if s.Key != nil {
			key = "." + s.Key.Text + string(s.Key.Ref)
		}
		return string(s.On) + "." + s.Workflow + key
	case s.Kind == workflow.KindFire:
		return string(s.On) + "." + s.Event
	default:
		return strings.TrimSuffix(string(s.On)+"."+string(s.Kind)+"."+s.State+s.Need+s.Of, ".")
	}
}

// finish gives every step its final name and checks every reference against the names declared before it.
func (l *loader) finish() {
	l.f.names = map[string]*name{}
	l.uniqueNames()
	for n, s := range l.f.Steps {
		l.checkRefs(n, s)
		l.declare(n, s)
	}
}

// uniqueNames tells apart steps that would have the same name: given names must differ, derived ones are counted.
// A step that is expected to be refused has a name of its own, so that carrying the same thing out later is another command.
func (l *loader) uniqueNames() {
	count := map[string]int{}
	for _, s := range l.f.Steps {
		if len(s.Refused) > 0 {
			s.Name = "refused." + s.Name
		}
		count[s.Name]++
		if n := count[s.Name]; n > 1 {
			s.Name = fmt.Sprintf("%s#%d", s.Name, n)
		}
	}
}

// declare makes the step's name known to the steps after it.
func (l *loader) declare(n int, s *Step) {
	if s.As == "" || len(s.Refused) > 0 {
		return
	}
	if s.As == nameSystem || (s.As == nameCommunity || s.As == nameProgramme) && s.section != s.As {
		l.noteAt(s.Where(), text("名称 %q 已有固定用途", "the name %q has a meaning of its own", s.As), text("请改名", "choose another name"))
		return
	}
	if first := l.f.names[s.As]; first != nil {
		l.noteAt(s.Where(), text("名称 %q 用了两次，第一次在第 %d 行", "the name %q is used twice, first on line %d", s.As, first.pos.Line), text("请改名", "rename one"))
		return
	}
	wf := s.Workflow
	if s.Kind != workflow.KindCreate {
		wf = l.f.workflowOf(s.On)
	}
	l.f.names[s.As] = &name{s.Where(), n, wf}
}

// workflowOf is the workflow of what a reference names, or "" if that is not known.
func (f *File) workflowOf(r Ref) string {
	if wf, _ := r.Path(); wf != "" {
		return wf
	}
	return f.WorkflowOf(string(r))
}

func (l *loader) checkRefs(n int, s *Step) {
	if s.On != "" {
		l.checkRef(s.On, or(s.onPos, s.Where()))
	}
	for _, in := range s.Input {
		in.Value.refs(l.checkRef)
	}
	if s.Key != nil {
		s.Key.refs(l.checkRef)
	}
	l.checkPerson(s.By, or(s.byPos, s.Where()))
	if s.OnBehalf != nil {
		l.checkPerson(s.OnBehalf.Person, s.Pos)
	}
	for _, c := range s.Confirm {
		if c.Second != "" {
			l.checkPerson(c.Second, s.Pos)
		}
	}
	if s.Of != "" && !l.earlier(n, s.Of) {
		l.noteAt(s.Where(), text("前面没有步骤 %q", "no step before this one is called %q", s.Of), text("请给要撤销的步骤加上 step: 名称", "give the step to undo a `step:` name"))
	}
}

func or(p, otherwise workflow.Pos) workflow.Pos {
	if p.Line == 0 {
		return otherwise
	}
	return p
}

func (l *loader) earlier(n int, step string) bool {
	for _, s := range l.f.Steps[:n] {
		if s.Name == step {
			return true
		}
	}
	return false
}

// checkRef notes a name that no earlier step declared.
func (l *loader) checkRef(r Ref, pos workflow.Pos) {
	if l.f.names[r.Name()] == nil {
		l.unknown(r.Name(), pos)
	}
	if _, key := r.Path(); strings.HasPrefix(key, "$") && l.f.names[key[1:]] == nil {
		l.unknown(key[1:], pos)
	}
}

func (l *loader) unknown(name string, pos workflow.Pos) {
	for _, s := range l.f.Steps {
		if s.As == name {
			l.noteAt(pos, text("%q 到第 %d 行才出现", "%q comes into being only on line %d", name, s.Where().Line), text("请把这一步移到后面", "move this step behind it"))
			return
		}
	}
	l.noteAt(pos, text("没有名为 %q 的人、地方或活动", "nothing is called %q", name), text("请核对名称，或在前面用 as: 命名", "check the name, or declare it before with `as:`"))
}

func (l *loader) checkPerson(name string, pos workflow.Pos) {
	if name == "" || name == nameSystem {
		return
	}
	known := l.f.names[name]
	switch {
	case known == nil:
		l.unknown(name, pos)
	case known.workflow != "person":
		l.noteAt(pos, text("%q 不是人员", "%q is not a person", name), text("请写 people 里的名称", "use a name from `people`"))
	}
}
