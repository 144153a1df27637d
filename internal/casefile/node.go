package casefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/linli/linli/internal/workflow"
)

var (
	nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	yamlLine = regexp.MustCompile(`line (\d+)`)
)

// reader turns YAML nodes into the file's parts and notes every mistake with its place. It never stops at one.
type reader struct {
	file     string
	problems Problems
}

func (r *reader) pos(n *yaml.Node) workflow.Pos {
	return workflow.Pos{File: r.file, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}

func (r *reader) note(n *yaml.Node, what, do workflow.Text) { r.noteAt(r.pos(n), what, do) }

func (r *reader) noteAt(p workflow.Pos, what, do workflow.Text) {
	r.problems = append(r.problems, Problem{Pos: p, What: what, Do: do})
}

// parse reads the bytes as one YAML document; nil if that is impossible.
func (r *reader) parse(src []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(src))
	var doc yaml.Node
	top := workflow.Pos{File: r.file, Line: 1, Column: 1}
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.noteAt(top, text("文件是空的", "the file is empty"), text("请参照 docs/data-file.md 填写", "write it as docs/data-file.md shows"))
		return nil
	case err != nil:
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			top.Line, _ = strconv.Atoi(m[1])
		}
		r.noteAt(top, text("YAML 格式有误：%v", "this is not YAML: %v", err),
			text("请检查缩进、引号和冒号后的空格", "check the indentation, the quotes and the space after each colon"))
		return nil
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		r.note(&second, text("一个文件里有两份文档（---）", "the file holds a second document (---)"), text("请分成两个文件", "put it into a file of its own"))
	}
	return doc.Content[0]
}

// mapping is a YAML mapping read key by key; done reports what nobody asked for.
type mapping struct {
	r      *reader
	node   *yaml.Node
	what   workflow.Text
	names  []string
	keys   map[string]*yaml.Node
	values map[string]*yaml.Node
	known  []string
}

// mapping reads n as a mapping, or notes that it is none and returns nil.
func (r *reader) mapping(n *yaml.Node, what workflow.Text) *mapping {
	if n == nil || r.empty(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.note(n, kindText(n, what), text("请写成「名称: 内容」的形式", "write names with their values, one a line"))
		return nil
	}
	m := &mapping{r: r, node: n, what: what, keys: map[string]*yaml.Node{}, values: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			r.note(k, text("%s里的名称不是文字", "a key of %s is not a plain word", what.ZH), text("请写一个词", "write one word"))
			continue
		}
		if first, ok := m.keys[k.Value]; ok {
			r.note(k, bilingual("%s里 %q 写了两次，第一次在第 %d 行", "%[1]s has %[2]q twice, first on line %[3]d", what, k.Value, first.Line),
				text("请删去或改名", "remove one or rename it"))
			continue
		}
		m.names = append(m.names, k.Value)
		m.keys[k.Value], m.values[k.Value] = k, v
	}
	return m
}

// bilingual is a text whose first argument is itself a text.
func bilingual(zh, en string, first workflow.Text, rest ...any) workflow.Text {
	return workflow.Text{
		ZH: fmt.Sprintf(zh, append([]any{first.ZH}, rest...)...),
		EN: fmt.Sprintf(en, append([]any{first.EN}, rest...)...),
	}
}

func kindText(n *yaml.Node, what workflow.Text) workflow.Text {
	switch n.Kind {
	case yaml.MappingNode:
		return bilingual("%s写成了一组名称", "%s is a group of names and values", what)
	case yaml.SequenceNode:
		return bilingual("%s写成了列表", "%s is a list", what)
	case yaml.AliasNode:
		return bilingual("%s用了 YAML 的别名（*），这里不支持", "%s is an alias (*), which data files do not have", what)
	default:
		return bilingual("%s写成了单个值", "%s is a single value", what)
	}
}

// take returns the value of a key that may be missing.
func (m *mapping) take(key string) *yaml.Node {
	m.known = append(m.known, key)
	return m.values[key]
}

// need returns the value of a key, or notes that it is missing.
func (m *mapping) need(key string) *yaml.Node {
	n := m.take(key)
	if n == nil {
		m.r.note(m.node, bilingual("%s没有 %q", "%s has no %q", m.what, key), text("请加上 `%s:`", "add `%s:`", key))
	}
	return n
}

// done notes every key that was never asked for.
func (m *mapping) done() {
	slices.Sort(m.known)
	known := strings.Join(slices.Compact(m.known), ", ")
	for _, k := range m.names {
		if !slices.Contains(m.known, k) {
			m.r.note(m.keys[k], bilingual("%s里没有 %q 这一项", "%s has no key %q", m.what, k), text("请删去，或改为：%s", "remove it or use one of: %s", known))
		}
	}
}

// empty reports whether a node stands for nothing.
func (r *reader) empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// str returns the text of a single value; nil and empty give "".
func (r *reader) str(n *yaml.Node, what workflow.Text) string {
	if n == nil || r.empty(n) {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		r.note(n, kindText(n, what), text("请写一个值", "write a single value"))
		return ""
	}
	return n.Value
}

// name reads a symbolic name.
func (r *reader) name(n *yaml.Node, what workflow.Text) string {
	s := r.str(n, what)
	if s == "" {
		if n != nil && n.Kind == yaml.ScalarNode {
			r.note(n, bilingual("%s是空的", "%s is empty", what), text("请填写名称", "write a name"))
		}
		return ""
	}
	if !nameForm.MatchString(s) {
		r.note(n, bilingual("%s %q 不能作名称", "%s %q cannot be a name", what, s),
			text("请用小写字母、数字和下划线，以字母开头，如 fund_visit", "use lower-case letters, digits and underscores, a letter first, such as fund_visit"))
		return ""
	}
	return s
}

// list returns the entries of a list; a single value counts as a list of one.
func (r *reader) list(n *yaml.Node, what workflow.Text) []*yaml.Node {
	switch {
	case n == nil || r.empty(n):
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	case n.Kind == yaml.ScalarNode:
		return []*yaml.Node{n}
	default:
		r.note(n, kindText(n, what), text("请写成列表，如 [a, b]", "write a list such as [a, b]"))
		return nil
	}
}
