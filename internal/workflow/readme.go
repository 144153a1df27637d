package workflow

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Readme writes the README.md of a workflow's folder from its definition. The same definition in the same bundle always
// gives the same text; a test keeps folder and definition equal.
func Readme(b *Bundle, d *Definition) string {
	w := &readme{bundle: b, def: d}
	w.head()
	w.states()
	w.events()
	w.fields()
	w.aggregates()
	w.always()
	w.programme()
	w.rules()
	w.options()
	return w.text.String()
}

type readme struct {
	bundle *Bundle
	def    *Definition
	text   strings.Builder
}

func (w *readme) line(format string, args ...any) { fmt.Fprintf(&w.text, format+"\n", args...) }

// heading begins a section.
func (w *readme) heading(zh, en string) { w.line("\n## %s · %s\n", zh, en) }

// table begins a table.
func (w *readme) table(columns ...string) {
	w.row(columns...)
	rule := make([]string, len(columns))
	for n := range rule {
		rule[n] = "---"
	}
	w.line("|%s|", strings.Join(rule, "|"))
}

func (w *readme) row(cells ...string) {
	for n, c := range cells {
		c = strings.Join(strings.Fields(c), " ")
		cells[n] = strings.ReplaceAll(c, "|", `\|`)
	}
	w.line("| %s |", strings.Join(cells, " | "))
}

func (w *readme) head() {
	d := w.def
	w.line("<!-- Generated from %s.yaml: change that file, not this one. -->\n", d.Name)
	w.line("# %s · %s", d.Title.ZH, d.Title.EN)
	if !d.About.IsZero() {
		w.line("\n%s\n\n%s", d.About.ZH, d.About.EN)
	}
	w.line("\n`%s` · %s · %s", d.Name, levelTitle(d.Level).ZH, levelTitle(d.Level).EN)
	if parents := w.bundle.Parents(d.Name); len(parents) > 0 {
		w.line("\n属于 · lives under: %s", w.links(parents))
	}
	if len(d.Items) > 0 {
		w.line("\n下属事项 · items: %s", w.links(d.Items))
	}
	if d.Subject != "" {
		w.line("\n本人 · self: `%s`", d.Subject)
	}
	w.line("\n```mermaid\n%s```", Mermaid(d))
}

// links names workflows with links to their folders.
func (w *readme) links(names []string) string {
	out := make([]string, len(names))
	for n, name := range names {
		out[n] = fmt.Sprintf("[%s](../%s/README.md)", name, name)
		if d := w.bundle.Definition(name); d != nil {
			out[n] = fmt.Sprintf("[%s · %s](../%s/README.md)", d.Title.ZH, d.Title.EN, name)
		}
	}
	return strings.Join(out, "、")
}

func levelTitle(l Level) Text {
	switch l {
	case LevelCommunity:
		return Text{"社区", "community"}
	case LevelProgramme:
		return Text{"项目", "programme"}
	case LevelActivity:
		return Text{"活动", "activity"}
	case LevelItem:
		return Text{"事项", "item"}
	default:
		return Text{string(l), string(l)}
	}
}

// codes writes names as code, separated by commas.
func codes(names []string) string {
	out := make([]string, len(names))
	for n, s := range names {
		out[n] = "`" + s + "`"
	}
	return strings.Join(out, ", ")
}

func titles(t Text) string { return t.ZH + " · " + t.EN }

// people writes roles in both languages.
func people(roles []string) string {
	t := roleList(roles)
	return titles(t)
}

func (w *readme) states() {
	w.heading("状态", "States")
	w.table("状态 · State", "代号 · Name", "下一步由谁 · Who acts next", "标记 · Marks")
	for _, s := range w.def.States {
		next := ""
		if s.WaitsFor != "" {
			next = titles(RoleTitle(s.WaitsFor))
		}
		var marks []string
		if s.Name == w.def.Initial {
			marks = append(marks, "初始 · initial")
		}
		if s.Milestone {
			marks = append(marks, "里程碑 · milestone")
		}
		if s.Final {
			marks = append(marks, "终结 · final")
		}
		w.row(titles(s.Title), "`"+s.Name+"`", next, strings.Join(marks, "；"))
	}
}

func (w *readme) events() {
	if len(w.def.Events) == 0 {
		return
	}
	w.heading("事件", "Events")
	w.table("事件 · Event", "代号 · Name", "从 · From", "到 · To", "由谁 · By", "填写 · Form")
	for _, e := range w.def.Events {
		w.row(titles(e.Title), "`"+e.Name+"`", codes(e.From), destinations(e), people(e.By), form(e))
	}
	for _, e := range w.def.Events {
		w.event(e)
	}
}

func destinations(e *Event) string {
	out := make([]string, len(e.To))
	for n, to := range e.To {
		out[n] = "`" + to.State + "`"
		if to.When != nil {
			out[n] += " 若 · if `" + to.When.Source + "`"
		}
	}
	return strings.Join(out, "；")
}

func form(e *Event) string {
	var out []string
	for _, in := range e.Input {
		s := titles(in.Title)
		if in.Required {
			s += " *"
		}
		out = append(out, s)
	}
	if e.Reason {
		out = append(out, "原因 · reason *")
	}
	return strings.Join(out, "；")
}

// event explains what an event demands and what follows from it.
func (w *readme) event(e *Event) {
	if len(e.Require)+len(e.Effects)+len(e.Clears) == 0 && e.Checks == "" {
		return
	}
	w.line("\n### %s · %s `%s`\n", e.Title.ZH, e.Title.EN, e.Name)
	if e.Checks != "" {
		w.line("- 须与「%s」由不同的人决定 · decided by another person than “%s”（%s）", w.eventTitle(e.Checks).ZH, w.eventTitle(e.Checks).EN, strictnessTitle(e.Separation, e.HardSeparation))
	}
	for _, g := range e.Require {
		w.line("- %s`%s`（%s）", clockMark(g), g.Name, strictnessTitle(g.Strictness, g.Hard))
		w.condition(g)
	}
	for _, eff := range e.Effects {
		w.line("- %s", effectLine(eff))
	}
	if len(e.Clears) > 0 {
		w.line("- 收回里程碑 · takes back: %s", codes(e.Clears))
	}
}

func (w *readme) eventTitle(name string) Text {
	if e := w.def.Event(name); e != nil {
		return e.Title
	}
	return Text{name, name}
}

func clockMark(g *Guard) string {
	if g.Clock {
		return "⏱ "
	}
	return ""
}

func strictnessTitle(s Strictness, hard bool) string {
	switch {
	case hard:
		return "不可放宽 · hard"
	case s == Confirm:
		return "须确认 · confirm"
	case s == Warn:
		return "仅提醒 · warn"
	default:
		return "阻止 · block"
	}
}

// effectLine is an effect in one line.
func effectLine(e *Effect) string {
	on := ""
	if e.On != "" && e.On != "self" {
		on = " @ `" + e.On + "`"
	}
	var s string
	switch e.Kind {
	case EffectSet:
		s = "写入 · set" + on + writes(e)
	case EffectCreate:
		s = "新建 · create `" + e.Of + "`" + on
		if e.Each != nil {
			s += " 每个 · for each of `" + e.Each.Source + "`"
		}
	case EffectFire:
		s = "触发 · fire `" + e.Event + "`" + on
		if e.Of != "" {
			s += " `" + e.Of + "`"
		}
	case EffectParticipation:
		s = "参与情况 · participation `" + e.Person.Source + "`" + writes(e)
	case EffectRegister:
		s = "登记 · register `" + e.Of + "`" + on
	case EffectLatch:
		s = "记里程碑 · latch `" + e.Latch + "`"
	case EffectMessage:
		s = "消息 · message → " + people(e.To) + "：" + e.Message.Source.ZH + " · " + e.Message.Source.EN
	default:
		s = string(e.Kind)
	}
	if e.If != nil {
		s += " 若 · if `" + e.If.Source + "`"
	}
	return s
}

func writes(e *Effect) string {
	var out []string
	for sign, m := range map[string]map[string]*Expr{"=": e.Set, "+=": e.Add, "-=": e.Remove} {
		for _, name := range sortedKeys(m) {
			out = append(out, fmt.Sprintf(" `%s %s %s`", name, sign, m[name].Source))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

func (w *readme) fields() {
	if len(w.def.Fields) == 0 {
		return
	}
	w.heading("字段", "Fields")
	w.table("字段 · Field", "代号 · Name", "类型 · Type", "隐私 · Privacy", "标记 · Marks")
	for _, f := range w.def.Fields {
		var marks []string
		if f.Required {
			marks = append(marks, "必填 · required")
		}
		if f.Default != nil {
			marks = append(marks, fmt.Sprintf("默认 · default `%v`", f.Default))
		}
		if f.Min != nil {
			t := atLeast(*f.Min)
			marks = append(marks, t.ZH+" · "+t.EN)
		}
		if f.Search {
			marks = append(marks, "可搜索 · searchable")
		}
		if f.Untyped {
			marks = append(marks, "由系统写入 · set by the system")
		}
		w.row(titles(f.Title), "`"+f.Name+"`", fieldType(f), privacyTitle(f.Privacy), strings.Join(marks, "；"))
	}
}

func fieldType(f *Field) string {
	s := "`" + string(f.Type) + "`"
	if f.List {
		s += " 列表 · list"
	}
	if f.Of != "" {
		s += " → `" + f.Of + "`"
	}
	for n, v := range f.Values {
		sep := "；"
		if n == 0 {
			sep = "："
		}
		s += sep + "`" + v.Name + "` " + titles(v.Title)
	}
	return s
}

func privacyTitle(p Privacy) string {
	switch p {
	case Public:
		return "公开 · public"
	case Personal:
		return "个人信息 · personal"
	case Sensitive:
		return "敏感 · sensitive"
	case Internal:
		return "内部 · internal"
	default:
		return string(p)
	}
}

// always lists what no command may break.
func (w *readme) always() {
	if len(w.def.Always) == 0 {
		return
	}
	w.heading("始终成立", "What always holds")
	for _, g := range w.def.Always {
		w.line("- `%s`", g.Name)
		w.condition(g)
	}
}

// condition writes a guard's explanation and its expression.
func (w *readme) condition(g *Guard) {
	w.line("  - %s", g.Else.Source.ZH)
	w.line("  - %s", g.Else.Source.EN)
	w.line("  - `%s`", strings.Join(strings.Fields(g.That.Source), " "))
}

func (w *readme) aggregates() {
	if len(w.def.Aggregates) == 0 {
		return
	}
	w.heading("汇总", "Figures")
	w.table("汇总 · Figure", "代号 · Name", "怎样计算 · How")
	for _, a := range w.def.Aggregates {
		how := map[AggregateKind]string{AggregateCount: "计数 · count", AggregateSum: "求和 · sum", AggregateDistinct: "去重计数 · count distinct"}[a.Kind]
		if a.Value != nil {
			how += " `" + a.Value.Source + "`"
		}
		how += " ← `" + a.Of + "`"
		if a.Via != "" {
			how += " 经 · via `" + a.Via + "`"
		}
		if len(a.In) > 0 {
			how += " 状态 · in " + codes(a.In)
		}
		if a.Where != nil {
			how += " 若 · where `" + a.Where.Source + "`"
		}
		w.row(titles(a.Title), "`"+a.Name+"`", how)
	}
}

func (w *readme) programme() {
	if len(w.def.Slots) > 0 {
		w.heading("活动位置", "Slots")
		w.table("位置 · Slot", "代号 · Name", "流程 · Workflow", "数量 · How many")
		for _, s := range w.def.Slots {
			most := "∞"
			if s.Max > 0 {
				most = strconv.Itoa(s.Max)
			}
			w.row(titles(s.Title), "`"+s.Name+"`", w.links([]string{s.Workflow}), fmt.Sprintf("%d–%s", s.Min, most))
		}
	}
	if len(w.def.Needs) > 0 {
		w.heading("先后要求", "Needs")
		w.table("代号 · Name", "要做 · To do", "须先有 · First", "范围 · Of which", "特批 · Waivable")
		for _, n := range w.def.Needs {
			event := n.Event
			if n.Slot != "" {
				event = n.Slot + "." + event
			}
			w.row("`"+n.Name+"`", "`"+event+"`", "`"+n.On+"."+n.Milestone+"`", needScope(n), yesNo(n.Waivable))
		}
	}
}

func needScope(n *Need) string {
	s := map[Which]string{WhichAll: "全部 · all", WhichAny: "任一 · any", WhichNamed: "指定 · named in"}[n.Which]
	if n.Field != "" {
		s += " `" + n.Field + "`"
	}
	if n.Where != nil {
		s += " 若 · where `" + n.Where.Source + "`"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "可 · yes"
	}
	return "否 · no"
}
