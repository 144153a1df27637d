package casefile

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/linli/linli/internal/calendar"
	"github.com/linli/linli/internal/workflow"
)

// Load reads a data file. name is what stands in front of line numbers in messages. Every mistake that can be seen
// without playing the file is reported at once; the file is nil then. What needs the definitions is checked by Check.
func Load(name string, src []byte) (*File, Problems) {
	l := &loader{reader: reader{file: name}, f: &File{Name: name, Zone: time.UTC}, lists: map[string]*table{}}
	if doc := l.parse(src); doc != nil {
		l.document(doc)
	}
	l.finish()
	if len(l.problems) > 0 {
		return nil, l.problems.sorted()
	}
	return l.f, nil
}

// loader builds a File from one document.
type loader struct {
	reader
	f       *File
	lists   map[string]*table
	inherit time.Time    // the clock of the step before
	setAt   workflow.Pos // where that clock was set
}

// sections are the parts of the registry: key of the file → workflow of its entries, in the order in which they are created.
var sections = []struct{ key, workflow string }{
	{"blocks", "block"}, {"organisations", "organisation"}, {"people", "person"}, {"households", "household"},
}

func (l *loader) document(n *yaml.Node) {
	m := l.mapping(n, text("文件", "the file"))
	if m == nil {
		return
	}
	if v := m.need("format"); v != nil && l.str(v, text("format", "format")) != "1" {
		l.note(v, text("格式版本是 %s", "the format is %s", v.Value), text("请写 format: 1", "write format: 1"))
	}
	l.community(m.need("community"))
	for _, s := range sections {
		l.section(s.key, s.workflow, m.take(s.key))
	}
	grants := m.take("grants")
	l.grants(grants, "")
	l.programme(m.need("programme"))
	l.grants(grants, nameProgramme)
	if lists := l.mapping(m.take("lists"), text("lists", "lists")); lists != nil {
		for _, k := range lists.names {
			l.list1(lists, k)
		}
	}
	for _, s := range l.list(m.take("steps"), text("steps", "steps")) {
		l.step(s)
	}
	m.done()
}

func (l *loader) list1(m *mapping, k string) {
	if l.lists[k] != nil {
		l.note(m.keys[k], text("列表 %q 与登记册的名称相同", "the list %q has the name of a section", k), text("请改名", "rename it"))
		return
	}
	if t := l.table(m.values[k], workflow.Text{ZH: "列表 " + k, EN: "the list " + k}); t != nil {
		l.lists[k] = t
	}
}

// add appends a step that stands before the file's own steps.
func (l *loader) add(s *Step) { l.f.Steps = append(l.f.Steps, s) }

func (l *loader) community(n *yaml.Node) {
	m := l.mapping(n, text("community", "community"))
	if m == nil {
		return
	}
	l.f.Community = l.str(m.need("id"), text("社区的 id", "the community's id"))
	if z := m.take("zone"); z != nil {
		zone, err := calendar.Zone(l.str(z, text("时区", "the time zone")))
		if err != nil {
			l.note(z, text("没有时区 %s", "there is no time zone %s", z.Value), text("请填如 Asia/Shanghai", "give one such as Asia/Shanghai"))
		} else {
			l.f.Zone = zone
		}
	} else if zone, err := calendar.Zone("Asia/Shanghai"); err == nil {
		l.f.Zone = zone
	}
	s := &Step{
		Pos: l.pos(n), Name: nameCommunity, As: nameCommunity, Kind: workflow.KindCreate, Workflow: "community",
		By: nameSystem, At: l.at(m.take("at")), section: nameCommunity,
	}
	m.known = append(m.known, m.names...) // everything else is a field of the community
	for _, in := range l.input(n, text("community", "community")) {
		if in.Name != "id" && in.Name != "at" {
			s.Input = append(s.Input, in)
		}
	}
	l.add(s)
}

// section reads one part of the registry. Its names become names of the file and the keys of the entries.
func (l *loader) section(key, wf string, n *yaml.Node) {
	t := l.table(n, workflow.Text{ZH: key, EN: key})
	if t == nil {
		return
	}
	l.lists[key] = t
	for _, x := range t.rows {
		as := x.cells[columnAs]
		if as == nil {
			l.note(x.node, text("%s里的这一行没有名称（as）", "this entry of %s has no name (as)", key), text("请起一个名称", "give it a name"))
			continue
		}
		name := l.name(as, text("名称", "the name"))
		if name == "" {
			continue
		}
		s := &Step{
			Pos: l.pos(x.node), Name: key + "." + name, As: name, Kind: workflow.KindCreate, Workflow: wf, On: nameCommunity,
			Key: &Value{Text: name, Plain: true}, By: nameSystem, At: l.inherit, section: key,
		}
		for _, c := range t.columns {
			if v := x.cells[c]; v != nil && c != columnAs && !l.empty(v) {
				s.Input = append(s.Input, Input{l.pos(v), c, l.value(v, workflow.Text{ZH: c, EN: c})})
			}
		}
		l.add(s)
	}
}

// grants reads who holds which role: those for the whole community first, those for the programme once it exists.
func (l *loader) grants(n *yaml.Node, scope string) {
	for _, g := range l.list(n, text("grants", "grants")) {
		m := l.mapping(g, text("授权", "the grant"))
		if m == nil {
			continue
		}
		got := l.str(m.take("scope"), text("范围", "the scope"))
		if got == nameCommunity {
			got = ""
		}
		if got != "" && got != nameProgramme {
			l.note(m.values["scope"], text("范围 %q 无效", "the scope is %q", got), text("请写 community 或 programme", "write community or programme"))
			continue
		}
		role := l.name(m.need("role"), text("身份", "the role"))
		people := l.list(m.need("people"), text("人员", "the people"))
		m.done()
		if got != scope {
			continue
		}
		for _, p := range people {
			l.grant(p, l.name(p, text("人员", "the person")), role, scope)
		}
	}
}

func (l *loader) grant(n *yaml.Node, person, role, scope string) {
	if person == "" || role == "" {
		return
	}
	pos := l.pos(n)
	where := Ref(nameCommunity)
	name := "grants." + person + "." + role
	if scope != "" {
		where, name = nameProgramme, name+"."+scope
	}
	l.add(&Step{
		Pos: pos, Name: name, Kind: workflow.KindCreate, Workflow: "grant", On: nameCommunity, By: nameSystem, At: l.inherit,
		Scope: string(where), section: "grants",
		Input: []Input{
			{pos, "person", Value{Ref: Ref(person), Pos: pos}},
			{pos, "role", Value{Text: role, Plain: true, Pos: pos}},
			{pos, "scope", Value{Ref: where, Pos: pos}},
		},
	})
}

func (l *loader) programme(n *yaml.Node) {
	m := l.mapping(n, text("programme", "programme"))
	if m == nil {
		return
	}
	l.f.Code = strings.TrimSpace(l.str(m.need("code"), text("项目编号", "the programme's code")))
	if c := m.values["code"]; c != nil && l.f.Code == "" {
		l.note(c, text("项目编号是空的", "the programme's code is empty"), text("请填写，如 ZX-2023-01", "write one such as ZX-2023-01"))
	}
	frozen := m.take("at")
	if frozen == nil {
		l.inherit = time.Time{}
	}
	s := &Step{
		Pos: l.pos(n), Name: nameProgramme, As: nameProgramme, Kind: workflow.KindCreate, At: l.at(frozen),
		Workflow: l.name(m.need("workflow"), text("流程", "the workflow")),
		By:       l.name(m.need("by"), text("录入人", "who types")),
		byPos:    l.posOf(m.values["by"], l.pos(n)),
		Input:    l.input(m.take("input"), text("项目的内容", "the programme's form")),
		OnBehalf: l.onBehalf(m.take("on_behalf")),
		Occurred: l.occurred(m.take("occurred")),
		section:  nameProgramme,
	}
	m.done()
	if !hasInput(s.Input, "code") {
		pos := l.pos(m.node)
		s.Input = append(s.Input, Input{pos, "code", Value{Text: l.f.Code, Pos: pos}})
	}
	s.Key = &Value{Text: l.f.Code}
	l.add(s)
}

func hasInput(in []Input, name string) bool {
	_, found := takeInput(in, name)
	return found != nil
}
