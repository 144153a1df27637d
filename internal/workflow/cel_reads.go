package workflow

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// reads is what an expression looks at of one instance: `item` in an aggregate, and elsewhere the instance in hand. Where none of it
// changed, the expression gives what it gave before.
type reads struct {
	fields     []string
	aggregates []string
	state      bool
	more       bool // something else too: another instance, the time, or all fields at once
}

// readsOf finds out what a checked expression looks at. Whatever it does not know counts as something else.
func readsOf(checked *cel.Ast, vars map[string]*types.Type) reads {
	var r reads
	known := map[int64]bool{} // what was seen as the beginning of a longer path
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(n ast.Expr) {
		if known[n.ID()] {
			return
		}
		switch path, nodes := pathOf(n); {
		case len(path) == 0:
		case path[0] == "item" && len(path) > 1:
			mark(known, nodes)
			r.note(path[1:])
		case path[0] == "data" || path[0] == "agg" || path[0] == "state" || path[0] == "id" || path[0] == "key":
			mark(known, nodes)
			r.note(path)
		case path[0] == clockVariable || vars[path[0]] != nil:
			r.more = true // anything else with a name; what is left are the variables of loops
		}
	}))
	return r
}

func (r *reads) note(path []string) {
	switch {
	case path[0] == "id" || path[0] == "key":
		// They never change.
	case path[0] == "state":
		r.state = true
	case path[0] == "data" && len(path) > 1:
		r.fields = append(r.fields, path[1])
	case path[0] == "agg" && len(path) > 1:
		r.aggregates = append(r.aggregates, path[1])
	default:
		r.more = true
	}
}

// pathOf is the name that an expression such as item.data.amount consists of, and its nodes; nothing for any other expression.
func pathOf(n ast.Expr) (path []string, nodes []int64) {
	for {
		nodes = append(nodes, n.ID())
		switch n.Kind() {
		case ast.IdentKind:
			path = append(path, n.AsIdent())
			slices.Reverse(path)
			return path, nodes
		case ast.SelectKind:
			path = append(path, n.AsSelect().FieldName())
			n = n.AsSelect().Operand()
		default:
			return nil, nil
		}
	}
}

func mark(known map[int64]bool, nodes []int64) {
	for _, id := range nodes {
		known[id] = true
	}
}

// moved reports whether an expression may give something else after a change. An expression that is not there gives nothing either time.
func (e *Expr) moved(before, after *Instance) bool {
	if e == nil {
		return false
	}
	r := &e.program.reads
	if r.more || r.state && before.State != after.State {
		return true
	}
	if !sameMap(before.Body.Data, after.Body.Data) {
		for _, f := range r.fields {
			if !Equal(before.Body.Data[f], after.Body.Data[f]) {
				return true
			}
		}
	}
	if !sameMap(before.Body.Aggregates, after.Body.Aggregates) {
		for _, a := range r.aggregates {
			if before.Body.Aggregates[a] != after.Body.Aggregates[a] {
				return true
			}
		}
	}
	return false
}
