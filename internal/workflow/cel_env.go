package workflow

import (
	"fmt"
	"reflect"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/ext"

	"github.com/linli/linli/internal/calendar"
)

// clockVariable carries zone and office hours to `starts`. No expression can name it.
const clockVariable = "@clock"

// clock is the hidden second argument of `starts`.
type clock struct{ scope *Scope }

// ConvertToNative implements ref.Val.
func (clock) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("the clock cannot become a %s", t)
}

// ConvertToType implements ref.Val.
func (clock) ConvertToType(ref.Type) ref.Val { return types.NewErr("the clock cannot be converted") }

// Equal implements ref.Val.
func (clock) Equal(ref.Val) ref.Val { return types.False }

// Type implements ref.Val.
func (clock) Type() ref.Type { return types.NewOpaqueType(clockName) }

// Value implements ref.Val.
func (c clock) Value() any { return c }

// newBaseEnv is the environment that all expressions of a bundle share: libraries, functions and types, but no variables.
func newBaseEnv(set *typeSet) (*cel.Env, error) {
	env, err := cel.NewEnv(
		cel.CustomTypeProvider(set),
		cel.CustomTypeAdapter(set.Registry),
		cel.OptionalTypes(),
		ext.Strings(), ext.Lists(), ext.Sets(),
		cel.ParserRecursionLimit(60), cel.ParserExpressionSizeLimit(10_000),
		cel.Variable(clockVariable, types.NewOpaqueType(clockName)),
		cel.Macros(cel.GlobalMacro("starts", 1, startsMacro)),
		startsFunction(), moneyFunction(), daysFunction(), plusDaysFunction(), missingFunction(),
	)
	if err != nil {
		return nil, fmt.Errorf("the CEL environment: %w", err)
	}
	return env, nil
}

// startsMacro hands the clock to starts(x).
func startsMacro(f cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
	return f.NewCall("starts", args[0], f.NewIdent(clockVariable)), nil
}

func startsFunction() cel.EnvOption {
	return cel.Function("starts", cel.Overload("starts_string",
		[]*cel.Type{cel.StringType, types.NewOpaqueType(clockName)}, cel.TimestampType,
		cel.BinaryBinding(func(s, c ref.Val) ref.Val {
			scope := c.(clock).scope
			zone := scope.Zone
			if zone == nil {
				zone = time.UTC
			}
			t, err := calendar.HalfDayStart(string(s.(types.String)), scope.Office, zone)
			if err != nil {
				return types.WrapErr(fmt.Errorf("starts: %w", err))
			}
			return types.Timestamp{Time: t}
		})))
}

func moneyFunction() cel.EnvOption {
	return cel.Function("money", cel.Overload("money_int", []*cel.Type{cel.IntType}, cel.StringType,
		cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(money(int64(v.(types.Int)))) })))
}

func daysFunction() cel.EnvOption {
	return cel.Function("days", cel.Overload("days_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.IntType,
		cel.BinaryBinding(func(a, b ref.Val) ref.Val {
			n, err := calendar.Days(string(a.(types.String)), string(b.(types.String)))
			if err != nil {
				return types.WrapErr(fmt.Errorf("days: %w", err))
			}
			return types.Int(n)
		})))
}

func plusDaysFunction() cel.EnvOption {
	return cel.Function("plus_days", cel.Overload("plus_days_string_int", []*cel.Type{cel.StringType, cel.IntType}, cel.StringType,
		cel.BinaryBinding(func(d, n ref.Val) ref.Val {
			const limit = 1_000_000 // days, some 2,700 years
			days := int64(n.(types.Int))
			if days < -limit || days > limit {
				return types.NewErr("plus_days: %d days are too many", days)
			}
			s, err := calendar.PlusDays(string(d.(types.String)), int(days))
			if err != nil {
				return types.WrapErr(fmt.Errorf("plus_days: %w", err))
			}
			return types.String(s)
		})))
}

func missingFunction() cel.EnvOption {
	list := cel.ListType(cel.StringType)
	return cel.Function("missing", cel.Overload("missing_list_list", []*cel.Type{list, list}, list,
		cel.BinaryBinding(func(a, b ref.Val) ref.Val {
			want, err := goStrings(a.(traits.Lister))
			if err != nil {
				return types.WrapErr(fmt.Errorf("missing: %w", err))
			}
			have, err := goStrings(b.(traits.Lister))
			if err != nil {
				return types.WrapErr(fmt.Errorf("missing: %w", err))
			}
			return stringList(lacking(want, have))
		})))
}
