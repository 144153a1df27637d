package report

import (
	"fmt"
	"strings"

	"github.com/linli/linli/internal/workflow"
)

// Markdown writes the report as prose, figures and tables in lang ("zh"; anything else is English). Names of people, places
// and organisations stay in the language in which they were entered.
func Markdown(r *Report, lang string) string {
	v := voice(English)
	if lang == Chinese {
		v = Chinese
	}
	w := &page{v: v}
	w.head(r)
	w.glance(r)
	for n, s := range r.Sections {
		w.section(n, s)
	}
	w.timeline(r)
	w.funds(r)
	w.outcomes(r)
	w.notes(r)
	return w.b.String()
}

// page collects Markdown. What people typed is escaped, so that it cannot become a heading, a link or HTML.
type page struct {
	v voice
	b strings.Builder
}

func (w *page) heading(level int, text string) {
	fmt.Fprintf(&w.b, "%s %s\n\n", strings.Repeat("#", level), escape(text))
}

// para writes a paragraph; an empty one is left out.
func (w *page) para(text string) {
	if text != "" {
		w.b.WriteString(escape(text) + "\n\n")
	}
}

// bullets writes a list; empty points are left out.
func (w *page) bullets(points ...string) {
	some := false
	for _, p := range points {
		if p != "" {
			w.b.WriteString("- " + escape(p) + "\n")
			some = true
		}
	}
	if some {
		w.b.WriteString("\n")
	}
}

// table writes a table whose first row is the heading; right-aligned columns are those for which the heading ends in ")" or "）".
func (w *page) table(rows [][]string) {
	for n, row := range rows {
		cells := make([]string, len(row))
		for c, cell := range row {
			cells[c] = escape(cell)
		}
		w.b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		if n > 0 {
			continue
		}
		for c, cell := range row {
			cells[c] = "---"
			if strings.HasSuffix(cell, ")") || strings.HasSuffix(cell, "）") {
				cells[c] = "---:"
			}
		}
		w.b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	w.b.WriteString("\n")
}

// escape takes the meaning from the characters that Markdown and HTML give one, and puts a text on one line.
func escape(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	var b strings.Builder
	for n, c := range s {
		switch c {
		case '\\', '`', '*', '_', '[', ']', '<', '>', '|', '~', '&':
			b.WriteByte('\\')
		case '#', '+', '-', '=':
			if n == 0 {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (w *page) head(r *Report) {
	p, v := r.Programme, w.v
	w.heading(1, firstText(p.Title, p.Code))
	w.para(v.join(" · ", v.pick("结项报告", "Closing report"), r.Community, p.Code, v.text(p.StateTitle), v.flag(p.Backfilled, "补录", "back-filled")))
	var parties []string
	parties = v.labelled(parties, "主办", "Sponsor", p.Sponsor)
	parties = v.labelled(parties, "承办", "Implementer", p.Implementer)
	parties = v.labelled(parties, "类别", "Category", p.Category)
	parties = v.labelled(parties, "口号", "Slogan", p.Slogan)
	parties = v.labelled(parties, "目标", "Targets", v.list(p.Targets))
	if p.From != "" || p.To != "" {
		parties = v.labelled(parties, "期间", "Period", v.join(v.pick("至", " to "), v.when(p.From), v.when(p.To)))
	}
	w.bullets(append(parties, w.waivers(p.Waivers)...)...)
}

// labelled adds "label：text" unless the text is empty.
func (v voice) labelled(to []string, zh, en, text string) []string {
	if text == "" {
		return to
	}
	return append(to, v.pick(zh+"：", en+": ")+text)
}

func (v voice) join(sep string, parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, sep)
}

func (v voice) flag(set bool, zh, en string) string {
	if !set {
		return ""
	}
	return v.pick(zh, en)
}

// glance gives the figures of the whole programme.
func (w *page) glance(r *Report) {
	t, v := r.Totals, w.v
	w.heading(2, v.pick("概况", "At a glance"))
	w.bullets(v.reach(t), v.moneyTotals(t), v.activityTotals(t), v.venues(t), v.found(r.Outcomes), v.cultivated(r.Outcomes))
}

func (v voice) reach(t Totals) string {
	var served []string
	for _, f := range t.Households {
		served = append(served, v.served(f))
	}
	for _, f := range t.Blocks {
		served = append(served, v.blocks(f))
	}
	if len(served) == 0 {
		return ""
	}
	out := v.pick("探访："+strings.Join(served, "，"), "Visits: "+strings.Join(served, ", "))
	if len(t.BlockNames) > 0 {
		out += v.pick("（其中有名称的："+v.list(t.BlockNames)+"）", " (named: "+v.list(t.BlockNames)+")")
	}
	return out
}

func (v voice) served(f Figure) string {
	if f.Qualifier == NotCounted {
		return v.count(f)
	}
	return v.pick("服务"+v.count(f)+"家庭", v.count(f)+" visited")
}

func (v voice) blocks(f Figure) string {
	if f.Qualifier == NotCounted {
		return v.count(f)
	}
	return v.pick("辐射"+v.count(f), v.count(f)+" reached")
}

func (v voice) moneyTotals(t Totals) string {
	if t.Raised == nil {
		return ""
	}
	out := v.pick("善款：共筹集"+v.money(*t.Raised), "Money: "+v.money(*t.Raised)+" raised")
	if t.Spent != nil {
		out += v.pick("，已报告支出"+v.money(*t.Spent), ", "+v.money(*t.Spent)+" reported as spent")
	} else {
		out += v.pick("，支出尚未报告", ", spending not reported yet")
	}
	return out + v.pick("，余额"+v.money(*t.Balance), ", "+v.money(*t.Balance)+" left")
}

func (v voice) activityTotals(t Totals) string {
	if t.Activities == 0 {
		return ""
	}
	out := fmt.Sprintf(v.pick("活动：共%d项，其中有日期的%d项、%d场", "Activities: %d, of which %d are dated, in %d sessions"), t.Activities, t.Dated, t.Sessions)
	if t.Days > 0 {
		out += fmt.Sprintf(v.pick("，自%s至%s，历时%d天", ", from %s to %s: %d days"), v.when(t.First), v.when(t.Last), t.Days)
	}
	return out
}

func (v voice) venues(t Totals) string {
	if len(t.Venues) == 0 {
		return ""
	}
	return fmt.Sprintf(v.pick("地点：%d处（%s）", "Venues: %d (%s)"), len(t.Venues), v.list(t.Venues))
}

func (v voice) found(o Outcomes) string {
	return v.pick("挖掘慈善资源："+v.count(o.Resources), "Charitable resources found: "+v.count(o.Resources))
}

func (v voice) cultivated(o Outcomes) string {
	out := v.pick("培育自治组织："+v.count(o.SelfGovernance), "Groups cultivated: "+v.count(o.SelfGovernance))
	if len(o.GroupNames) > 0 {
		out += v.pick("（其中有名称的："+v.list(o.GroupNames)+"）", " (named: "+v.list(o.GroupNames)+")")
	}
	return out
}

// section writes one section; its number is part of the heading, as offices write it.
func (w *page) section(n int, s Section) {
	w.heading(2, w.v.pick(numeral(n+1)+"、", digits(int64(n+1))+". ")+w.v.text(s.Title))
	if len(s.Activities) == 0 {
		w.para(w.v.pick("没有登记活动。", "No activity is recorded."))
	}
	for _, a := range s.Activities {
		w.activity(a)
	}
}

// numeral writes a section's number in Chinese, up to 99.
func numeral(n int) string {
	if n < 1 || n > 99 {
		return digits(int64(n))
	}
	d := [10]string{"", "一", "二", "三", "四", "五", "六", "七", "八", "九"}
	tens, ones := d[n/10], d[n%10]
	switch n / 10 {
	case 0:
		return ones
	case 1:
		return "十" + ones
	default:
		return tens + "十" + ones
	}
}

func (w *page) waivers(l []Waiver) []string {
	var out []string
	for _, x := range l {
		s := w.v.pick("特批免除前提："+x.Title.ZH, "Waived by approval: "+x.Title.EN)
		if x.Note != "" {
			s += w.v.pick("。说明："+x.Note, ". Note: "+x.Note)
		}
		out = append(out, s)
	}
	return out
}

// called is what a thing is called. The title stays as it was entered; for English readers what it is stands behind it.
func (v voice) called(title string, kind workflow.Text) string {
	if title == "" {
		return v.text(kind)
	}
	if v.zh() {
		return title
	}
	return v.remark(title, kind.EN)
}
