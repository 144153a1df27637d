package casefile

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/linli/linli/internal/workflow"
)

// step reads one step; one with `each` is written out for every row.
func (l *loader) step(n *yaml.Node) {
	m := l.mapping(n, text("这一步", "the step"))
	if m == nil {
		return
	}
	each := m.values["each"]
	if each == nil {
		if w := m.values["where"]; w != nil {
			l.note(w, text("没有 each 却有 where", "`where` stands there without `each`"), text("请加上 each 或删去 where", "add `each` or remove `where`"))
		}
		if s := l.one(without(n, "where"), ""); s != nil {
			l.add(s)
		}
		return
	}
	t := l.each(each)
	if t == nil {
		return
	}
	rows := l.where(t, m.values["where"])
	template := without(n, "each", "where")
	if !l.columnsKnown(template, t) {
		return
	}
	for _, x := range rows {
		label := cell(x, columnAs)
		if label == "" {
			label = cell(x, t.columns[0])
		}
		s := l.one(l.fill(template, x), label)
		if s == nil {
			continue
		}
		s.Pos, s.Row = l.pos(n), l.pos(x.node)
		l.add(s)
	}
}

// each finds the rows of a step: a list or section by name, or rows written in place.
func (l *loader) each(n *yaml.Node) *table {
	if n.Kind != yaml.ScalarNode {
		return l.table(n, text("each", "each"))
	}
	t := l.lists[n.Value]
	if t == nil {
		l.note(n, text("没有名为 %q 的列表", "there is no list %q", n.Value), text("请在 lists 里写明，或写 people、households 等", "declare it under `lists`, or use people, households and so on"))
	}
	return t
}

// without copies a mapping without some of its keys.
func without(n *yaml.Node, keys ...string) *yaml.Node {
	out := *n
	out.Content = nil
	for i := 0; i+1 < len(n.Content); i += 2 {
		keep := true
		for _, k := range keys {
			keep = keep && n.Content[i].Value != k
		}
		if keep {
			out.Content = append(out.Content, n.Content[i], n.Content[i+1])
		}
	}
	return &out
}

// kinds are the words for `do`.
var kinds = []string{"create", "fire", "edit", "cancel", "skip", "reopen", "waive", "backfill", "undo"}

// one reads a step in which every placeholder is filled in. label tells the rows of one template apart.
func (l *loader) one(n *yaml.Node, label string) *Step {
	m := l.mapping(n, text("这一步", "the step"))
	if m == nil {
		return nil
	}
	s := &Step{Pos: l.pos(n), Kind: l.kind(m)}
	s.Name = l.name(optional(m.take("step")), text("步骤名", "the step's name"))
	if s.Name != "" && label != "" {
		s.Name += "." + label
	}
	s.As = l.name(optional(m.take("as")), text("名称", "the name"))
	s.At = l.at(m.take("at"))
	s.By = l.name(m.need("by"), text("录入人", "who types"))
	s.byPos = l.posOf(m.values["by"], s.Pos)
	s.Occurred = l.occurred(m.take("occurred"))
	s.OnBehalf = l.onBehalf(m.take("on_behalf"))
	s.Reason = l.str(m.take("reason"), text("原因", "the reason"))
	s.Confirm = l.confirm(m.take("confirm"))
	for _, r := range l.list(m.take("refused"), text("refused", "refused")) {
		s.Refused = append(s.Refused, l.str(r, text("refused", "refused")))
	}
	l.target(m, s)
	m.done()
	if s.Kind == "" {
		return nil
	}
	if s.Name == "" {
		s.Name = derivedName(s)
	}
	return s
}

// optional keeps l.name quiet about a key that is not there.
func optional(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return nil
	}
	return n
}

// kind reads `do`; a step with an event needs none.
func (l *loader) kind(m *mapping) workflow.Kind {
	n := m.take("do")
	if n == nil {
		if m.values["event"] != nil {
			return workflow.KindFire
		}
		m.need("do")
		return ""
	}
	word := l.str(n, text("do", "do"))
	for _, k := range kinds {
		if k == word {
			return workflow.Kind(k)
		}
	}
	l.note(n, text("do 写的是 %q", "do is %q", word), text("请写 %[1]s 之一", "write one of %[1]s", "create, fire, edit, cancel, skip, reopen, waive, backfill, undo"))
	return ""
}

// target reads what a step acts on, and what its kind asks for.
func (l *loader) target(m *mapping, s *Step) {
	on := "on"
	if s.Kind == workflow.KindCreate && m.values["on"] == nil {
		on = "under"
	}
	if s.Kind == "" {
		m.known = append(m.known, m.names...)
		return
	}
	s.On = l.onRef(m.need(on))
	s.onPos = l.posOf(m.values[on], s.Pos)
	switch s.Kind {
	case workflow.KindCreate:
		s.Workflow = l.name(m.need("workflow"), text("流程", "the workflow"))
		s.Slot = l.name(optional(m.take("slot")), text("位置", "the slot"))
		if k := m.take("key"); k != nil {
			v := l.value(k, text("编号", "the key"))
			s.Key = &v
		} else if s.Slot != "" && s.As != "" {
			s.Key = &Value{Text: s.As, Pos: s.Pos}
		}
		s.Input = l.input(m.take("input"), text("内容", "the form"))
	case workflow.KindFire:
		s.Event = l.name(m.need("event"), text("事件", "the event"))
		s.Input = l.input(m.take("input"), text("内容", "the form"))
	case workflow.KindEdit:
		s.Input = l.input(m.need("input"), text("内容", "the form"))
	case workflow.KindBackfill:
		s.State = l.name(m.need("to"), text("补录到的状态", "the state to reach"))
		s.Input = l.input(m.take("input"), text("内容", "the form"))
		l.reason(m, s)
	case workflow.KindWaive:
		s.Need = l.name(m.need("need"), text("前提", "the need"))
		s.Note = l.str(m.take("note"), text("公开说明", "the public note"))
		l.reason(m, s)
	case workflow.KindUndo:
		s.Of = l.str(m.need("of"), text("要撤销的步骤", "the step to undo"))
	case workflow.KindCancel, workflow.KindSkip, workflow.KindReopen:
		l.reason(m, s)
	}
}

// reason notes a missing reason where the engine always wants one. A step that is to be refused may lack it.
func (l *loader) reason(m *mapping, s *Step) {
	if s.Reason == "" && len(s.Refused) == 0 {
		m.need("reason")
	}
}

// posOf is the place of a node that may be missing.
func (l *loader) posOf(n *yaml.Node, otherwise workflow.Pos) workflow.Pos {
	if n == nil {
		return otherwise
	}
	return l.pos(n)
}

func (l *loader) onRef(n *yaml.Node) Ref {
	s := l.str(n, text("对象", "the target"))
	if s == "" {
		return ""
	}
	if s[0] == '$' {
		s = s[1:]
	}
	return l.ref(n, s, text("对象", "the target"))
}

func (l *loader) onBehalf(n *yaml.Node) *OnBehalf {
	m := l.mapping(n, text("on_behalf", "on_behalf"))
	if m == nil {
		return nil
	}
	ob := &OnBehalf{
		Person:   l.name(m.need("person"), text("决定的人", "who decided")),
		Via:      l.str(m.need("via"), text("方式", "the way")),
		Evidence: l.str(m.take("evidence"), text("凭据", "the evidence")),
		Decided:  l.occurred(m.take("decided")),
	}
	m.done()
	return ob
}

func (l *loader) confirm(n *yaml.Node) []Confirm {
	m := l.mapping(n, text("confirm", "confirm"))
	if m == nil {
		return nil
	}
	var out []Confirm
	for _, k := range m.names {
		c := Confirm{Guard: k}
		if v := m.values[k]; v.Kind == yaml.ScalarNode {
			c.Reason = l.str(v, text("原因", "the reason"))
		} else if one := l.mapping(v, text("confirm", "confirm")); one != nil {
			c.Second = l.name(optional(one.take("second")), text("第二人", "the second person"))
			c.Reason = l.str(one.take("reason"), text("原因", "the reason"))
			one.done()
		}
		out = append(out, c)
	}
	return out
}

// occurred reads when something happened and checks its form.
func (l *loader) occurred(n *yaml.Node) string {
	s := l.str(n, text("时间", "the time"))
	if s == "" {
		return ""
	}
	if _, err := workflow.ParseOccurred(s, l.f.Zone); err != nil {
		l.note(n, text("%q 不是时间", "%q is not a time", s),
			text("请写 2023-06-14、2023-06-14/morning（afternoon、evening）或 unknown", "write 2023-06-14, 2023-06-14/morning (afternoon, evening) or unknown"))
		return ""
	}
	return s
}

// at reads the clock of a step. Where it is left out the clock stands still; it never runs backwards.
func (l *loader) at(n *yaml.Node) time.Time {
	s := l.str(n, text("时钟", "the clock"))
	if s == "" {
		return l.inherit
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", s, l.f.Zone)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		l.note(n, text("时钟 %q 无效", "the clock reads %q", s), text("请写 2023-06-14 09:00（社区当地时间）", "write 2023-06-14 09:00, the community's local time"))
		return l.inherit
	}
	if t.Before(l.inherit) {
		l.note(n, text("时钟不能倒走：这里早于第 %d 行", "the clock runs backwards: this is before line %d", l.setAt.Line), text("请按时间先后排列", "put the steps in the order of their clocks"))
		return l.inherit
	}
	l.inherit, l.setAt = t, l.pos(n)
	return t
}
