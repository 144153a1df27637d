package workflow

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	undefined  = regexp.MustCompile(`^undefined field '([^']*)'`)
	overload   = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
)

// issues turns what the CEL compiler says into problems.
func (k *compiler) issues(at *place, e *Expr, issues *cel.Issues) {
	parsed, bad := at.env.Parse(e.Source)
	syntax := bad.Err() != nil
	for _, i := range issues.Errors() {
		pos := e.origin.at(i.Location.Line(), i.Location.Column())
		said := strings.Join(strings.Fields(i.Message), " ")
		if syntax {
			k.problems.add(pos, codeCELSyntax, "this is not CEL: "+syntaxError(said), "check brackets, quotes and operators")
			continue
		}
		k.typeIssue(at, pos, said, find(parsed.NativeRep().Expr(), i.ExprID))
	}
}

// syntaxError shortens what the parser says.
func syntaxError(said string) string {
	said = strings.TrimPrefix(said, "Syntax error: ")
	said, _, _ = strings.Cut(said, " expecting ")
	if strings.Contains(said, "<EOF>") {
		return "the expression ends too early"
	}
	return said
}

func find(root ast.Expr, id int64) ast.Expr {
	var out ast.Expr
	ast.PreOrderVisit(root, ast.NewExprVisitor(func(n ast.Expr) {
		if n.ID() == id {
			out = n
		}
	}))
	return out
}

// typeIssue words one mistake of types.
func (k *compiler) typeIssue(at *place, pos Pos, said string, n ast.Expr) {
	if m := undeclared.FindStringSubmatch(said); m != nil {
		if k.unread && slices.Contains([]string{"parent", "root", "part"}, m[1]) {
			return // the file that would say may be the one that cannot be read
		}
		k.problems.add(pos, codeCELType, fmt.Sprintf("%q is not known here", m[1]), k.undeclaredHelp(at, m[1]))
		return
	}
	if m := undefined.FindStringSubmatch(said); m != nil {
		k.undefinedField(at, pos, m[1], n)
		return
	}
	m := overload.FindStringSubmatch(said)
	switch {
	case m != nil && strings.Contains(m[2], sealedName):
		k.problems.add(pos, codeSealed, fmt.Sprintf("%s is used on a personal or sensitive value", operatorName(m[1])), "expressions see only whether it was given: write .given")
	case strings.Contains(said, "optional_type"):
		what := said
		if m != nil {
			what = fmt.Sprintf("%s is used on a value that may be unknown", operatorName(m[1]))
		}
		k.problems.add(pos, codeCELOptional, what, "write .orValue(…) with what holds when it is unknown, or first ask .hasValue() and then write .value()")
	case m != nil:
		k.problems.add(pos, codeCELType, fmt.Sprintf("%s does not take (%s)", operatorName(m[1]), strings.Trim(m[2], "()")), "make both sides of one type, or convert with string(), int() or timestamp()")
	default:
		k.problems.add(pos, codeCELType, said, "compare the expression with the types of its fields")
	}
}

// operatorName writes _<=_ as <=.
func operatorName(s string) string {
	switch s {
	case "_[_]":
		return "the index [ ]"
	case "_?_:_":
		return "the choice ? :"
	case "@in":
		return "in"
	}
	return strings.TrimSuffix(strings.Trim(s, "_"), "()")
}

func (k *compiler) undeclaredHelp(at *place, name string) string {
	switch name {
	case "parent":
		return fmt.Sprintf("`parent` is known only when there is exactly one workflow to live under; %s may live under: %s",
			k.def.Name, listed(k.bundle.parents[k.def.Name]))
	case "root":
		return fmt.Sprintf("`root` is known only when there is exactly one kind of root; %s may have: %s", k.def.Name, listed(k.bundle.rootsOf(k.def.Name)))
	case "part":
		return "add the workflow participation to the set"
	}
	return "use one of: " + strings.Join(slices.Sorted(maps.Keys(at.vars)), ", ")
}

func listed(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// undefinedField says what the object before the dot does have.
func (k *compiler) undefinedField(at *place, pos Pos, name string, n ast.Expr) {
	what := fmt.Sprintf("there is no %q here", name)
	if n == nil || n.Kind() != ast.SelectKind {
		k.problems.add(pos, codeCELType, what, "check the name")
		return
	}
	t := k.typeOf(at, n.AsSelect().Operand())
	switch {
	case t == nil:
		k.problems.add(pos, codeCELType, what, "check the name")
	case isOptional(t):
		k.problems.add(pos, codeCELOptional, fmt.Sprintf("%q is asked of a value that may be unknown", name), "first ask .hasValue(), then write .value()."+name)
	case t.TypeName() == sealedName:
		k.problems.add(pos, codeSealed, fmt.Sprintf("%q is asked of a personal or sensitive value", name), "expressions see only whether it was given: write .given")
	case k.unread && strings.HasSuffix(t.TypeName(), ".ref"):
	default:
		k.problems.add(pos, codeCELType, fmt.Sprintf("%s has no %q", t.TypeName(), name), "use one of: "+listed(k.set.memberNames(t.TypeName())))
	}
}

// typeOf is the type of a plain path such as data.x or parent.data, as far as it can be told without a whole check; else nil.
func (k *compiler) typeOf(at *place, n ast.Expr) *types.Type {
	switch n.Kind() {
	case ast.IdentKind:
		return at.vars[n.AsIdent()]
	case ast.SelectKind:
		t := k.typeOf(at, n.AsSelect().Operand())
		if t == nil {
			return nil
		}
		if f, ok := k.set.FindStructFieldType(t.TypeName(), n.AsSelect().FieldName()); ok {
			return f.Type
		}
	case ast.CallKind:
		c := n.AsCall()
		if c.FunctionName() == "value" && c.IsMemberFunction() {
			if t := k.typeOf(at, c.Target()); t != nil && isOptional(t) {
				return t.Parameters()[0]
			}
		}
		if c.FunctionName() == "_[_]" {
			if t := k.typeOf(at, c.Args()[0]); t != nil && t.Kind() == types.MapKind {
				return t.Parameters()[1]
			}
		}
	}
	return nil
}
