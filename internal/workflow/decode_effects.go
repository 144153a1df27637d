package workflow

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// effect reads one consequence. Its kind is the key that names it.
func (d *draft) effect(n *yaml.Node, event string) *Effect {
	what := "an effect of " + event
	m := d.mapping(n, what)
	if m == nil {
		return nil
	}
	e := &Effect{Pos: d.pos(n)}
	kinds := []EffectKind{EffectCreate, EffectFire, EffectParticipation, EffectRegister, EffectLatch, EffectMessage}
	var given []string
	for _, k := range kinds {
		if m.has(string(k)) {
			given = append(given, string(k))
			e.Kind = k
		}
	}
	if len(given) == 0 && (m.has("set") || m.has("add") || m.has("remove")) {
		e.Kind = EffectSet
		given = []string{"set"}
	}
	switch len(given) {
	case 1:
	case 0:
		d.note(n, codeValue, what+" does nothing", "write one of set, create, fire, participation, register, latch and message")
		return nil
	default:
		d.note(n, codeValue, fmt.Sprintf("%s does several things: %s", what, strings.Join(given, " and ")), "give each a list entry of its own")
		return nil
	}
	e.Pos = d.effectPos(m, e)
	if v := m.take("if"); v != nil {
		e.If = d.expr(v, "`if` of "+what)
	}
	d.effectBody(m, e)
	m.done()
	return e
}

func (d *draft) effectPos(m *mapping, e *Effect) Pos {
	if k := m.keys[string(e.Kind)]; k != nil {
		return d.pos(k)
	}
	return d.pos(m.node)
}

func (d *draft) effectBody(m *mapping, e *Effect) {
	switch e.Kind {
	case EffectSet:
		e.On = d.target(m, e, "on")
		d.writes(m, e)
	case EffectCreate, EffectRegister:
		e.Of = d.markedName(m.take(string(e.Kind)), string(e.Kind)+" of "+m.what, e.place("of")...)
		e.On = d.target(m, e, "under")
		e.Key = d.optionalExpr(m, "key")
		e.Set = d.exprs(m.take("set"), "set of "+m.what)
		if e.Kind == EffectCreate {
			e.Each = d.optionalExpr(m, "each")
			break
		}
		if !m.has("under") {
			e.On = "root" // the community
		}
		if e.Key == nil {
			d.note(m.node, codeMissingKey, m.what+" registers without a key", "add `key:`, so that doing it twice changes nothing")
		}
	case EffectFire:
		e.Event = d.markedName(m.take("fire"), "fire of "+m.what, e.place("fire")...)
		e.On = d.target(m, e, "on")
		e.Of = d.markedName(m.take("of"), "`of` of "+m.what, e.place("of")...)
		e.In = d.markedNames(m.take("in"), "`in` of "+m.what, e.place("in")...)
		if (e.On == "items") != (e.Of != "") || len(e.In) > 0 && e.On != "items" {
			d.note(m.node, codeEffectTarget, m.what+" must have `on: items` and `of:` together or not at all",
				"write `on: items, of: WORKFLOW`, or `on: parent`, `root` or a reference field")
		}
	case EffectParticipation:
		e.Person = d.expr(m.take("participation"), "participation of "+m.what)
		d.writes(m, e)
	case EffectLatch:
		e.Latch = d.markedName(m.take("latch"), "latch of "+m.what, e.place("latch")...)
	case EffectMessage:
		e.Message = d.message(m.take("message"), "message of "+m.what)
		e.To = d.roles(m.need("to"), "`to` of "+m.what)
	}
}

// place is where the parts of an effect are marked.
func (e *Effect) place(part string) []string { return []string{"effect", e.Pos.String(), part} }

func (d *draft) optionalExpr(m *mapping, key string) *Expr {
	if v := m.take(key); v != nil {
		return d.expr(v, key+" of "+m.what)
	}
	return nil
}

// writes reads set, add and remove.
func (d *draft) writes(m *mapping, e *Effect) {
	e.Set = d.exprs(m.take("set"), "set of "+m.what)
	e.Add = d.exprs(m.take("add"), "add of "+m.what)
	e.Remove = d.exprs(m.take("remove"), "remove of "+m.what)
}

// target reads self, parent, root, items or a reference field, which may be written data.FIELD.
func (d *draft) target(m *mapping, e *Effect, key string) string {
	n := m.take(key)
	s, ok := d.scalar(n, key+" of "+m.what)
	if !ok {
		return "self"
	}
	d.mark(n, e.place("on")...)
	s = strings.TrimPrefix(s, "data.")
	if !nameForm.MatchString(s) {
		d.note(n, codeName, fmt.Sprintf("%s of %s is %q", key, m.what, s), "write self, parent, root, or the name of a reference field")
		return "self"
	}
	return s
}
