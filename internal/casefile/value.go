package casefile

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/linli/linli/internal/workflow"
)

var (
	yuanForm = regexp.MustCompile(`^(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?元$`)
	refForm  = regexp.MustCompile(`^[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*/\S+)?$`)
)

// Value is a value as the file gives it: one of its fields is set, or none for an empty value.
type Value struct {
	Text  string // what stands there, for a single value that is no reference
	Plain bool   // not in quotes: may be read as a number, as true or false, or as an amount such as 778.9元
	Ref   Ref    // $name
	List  []Value
	Map   []Pair
	Pos   workflow.Pos
}

// Pair is one entry of a group of values, such as {unrecorded: 原因}.
type Pair struct {
	Name  string
	Value Value
}

// Ref names an instance: "name", or "name/workflow/key" for one that a name has under it.
type Ref string

// Name is the symbolic name that the reference begins with.
func (r Ref) Name() string {
	head, _, _ := strings.Cut(string(r), "/")
	return head
}

// Path returns workflow and key of a reference to something under its name; both are "" for a bare name.
func (r Ref) Path() (wf, key string) {
	parts := strings.SplitN(string(r), "/", 3)
	if len(parts) < 3 {
		return "", ""
	}
	return parts[1], parts[2]
}

// value reads a value of a form.
func (r *reader) value(n *yaml.Node, what workflow.Text) Value {
	v := Value{Pos: r.pos(n)}
	switch n.Kind {
	case yaml.ScalarNode:
		r.single(n, &v, what)
	case yaml.SequenceNode:
		v.List = make([]Value, 0, len(n.Content))
		for _, c := range n.Content {
			if !r.empty(c) {
				v.List = append(v.List, r.value(c, what))
			}
		}
	case yaml.MappingNode:
		m := r.mapping(n, what)
		for _, k := range m.names {
			v.Map = append(v.Map, Pair{k, r.value(m.values[k], what)})
		}
	default:
		r.note(n, kindText(n, what), text("请写一个值", "write a value"))
	}
	return v
}

func (r *reader) single(n *yaml.Node, v *Value, what workflow.Text) {
	if r.empty(n) {
		return
	}
	v.Plain = n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if v.Plain && strings.HasPrefix(n.Value, "$") {
		v.Ref = r.ref(n, n.Value[1:], what)
		return
	}
	v.Text = n.Value
}

// ref reads a reference; a malformed one is noted and comes back empty.
func (r *reader) ref(n *yaml.Node, s string, what workflow.Text) Ref {
	if !refForm.MatchString(s) {
		r.note(n, bilingual("%s里的引用 %q 无效", "%s refers to %q, which is not a name", what, s),
			text("请写 $名称，或 $名称/流程/编号；如果就是文字，请加引号", "write $name or $name/workflow/key, or put the text in quotes"))
		return ""
	}
	return Ref(s)
}

// refs lists every reference in a value.
func (v Value) refs(yield func(Ref, workflow.Pos)) {
	if v.Ref != "" {
		yield(v.Ref, v.Pos)
	}
	for _, x := range v.List {
		x.refs(yield)
	}
	for _, p := range v.Map {
		p.Value.refs(yield)
	}
}

// plain turns a value into what the engine's forms take. id resolves references; field says what is expected, nil if unknown.
func (v Value) plain(field *workflow.Field, id func(Ref) string) any {
	switch {
	case v.Ref != "":
		return id(v.Ref)
	case v.List != nil:
		out := make([]any, 0, len(v.List))
		for _, x := range v.List {
			out = append(out, x.plain(field, id))
		}
		return out
	case v.Map != nil:
		out := make(map[string]any, len(v.Map))
		for _, p := range v.Map {
			out[p.Name] = p.Value.plain(nil, id)
		}
		return out
	case v.Text == "" && v.Plain, v.Text == "" && !v.Plain:
		return nil
	case !v.Plain:
		return v.Text
	default:
		return guess(v.Text, field)
	}
}

// guess reads an unquoted word the way the field wants it; where the field is unknown, numbers and truth values are taken as such.
func guess(s string, field *workflow.Field) any {
	kind := workflow.Type("")
	if field != nil {
		kind = field.Type
	}
	switch kind {
	case workflow.TypeInt, workflow.TypeMoney, workflow.TypeBool, "":
	case workflow.TypeEvidence:
		if s == "无" {
			return "none"
		}
		return s
	default:
		return s
	}
	if fen, ok := parseYuan(s); ok && (kind == workflow.TypeMoney || kind == "") {
		return fen
	}
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	if s == "true" || s == "false" {
		return s == "true"
	}
	return s
}

// parseYuan reads an amount such as 778.9元 as whole fen.
func parseYuan(s string) (int64, bool) {
	m := yuanForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	yuan, err := strconv.ParseInt(m[2], 10, 64)
	if err != nil || yuan > math.MaxInt64/100-1 {
		return 0, false
	}
	fen, _ := strconv.ParseInt((m[3] + "00")[:2], 10, 64)
	total := yuan*100 + fen
	if m[1] == "-" {
		total = -total
	}
	return total, true
}

// input reads a form: names with values.
func (r *reader) input(n *yaml.Node, what workflow.Text) []Input {
	m := r.mapping(n, what)
	if m == nil {
		return nil
	}
	out := make([]Input, 0, len(m.names))
	for _, k := range m.names {
		out = append(out, Input{Pos: r.pos(m.keys[k]), Name: k, Value: r.value(m.values[k], bilingual("%s的 %s", "%[1]s, %[2]s", what, k))})
	}
	return out
}

// takeInput removes a named entry from a form and returns its text.
func takeInput(in []Input, name string) ([]Input, *Input) {
	n := slices.IndexFunc(in, func(i Input) bool { return i.Name == name })
	if n < 0 {
		return in, nil
	}
	found := in[n]
	return slices.Delete(slices.Clone(in), n, n+1), &found
}
