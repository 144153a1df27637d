package workflow

import (
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
)

// want is what the result of an expression must be.
type want struct {
	name     Text // for people
	types    []*types.Type
	optional bool   // an optional of these will do, and so will null
	field    *Field // the field that is written, if one is
}

func (w want) accepts(t *types.Type) bool {
	if w.optional {
		if t.IsExactType(types.NullType) {
			return true
		}
		if isOptional(t) {
			t = t.Parameters()[0]
			if t.IsExactType(types.DynType) {
				return true // optional.none()
			}
		}
	}
	for _, wanted := range w.types {
		if wanted.IsExactType(t) {
			return true
		}
		if wanted.Kind() == types.ListKind && t.Kind() == types.ListKind && t.Parameters()[0].IsExactType(types.DynType) {
			return true // []
		}
	}
	return false
}

func isOptional(t *types.Type) bool {
	return t.Kind() == types.OpaqueKind && t.TypeName() == "optional_type" && len(t.Parameters()) == 1
}

// textList is the type of lists of texts.
func textList() *types.Type { return types.NewListType(types.StringType) }

func wantBool() want {
	return want{name: Text{"是或否", "true or false"}, types: []*types.Type{types.BoolType}}
}

func wantString() want {
	return want{name: Text{"一段文字", "a text"}, types: []*types.Type{types.StringType}}
}

func wantStrings() want {
	return want{name: Text{"文字的列表", "a list of texts"}, types: []*types.Type{textList()}}
}

// wantSum allows an optional: an unknown amount adds nothing.
func wantSum() want {
	return want{name: Text{"整数", "a whole number"}, types: []*types.Type{types.IntType}, optional: true}
}

// wantDistinct allows an optional: an unknown value is not counted.
func wantDistinct() want {
	return want{name: Text{"文字或文字的列表", "a text or a list of texts"}, types: []*types.Type{types.StringType, textList()}, optional: true}
}

// wantPerson allows an optional: nobody has no row.
func wantPerson() want {
	return want{name: Text{"人员编号", "a person's id"}, types: []*types.Type{types.StringType}, optional: true}
}

func wantPrinted() want {
	return want{
		name:  Text{"文字、数、是或否、时间之一", "a text, a number, a yes or no, or a time"},
		types: []*types.Type{types.StringType, types.IntType, types.BoolType, types.DoubleType, types.TimestampType},
	}
}

// wantField is what can be written into a field.
func wantField(f *Field) want {
	w := want{name: phrase("类型为 %s 的值", "a value of type %s", f.Type), field: f, optional: !f.Required}
	switch {
	case f.Privacy.Sealed():
		// No type will do: an effect may clear a personal or sensitive value (a consent was withdrawn), never write one.
	case f.List:
		w.name = Text{"文字的列表", "a list of texts"}
		w.types = []*types.Type{textList()}
	case f.Type == TypeEvidence:
		w.types = []*types.Type{cel.ObjectType(evidenceName), types.StringType}
	case f.Type == TypeInt, f.Type == TypeMoney:
		w.types = []*types.Type{types.IntType}
	case f.Type == TypeBool:
		w.types = []*types.Type{types.BoolType}
	case f.Type == TypeTime:
		w.name = Text{"时间点", "a timestamp"}
		w.types = []*types.Type{types.TimestampType}
	default:
		w.types = []*types.Type{types.StringType}
	}
	return w
}

// wantEntry is what can be added to a list field or removed from it.
func wantEntry(f *Field) want {
	w := want{name: Text{"文字或文字的列表（只用于列表字段）", "a text or a list of texts, for a list field"}, field: f, optional: true}
	if f.List && !f.Privacy.Sealed() {
		w.types = []*types.Type{types.StringType, textList()}
	} else {
		w.optional = false
	}
	return w
}

// typeName is a CEL type for people.
func typeName(t *types.Type) Text {
	switch {
	case isOptional(t):
		inner := typeName(t.Parameters()[0])
		inner.EN = strings.TrimPrefix(strings.TrimPrefix(inner.EN, "a "), "an ")
		return phrase("可能未知的%s", "an optional %s", inner)
	case t.Kind() == types.ListKind:
		return Text{"列表", "a list"}
	case t.IsExactType(types.StringType):
		return Text{"文字", "a text"}
	case t.IsExactType(types.IntType):
		return Text{"整数", "a whole number"}
	case t.IsExactType(types.BoolType):
		return Text{"是或否", "true or false"}
	case t.IsExactType(types.TimestampType):
		return Text{"时间点", "a timestamp"}
	case t.IsExactType(types.NullType):
		return Text{"空值 null", "null"}
	default:
		return phrase("类型为 %s 的值", "a %s", cel.FormatCELType(t))
	}
}

func leadingSpace(s string) int { return len(s) - len(strings.TrimLeft(s, " \t")) }
