package workflow

import (
	"errors"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// languageVersion is the version of the definition language that this package reads.
const languageVersion = 1

var (
	yamlErrorLine  = regexp.MustCompile(`^yaml: (?:unmarshal errors:\s+)?line (\d+): `)
	yamlParserSays = regexp.MustCompile(`^did not find expected (<document start>|node content|'-' indicator|key|',' or)`)
)

// draft is a definition that is still being checked, with the places of the names that it uses.
type draft struct {
	reader
	def   *Definition
	name  string // also known when the file itself cannot be read
	ok    bool   // the file could be read at least as YAML
	part  bool   // some state or event could not be read, so that the machine cannot be judged
	marks map[string]Pos
}

// mark remembers where something stands.
func (d *draft) mark(n *yaml.Node, names ...string) { d.marks[strings.Join(names, "/")] = d.pos(n) }

// at is the place of something that was marked, or else of the nearest thing around it.
func (d *draft) at(names ...string) Pos {
	for n := len(names); n > 0; n-- {
		if p, ok := d.marks[strings.Join(names[:n], "/")]; ok {
			return p
		}
	}
	return d.def.Pos
}

// names reads a list of names and marks each.
func (d *draft) markedNames(n *yaml.Node, what Text, where ...string) []string {
	out := d.names(n, what)
	if n == nil {
		return out
	}
	d.mark(n, where...)
	for _, item := range n.Content {
		d.mark(item, append(append([]string{}, where...), item.Value)...)
	}
	return out
}

func (d *draft) markedName(n *yaml.Node, what Text, where ...string) string {
	if n == nil {
		return ""
	}
	d.mark(n, where...)
	return d.reader.name(n, what)
}

// decode reads one file. The draft is never nil; its problems say what could not be read.
func decode(file string, content []byte) *draft {
	base := path.Base(file)
	d := &draft{
		reader: reader{file: file, lines: strings.Split(string(content), "\n")},
		name:   strings.TrimSuffix(base, path.Ext(base)),
		marks:  map[string]Pos{},
	}
	d.def = &Definition{Name: d.name, Pos: Pos{file, 1, 1}}
	if root := d.parse(content); root != nil {
		d.ok = true
		d.definition(root)
	}
	return d
}

// parse reads the YAML of one file, which must be exactly one document.
func (d *draft) parse(content []byte) *yaml.Node {
	top := Pos{d.file, 1, 1}
	if !validText(content) {
		d.problems.add(top, codeYAML, Text{"文件不是 UTF-8 文本", "the file is not UTF-8 text"}, Text{"请另存为 UTF-8", "save it as UTF-8"})
		return nil
	}
	dec := yaml.NewDecoder(strings.NewReader(string(content)))
	var doc, second yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		d.problems.add(top, codeYAML, Text{"文件是空的", "the file is empty"}, Text{"请写上定义，或删除文件", "write a definition or remove the file"})
		return nil
	}
	if err == nil {
		if err = dec.Decode(&second); err == nil {
			d.note(&second, codeYAML, Text{"文件里有第二个 YAML 文档", "the file holds a second document"},
				Text{"一个文件只写一个定义", "write one definition a file"})
			return doc.Content[0]
		}
		if errors.Is(err, io.EOF) {
			return doc.Content[0]
		}
	}
	d.notYAML(err)
	return nil
}

// notYAML notes what the YAML reader says. Its parser, unlike its scanner, counts lines from 0.
func (d *draft) notYAML(err error) {
	pos := Pos{d.file, 1, 1}
	said := err.Error()
	if m := yamlErrorLine.FindStringSubmatch(said); m != nil {
		said = said[len(m[0]):]
		if line, err := strconv.Atoi(m[1]); err == nil && line > 0 {
			pos.Line = line
			if yamlParserSays.MatchString(said) {
				pos.Line++
			}
		}
	}
	said = strings.TrimPrefix(said, "yaml: ")
	d.problems.add(pos, codeYAML, phrase("这不是正确的 YAML（解析器报告：%s）", "this is not YAML: %s", said),
		Text{"请从这一行起核对缩进、引号和括号", "check indentation, quotes and brackets from this line on"})
}

// definition reads the whole document.
func (d *draft) definition(root *yaml.Node) {
	def := d.def
	def.Pos = d.pos(root)
	m := d.mapping(root, Text{"流程定义", "the definition"})
	if m == nil {
		return
	}
	if n := m.need("language"); n != nil {
		if v := d.integer(n, word("language"), 1); v != languageVersion && v != 0 {
			d.note(n, codeLanguage, phrase("不认识第 %d 版定义语言", "language %d is not known here", v), phrase("请写 `language: %d`", "write `language: %d`", languageVersion))
		}
	}
	d.workflowName(m.need("workflow"))
	d.level(m.need("level"))
	if def.Title = d.text(m.need("title"), word("title")); m.has("about") {
		def.About = d.text(m.take("about"), word("about"))
	}
	m.take("about")
	if n := m.take("key"); n != nil {
		def.Key = d.expr(n, word("key"))
	}
	def.Subject = d.markedName(m.take("subject"), word("subject"), "subject")
	d.fields(m.take("fields"))
	d.sections(m.take("sections"))
	d.slots(m.take("slots"))
	d.needs(m.take("needs"))
	def.Items = d.markedNames(m.take("items"), word("items"), "items")
	d.aggregates(m.take("aggregates"))
	d.always(m.take("always"))
	if n := m.take("fixed"); n != nil {
		d.mark(n, "fixed")
		def.Fixed = d.boolean(n, word("fixed"))
	}
	def.Initial = d.markedName(m.need("initial"), word("initial"), "initial")
	d.states(m.need("states"))
	d.events(m.take("events"))
	d.timers(m.take("timers"))
	d.reminders(m.take("reminders"))
	d.options(m)
	m.done()
}

// workflowName checks that the definition is called as its file is.
func (d *draft) workflowName(n *yaml.Node) {
	name := d.markedName(n, word("workflow"), "workflow")
	if name == "" {
		return
	}
	if name != d.name {
		d.note(n, codeFileName, phrase("流程名为“%s”，文件名却是“%s”", "the workflow is called %q but its file %q", name, path.Base(d.file)),
			phrase("请让两者相同：%[1]s/%[1]s.yaml", "call both the same: %[1]s/%[1]s.yaml", name))
	}
	d.name, d.def.Name = name, name
}

func (d *draft) level(n *yaml.Node) {
	if n == nil {
		return
	}
	d.mark(n, "level")
	d.def.Level = Level(d.choice(n, word("level"), string(LevelCommunity), string(LevelProgramme), string(LevelActivity), string(LevelItem)))
}

func (d *draft) sections(n *yaml.Node) {
	d.named(n, word("sections"), func(name string, key, value *yaml.Node) {
		s := &Section{Pos: d.pos(key), Name: name}
		if m := d.mapping(value, phrase("章节“%s”", "section %s", name)); m != nil {
			s.Title = d.text(m.need("title"), partOf(m.what, "title"))
			m.done()
		}
		d.def.Sections = append(d.def.Sections, s)
	})
}

func (d *draft) slots(n *yaml.Node) {
	d.named(n, word("slots"), func(name string, key, value *yaml.Node) {
		s := &Slot{Pos: d.pos(key), Name: name}
		what := phrase("活动位置“%s”", "slot %s", name)
		if m := d.mapping(value, what); m != nil {
			s.Workflow = d.markedName(m.need("workflow"), partOf(what, "workflow"), "slot", name, "workflow")
			if v := m.take("min"); v != nil {
				s.Min = d.integer(v, partOf(what, "min"), 0)
			}
			if v := m.take("max"); v != nil {
				if s.Max = d.integer(v, partOf(what, "max"), 0); s.Max != 0 && s.Max < s.Min {
					d.note(v, codeValue, phrase("%s最多允许 %d 个，却至少需要 %d 个", "%s allows at most %d but needs %d", what, s.Max, s.Min),
						Text{"请调高 max，或写 0 表示不限", "raise max, or write 0 for any number"})
				}
			}
			s.Title = d.text(m.need("title"), partOf(what, "title"))
			m.done()
		}
		d.def.Slots = append(d.def.Slots, s)
	})
}

func (d *draft) needs(n *yaml.Node) {
	d.named(n, word("needs"), func(name string, key, value *yaml.Node) {
		need := &Need{Pos: d.pos(key), Name: name}
		what := phrase("先后要求“%s”", "need %s", name)
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		if v := m.need("event"); v != nil {
			d.mark(v, "need", name, "event")
			need.Slot, need.Event = d.slotEvent(v, what)
		}
		need.On = d.markedName(m.need("on"), partOf(what, "on"), "need", name, "on")
		need.Milestone = d.markedName(m.need("milestone"), partOf(what, "milestone"), "need", name, "milestone")
		need.Which = Which(d.choice(m.need("which"), partOf(what, "which"), string(WhichAll), string(WhichAny), string(WhichNamed)))
		need.Field = d.markedName(m.take("field"), partOf(what, "field"), "need", name, "field")
		if (need.Which == WhichNamed) != (need.Field != "") && need.Which != "" {
			d.note(m.node, codeMissingKey, phrase("%s的 `which: named` 与 `field:` 要么都写，要么都不写", "%s must have `which: named` and `field:` together or not at all", what),
				Text{
					"请写出存放活动的字段，或写 `which: all`、`any` 而不写 `field`",
					"name the field that holds the activities, or write `which: all` or `any` without `field`",
				})
		}
		if v := m.take("where"); v != nil {
			need.Where = d.expr(v, partOf(what, "where"))
		}
		if v := m.take("else"); v != nil {
			need.Else = d.text(v, partOf(what, "else"))
		}
		need.Waivable = d.flag(m, "waivable") || !m.has("waivable")
		m.done()
		d.def.Needs = append(d.def.Needs, need)
	})
}

// slotEvent reads "slot.event" or "event".
func (d *draft) slotEvent(n *yaml.Node, what Text) (slot, event string) {
	s, ok := d.scalar(n, partOf(what, "event"))
	if !ok {
		return "", ""
	}
	slot, event, dotted := strings.Cut(s, ".")
	if !dotted {
		slot, event = "", s
	}
	if !nameForm.MatchString(event) || dotted && !nameForm.MatchString(slot) {
		d.note(n, codeName, phrase("%s是“%s”", "%s is %q", partOf(what, "event"), s),
			Text{"请写“位置.事件”，或本项目的一个事件", "write slot.event, or the name of an event of this programme"})
		return "", ""
	}
	return slot, event
}

// flag reads an optional true or false; absent means false.
func (d *draft) flag(m *mapping, key string) bool {
	if n := m.take(key); n != nil {
		return d.boolean(n, partOf(m.what, key))
	}
	return false
}

func (d *draft) aggregates(n *yaml.Node) {
	d.named(n, word("aggregates"), func(name string, key, value *yaml.Node) {
		a := &Aggregate{Pos: d.pos(key), Name: name}
		what := phrase("汇总“%s”", "aggregate %s", name)
		d.goodMember(key, name, what)
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		d.aggregateKind(m, a)
		a.Of = d.markedName(m.need("of"), partOf(what, "of"), "aggregate", name, "of")
		a.Via = d.markedName(m.take("via"), partOf(what, "via"), "aggregate", name, "via")
		if v := m.take("where"); v != nil {
			a.Where = d.expr(v, partOf(what, "where"))
		}
		a.In = d.markedNames(m.take("in"), partOf(what, "in"), "aggregate", name, "in")
		a.Title = d.text(m.need("title"), partOf(what, "title"))
		m.done()
		d.def.Aggregates = append(d.def.Aggregates, a)
	})
}

// aggregateKind reads which one of sum, count and distinct it is.
func (d *draft) aggregateKind(m *mapping, a *Aggregate) {
	given := 0
	for _, kind := range []AggregateKind{AggregateSum, AggregateCount, AggregateDistinct} {
		v := m.take(string(kind))
		if v == nil {
			continue
		}
		given++
		a.Kind = kind
		if kind != AggregateCount {
			a.Value = d.expr(v, partOf(m.what, string(kind)))
		} else if !d.boolean(v, partOf(m.what, "count")) && v.Kind == yaml.ScalarNode && v.Tag == "!!bool" {
			d.note(v, codeValue, phrase("%s是 false", "%s is false", partOf(m.what, "count")), Text{"请写 `count: true`、sum 或 distinct", "write `count: true`, sum or distinct"})
		}
	}
	if given != 1 {
		d.note(m.node, codeMissingKey, phrase("%s须恰好写 sum、count、distinct 之一", "%s has not exactly one of sum, count and distinct", m.what),
			Text{"请写 `sum: CEL`、`count: true`、`distinct: CEL` 之一", "write one of `sum: CEL`, `count: true`, `distinct: CEL`"})
	}
}
