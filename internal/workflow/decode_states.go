package workflow

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// roleNames lists the roles that may be named in a definition.
func roleNames() []string {
	return []string{"lead", "worker", "block", "finance", "approver", "volunteer", "auditor", "admin", "self", "system"}
}

// roles reads a list of roles; extra words are allowed beside them.
func (d *draft) roles(n *yaml.Node, what string, extra ...string) []string {
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
				d.note(item, codeRole, fmt.Sprintf("%s names the unknown role %q", what, role), "use one of: "+strings.Join(known, ", "))
			}
		}
		return true
	})
}

func (d *draft) states(n *yaml.Node) {
	d.named(n, "states", func(name string, key, value *yaml.Node) {
		s := &State{Pos: d.pos(key), Name: name}
		what := "state " + name
		if name == StateCancelled || name == StateSkipped {
			d.note(key, codeReserved, fmt.Sprintf("the state %q belongs to the engine", name), "write `cancel:` or `skip:` instead of the state")
			d.part = true
			return
		}
		if m := d.mapping(value, what); m != nil {
			s.Title = d.text(m.need("title"), "title of "+what)
			if v := m.take("waits_for"); v != nil {
				s.WaitsFor = d.choice(v, "waits_for of "+what, roleNames()...)
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
	d.named(n, "events", func(name string, key, value *yaml.Node) {
		e := &Event{Pos: d.pos(key), Name: name}
		d.mark(key, "event", name)
		what := "event " + name
		if slices.Contains(engineEvents(), name) {
			d.note(key, codeReserved, fmt.Sprintf("the event %q belongs to the engine", name),
				fmt.Sprintf("write the option `%s:` beside `events:`, or choose another name", name))
		}
		m := d.mapping(value, what)
		if m == nil {
			d.part = true
			return
		}
		e.Title = d.text(m.need("title"), "title of "+what)
		d.from(m.need("from"), e)
		d.destinations(m.need("to"), e)
		d.part = d.part || len(e.From) == 0 || len(e.To) == 0
		if v := m.take("by"); v != nil {
			d.mark(v, "event", name, "by")
			e.By = d.roles(v, "`by` of "+what)
		}
		d.named(m.take("input"), "input of "+what, func(in string, key, value *yaml.Node) {
			if i := d.input(name, in, key, value); i != nil {
				e.Input = append(e.Input, i)
			}
		})
		e.Reason = d.flag(m, "reason")
		d.named(m.take("require"), "require of "+what, func(guard string, key, value *yaml.Node) {
			d.guard(e, guard, key, value)
		})
		e.Checks = d.markedName(m.take("checks"), "checks of "+what, "event", name, "checks")
		e.Separation = d.strictness(m, "separation")
		if m.has("separation") && e.Checks == "" {
			d.note(m.keys["separation"], codeMissingKey, what+" has a separation but no `checks`", "name the event whose maker must be another person")
		}
		for _, item := range d.sequence(m.take("effects"), "effects of "+what) {
			if eff := d.effect(item, what); eff != nil {
				e.Effects = append(e.Effects, eff)
			}
		}
		e.Clears = d.markedNames(m.take("clears"), "clears of "+what, "event", name, "clears")
		m.done()
		d.def.Events = append(d.def.Events, e)
	})
}

// from reads the states that an event leaves from; one that stands there twice would win silently.
func (d *draft) from(n *yaml.Node, e *Event) {
	if n == nil {
		return
	}
	d.mark(n, "event", e.Name, "from")
	for _, item := range d.sequence(n, "`from` of event "+e.Name) {
		s := d.reader.name(item, "a state in `from` of event "+e.Name)
		if s == "" {
			continue
		}
		if slices.Contains(e.From, s) {
			d.note(item, codeDuplicateSource, fmt.Sprintf("event %s leaves the state %q twice", e.Name, s),
				"remove one; for several destinations write `to:` as an ordered list with `when:`")
			continue
		}
		d.mark(item, "event", e.Name, "from", s)
		e.From = append(e.From, s)
	}
	if len(n.Content) == 0 {
		d.note(n, codeValue, "event "+e.Name+" leaves from no state", "name at least one state")
	}
}

// destinations reads one state, or an ordered list of which only the last has no condition.
func (d *draft) destinations(n *yaml.Node, e *Event) {
	if n == nil {
		return
	}
	what := "`to` of event " + e.Name
	if n.Kind != yaml.SequenceNode {
		if s := d.reader.name(n, what); s != "" {
			e.To = []Destination{{Pos: d.pos(n), State: s}}
		}
		return
	}
	for i, item := range n.Content {
		m := d.mapping(item, fmt.Sprintf("destination %d of event %s", i+1, e.Name))
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
			dest.When = d.expr(v, "`when` of "+m.what)
		}
		switch {
		case last && v != nil:
			d.note(v, codeDestination, "the last destination of event "+e.Name+" has a condition, so the event could lead nowhere",
				"leave `when` out of the last destination")
		case !last && v == nil:
			d.note(item, codeDestination, fmt.Sprintf("destination %d of event %s has no condition, so the later ones are never reached", i+1, e.Name),
				"add `when:` to every destination but the last")
		}
		m.done()
		if dest.State != "" {
			e.To = append(e.To, dest)
		}
	}
	if len(n.Content) == 0 {
		d.note(n, codeDestination, "event "+e.Name+" leads nowhere", "name a state")
	}
}

// strictness reads block, confirm or warn; absent means block.
func (d *draft) strictness(m *mapping, key string) Strictness {
	n := m.take(key)
	if n == nil {
		return Block
	}
	return Strictness(d.choice(n, key+" of "+m.what, string(Block), string(Confirm), string(Warn)))
}

// always reads what no command may break. It has no strictness: it is hard.
func (d *draft) always(n *yaml.Node) {
	d.named(n, "always", func(name string, key, value *yaml.Node) {
		g := &Guard{Pos: d.pos(key), Name: name, Strictness: Block, Hard: true}
		what := "always " + name
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		g.That = d.expr(m.need("that"), "`that` of "+what)
		g.Else = d.message(m.need("else"), "`else` of "+what)
		m.done()
		if g.That != nil && g.Else != nil {
			d.def.Always = append(d.def.Always, g)
		}
	})
}

func (d *draft) guard(e *Event, name string, key, value *yaml.Node) {
	g := &Guard{Pos: d.pos(key), Name: name}
	what := "guard " + name + " of event " + e.Name
	if name == "separation" {
		d.note(key, codeReserved, "a guard is called separation, the engine's word for `checks`", "choose another name")
	}
	m := d.mapping(value, what)
	if m == nil {
		return
	}
	g.That = d.expr(m.need("that"), "`that` of "+what)
	g.Else = d.message(m.need("else"), "`else` of "+what)
	g.Strictness = d.strictness(m, "strictness")
	g.Hard = d.flag(m, "hard")
	g.Clock = d.flag(m, "clock")
	if g.Hard && g.Strictness != Block && g.Strictness != "" {
		d.note(m.values["strictness"], codeValue, what+" is hard and only "+string(g.Strictness), "a hard guard blocks: remove one of the two")
	}
	m.done()
	if g.That != nil && g.Else != nil {
		e.Require = append(e.Require, g)
	}
}
