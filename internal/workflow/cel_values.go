package workflow

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// object is a value of one of the bundle's object types. Which of the fields are set depends on the type.
type object struct {
	typ      *types.Type
	ev       *evaluation
	inst     *Instance
	values   Values
	evidence Evidence
	given    bool
}

// of is an object that looks at an instance.
func (o *object) of(typ *types.Type, i *Instance) *object { return o.ev.object(typ, i) }

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("a %s cannot become a %s", o.typ.TypeName(), t)
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.typ
	}
	return types.NewErr("a %s cannot become a %s", o.typ.TypeName(), t.TypeName())
}

// Equal implements ref.Val: instances are equal by id, evidence by content.
func (o *object) Equal(other ref.Val) ref.Val {
	p, ok := other.(*object)
	if !ok || p.typ.TypeName() != o.typ.TypeName() {
		return types.False
	}
	if o.inst == nil || p.inst == nil {
		return types.Bool(o.inst == p.inst && o.evidence == p.evidence && o.given == p.given)
	}
	return types.Bool(o.inst.ID == p.inst.ID)
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return o.typ }

// Value implements ref.Val.
func (o *object) Value() any { return o }

// field turns a stored value into what expressions see of it. typ is the type of the objects that the field gives, if it gives any.
func (o *object) field(f *Field, typ *types.Type, v Value, plain bool) (ref.Val, error) {
	if f.Privacy.Sealed() {
		return &object{typ: typ, given: v != nil}, nil
	}
	if v = f.orDefault(v); v == nil {
		switch {
		case f.Type == TypeEvidence:
			v = Evidence{}
		case f.List:
			v = []string{}
		case !plain:
			return types.OptionalNone, nil
		default:
			return nil, fmt.Errorf("%s has no value", f.Name)
		}
	}
	out, err := celValue(f, typ, v)
	if err != nil || plain {
		return out, err
	}
	return types.OptionalOf(out), nil
}

// celValue turns a normalised value of a field into CEL's.
func celValue(f *Field, typ *types.Type, v Value) (ref.Val, error) {
	switch v := v.(type) {
	case string:
		if f.Type != TypeTime {
			if f.Type != TypeInt && f.Type != TypeMoney && f.Type != TypeBool && f.Type != TypeEvidence && !f.List {
				return types.String(v), nil
			}
			break
		}
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		return types.Timestamp{Time: t}, nil
	case int64:
		if f.Type == TypeInt || f.Type == TypeMoney {
			return types.Int(v), nil
		}
	case bool:
		if f.Type == TypeBool {
			return types.Bool(v), nil
		}
	case []string:
		if f.List {
			return stringList(v), nil
		}
	case Evidence:
		if f.Type == TypeEvidence {
			return &object{typ: typ, evidence: v}, nil
		}
	}
	return nil, fmt.Errorf("%s is a %s but holds %T", f.Name, f.Type, v)
}

func stringList(l []string) ref.Val { return types.NewStringList(types.DefaultTypeAdapter, l) }

// goValue turns a result into one of the types that Value names.
func goValue(v ref.Val) (Value, error) {
	switch v := v.(type) {
	case types.String:
		return string(v), nil
	case types.Int:
		return int64(v), nil
	case types.Bool:
		return bool(v), nil
	case types.Null:
		return nil, nil //nolint:nilnil // null is the unknown value
	case types.Timestamp:
		return v.UTC().Truncate(time.Microsecond).Format(TimeLayout), nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil //nolint:nilnil // none is the unknown value
		}
		return goValue(v.GetValue())
	case *object:
		if v.typ.TypeName() != evidenceName {
			return nil, fmt.Errorf("a %s is not a value that can be kept", v.typ.TypeName())
		}
		if !v.evidence.Answered() {
			return nil, nil //nolint:nilnil // an unanswered question is the unknown value
		}
		return v.evidence, nil
	case traits.Lister:
		return goStrings(v)
	default:
		return nil, fmt.Errorf("a %s is not a value that can be kept", v.Type().TypeName())
	}
}

func goStrings(l traits.Lister) ([]string, error) {
	out := []string{}
	for it := l.Iterator(); it.HasNext() == types.True; {
		s, ok := it.Next().(types.String)
		if !ok {
			return nil, errors.New("the list holds something other than strings")
		}
		out = append(out, string(s))
	}
	return out, nil
}

// lookup is a map whose entries are found one at a time and cannot be listed: part and consent.
type lookup struct {
	find func(key string) (ref.Val, error)
}

// errNotListed says that somebody tried to walk a lookup; the checks of a bundle refuse such expressions.
var errNotListed = errors.New("part and consent can only be asked for one entry: write part[person] or consent[subject + '/' + kind]")

// Find implements traits.Mapper.
func (l lookup) Find(key ref.Val) (ref.Val, bool) {
	s, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), true
	}
	v, err := l.find(string(s))
	if err != nil {
		return types.WrapErr(err), true
	}
	return v, true
}

// Get implements traits.Indexer.
func (l lookup) Get(key ref.Val) ref.Val {
	v, _ := l.Find(key)
	return v
}

// Contains implements traits.Container: every person and every consent has an answer.
func (lookup) Contains(ref.Val) ref.Val { return types.True }

// Iterator implements traits.Iterable.
func (lookup) Iterator() traits.Iterator { return stringList(nil).(traits.Lister).Iterator() }

// Size implements traits.Sizer.
func (lookup) Size() ref.Val { return types.WrapErr(errNotListed) }

// ConvertToNative implements ref.Val.
func (lookup) ConvertToNative(reflect.Type) (any, error) { return nil, errNotListed }

// ConvertToType implements ref.Val.
func (lookup) ConvertToType(ref.Type) ref.Val { return types.WrapErr(errNotListed) }

// Equal implements ref.Val.
func (lookup) Equal(ref.Val) ref.Val { return types.False }

// Type implements ref.Val.
func (lookup) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (l lookup) Value() any { return l }

// money writes fen as yuan with two decimals.
func money(fen int64) string {
	sign := ""
	u := uint64(fen) //nolint:gosec // two's complement; the sign is put back below
	if fen < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// lacking returns the members of a that b lacks, in a's order, each once.
func lacking(a, b []string) []string {
	have := make(map[string]bool, len(b))
	for _, s := range b {
		have[s] = true
	}
	out := []string{}
	for _, s := range a {
		if !have[s] {
			have[s] = true
			out = append(out, s)
		}
	}
	return out
}

// consentKey splits "subject/kind" at its last slash. The subject may be empty: nobody.
func consentKey(key string) (subject, kind string, err error) {
	i := strings.LastIndex(key, "/")
	if i < 0 || i == len(key)-1 {
		return "", "", fmt.Errorf("consent[%q]: write consent[subject + '/' + kind]", key)
	}
	return key[:i], key[i+1:], nil
}
