package report

import "strings"

// timeline writes what took place in the order of time.
func (w *page) timeline(r *Report) {
	v := w.v
	w.heading(2, v.pick("时间线", "Timeline"))
	if len(r.Timeline) == 0 {
		w.para(v.pick("没有登记日期。", "No dates are recorded."))
		return
	}
	rows := [][]string{{v.pick("时间", "When"), v.pick("活动", "Activity"), v.pick("地点", "Place")}}
	for _, m := range r.Timeline {
		name := v.called(m.Title, m.Kind)
		if !m.Serves.IsZero() {
			name += v.pick("（"+m.Serves.ZH+"）", " ("+m.Serves.EN+")")
		}
		rows = append(rows, []string{v.when(m.When), name, v.known(m.Place)})
	}
	w.table(rows)
}

// known is a text, or that it is not recorded.
func (v voice) known(s string) string { return firstText(s, v.pick("未记录", "not recorded")) }

// funds writes income and use, with two decimals, as a published statement has them.
func (w *page) funds(r *Report) {
	v := w.v
	w.heading(2, v.pick("善款收支", "Money raised and spent"))
	if len(r.Funds) == 0 {
		w.para(v.pick("没有筹集善款。", "No money was raised."))
		return
	}
	rows := [][]string{{
		v.pick("善款", "Fund"), v.pick("用途", "Purpose"), v.pick("收入（元）", "Received (CNY)"), v.pick("支出（元）", "Spent (CNY)"),
		v.pick("余额（元）", "Balance (CNY)"), v.pick("说明", "Remarks"),
	}}
	for _, f := range r.Funds {
		remark := v.join(v.pick("；", "; "), v.text(f.StateTitle), v.unreported(f))
		rows = append(rows, []string{v.called(f.Title, f.Kind), v.known(f.Purpose), v.cell(f.Received), v.cell(f.Spent), v.cell(f.Balance), remark})
	}
	t := r.Totals
	rows = append(rows, []string{v.pick("合计", "Total"), "", v.cell(t.Raised), v.cell(t.Spent), v.cell(t.Balance), ""})
	w.table(rows)
}

// cell writes a sum in a table; unknown is a dash.
func (v voice) cell(fen *int64) string {
	if fen == nil {
		return "—"
	}
	return Yuan(*fen)
}

// unreported says that money is there and nothing was reported as spent.
func (v voice) unreported(f *Fund) string {
	switch {
	case f.Received == nil:
		return v.pick("收入未记录", "income not recorded")
	case f.Spent == nil && *f.Received > 0:
		return v.pick("专款专用，支出尚未报告", "earmarked; spending not reported yet")
	default:
		return ""
	}
}

func (w *page) outcomes(r *Report) {
	w.heading(2, w.v.pick("成效", "Outcomes"))
	w.bullets(w.v.found(r.Outcomes), w.v.cultivated(r.Outcomes))
}

// notes says how to read the figures, and what is to be checked.
func (w *page) notes(r *Report) {
	v := w.v
	w.heading(2, v.pick("说明", "Notes"))
	points := []string{
		v.pick("“余”和确数均照登记的表述；各活动人数不相加，同一人可能多次参加。",
			"“More than” and exact figures are as stated; headcounts are not added up, because the same people come again."),
		v.pick("“未统计”“未记录”表示没有数据，不是零。", "“Not counted” and “not recorded” mean that nothing is known, not zero."),
	}
	var late []string
	for _, s := range r.Sections {
		for _, a := range s.Activities {
			if a.Backfilled {
				late = append(late, v.called(a.Title, a.Kind))
			}
		}
	}
	if len(late) > 0 {
		points = append(points, v.pick("补录："+v.list(late)+"。", "Back-filled afterwards: "+v.list(late)+"."))
	}
	for _, c := range r.Contradictions {
		points = append(points, v.pick("待核对：", "To be checked: ")+v.text(c.Text))
	}
	w.bullets(points...)
	if !strings.HasSuffix(w.b.String(), "\n") {
		w.b.WriteString("\n")
	}
}
