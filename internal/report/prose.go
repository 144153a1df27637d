package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linli/linli/internal/workflow"
)

// activity writes one activity: its heading, what happened, what was said, and what to know about the record.
func (w *page) activity(a *Activity) {
	v := w.v
	w.heading(3, v.called(a.Title, a.Kind))
	if a.Planned {
		w.para(v.pick("尚未举行（"+a.StateTitle.ZH+"）。", "Not held yet ("+a.StateTitle.EN+")."))
		return
	}
	w.para(v.story(a))
	if a.Fund != nil && a.Workflow != ofFundraise {
		w.para(v.fund(a.Fund) + v.fundState(a.Fund))
	}
	for _, q := range a.Quotes {
		w.para(v.quoted(q))
	}
	if len(a.Resolutions) > 0 {
		w.para(v.pick("决议：", "Resolutions:"))
		var points []string
		for _, d := range a.Resolutions {
			points = append(points, v.resolution(d))
		}
		w.bullets(points...)
	}
	if h := a.Honours; h != nil {
		w.para(v.honours(h))
		w.bullets(w.waivers(h.Waivers)...)
	}
	w.bullets(append(w.flags(a), w.waiversOf(a)...)...)
}

// waiversOf leaves out what the honours already said.
func (w *page) waiversOf(a *Activity) []string {
	if a.Workflow == ofRecognise {
		return nil
	}
	return w.waivers(a.Waivers)
}

func (w *page) flags(a *Activity) []string {
	v := w.v
	return []string{
		v.pick("状态：", "State: ") + v.join(v.pick("，", ", "), v.text(a.StateTitle), v.flag(a.Aborted, "中止", "broken off"),
			v.flag(a.Backfilled, "补录", "back-filled"), v.flag(a.BasisChanged, "依据已变更", "what it was built on has changed")),
	}
}

// story tells what happened, in the order in which the article tells it.
func (v voice) story(a *Activity) string {
	s := &sentences{v: v}
	switch a.Workflow {
	case ofRecruit:
		s.add(v.recruited(a))
	case ofTrain:
		s.add(v.trained(a))
	case ofVisit:
		s.add(v.opening(a))
		s.add(v.visited(a))
	case ofFundraise:
		if a.Fund != nil {
			s.add(v.join(v.pick("，", ". "), v.opening(a), v.fund(a.Fund)))
		}
	default:
		s.add(v.opening(a))
		s.add(v.attended(a))
	}
	s.list("说明内容", "Explained", a.Content, a.Workflow == ofTrain)
	s.list("内容", "Content", a.Content, a.Workflow != ofTrain)
	s.list("培训主题", "Topics", v.texts(a.Topics), true)
	s.list("任务", "Tasks", a.Tasks, true)
	s.list("了解", "Asked about", a.Asked, true)
	s.one("送上", "Handed over", a.Gifts)
	if a.Workflow != ofFundraise {
		s.one("目的", "Purpose", a.Purpose)
	}
	if a.Minutes != nil {
		s.add(v.pick("历时"+v.minutes(*a.Minutes), "It lasted "+v.minutes(*a.Minutes)))
	}
	s.list("到场嘉宾", "Guests", v.guests(a.Guests), true)
	s.one("成效", "Outcome", a.Outcome)
	s.list("意见建议", "Suggestions", a.Suggestions, true)
	for _, f := range a.Figures {
		if f.Metric == MetricOther {
			s.add(v.count(f))
		}
	}
	return s.String()
}

// sentences collects sentences; empty ones are left out.
type sentences struct {
	v voice
	b strings.Builder
}

func (s *sentences) add(text string) {
	if text == "" {
		return
	}
	if !s.v.zh() && s.b.Len() > 0 {
		s.b.WriteByte(' ')
	}
	s.b.WriteString(text)
	last := []rune(text)[len([]rune(text))-1]
	if !strings.ContainsRune("。！？.!?…", last) {
		s.b.WriteString(s.v.pick("。", "."))
	}
}

func (s *sentences) one(zh, en, text string) {
	if text != "" {
		s.add(s.v.pick(zh+"：", en+": ") + text)
	}
}

func (s *sentences) list(zh, en string, items []string, wanted bool) {
	if wanted {
		s.one(zh, en, s.v.list(items))
	}
}

func (s *sentences) String() string { return s.b.String() }

func (v voice) texts(l []workflow.Text) []string {
	var out []string
	for _, t := range l {
		out = append(out, v.text(t))
	}
	return out
}

func (v voice) guests(l []Guest) []string {
	var out []string
	for _, g := range l {
		out = append(out, v.pick(g.Title+g.Name, v.join(" ", g.Name, v.flag(g.Title != "", "", "("+g.Title+")"))))
	}
	return out
}

// date says when an activity was: the day, the day in words, or that it is not recorded.
func (v voice) date(a *Activity) string {
	var days []string
	for _, m := range a.moments {
		d := v.when(m.When)
		if !m.Serves.IsZero() {
			d += v.pick("（"+m.Serves.ZH+"）", " ("+m.Serves.EN+")")
		}
		days = append(days, d)
	}
	if len(days) > 0 {
		return strings.Join(days, v.pick("、", "; "))
	}
	return firstText(a.WhenText, v.pick("日期未记录", "Date not recorded"))
}

// opening says when, by whom and where: hosts belong to the activity (FACTS X8).
func (v voice) opening(a *Activity) string {
	if v.zh() {
		at := ""
		if a.Place != "" {
			at = "在" + a.Place
		}
		if at != "" {
			at += "举行"
		}
		if a.Series != "" {
			at += "（" + a.Series + "）"
		}
		return v.join("，", v.date(a), v.hosts(a), at)
	}
	out := v.join(", ", v.date(a), v.flag(a.Place != "", "", "at "+a.Place))
	if a.Series != "" {
		out += " (" + a.Series + ")"
	}
	return v.join(". ", out, v.hosts(a))
}

func (v voice) hosts(a *Activity) string {
	cohosts, partner := v.list(a.Cohosts), a.Partner
	if slices.Contains(a.Cohosts, partner) {
		partner = ""
	}
	if v.zh() {
		var out []string
		switch {
		case a.Sponsor != "" && a.Host != "":
			out = append(out, "由"+a.Sponsor+"主办", a.Host+"承办")
		case a.Sponsor+a.Host != "":
			out = append(out, "由"+a.Sponsor+a.Host+"主办")
		}
		out = append(out, v.flag(cohosts != "", cohosts+"协办", ""), v.flag(partner != "", "与"+partner+"合作", ""))
		return v.join("、", out...)
	}
	host := v.flag(a.Host != "", "", "hosted by "+a.Host)
	out := v.join("; ", v.flag(a.Sponsor != "", "", "sponsored by "+a.Sponsor), host, v.flag(cohosts != "", "", "co-hosted by "+cohosts),
		v.flag(partner != "", "", "together with "+partner))
	return capital(out)
}

// capital writes a Latin first letter large.
func capital(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// attended says who came, and how many: as claimed, as counted, or that nobody counted.
func (v voice) attended(a *Activity) string {
	var counts, unknown []string
	from := ""
	for _, f := range a.Figures {
		switch {
		case f.Metric == MetricBlocks:
			from = v.pick("来自"+v.count(f), "from "+v.count(f))
		case f.Metric == MetricOther:
		case f.Qualifier == NotCounted:
			unknown = append(unknown, v.count(f))
		default:
			counts = append(counts, v.count(f))
		}
	}
	who, many := v.list(a.others()), v.list(counts)
	if !v.zh() {
		present := v.join("; ", v.join(": ", v.join(" ", who, from), many))
		return v.join(". ", v.flag(present != "", "", "Present: "+present), capital(v.list(unknown)))
	}
	if from != "" {
		from += "的"
	}
	present := v.join("等", who, many)
	if present != "" {
		present = from + present + "参加"
	} else if from != "" {
		present = from + "人员参加"
	}
	return v.join("，", present, v.list(unknown))
}

// others are the groups present that no figure names already.
func (a *Activity) others() []string {
	return slices.DeleteFunc(slices.Clone(a.Groups), func(g string) bool {
		return slices.ContainsFunc(a.Figures, func(f Figure) bool { return f.label() == g })
	})
}

// recruited says whom the office called together, and what became of them.
func (v voice) recruited(a *Activity) string {
	who, many := v.list(a.Groups), v.figures(a, MetricTeam)
	if v.zh() {
		between := "等"
		for _, f := range of(a.Figures, MetricTeam) {
			if f.Qualifier == NotCounted {
				between = "，"
			}
		}
		return v.join("，", v.date(a), a.Convener+"召集"+v.join(between, who, many), v.flag(a.Team != "", "组建"+a.Team, ""))
	}
	out := v.date(a) + ". " + firstText(a.Convener, "The office") + " called together"
	return v.join(" ", out, v.join(": ", who, many)) + v.flag(a.Team != "", "", ". The team: "+a.Team)
}

func (v voice) trained(a *Activity) string {
	many := v.figures(a, MetricHeadcount)
	if v.zh() {
		return v.join("，", v.date(a), v.flag(a.Place != "", "在"+a.Place, ""), v.flag(a.Trainer != "", "由"+a.Trainer+"讲解", ""), many)
	}
	return v.join(". ", v.join(", ", v.date(a), v.flag(a.Place != "", "", "at "+a.Place)), v.flag(a.Trainer != "", "", "Trainer: "+a.Trainer), capital(many))
}

func (v voice) visited(a *Activity) string {
	var parts []string
	for _, f := range a.Figures {
		switch f.Metric {
		case MetricHouseholds:
			parts = append(parts, v.served(f))
		case MetricBlocks:
			parts = append(parts, v.blocks(f))
		case MetricHeadcount:
			parts = append(parts, v.pick("探访队员"+v.count(f), "visitors: "+v.count(f)))
		}
	}
	who := v.list(a.Groups)
	return v.join(v.pick("，", "; "), v.flag(who != "", "探访"+who, "Visited: "+who), strings.Join(parts, v.pick("，", ", ")))
}

// figures writes every figure of one metric.
func (v voice) figures(a *Activity, metric string) string {
	var out []string
	for _, f := range of(a.Figures, metric) {
		out = append(out, v.count(f))
	}
	return strings.Join(out, v.pick("、", ", "))
}

// fund tells what was raised and what became of it.
func (v voice) fund(f *Fund) string {
	if f.Received == nil {
		return v.pick("收入未记录。", "Income not recorded.")
	}
	who := v.list(f.Groups)
	if f.Donors != nil {
		who = v.count(*f.Donors)
	}
	s := &sentences{v: v}
	if v.zh() {
		s.add(v.join("，", v.flag(who != "", who+"捐献爱心", ""), "共筹集善款"+v.money(*f.Received), v.flag(f.Purpose != "", "用于"+f.Purpose, "")))
	} else {
		s.add(v.join(" ", v.money(*f.Received)+" raised", v.flag(who != "", "", "from "+who), v.flag(f.Purpose != "", "", "for: "+f.Purpose)))
	}
	s.add(v.spent(f))
	return s.String()
}

// spent tells what was spent of a fund that received something, and what is left.
func (v voice) spent(f *Fund) string {
	if f.Spent == nil {
		return capital(v.unreported(f))
	}
	out := v.remark(v.pick("已支出"+v.money(*f.Spent), v.money(*f.Spent)+" spent"), v.list(f.Purchases))
	if *f.Balance == 0 {
		return out + v.pick("，全部用完", ", all of it")
	}
	return out + v.pick("，余额"+v.money(*f.Balance), ", balance "+v.money(*f.Balance))
}

// fundState is said of a fund that is told with an event; the event's own state follows.
func (v voice) fundState(f *Fund) string {
	return v.pick("善款"+f.StateTitle.ZH+"。", " The fund: "+f.StateTitle.EN+".")
}

func (v voice) quoted(q Quote) string {
	if v.zh() {
		return q.About + q.Pseudonym + "：“" + strings.Trim(q.Text, "“”") + "”"
	}
	return v.join(", ", q.Pseudonym, q.About) + ": “" + strings.Trim(q.Text, "“”") + "”"
}

func (v voice) resolution(d Resolution) string {
	out := d.Text + v.pick("（"+d.StateTitle.ZH+"）", " ("+d.StateTitle.EN+")")
	if d.Result != "" {
		out += v.pick("："+d.Result, ": "+d.Result)
	}
	return out
}

func (v voice) honours(h *Honours) string {
	s := &sentences{v: v}
	s.add(fmt.Sprintf(v.pick("表彰（%s）：%s", "Recognition (%s): %s"), v.text(h.StateTitle), v.count(h.Awards)))
	s.list("奖项", "Awards", h.Names, true)
	s.one("评选标准", "Criteria", h.Criteria)
	return s.String()
}
