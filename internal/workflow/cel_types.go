package workflow

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The object types that every bundle has.
const (
	evidenceName = "linli.Evidence"
	sealedName   = "linli.Sealed"
	clockName    = "linli.Clock"
)

// objectType is a type of objects that expressions see: its members and how to read them.
type objectType struct {
	typ     *types.Type
	members map[string]*types.FieldType
}

func newObjectType(name string) *objectType {
	return &objectType{typ: cel.ObjectType(name), members: map[string]*types.FieldType{}}
}

// member declares one member. get is handed the object; its error ends the evaluation.
func (t *objectType) member(name string, typ *types.Type, get func(*object) (ref.Val, error)) {
	t.members[name] = &types.FieldType{
		Type: typ,
		IsSet: func(target any) bool {
			o, ok := target.(*object)
			if !ok {
				return false
			}
			v, err := get(o)
			if err != nil {
				return false
			}
			opt, isOptional := v.(*types.Optional)
			return !isOptional || opt.HasValue()
		},
		GetFrom: func(target any) (any, error) {
			switch o := target.(type) {
			case *object:
				return get(o)
			case error: // what stands before the dot could not be read
				return nil, o
			default:
				return nil, fmt.Errorf("%s is read from %T", name, target)
			}
		},
	}
}

// typeSet is the types of one bundle. It is built before the first expression is compiled and only read afterwards.
type typeSet struct {
	*types.Registry // standard types
	objects         map[string]*objectType
}

// FindStructType implements types.Provider.
func (s *typeSet) FindStructType(name string) (*types.Type, bool) {
	if o, ok := s.objects[name]; ok {
		return types.NewTypeTypeWithParam(o.typ), true
	}
	return s.Registry.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (s *typeSet) FindStructFieldNames(name string) ([]string, bool) {
	if o, ok := s.objects[name]; ok {
		return sortedKeys(o.members), true
	}
	return s.Registry.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (s *typeSet) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if o, ok := s.objects[name]; ok {
		f, ok := o.members[field]
		return f, ok
	}
	return s.Registry.FindStructFieldType(name, field)
}

// The names of a workflow's types.
func instanceName(w string) string     { return "linli." + w }
func dataName(w string) string         { return "linli." + w + ".data" }
func aggName(w string) string          { return "linli." + w + ".agg" }
func valuesName(w string) string       { return "linli." + w + ".values" }
func refName(w string) string          { return "linli." + w + ".ref" }
func inputName(w, event string) string { return "linli." + w + "." + event + ".input" }

// newTypeSet declares the types of all definitions of a bundle.
func newTypeSet(b *Bundle) (*typeSet, error) {
	reg, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("CEL's own types: %w", err)
	}
	s := &typeSet{Registry: reg, objects: map[string]*objectType{}}
	s.put(evidenceType())
	sealed := newObjectType(sealedName)
	sealed.member("given", types.BoolType, func(o *object) (ref.Val, error) { return types.Bool(o.given), nil })
	s.put(sealed)
	for _, d := range b.definitions {
		s.put(instanceType(d))
		s.put(fieldsType(d))
		s.put(aggregatesType(d))
		s.put(distinctType(d))
		s.put(referencesType(b, d))
		for _, e := range d.Events {
			s.put(inputType(d, e))
		}
	}
	return s, nil
}

func (s *typeSet) put(t *objectType) { s.objects[t.typ.TypeName()] = t }

func evidenceType() *objectType {
	t := newObjectType(evidenceName)
	b := func(get func(Evidence) bool) func(*object) (ref.Val, error) {
		return func(o *object) (ref.Val, error) { return types.Bool(get(o.evidence)), nil }
	}
	t.member("answered", types.BoolType, b(Evidence.Answered))
	t.member("given", types.BoolType, b(func(e Evidence) bool { return e.Value != "" }))
	t.member("none", types.BoolType, b(func(e Evidence) bool { return e.None }))
	t.member("unrecorded", types.BoolType, b(func(e Evidence) bool { return e.Unrecorded != "" }))
	t.member("value", types.StringType, func(o *object) (ref.Val, error) { return types.String(o.evidence.Value), nil })
	return t
}

// instanceType is {id, key, state, data, agg, values} of one workflow.
func instanceType(d *Definition) *objectType {
	t := newObjectType(instanceName(d.Name))
	text := func(get func(*Instance) string) func(*object) (ref.Val, error) {
		return func(o *object) (ref.Val, error) { return types.String(get(o.inst)), nil }
	}
	t.member("id", types.StringType, text(func(i *Instance) string { return i.ID }))
	t.member("key", types.StringType, text(func(i *Instance) string { return i.Key }))
	t.member("state", types.StringType, text(func(i *Instance) string { return i.State }))
	for name, typ := range map[string]string{"data": dataName(d.Name), "agg": aggName(d.Name), "values": valuesName(d.Name)} {
		typ := cel.ObjectType(typ)
		t.member(name, typ, func(o *object) (ref.Val, error) { return o.of(typ, o.inst), nil })
	}
	return t
}

// fieldsType is the data of one workflow.
func fieldsType(d *Definition) *objectType {
	t := newObjectType(dataName(d.Name))
	for _, f := range d.Fields {
		typ, plain := f.objectType(), f.Plain()
		t.member(f.Name, f.celType(plain), func(o *object) (ref.Val, error) {
			return o.field(f, typ, o.values[f.Name], plain)
		})
	}
	return t
}

// inputType is the form of one event.
func inputType(d *Definition, e *Event) *objectType {
	t := newObjectType(inputName(d.Name, e.Name))
	for _, in := range e.Input {
		f := in.Field
		f.Default = nil // an input that is left out was not given
		typ, plain := f.objectType(), in.Plain()
		t.member(in.Name, f.celType(plain), func(o *object) (ref.Val, error) {
			return o.field(&f, typ, o.values[in.Name], plain)
		})
	}
	return t
}

func aggregatesType(d *Definition) *objectType {
	t := newObjectType(aggName(d.Name))
	for _, a := range d.Aggregates {
		t.member(a.Name, types.IntType, func(o *object) (ref.Val, error) {
			return types.Int(o.inst.Body.Aggregates[a.Name]), nil
		})
	}
	return t
}

func distinctType(d *Definition) *objectType {
	t := newObjectType(valuesName(d.Name))
	for _, a := range d.Aggregates {
		if a.Kind != AggregateDistinct {
			continue
		}
		t.member(a.Name, types.NewListType(types.StringType), func(o *object) (ref.Val, error) {
			l, err := o.ev.resolver().Distinct(o.inst.ID, a.Name)
			if err != nil {
				return nil, o.ev.fail(err)
			}
			return stringList(l), nil
		})
	}
	return t
}

// referencesType has the instances that the single reference fields of a workflow point to.
func referencesType(b *Bundle, d *Definition) *objectType {
	t := newObjectType(refName(d.Name))
	for _, f := range d.Fields {
		target := b.byName[f.target()]
		if target == nil || f.List || f.Privacy.Sealed() {
			continue
		}
		typ := cel.ObjectType(instanceName(target.Name))
		shown := typ
		if !f.Required {
			shown = types.NewOptionalType(typ)
		}
		t.member(f.Name, shown, func(o *object) (ref.Val, error) {
			id, _ := o.inst.Body.Data[f.Name].(string)
			i, err := o.ev.instance(id)
			switch {
			case err != nil:
				return nil, err
			case i == nil && f.Required:
				return nil, fmt.Errorf("the field %s points to nothing", f.Name)
			case i == nil:
				return types.OptionalNone, nil
			case i.Workflow != target.Name:
				return nil, fmt.Errorf("the field %s points to a %s, not a %s", f.Name, i.Workflow, target.Name)
			case f.Required:
				return o.of(typ, i), nil
			default:
				return types.OptionalOf(o.of(typ, i)), nil
			}
		})
	}
	return t
}

// objectType is the type of the objects that the field's values become; nil for plain values.
func (f *Field) objectType() *types.Type {
	switch {
	case f.Privacy.Sealed():
		return cel.ObjectType(sealedName)
	case f.Type == TypeEvidence:
		return cel.ObjectType(evidenceName)
	default:
		return nil
	}
}

// celType is the type that expressions see. A type that could not be read is dynamic, so that one mistake is reported once.
func (f *Field) celType(plain bool) *types.Type {
	if f.Privacy.Sealed() {
		return cel.ObjectType(sealedName)
	}
	t := types.DynType
	switch f.Type {
	case TypeInt, TypeMoney:
		t = types.IntType
	case TypeBool:
		t = types.BoolType
	case TypeTime:
		t = types.TimestampType
	case TypeEvidence:
		t = cel.ObjectType(evidenceName)
	case TypeText, TypeDate, TypeHalfDay, TypeEnum, TypePerson, TypeOrganisation, TypeBlock, TypeHousehold, TypeRef:
		t = types.StringType
	}
	switch {
	case f.List:
		return types.NewListType(t)
	case plain || t == types.DynType:
		return t
	default:
		return types.NewOptionalType(t)
	}
}

// memberNames lists what an object type has, for messages.
func (s *typeSet) memberNames(name string) []string {
	o, ok := s.objects[name]
	if !ok {
		return nil
	}
	names := sortedKeys(o.members)
	slices.Sort(names)
	return names
}
