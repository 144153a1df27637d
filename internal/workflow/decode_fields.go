package workflow

import (
	"fmt"
	"slices"
	"strings"

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

// celWords cannot follow a dot in CEL.
func celWords() []string { return []string{"in", "true", "false", "null"} }

// goodMember refuses names that CEL cannot reach after a dot.
func (d *draft) goodMember(key *yaml.Node, name, what string) {
	if slices.Contains(celWords(), name) {
		d.note(key, codeReserved, fmt.Sprintf("%s is called %q, a word of CEL", what, name), "choose another name")
	}
}

func (d *draft) fields(n *yaml.Node) {
	d.named(n, "fields", func(name string, key, value *yaml.Node) {
		f := &Field{Pos: d.pos(key), Name: name, Privacy: Internal}
		what := "field " + name
		d.goodMember(key, name, what)
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		d.fieldType(m, f, "field", name)
		if f.Type.Reference() && slices.Contains([]string{"self", "parent", "root", "items"}, name) {
			d.note(key, codeReserved, fmt.Sprintf("the reference field %q is called as a target of effects is", name), "choose another name")
		}
		f.Required = d.flag(m, "required")
		if v := m.take("search"); v != nil {
			if f.Search = d.boolean(v, "search of "+what); f.Search && (f.Type != TypeText || f.List) {
				d.note(v, codeValue, what+" cannot be searched", "only a single text may have `search: true`")
			}
		}
		f.Title = d.text(m.need("title"), "title of "+what)
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
		if s, ok := d.scalar(v, "type of "+m.what); ok {
			f.Type = Type(s)
			if !slices.Contains(fieldTypes(), s) {
				d.note(v, codeType, fmt.Sprintf("%s has the unknown type %q", m.what, s), "use one of: "+strings.Join(fieldTypes(), ", "))
				f.Type = ""
			}
		}
	}
	if v := m.take("list"); v != nil {
		f.List = d.boolean(v, "list of "+m.what)
		if f.List && f.Type != "" && f.Type != TypeText && f.Type != TypeEnum && f.Type != TypeHalfDay && f.Type != TypeDate && !f.Type.Reference() {
			d.note(v, codeValue, fmt.Sprintf("%s is a list of %s", m.what, f.Type), "lists hold text, enum, date, half_day or reference values")
			f.List = false
		}
	}
	if v := m.take("privacy"); v != nil {
		if p := d.choice(v, "privacy of "+m.what, string(Public), string(Internal), string(Personal), string(Sensitive)); p != "" {
			f.Privacy = Privacy(p)
		}
		if f.Privacy.Sealed() && f.Type.Reference() {
			d.note(v, codeValue, m.what+" is a sealed reference", "references are stored as ids that name nobody: make it internal")
			f.Privacy = Internal
		}
	}
	d.enumValues(m, f)
	of := m.take("of")
	switch {
	case f.Type == TypeRef && of == nil:
		d.note(m.node, codeMissingKey, m.what+` has no "of"`, "name the workflow that it refers to")
	case f.Type != TypeRef && f.Type != "" && of != nil:
		d.note(of, codeUnknownKey, m.what+` has "of" but is no ref`, "remove it or write `type: ref`")
	case of != nil:
		f.Of = d.markedName(of, "`of` of "+m.what, append(slices.Clone(where), "of")...)
	}
}

func (d *draft) enumValues(m *mapping, f *Field) {
	v := m.take("values")
	if f.Type != TypeEnum {
		if v != nil && f.Type != "" {
			d.note(v, codeUnknownKey, m.what+` has "values" but is no enum`, "remove them or write `type: enum`")
		}
		return
	}
	if v == nil {
		d.note(m.node, codeMissingKey, m.what+` has no "values"`, "list the values of the enum with their titles")
		return
	}
	d.named(v, "values of "+m.what, func(name string, _, title *yaml.Node) {
		f.Values = append(f.Values, EnumValue{Name: name, Title: d.text(title, "value "+name+" of "+m.what)})
	})
	if len(v.Content) == 0 {
		d.note(v, codeValue, m.what+" has no values", "list at least one")
	}
}

// defaultValue reads a value and checks that it fits its field.
func (d *draft) defaultValue(n *yaml.Node, f *Field) any {
	if f.Type == "" {
		return nil
	}
	fits := "write a value of type " + string(f.Type)
	if f.Privacy.Sealed() || f.Type == TypeEvidence || f.Type.Reference() || f.List {
		d.note(n, codeDefault, "field "+f.Name+" cannot have a default", "only single plain values have defaults: remove it")
		return nil
	}
	if f.Required {
		d.note(n, codeDefault, "field "+f.Name+" is required and has a default", "remove one of the two")
		return nil
	}
	raw, ok := d.scalar(n, "default of field "+f.Name)
	if !ok {
		return nil
	}
	var v any = raw
	if n.Tag != "!!str" && n.Tag != "!!timestamp" {
		if err := n.Decode(&v); err != nil {
			d.note(n, codeDefault, fmt.Sprintf("default of field %s is %q", f.Name, raw), fits)
			return nil
		}
	}
	out, err := normalise(f, v)
	if err != nil || out == nil {
		why := ""
		if err != nil {
			why = ": " + err.Error()
		}
		d.note(n, codeDefault, fmt.Sprintf("default of field %s is %q%s", f.Name, raw, why), fits)
		return nil
	}
	return out
}

// input reads one entry of an event's form. A name that is a field takes everything but `required` from it.
func (d *draft) input(event, name string, key, value *yaml.Node) *Input {
	what := "input " + name + " of event " + event
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
		in.Pos, in.Field.Required, in.Store = d.pos(key), false, true
		for _, extra := range m.names {
			if extra != "required" && extra != "title" {
				d.note(m.keys[extra], codeUnknownKey, fmt.Sprintf("%s has %q, but the field %s settles that", what, extra, name),
					"remove it, or give the input another name")
				m.take(extra)
			}
		}
		if v := m.take("title"); v != nil {
			in.Title = d.text(v, "title of "+what)
		}
		in.Required = d.flag(m, "required")
		m.done()
		return in
	}
	d.goodMember(key, name, what)
	d.fieldType(m, &in.Field, "event", event, "input", name)
	in.Title = d.text(m.need("title"), "title of "+what)
	in.Required = d.flag(m, "required")
	m.done()
	return in
}
