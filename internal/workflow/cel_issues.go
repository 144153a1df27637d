package workflow

import (
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
			k.problems.add(pos, codeCELSyntax, phrase("这不是正确的 CEL 表达式：%s", "this is not CEL: %s", syntaxError(said)),
				Text{"请核对括号、引号和运算符", "check brackets, quotes and operators"})
			continue
		}
		k.typeIssue(at, pos, said, find(parsed.NativeRep().Expr(), i.ExprID))
	}
}

// syntaxError shortens what the parser says.
func syntaxError(said string) Text {
	said = strings.TrimPrefix(said, "Syntax error: ")
	said, _, _ = strings.Cut(said, " expecting ")
	if strings.Contains(said, "<EOF>") {
		return Text{"表达式没有写完", "the expression ends too early"}
	}
	return phrase("%s（编译器原话）", "%s", said)
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
		k.problems.add(pos, codeCELType, phrase("这里没有“%s”", "%q is not known here", m[1]), k.undeclaredHelp(at, m[1]))
		return
	}
	if m := undefined.FindStringSubmatch(said); m != nil {
		k.undefinedField(at, pos, m[1], n)
		return
	}
	m := overload.FindStringSubmatch(said)
	switch {
	case m != nil && strings.Contains(m[2], sealedName):
		k.problems.add(pos, codeSealed, phrase("%s用在了个人信息或敏感信息上", "%s is used on a personal or sensitive value", operatorName(m[1])), onlyGiven())
	case strings.Contains(said, "optional_type"):
		what := phrase("类型不合，某个值可能未知（编译器原话：%s）", "%s", said)
		if m != nil {
			what = phrase("%s用在了可能未知的值上", "%s is used on a value that may be unknown", operatorName(m[1]))
		}
		k.problems.add(pos, codeCELOptional, what, Text{
			"请写 .orValue(…) 给出未知时的值，或先问 .hasValue() 再写 .value()",
			"write .orValue(…) with what holds when it is unknown, or first ask .hasValue() and then write .value()",
		})
	case m != nil:
		k.problems.add(pos, codeCELType, phrase("%s不能用于（%s）", "%s does not take (%s)", operatorName(m[1]), strings.Trim(m[2], "()")),
			Text{
				"请让两边类型相同，或用 string()、int()、timestamp() 转换",
				"make both sides of one type, or convert with string(), int() or timestamp()",
			})
	default:
		k.problems.add(pos, codeCELType, phrase("表达式的类型不合（编译器原话：%s）", "%s", said),
			Text{"请对照字段的类型核对表达式", "compare the expression with the types of its fields"})
	}
}

// operatorName writes _<=_ as <=.
func operatorName(s string) Text {
	switch s {
	case "_[_]":
		return Text{"下标“[ ]”", "the index [ ]"}
	case "_?_:_":
		return Text{"选择“? :”", "the choice ? :"}
	case "@in":
		return Text{"运算“in”", "in"}
	}
	return phrase("运算“%s”", "%s", strings.TrimSuffix(strings.Trim(s, "_"), "()"))
}

func (k *compiler) undeclaredHelp(at *place, name string) Text {
	switch name {
	case "parent":
		return phrase("只有上级流程唯一时才有 `parent`；%s 可以属于：%s",
			"`parent` is known only when there is exactly one workflow to live under; %s may live under: %s",
			k.def.Name, listed(k.bundle.parents[k.def.Name]))
	case "root":
		return phrase("只有根流程唯一时才有 `root`；%s 的根可以是：%s",
			"`root` is known only when there is exactly one kind of root; %s may have: %s", k.def.Name, listed(k.bundle.rootsOf(k.def.Name)))
	case "part":
		return Text{"请把 participation 流程加进来", "add the workflow participation to the set"}
	}
	return oneOf(slices.Sorted(maps.Keys(at.vars)))
}

// onlyGiven is the advice where an expression reads what it may not.
func onlyGiven() Text {
	return Text{"表达式只能看到它是否已填，请写 .given", "expressions see only whether it was given: write .given"}
}

// undefinedField says what the object before the dot does have.
func (k *compiler) undefinedField(at *place, pos Pos, name string, n ast.Expr) {
	what := phrase("这里没有“%s”", "there is no %q here", name)
	if n == nil || n.Kind() != ast.SelectKind {
		k.problems.add(pos, codeCELType, what, Text{"请核对名称", "check the name"})
		return
	}
	t := k.typeOf(at, n.AsSelect().Operand())
	switch {
	case t == nil:
		k.problems.add(pos, codeCELType, what, Text{"请核对名称", "check the name"})
	case isOptional(t):
		k.problems.add(pos, codeCELOptional, phrase("向可能未知的值取“%s”", "%q is asked of a value that may be unknown", name),
			phrase("请先问 .hasValue()，再写 .value().%s", "first ask .hasValue(), then write .value().%s", name))
	case t.TypeName() == sealedName:
		k.problems.add(pos, codeSealed, phrase("向个人信息或敏感信息取“%s”", "%q is asked of a personal or sensitive value", name), onlyGiven())
	case k.unread && strings.HasSuffix(t.TypeName(), ".ref"):
	default:
		k.problems.add(pos, codeCELType, phrase("%s 没有“%s”", "%s has no %q", t.TypeName(), name), oneOf(k.set.memberNames(t.TypeName())))
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
