package workflow

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// bounded reports whether the work of an expression is limited by its length and by the values that it reads: it does not walk a list,
// and calls nothing that could make a value larger than its arguments together. Whatever is not known to be so is counted.
func bounded(checked *cel.Ast) bool {
	ok := true
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(n ast.Expr) {
		switch n.Kind() {
		case ast.ComprehensionKind:
			ok = false
		case ast.CallKind:
			ok = ok && singlePass(n.AsCall())
		}
	}))
	return ok
}

// singlePass reports whether a call looks at each of its arguments at most once. A separator is repeated, so it must be written out.
func singlePass(call ast.CallExpr) bool {
	switch call.FunctionName() {
	case "join":
		return len(call.Args()) == 0 || call.Args()[0].Kind() == ast.LiteralKind
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional,
		operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		operators.Add, operators.Subtract, operators.Negate, operators.In, operators.Index, operators.OptIndex, operators.OptSelect,
		"hasValue", "value", "orValue", "or", "optional.of", "optional.none",
		"size", "startsWith", "endsWith", "contains", "substring",
		"starts", "money", "days", "plus_days", "missing":
		return true
	default:
		return false
	}
}
