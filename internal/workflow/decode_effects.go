package workflow

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// effect reads one consequence. Its kind is the key that names it.
func (d *draft) effect(n *yaml.Node, event Text) *Effect {
	what := phrase("%s的一个效果", "an effect of %s", event)
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
		d.note(n, codeValue, phrase("%s什么也不做", "%s does nothing", what),
			Text{
				"请写 set、create、fire、participation、register、latch、message 之一",
				"write one of set, create, fire, participation, register, latch and message",
			})
		return nil
	default:
		d.note(n, codeValue, phrase("%s同时做几件事：%s", "%s does several things: %s", what, listed(given)),
			Text{"请各写一个列表项", "give each a list entry of its own"})
		return nil
	}
	e.Pos = d.effectPos(m, e)
	if v := m.take("if"); v != nil {
		e.If = d.expr(v, partOf(what, "if"))
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
		e.Of = d.markedName(m.take(string(e.Kind)), partOf(m.what, string(e.Kind)), e.place("of")...)
		e.On = d.target(m, e, "under")
		e.Key = d.optionalExpr(m, "key")
		e.Set = d.exprs(m.take("set"), partOf(m.what, "set"))
		if e.Kind == EffectCreate {
			e.Each = d.optionalExpr(m, "each")
			break
		}
		if !m.has("under") {
			e.On = "root" // the community
		}
		if e.Key == nil {
			d.note(m.node, codeMissingKey, phrase("%s登记时没有 key", "%s registers without a key", m.what),
				Text{"请加上 `key:`，这样重复登记不会改变什么", "add `key:`, so that doing it twice changes nothing"})
		}
	case EffectFire:
		e.Event = d.markedName(m.take("fire"), partOf(m.what, "fire"), e.place("fire")...)
		e.On = d.target(m, e, "on")
		e.Of = d.markedName(m.take("of"), partOf(m.what, "of"), e.place("of")...)
		e.In = d.markedNames(m.take("in"), partOf(m.what, "in"), e.place("in")...)
		if (e.On == "items") != (e.Of != "") || len(e.In) > 0 && e.On != "items" {
			d.note(m.node, codeEffectTarget, phrase("%s的 `on: items` 与 `of:` 要么都写，要么都不写", "%s must have `on: items` and `of:` together or not at all", m.what),
				Text{
					"请写 `on: items, of: 流程名`，或 `on: parent`、`root` 或一个引用字段",
					"write `on: items, of: WORKFLOW`, or `on: parent`, `root` or a reference field",
				})
		}
	case EffectParticipation:
		e.Person = d.expr(m.take("participation"), partOf(m.what, "participation"))
		d.writes(m, e)
	case EffectLatch:
		e.Latch = d.markedName(m.take("latch"), partOf(m.what, "latch"), e.place("latch")...)
	case EffectMessage:
		e.Message = d.message(m.take("message"), partOf(m.what, "message"))
		e.To = d.roles(m.need("to"), partOf(m.what, "to"))
	}
}

// place is where the parts of an effect are marked.
func (e *Effect) place(part string) []string { return []string{"effect", e.Pos.String(), part} }

func (d *draft) optionalExpr(m *mapping, key string) *Expr {
	if v := m.take(key); v != nil {
		return d.expr(v, partOf(m.what, key))
	}
	return nil
}

// writes reads set, add and remove.
func (d *draft) writes(m *mapping, e *Effect) {
	e.Set = d.exprs(m.take("set"), partOf(m.what, "set"))
	e.Add = d.exprs(m.take("add"), partOf(m.what, "add"))
	e.Remove = d.exprs(m.take("remove"), partOf(m.what, "remove"))
}

// target reads self, parent, root, items or a reference field, which may be written data.FIELD.
func (d *draft) target(m *mapping, e *Effect, key string) string {
	n := m.take(key)
	s, ok := d.scalar(n, partOf(m.what, key))
	if !ok {
		return "self"
	}
	d.mark(n, e.place("on")...)
	s = strings.TrimPrefix(s, "data.")
	if !nameForm.MatchString(s) {
		d.note(n, codeName, phrase("%s是“%s”", "%s is %q", partOf(m.what, key), s),
			Text{"请写 self、parent、root，或一个引用字段的名称", "write self, parent, root, or the name of a reference field"})
		return "self"
	}
	return s
}
