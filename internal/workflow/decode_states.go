package workflow

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// roleNames lists the roles that may be named in a definition.
func roleNames() []string {
	return []string{"lead", "worker", "block", "finance", "approver", "volunteer", "auditor", "admin", "self", "system"}
}

// roles reads a list of roles; extra words are allowed beside them.
func (d *draft) roles(n *yaml.Node, what Text, extra ...string) []string {
	out := d.names(n, what)
	if n == nil {
		return nil
	}
	known := append(roleNames(), extra...)
	return slices.DeleteFunc(out, func(role string) bool {
		if slices.Contains(known, role) {
			return false
		}
		for _, item := range n.Content {
			if item.Value == role {
				d.note(item, codeRole, phrase("%s写了不存在的角色“%s”", "%s names the unknown role %q", what, role), oneOf(known))
			}
		}
		return true
	})
}

func (d *draft) states(n *yaml.Node) {
	d.named(n, word("states"), func(name string, key, value *yaml.Node) {
		s := &State{Pos: d.pos(key), Name: name}
		what := phrase("状态“%s”", "state %s", name)
		if name == StateCancelled || name == StateSkipped {
			d.note(key, codeReserved, phrase("状态“%s”归引擎所有", "the state %q belongs to the engine", name),
				Text{"请改写 `cancel:` 或 `skip:`，不要自己写这个状态", "write `cancel:` or `skip:` instead of the state"})
			d.part = true
			return
		}
		if m := d.mapping(value, what); m != nil {
			s.Title = d.text(m.need("title"), partOf(what, "title"))
			if v := m.take("waits_for"); v != nil {
				s.WaitsFor = d.choice(v, partOf(what, "waits_for"), roleNames()...)
			}
			s.Milestone = d.flag(m, "milestone")
			s.Final = d.flag(m, "final")
			m.done()
		}
		d.def.States = append(d.def.States, s)
	})
}

// engineEvents are the commands that every workflow has without declaring them.
func engineEvents() []string {
	return []string{
		string(KindCreate), string(KindEdit), string(KindCancel), string(KindSkip), string(KindReopen), string(KindWaive),
		string(KindBackfill), string(KindUndo),
	}
}

func (d *draft) events(n *yaml.Node) {
	d.named(n, word("events"), func(name string, key, value *yaml.Node) {
		e := &Event{Pos: d.pos(key), Name: name}
		d.mark(key, "event", name)
		what := phrase("事件“%s”", "event %s", name)
		if slices.Contains(engineEvents(), name) {
			d.note(key, codeReserved, phrase("事件“%s”归引擎所有", "the event %q belongs to the engine", name),
				phrase("请在 `events:` 旁边写选项 `%s:`，或换一个名称", "write the option `%s:` beside `events:`, or choose another name", name))
		}
		m := d.mapping(value, what)
		if m == nil {
			d.part = true
			return
		}
		e.Title = d.text(m.need("title"), partOf(what, "title"))
		d.from(m.need("from"), e)
		d.destinations(m.need("to"), e)
		d.part = d.part || len(e.From) == 0 || len(e.To) == 0
		if v := m.take("by"); v != nil {
			d.mark(v, "event", name, "by")
			e.By = d.roles(v, partOf(what, "by"))
		}
		d.named(m.take("input"), partOf(what, "input"), func(in string, key, value *yaml.Node) {
			if i := d.input(name, in, key, value); i != nil {
				e.Input = append(e.Input, i)
			}
		})
		e.Reason = d.flag(m, "reason")
		d.named(m.take("require"), partOf(what, "require"), func(guard string, key, value *yaml.Node) {
			d.guard(e, guard, key, value)
		})
		e.Checks = d.markedName(m.take("checks"), partOf(what, "checks"), "event", name, "checks")
		d.separation(m, e)
		if m.has("separation") && e.Checks == "" {
			d.note(m.keys["separation"], codeMissingKey, phrase("%s写了 separation，却没有 `checks`", "%s has a separation but no `checks`", what), anotherMaker())
		}
		for _, item := range d.sequence(m.take("effects"), partOf(what, "effects")) {
			if eff := d.effect(item, what); eff != nil {
				e.Effects = append(e.Effects, eff)
			}
		}
		e.Clears = d.markedNames(m.take("clears"), partOf(what, "clears"), "event", name, "clears")
		m.done()
		d.def.Events = append(d.def.Events, e)
	})
}

// anotherMaker is the advice for a check without somebody to check.
func anotherMaker() Text {
	return Text{"请写出须由另一人做的那个事件", "name the event whose maker must be another person"}
}

// from reads the states that an event leaves from; one that stands there twice would win silently.
func (d *draft) from(n *yaml.Node, e *Event) {
	if n == nil {
		return
	}
	d.mark(n, "event", e.Name, "from")
	what := phrase("事件“%s”", "event %s", e.Name)
	for _, item := range d.sequence(n, partOf(what, "from")) {
		s := d.reader.name(item, phrase("%s中的状态", "a state in %s", partOf(what, "from")))
		if s == "" {
			continue
		}
		if slices.Contains(e.From, s) {
			d.note(item, codeDuplicateSource, phrase("%s两次从状态“%s”出发", "%s leaves the state %q twice", what, s),
				Text{
					"请删除一个；要有几个去向，请把 `to:` 写成带 `when:` 的有序列表",
					"remove one; for several destinations write `to:` as an ordered list with `when:`",
				})
			continue
		}
		d.mark(item, "event", e.Name, "from", s)
		e.From = append(e.From, s)
	}
	if len(n.Content) == 0 {
		d.note(n, codeValue, phrase("%s没有出发状态", "%s leaves from no state", what), Text{"请至少写一个状态", "name at least one state"})
	}
}

// destinations reads one state, or an ordered list of which only the last has no condition.
func (d *draft) destinations(n *yaml.Node, e *Event) {
	if n == nil {
		return
	}
	what := phrase("事件“%s”", "event %s", e.Name)
	if n.Kind != yaml.SequenceNode {
		if s := d.reader.name(n, partOf(what, "to")); s != "" {
			e.To = []Destination{{Pos: d.pos(n), State: s}}
		}
		return
	}
	for i, item := range n.Content {
		m := d.mapping(item, phrase("%[2]s的第 %[1]d 个去向", "destination %d of %s", i+1, what))
		if m == nil {
			continue
		}
		dest := Destination{Pos: d.pos(item)}
		if v := m.need("to"); v != nil {
			dest.Pos = d.pos(v)
			dest.State = d.reader.name(v, m.what)
		}
		last := i == len(n.Content)-1
		v := m.take("when")
		if v != nil {
			dest.When = d.expr(v, partOf(m.what, "when"))
		}
		switch {
		case last && v != nil:
			d.note(v, codeDestination, phrase("%s的最后一个去向带有条件，事件可能无处可去", "the last destination of %s has a condition, so the event could lead nowhere", what),
				Text{"最后一个去向不要写 `when`", "leave `when` out of the last destination"})
		case !last && v == nil:
			d.note(item, codeDestination, phrase("%s没有条件，后面的去向永远到不了", "%s has no condition, so the later ones are never reached", m.what),
				Text{"除最后一个外，每个去向都要写 `when:`", "add `when:` to every destination but the last"})
		}
		m.done()
		if dest.State != "" {
			e.To = append(e.To, dest)
		}
	}
	if len(n.Content) == 0 {
		d.note(n, codeDestination, phrase("%s没有去向", "%s leads nowhere", what), Text{"请写一个状态", "name a state"})
	}
}

// separation reads how strictly maker and checker are held apart: block, confirm or warn, which a community may change, or hard.
func (d *draft) separation(m *mapping, e *Event) {
	const hard = "hard"
	n := m.take("separation")
	if e.Separation = Block; n == nil {
		return
	}
	switch s := d.choice(n, partOf(m.what, "separation"), hard, string(Block), string(Confirm), string(Warn)); s {
	case hard:
		e.HardSeparation = true
	default:
		e.Separation = Strictness(s)
	}
}

// strictness reads block, confirm or warn; absent means block.
func (d *draft) strictness(m *mapping, key string) Strictness {
	n := m.take(key)
	if n == nil {
		return Block
	}
	return Strictness(d.choice(n, partOf(m.what, key), string(Block), string(Confirm), string(Warn)))
}

// always reads what no command may break. It has no strictness: it is hard.
func (d *draft) always(n *yaml.Node) {
	d.named(n, word("always"), func(name string, key, value *yaml.Node) {
		g := &Guard{Pos: d.pos(key), Name: name, Strictness: Block, Hard: true}
		what := phrase("始终成立的“%s”", "always %s", name)
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		g.That = d.expr(m.need("that"), partOf(what, "that"))
		g.Else = d.message(m.need("else"), partOf(what, "else"))
		m.done()
		if g.That != nil && g.Else != nil {
			d.def.Always = append(d.def.Always, g)
		}
	})
}

func (d *draft) guard(e *Event, name string, key, value *yaml.Node) {
	g := &Guard{Pos: d.pos(key), Name: name}
	what := phrase("事件“%[2]s”的条件“%[1]s”", "guard %s of event %s", name, e.Name)
	if name == "separation" {
		d.note(key, codeReserved, Text{"有条件取名为 separation，这是引擎用于 `checks` 的词", "a guard is called separation, the engine's word for `checks`"}, otherName())
	}
	m := d.mapping(value, what)
	if m == nil {
		return
	}
	g.That = d.expr(m.need("that"), partOf(what, "that"))
	g.Else = d.message(m.need("else"), partOf(what, "else"))
	g.Strictness = d.strictness(m, "strictness")
	g.Hard = d.flag(m, "hard")
	g.Clock = d.flag(m, "clock")
	if g.Hard && g.Strictness != Block && g.Strictness != "" {
		d.note(m.values["strictness"], codeValue, phrase("%s不可放宽（hard），却只是 %s", "%s is hard and only %s", what, g.Strictness),
			Text{"不可放宽的条件就是阻止，请删除其中一个", "a hard guard blocks: remove one of the two"})
	}
	m.done()
	if g.That != nil && g.Else != nil {
		e.Require = append(e.Require, g)
	}
}
