package workflow

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var nameForm = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// reader turns the nodes of one file into Go values and notes every mistake with its place.
// It never stops at a mistake: what it cannot read it leaves out.
type reader struct {
	file     string
	lines    []string
	problems Problems
}

func (r *reader) pos(n *yaml.Node) Pos { return Pos{r.file, max(n.Line, 1), max(n.Column, 1)} }

func (r *reader) note(n *yaml.Node, code string, what, do Text) {
	r.problems.add(r.pos(n), code, what, do)
}

// mapping is a YAML mapping that is read key by key; done reports what nobody asked for.
type mapping struct {
	r      *reader
	node   *yaml.Node
	what   Text
	names  []string // in file order
	keys   map[string]*yaml.Node
	values map[string]*yaml.Node
	known  []string
}

// mapping reads n as a mapping, or notes that it is none and returns nil. what names the thing for messages.
func (r *reader) mapping(n *yaml.Node, what Text) *mapping {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.note(n, codeKind, phrase("%s%s", "%s is %s", what, kindName(n)), Text{"请写成键与值的映射", "write a mapping of keys to values"})
		return nil
	}
	m := &mapping{r: r, node: n, what: what, keys: map[string]*yaml.Node{}, values: map[string]*yaml.Node{}}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			r.note(k, codeKind, phrase("%s有一个键%s", "a key of %s is %s", what, kindName(k)), Text{"请写一个普通名称", "write a plain name"})
			continue
		}
		if first, ok := m.keys[k.Value]; ok {
			r.note(k, codeDuplicateKey, phrase("“%s”在%s里出现了两次，第一次在第 %d 行", "%q stands in %s twice, first on line %d", k.Value, what, first.Line),
				Text{"请删除一个，或改名", "remove one or rename it"})
			continue
		}
		m.names = append(m.names, k.Value)
		m.keys[k.Value], m.values[k.Value] = k, v
	}
	return m
}

func (m *mapping) has(key string) bool { return m.values[key] != nil }

// take returns the value of an optional key, or nil.
func (m *mapping) take(key string) *yaml.Node {
	m.known = append(m.known, key)
	return m.values[key]
}

// need returns the value of a key that must be there, or notes that it is missing.
func (m *mapping) need(key string) *yaml.Node {
	n := m.take(key)
	if n == nil {
		m.r.note(m.node, codeMissingKey, phrase("%s缺少“%s”", "%s has no %q", m.what, key), phrase("请加上 `%s:`", "add `%s:`", key))
	}
	return n
}

// done notes every key that was never asked for.
func (m *mapping) done() {
	slices.Sort(m.known)
	known := slices.Compact(m.known)
	for _, name := range m.names {
		if slices.Contains(known, name) {
			continue
		}
		m.r.note(m.keys[name], codeUnknownKey, phrase("%s有不认识的键“%s”", "%s has an unknown key %q", m.what, name),
			phrase("请删除，或用下列之一：%s", "remove it or use one of: %s", listed(known)))
	}
}

// named reads a mapping from names to things and calls read for each with its name and nodes.
func (r *reader) named(n *yaml.Node, what Text, read func(name string, key, value *yaml.Node)) {
	m := r.mapping(n, what)
	if m == nil {
		return
	}
	for _, name := range m.names {
		if !nameForm.MatchString(name) {
			r.note(m.keys[name], codeName, phrase("%[2]s里的“%[1]s”不是合规的名称", "%q is not a name in %s", name, what),
				Text{
					"请用小写加下划线的写法：a–z、0–9 和单个下划线，以字母开头",
					"write lower_snake_case: a–z, 0–9 and single underscores, a letter first",
				})
			continue
		}
		read(name, m.keys[name], m.values[name])
	}
}

// scalar returns the text of a plain or quoted value. nil nodes and nulls give "".
func (r *reader) scalar(n *yaml.Node, what Text) (string, bool) {
	if n == nil {
		return "", false
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!binary" || strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		r.note(n, codeKind, phrase("%s%s", "%s is %s", what, kindName(n)), Text{"请写单个值", "write a single value"})
		return "", false
	}
	if n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		r.note(n, codeKind, phrase("%s是空的", "%s is empty", what), Text{"请写一个值，或删除这个键", "write a value or remove the key"})
		return "", false
	}
	return n.Value, true
}

func (r *reader) str(n *yaml.Node, what Text) string {
	s, _ := r.scalar(n, what)
	return s
}

// name reads one name of something declared elsewhere.
func (r *reader) name(n *yaml.Node, what Text) string {
	s, ok := r.scalar(n, what)
	if ok && !nameForm.MatchString(s) {
		r.note(n, codeName, phrase("%s“%s”不是合规的名称", "%s %q is not a name", what, s), Text{"请用小写加下划线的写法", "write lower_snake_case"})
		return ""
	}
	return s
}

func (r *reader) boolean(n *yaml.Node, what Text) bool {
	s, ok := r.scalar(n, what)
	if !ok {
		return false
	}
	if n.Tag != "!!bool" {
		r.note(n, codeKind, phrase("%s是“%s”", "%s is %q", what, s), Text{"请写 true 或 false", "write true or false"})
		return false
	}
	return strings.EqualFold(s, "true")
}

func (r *reader) integer(n *yaml.Node, what Text, least int) int {
	s, ok := r.scalar(n, what)
	if !ok {
		return 0
	}
	i, err := strconv.Atoi(s)
	if n.Tag != "!!int" || err != nil {
		r.note(n, codeKind, phrase("%s是“%s”", "%s is %q", what, s), Text{"请写整数", "write a whole number"})
		return 0
	}
	if i < least {
		r.note(n, codeValue, phrase("%s是 %d", "%s is %d", what, i), phrase("请写不小于 %d 的数", "write %d or more", least))
	}
	return i
}

// choice reads one of a closed set of words.
func (r *reader) choice(n *yaml.Node, what Text, words ...string) string {
	s, ok := r.scalar(n, what)
	if ok && !slices.Contains(words, s) {
		r.note(n, codeChoice, phrase("%s是“%s”", "%s is %q", what, s), phrase("请写下列之一：%s", "write one of: %s", listed(words)))
		return ""
	}
	return s
}

// names reads a list of names, each once.
func (r *reader) names(n *yaml.Node, what Text) []string {
	var out []string
	for _, item := range r.sequence(n, what) {
		s := r.name(item, phrase("%s的一项", "an entry of %s", what))
		if s == "" {
			continue
		}
		if slices.Contains(out, s) {
			r.note(item, codeDuplicateName, phrase("“%s”在%s里出现了两次", "%q stands in %s twice", s, what), Text{"请删除一个", "remove one"})
			continue
		}
		out = append(out, s)
	}
	return out
}

func (r *reader) sequence(n *yaml.Node, what Text) []*yaml.Node {
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.note(n, codeKind, phrase("%s%s", "%s is %s", what, kindName(n)),
			Text{"请写成列表：用方括号，或每行以短横线开头", "write a list in square brackets or with dashes"})
		return nil
	}
	return n.Content
}

// text reads a sentence in both languages.
func (r *reader) text(n *yaml.Node, what Text) Text {
	m := r.mapping(n, what)
	if m == nil {
		return Text{}
	}
	t := Text{ZH: m.translation("zh"), EN: m.translation("en")}
	m.done()
	return t
}

// translation reads one language of a text.
func (m *mapping) translation(lang string) string {
	n := m.take(lang)
	switch {
	case n == nil:
		m.r.note(m.node, codeTranslation, phrase("%s缺少“%s”", "%s has no %q", m.what, lang), Text{"`zh:` 和 `en:` 都要写", "write both `zh:` and `en:`"})
	case n.Kind != yaml.ScalarNode:
		m.r.note(n, codeKind, phrase("%[2]s的“%[1]s”%[3]s", "%q of %s is %s", lang, m.what, kindName(n)), Text{"请写一句话", "write one sentence"})
	case n.Tag == "!!null" || strings.TrimSpace(n.Value) == "":
		m.r.note(n, codeTranslation, phrase("%[2]s的“%[1]s”是空的", "%q of %s is empty", lang, m.what), Text{"请写上这种语言的文字", "write the sentence in this language"})
	default:
		return n.Value
	}
	return ""
}

// kindName says what a node is; the Chinese brings its verb along.
func kindName(n *yaml.Node) Text {
	switch n.Kind {
	case yaml.MappingNode:
		return Text{"是映射", "a mapping"}
	case yaml.SequenceNode:
		return Text{"是列表", "a list"}
	case yaml.AliasNode:
		return Text{"是别名，而这种语言没有别名", "an alias, which the language does not have"}
	case yaml.ScalarNode:
		if n.Tag == "!!null" {
			return Text{"是空的", "empty"}
		}
		return Text{"是单个值", "a single value"}
	default:
		return Text{"无法读懂", "nothing that can be read"}
	}
}
