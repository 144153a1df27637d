package casefile

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/linli/linli/internal/workflow"
)

// placeholder is <column> in a step that is written once for many rows.
var placeholder = regexp.MustCompile(`<([a-z][a-z0-9_]*)>`)

// table is a list of rows with named columns: a registry section, an entry of `lists`, or what stands behind `each`.
type table struct {
	columns []string
	rows    []row
}

// row is one row: the cells by column. A missing cell is empty.
type row struct {
	node  *yaml.Node
	cells map[string]*yaml.Node
}

// columnAs is the column that names the row.
const columnAs = "as"

// columnIt is the only column of a simple list.
const columnIt = "it"

// isTable reports whether a mapping is written as a table.
func isTable(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == "columns" {
			return true
		}
	}
	return false
}

// table reads {columns: […], rows: [[…], …]}, a simple list, or a mapping of names to {column: value}.
func (r *reader) table(n *yaml.Node, what workflow.Text) *table {
	switch {
	case n == nil || r.empty(n):
		return nil
	case n.Kind == yaml.SequenceNode:
		return r.simpleTable(n)
	case isTable(n):
		return r.columnTable(n, what)
	default:
		return r.namedTable(n, what)
	}
}

func (r *reader) simpleTable(n *yaml.Node) *table {
	t := &table{columns: []string{columnIt}}
	for _, c := range n.Content {
		if c.Kind == yaml.MappingNode {
			t.rows = append(t.rows, r.mappedRow(t, c))
			continue
		}
		t.rows = append(t.rows, row{c, map[string]*yaml.Node{columnIt: c}})
	}
	return t
}

// mappedRow reads {column: value, …} as a row and adds its columns to the table's.
func (r *reader) mappedRow(t *table, n *yaml.Node) row {
	m := r.mapping(n, text("这一行", "this row"))
	out := row{n, map[string]*yaml.Node{}}
	if m == nil {
		return out
	}
	for _, k := range m.names {
		out.cells[k] = m.values[k]
		if !slices.Contains(t.columns, k) {
			t.columns = append(t.columns, k)
		}
	}
	return out
}

func (r *reader) columnTable(n *yaml.Node, what workflow.Text) *table {
	m := r.mapping(n, what)
	t := &table{}
	for _, c := range r.list(m.need("columns"), text("columns", "columns")) {
		name := r.name(c, text("列名", "the column"))
		if slices.Contains(t.columns, name) {
			r.note(c, text("列 %q 写了两次", "the column %q stands there twice", name), text("请删去或改名", "remove one or rename it"))
		}
		t.columns = append(t.columns, name)
	}
	for _, c := range r.list(m.need("rows"), text("rows", "rows")) {
		t.rows = append(t.rows, r.columnRow(t, c))
	}
	m.done()
	return t
}

func (r *reader) columnRow(t *table, n *yaml.Node) row {
	out := row{n, map[string]*yaml.Node{}}
	cells := r.list(n, text("这一行", "this row"))
	if len(cells) != len(t.columns) {
		r.note(n, text("这一行有 %d 格，表头有 %d 列", "this row has %d cells, the table has %d columns", len(cells), len(t.columns)),
			text("请补齐；没有的写 ~", "write ~ for a cell that is empty"))
	}
	for i, c := range cells {
		if i < len(t.columns) {
			out.cells[t.columns[i]] = c
		}
	}
	return out
}

func (r *reader) namedTable(n *yaml.Node, what workflow.Text) *table {
	m := r.mapping(n, what)
	if m == nil {
		return nil
	}
	t := &table{columns: []string{columnAs}}
	for _, k := range m.names {
		one := r.mappedRow(t, m.values[k])
		one.cells[columnAs] = m.keys[k]
		if one.node.Kind == yaml.ScalarNode {
			one.node = m.keys[k]
		}
		t.rows = append(t.rows, one)
	}
	return t
}

// where keeps the rows whose cells have the given values.
func (r *reader) where(t *table, n *yaml.Node) []row {
	m := r.mapping(n, text("where", "where"))
	if m == nil {
		return t.rows
	}
	var out []row
	for _, x := range t.rows {
		keep := true
		for _, k := range m.names {
			if !slices.Contains(t.columns, k) {
				r.noColumn(m.keys[k], k, t)
			}
			keep = keep && slices.ContainsFunc(r.list(m.values[k], text("where", "where")), func(v *yaml.Node) bool { return cell(x, k) == v.Value })
		}
		if keep {
			out = append(out, x)
		}
	}
	return out
}

func cell(x row, column string) string {
	if c := x.cells[column]; c != nil && c.Kind == yaml.ScalarNode {
		return c.Value
	}
	return ""
}

func (r *reader) noColumn(n *yaml.Node, column string, t *table) {
	r.note(n, text("表里没有 %q 这一列", "the table has no column %q", column), text("可用的列：%[1]s", "its columns are: %[1]s", strings.Join(t.columns, ", ")))
}

// columnsKnown reports whether a template names only columns that the table has, and notes those that it does not have.
func (r *reader) columnsKnown(n *yaml.Node, t *table) bool {
	ok := true
	if n.Kind == yaml.ScalarNode {
		for _, f := range placeholder.FindAllStringSubmatch(n.Value, -1) {
			if !slices.Contains(t.columns, f[1]) {
				r.noColumn(n, f[1], t)
				ok = false
			}
		}
	}
	for _, c := range n.Content {
		ok = r.columnsKnown(c, t) && ok
	}
	return ok
}

// fill copies a template with <column> replaced by the row's cells. What is left empty by that is left out.
func (r *reader) fill(n *yaml.Node, x row) *yaml.Node {
	switch n.Kind {
	case yaml.ScalarNode:
		return r.fillScalar(n, x)
	case yaml.SequenceNode:
		out := *n
		out.Content = nil
		for _, c := range n.Content {
			if f := r.fill(c, x); f != nil {
				out.Content = append(out.Content, f)
			}
		}
		return &out
	case yaml.MappingNode:
		out := *n
		out.Content = nil
		for i := 0; i+1 < len(n.Content); i += 2 {
			if f := r.fill(n.Content[i+1], x); f != nil {
				out.Content = append(out.Content, n.Content[i], f)
			}
		}
		return &out
	default:
		return n
	}
}

// fillScalar replaces a cell as a whole where nothing else stands beside it, and as text otherwise.
func (r *reader) fillScalar(n *yaml.Node, x row) *yaml.Node {
	found := placeholder.FindAllStringSubmatch(n.Value, -1)
	if found == nil {
		return n
	}
	if found[0][0] == n.Value {
		c := x.cells[found[0][1]]
		if c == nil || r.empty(c) {
			return nil
		}
		return c
	}
	out := *n
	out.Value = placeholder.ReplaceAllStringFunc(n.Value, func(s string) string { return cell(x, s[1:len(s)-1]) })
	return &out
}
