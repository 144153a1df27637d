package workflow

import (
	"fmt"
	"strings"
)

// rules lists what the clock does.
func (w *readme) rules() {
	if len(w.def.Timers) > 0 {
		w.heading("定时", "Timers")
		w.table("代号 · Name", "在 · In", "何时 · When", "触发 · Fires")
		for _, t := range w.def.Timers {
			w.row("`"+t.Name+"`", codes(t.In), when(t.Anchor, t.After, t.WorkingDays, t.At), titles(w.eventTitle(t.Fire))+" `"+t.Fire+"`")
		}
	}
	if len(w.def.Reminders) == 0 {
		return
	}
	w.heading("提醒", "Reminders")
	w.table("代号 · Name", "在 · In", "何时 · When", "给谁 · To", "渠道 · Channels", "内容 · Text")
	for _, r := range w.def.Reminders {
		w.row("`"+r.Name+"`", codes(r.In), reminderWhen(r), people(r.To), codes(r.Channels), r.Text.Source.ZH+" · "+r.Text.Source.EN)
	}
}

func when(anchor, after string, workingDays int, at string) string {
	s := "`" + anchor + "`"
	if anchor == "entered" {
		s = "进入状态 · entered"
	}
	if after != "" {
		s += " " + after
	}
	if workingDays != 0 {
		s += fmt.Sprintf(" %+d 个工作日 · working days", workingDays)
	}
	if at != "" {
		s += " " + at
	}
	return s
}

func reminderWhen(r *Reminder) string {
	s := "`" + r.Cron + "`"
	if r.Cron == "" {
		s = when(r.Anchor, r.After, r.WorkingDays, r.At)
	}
	if rep := r.Repeat; rep != nil {
		s += "；重复 · again " + rep.Every
		if rep.Cron != "" {
			s += "`" + rep.Cron + "`"
		}
		if rep.Max > 0 {
			s += fmt.Sprintf(" ×%d", rep.Max)
		}
		if rep.Until != "" {
			s += " 至 · until `" + rep.Until + "`"
		}
	}
	if r.Then != "" {
		s += "；然后 · then `" + r.Then + "`"
	}
	return s
}

// options lists what the engine adds.
func (w *readme) options() {
	d := w.def
	w.heading("引擎提供的操作", "What the engine adds")
	w.table("操作 · Operation", "由谁 · By", "说明 · Notes")
	w.row("新建 · create", people(d.Create.By), createNote(d))
	in := "任何非终结状态 · every state that is not final"
	if len(d.Edit.In) > 0 {
		in = codes(d.Edit.In)
	}
	w.row("修改 · edit", people(d.Edit.By), in)
	if d.Cancel != nil {
		w.row("取消 · cancel", people(d.Cancel.By), "须写原因 · with a reason")
	}
	if d.Skip != nil {
		w.row("不适用 · skip", people(d.Skip.By), "从 · from `"+d.Initial+"`")
	}
	if d.Reopen != nil {
		var to []string
		for _, from := range sortedKeys(d.Reopen.To) {
			to = append(to, "`"+from+"` → `"+d.Reopen.To[from]+"`")
		}
		w.row("重新打开 · reopen", people(d.Reopen.By), strings.Join(to, "；"))
	}
	if d.Backfill != nil {
		var paths []string
		for _, s := range sortedKeys(d.Backfill.Paths) {
			paths = append(paths, "`"+s+"`："+codes(d.Backfill.Paths[s]))
		}
		w.row("补录 · backfill", people(d.Backfill.By), strings.Join(paths, "；"))
	}
	if d.Level == LevelActivity || d.Level == LevelProgramme {
		w.row("特批 · waive", people(d.Waive.By), "")
	}
	w.row("撤销 · undo", people(d.Undo.By), "")
}

// createNote says in which states of its parent an instance may be created.
func createNote(d *Definition) string {
	if len(d.Create.In) == 0 {
		return ""
	}
	note := "上级在 · under a parent in " + codes(d.Create.In)
	if d.Fixed {
		note += "；别的时候也不能更改 · people change it only then, too"
	}
	return note
}
