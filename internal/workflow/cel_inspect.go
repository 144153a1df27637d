package workflow

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// inspect looks at a checked expression for what types do not show, and notes which inputs it reads.
func (k *compiler) inspect(at *place, e *Expr, checked *cel.Ast) {
	tree := checked.NativeRep()
	asked := map[int64]bool{} // part and consent where they are asked for one entry
	inputs := map[string]bool{}
	where := func(n ast.Expr) Pos {
		loc := tree.SourceInfo().GetStartLocation(n.ID())
		return e.origin.at(loc.Line(), loc.Column())
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(n ast.Expr) {
		switch n.Kind() {
		case ast.StructKind:
			k.problems.add(where(n), codeCELType, phrase("表达式不能造出 %s", "an expression cannot make a %s", n.AsStruct().TypeName()),
				Text{"请用已有的值", "use a value that exists"})
		case ast.SelectKind:
			o := n.AsSelect().Operand()
			if o.Kind() == ast.IdentKind && o.AsIdent() == "input" {
				inputs[n.AsSelect().FieldName()] = true
			}
			if t := tree.GetType(o.ID()); k.reading != "" && t != nil {
				if w, agg := strings.CutSuffix(strings.TrimPrefix(t.TypeName(), "linli."), ".agg"); agg {
					k.reads[k.reading] = append(k.reads[k.reading], w+"."+n.AsSelect().FieldName())
				}
				if strings.HasSuffix(t.TypeName(), ".values") {
					k.problems.add(where(n), codeCELType, Text{
						"汇总不能读取事项计了哪些值：这些值会变，而事项本身不变",
						"an aggregate cannot read which values an item counts: they move without the item itself changing",
					},
						Text{"请用 item.agg 计数或求和，或读取 item.data", "count or sum them with item.agg, or read item.data"})
				}
			}
		case ast.CallKind:
			if f := n.AsCall().FunctionName(); f == operators.Index || f == operators.OptIndex {
				asked[n.AsCall().Args()[0].ID()] = true
			}
			if n.AsCall().FunctionName() == "dyn" {
				k.problems.add(where(n), codeCELType, Text{"dyn() 会抹掉检查所依据的类型", "dyn() takes the type away that the checks rely on"},
					Text{"请直接用原来的值", "use the value as it is"})
			}
			k.compared(at, tree, n.AsCall(), where)
		case ast.IdentKind:
			name := n.AsIdent()
			if (name == "part" || name == "consent") && !asked[n.ID()] {
				k.problems.add(where(n), codeCELType, phrase("%s 不能列举，也不能比较", "%s cannot be listed or compared", name), Text{
					"请只取一项：part[person]、consent[subject + '/' + kind]",
					"ask for one entry: part[person], consent[subject + '/' + kind]",
				})
			}
		}
	}))
	e.Inputs = sortedKeys(inputs)
}

// compared checks that a text which is compared with an enum, a state or a consent can be equal to it at all.
func (k *compiler) compared(at *place, tree *ast.AST, call ast.CallExpr, where func(ast.Expr) Pos) {
	var open, literals []ast.Expr
	args := call.Args()
	switch call.FunctionName() {
	case operators.Equals, operators.NotEquals:
		open, literals = args, args
	case operators.In:
		open = args
		literals = args[:1]
		if args[1].Kind() == ast.ListKind {
			literals = args[1].AsList().Elements()
		}
	default:
		return
	}
	for _, o := range open {
		words, what := k.words(at, tree, o)
		if words == nil {
			continue
		}
		for _, l := range literals {
			if s, ok := stringLiteral(l); ok && !slices.Contains(words, s) {
				k.problems.add(where(l), codeCELLiteral, phrase("%s不可能是“%s”", "%s is never %q", what, s), oneOf(words))
			}
		}
	}
}

func stringLiteral(n ast.Expr) (string, bool) {
	if n.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := n.AsLiteral().(types.String)
	return string(s), ok
}

// words lists the texts that an expression can give, where the definitions say so; nil where any text may come.
func (k *compiler) words(at *place, tree *ast.AST, n ast.Expr) ([]string, Text) {
	switch n.Kind() {
	case ast.IdentKind:
		if n.AsIdent() == "state" && at.def != nil && tree.GetType(n.ID()).IsExactType(types.StringType) {
			return stateNames(at.def), theState(at.def.Name)
		}
	case ast.SelectKind:
		s := n.AsSelect()
		return k.memberWords(tree.GetType(s.Operand().ID()), s.FieldName())
	case ast.CallKind:
		c := n.AsCall()
		switch c.FunctionName() {
		case "value":
			if c.IsMemberFunction() {
				return k.words(at, tree, c.Target())
			}
		case "orValue":
			words, what := k.words(at, tree, c.Target())
			if s, ok := stringLiteral(c.Args()[0]); ok && words != nil {
				words = append(slices.Clone(words), s)
			}
			return words, what
		case operators.Index:
			if a := c.Args()[0]; a.Kind() == ast.IdentKind && a.AsIdent() == "consent" {
				return []string{"given", "withdrawn", "refused", "unrecorded", "none"}, Text{"同意情况", "a consent"}
			}
		}
	}
	return nil, Text{}
}

func theState(workflow string) Text {
	return phrase("流程“%s”的状态", "the state of %s", workflow)
}

// memberWords lists the texts that a member of an object can hold.
func (k *compiler) memberWords(t *types.Type, field string) ([]string, Text) {
	if t == nil || t.Kind() != types.StructKind {
		return nil, Text{}
	}
	w, rest, _ := strings.Cut(strings.TrimPrefix(t.TypeName(), "linli."), ".")
	d := k.bundle.byName[w]
	if d == nil {
		return nil, Text{}
	}
	event, input := strings.CutSuffix(rest, ".input")
	switch {
	case rest == "" && field == "state":
		return stateNames(d), theState(w)
	case rest == "data":
		return enumNames(d.Field(field)), phrase("“%s”", "%s", field)
	case input:
		if e := d.Event(event); e != nil {
			if in := e.input(field); in != nil {
				return enumNames(&in.Field), phrase("“%s”", "%s", field)
			}
		}
	}
	return nil, Text{}
}

func stateNames(d *Definition) []string {
	out := make([]string, len(d.States))
	for n, s := range d.States {
		out[n] = s.Name
	}
	return out
}

func enumNames(f *Field) []string {
	if f == nil || f.Type != TypeEnum || f.Privacy.Sealed() {
		return nil
	}
	out := make([]string, len(f.Values))
	for n, v := range f.Values {
		out[n] = v.Name
	}
	return out
}

// literals checks the texts that an effect writes into an enum field.
func (k *compiler) literals(e *Expr, checked *cel.Ast, w want) {
	words := enumNames(w.field)
	if words == nil {
		return
	}
	tree := checked.NativeRep()
	for _, n := range outcomes(tree.Expr()) {
		if s, ok := stringLiteral(n); ok && !slices.Contains(words, s) {
			loc := tree.SourceInfo().GetStartLocation(n.ID())
			k.problems.add(e.origin.at(loc.Line(), loc.Column()), codeCELLiteral,
				phrase("“%s”不能是“%s”", "%s cannot be %q", w.field.Name, s), oneOf(words))
		}
	}
}

// outcomes are the expressions that may be the result: the branches of a choice, the members of a list.
func outcomes(n ast.Expr) []ast.Expr {
	switch n.Kind() {
	case ast.CallKind:
		c := n.AsCall()
		switch c.FunctionName() {
		case operators.Conditional:
			return append(outcomes(c.Args()[1]), outcomes(c.Args()[2])...)
		case "optional.of":
			return outcomes(c.Args()[0])
		}
	case ast.ListKind:
		return n.AsList().Elements()
	}
	return []ast.Expr{n}
}
