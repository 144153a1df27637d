package workflow

import (
	"errors"
	"slices"

	"go.yaml.in/yaml/v3"
)

// fieldTypes lists the types in the order of the documentation.
func fieldTypes() []string {
	return []string{
		string(TypeText), string(TypeInt), string(TypeMoney), string(TypeBool), string(TypeDate), string(TypeHalfDay), string(TypeTime),
		string(TypeEnum), string(TypePerson), string(TypeOrganisation), string(TypeBlock), string(TypeHousehold), string(TypeRef),
		string(TypeEvidence),
	}
}

// maxLeast bounds how far below zero the smallest number may lie.
const maxLeast = 1_000_000_000

// celWords cannot follow a dot in CEL.
func celWords() []string { return []string{"in", "true", "false", "null"} }

// otherName is the advice where a name is taken by the language.
func otherName() Text { return Text{"请换一个名称", "choose another name"} }

// goodMember refuses names that CEL cannot reach after a dot.
func (d *draft) goodMember(key *yaml.Node, name string, what Text) {
	if slices.Contains(celWords(), name) {
		d.note(key, codeReserved, phrase("%s取名为“%s”，这是 CEL 的关键字", "%s is called %q, a word of CEL", what, name), otherName())
	}
}

func (d *draft) fields(n *yaml.Node) {
	d.named(n, word("fields"), func(name string, key, value *yaml.Node) {
		f := &Field{Pos: d.pos(key), Name: name, Privacy: Internal}
		what := phrase("字段“%s”", "field %s", name)
		d.goodMember(key, name, what)
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		d.fieldType(m, f, "field", name)
		if f.Type.Reference() && slices.Contains([]string{"self", "parent", "root", "items"}, name) {
			d.note(key, codeReserved, phrase("引用字段“%s”与效果的目标同名", "the reference field %q is called as a target of effects is", name), otherName())
		}
		f.Required = d.flag(m, "required")
		if v := m.take("search"); v != nil {
			if f.Search = d.boolean(v, partOf(what, "search")); f.Search && (f.Type != TypeText || f.List) {
				d.note(v, codeValue, phrase("%s不能搜索", "%s cannot be searched", what), Text{"只有单个文本才可写 `search: true`", "only a single text may have `search: true`"})
			}
		}
		if v := m.take("typed"); v != nil {
			if f.Untyped = !d.boolean(v, partOf(what, "typed")); f.Untyped && f.Required {
				d.note(v, codeValue, phrase("%s是必填的，却不能填写", "%s is required, and cannot be typed", what),
					Text{"请删除 `required`，或改为可填写", "remove `required`, or let it be typed"})
			}
		}
		f.Title = d.text(m.need("title"), partOf(what, "title"))
		if v := m.take("default"); v != nil {
			f.Default = d.defaultValue(v, f)
		}
		m.done()
		d.def.Fields = append(d.def.Fields, f)
	})
}

// fieldType reads what fields and inputs share: type, list, privacy, values and of.
func (d *draft) fieldType(m *mapping, f *Field, where ...string) {
	if v := m.need("type"); v != nil {
		if s, ok := d.scalar(v, partOf(m.what, "type")); ok {
			f.Type = Type(s)
			if !slices.Contains(fieldTypes(), s) {
				d.note(v, codeType, phrase("%s的类型“%s”不存在", "%s has the unknown type %q", m.what, s), oneOf(fieldTypes()))
				f.Type = ""
			}
		}
	}
	if v := m.take("list"); v != nil {
		f.List = d.boolean(v, partOf(m.what, "list"))
		if f.List && f.Type != "" && f.Type != TypeText && f.Type != TypeEnum && f.Type != TypeHalfDay && f.Type != TypeDate && !f.Type.Reference() {
			d.note(v, codeValue, phrase("%s是 %s 的列表", "%s is a list of %s", m.what, f.Type),
				Text{"列表只能放 text、enum、date、half_day 或引用", "lists hold text, enum, date, half_day or reference values"})
			f.List = false
		}
	}
	if v := m.take("privacy"); v != nil {
		if p := d.choice(v, partOf(m.what, "privacy"), string(Public), string(Internal), string(Personal), string(Sensitive)); p != "" {
			f.Privacy = Privacy(p)
		}
		if f.Privacy.Sealed() && f.Type.Reference() {
			d.note(v, codeValue, phrase("%s是加密的引用", "%s is a sealed reference", m.what),
				Text{"引用只存不含姓名的编号，请改为 internal", "references are stored as ids that name nobody: make it internal"})
			f.Privacy = Internal
		}
	}
	d.least(m, f)
	d.enumValues(m, f)
	of := m.take("of")
	switch {
	case f.Type == TypeRef && of == nil:
		d.note(m.node, codeMissingKey, phrase("%s缺少“of”", `%s has no "of"`, m.what), Text{"请写明它引用的流程", "name the workflow that it refers to"})
	case f.Type != TypeRef && f.Type != "" && of != nil:
		d.note(of, codeUnknownKey, phrase("%s写了“of”，但不是 ref", `%s has "of" but is no ref`, m.what), Text{"请删除，或写 `type: ref`", "remove it or write `type: ref`"})
	case of != nil:
		f.Of = d.markedName(of, partOf(m.what, "of"), append(slices.Clone(where), "of")...)
	}
}

// least reads the smallest number that may be typed.
func (d *draft) least(m *mapping, f *Field) {
	v := m.take("min")
	if v == nil {
		return
	}
	if f.Type != TypeInt && f.Type != TypeMoney {
		if f.Type != "" {
			d.note(v, codeUnknownKey, phrase("%s写了“min”，但不是数字", `%s has "min" but is no number`, m.what),
				Text{"请删除，或写 `type: int` 或 `type: money`", "remove it, or write `type: int` or `type: money`"})
		}
		return
	}
	n := int64(d.integer(v, partOf(m.what, "min"), -maxLeast))
	if n > maxNumber {
		d.note(v, codeValue, phrase("%s的最小值是 %d，比能填的最大数还大", "the least value of %s is %d, more than any number that may be typed", m.what, n),
			phrase("请写不大于 %d 的数", "write %d or less", maxNumber))
		return
	}
	f.Min = &n
}

func (d *draft) enumValues(m *mapping, f *Field) {
	v := m.take("values")
	if f.Type != TypeEnum {
		if v != nil && f.Type != "" {
			d.note(v, codeUnknownKey, phrase("%s写了“values”，但不是 enum", `%s has "values" but is no enum`, m.what),
				Text{"请删除，或写 `type: enum`", "remove them or write `type: enum`"})
		}
		return
	}
	if v == nil {
		d.note(m.node, codeMissingKey, phrase("%s缺少“values”", `%s has no "values"`, m.what), Text{"请列出各个取值及其标题", "list the values of the enum with their titles"})
		return
	}
	d.named(v, partOf(m.what, "values"), func(name string, _, title *yaml.Node) {
		f.Values = append(f.Values, EnumValue{Name: name, Title: d.text(title, phrase("%[2]s的取值“%[1]s”", "value %s of %s", name, m.what))})
	})
	if len(v.Content) == 0 {
		d.note(v, codeValue, phrase("%s没有取值", "%s has no values", m.what), Text{"请至少列出一个", "list at least one"})
	}
}

// defaultValue reads a value and checks that it fits its field.
func (d *draft) defaultValue(n *yaml.Node, f *Field) any {
	if f.Type == "" {
		return nil
	}
	what := phrase("字段“%s”", "field %s", f.Name)
	fits := phrase("请写类型为 %s 的值", "write a value of type %s", f.Type)
	if f.Min != nil {
		least := atLeast(*f.Min)
		fits = Text{"请写" + least.ZH + "的整数，或更改 `min`", "write a whole number, " + least.EN + ", or change `min`"}
	}
	if f.Privacy.Sealed() || f.Type == TypeEvidence || f.Type.Reference() || f.List {
		d.note(n, codeDefault, phrase("%s不能有默认值", "%s cannot have a default", what),
			Text{"只有单个的普通值才有默认值，请删除", "only single plain values have defaults: remove it"})
		return nil
	}
	if f.Required {
		d.note(n, codeDefault, phrase("%s既是必填又有默认值", "%s is required and has a default", what), Text{"请删除其中一个", "remove one of the two"})
		return nil
	}
	raw, ok := d.scalar(n, partOf(what, "default"))
	if !ok {
		return nil
	}
	var v any = raw
	if n.Tag != "!!str" && n.Tag != "!!timestamp" {
		if err := n.Decode(&v); err != nil {
			d.note(n, codeDefault, phrase("%s的默认值是“%s”", "the default of %s is %q", what, raw), fits)
			return nil
		}
	}
	out, err := normalise(f, v)
	if err != nil || out == nil {
		var why Text
		var unfit fieldError
		if errors.As(err, &unfit) {
			why = phrase("：%s", ": %s", unfit.Text)
		}
		d.note(n, codeDefault, phrase("%s的默认值是“%s”%s", "the default of %s is %q%s", what, raw, why), fits)
		return nil
	}
	return out
}

// input reads one entry of an event's form. A name that is a field takes everything but `required` from it.
func (d *draft) input(event, name string, key, value *yaml.Node) *Input {
	what := phrase("事件“%[2]s”的输入项“%[1]s”", "input %s of event %s", name, event)
	in := &Input{}
	in.Pos, in.Name, in.Privacy = d.pos(key), name, Internal
	m := d.mapping(value, what)
	if m == nil {
		return nil
	}
	for _, f := range d.def.Fields {
		if f.Name != name {
			continue
		}
		in.Field = *f
		if f.Untyped {
			d.note(key, codeValue, phrase("%s是只由效果写入的字段", "%s is a field that only effects set", what),
				Text{"请删除，或从字段删去 `typed: false`", "remove it, or take `typed: false` from the field"})
		}
		in.Pos, in.Field.Required, in.Store = d.pos(key), false, true
		for _, extra := range m.names {
			if extra != "required" && extra != "title" {
				d.note(m.keys[extra], codeUnknownKey, phrase("%s写了“%s”，而这已由字段“%s”规定", "%s has %q, but the field %s settles that", what, extra, name),
					Text{"请删除，或给输入项另取名称", "remove it, or give the input another name"})
				m.take(extra)
			}
		}
		if v := m.take("title"); v != nil {
			in.Title = d.text(v, partOf(what, "title"))
		}
		in.Required = d.flag(m, "required")
		m.done()
		return in
	}
	d.goodMember(key, name, what)
	d.fieldType(m, &in.Field, "event", event, "input", name)
	in.Title = d.text(m.need("title"), partOf(what, "title"))
	in.Required = d.flag(m, "required")
	m.done()
	return in
}
