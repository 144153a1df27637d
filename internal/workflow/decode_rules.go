package workflow

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/linli/linli/internal/calendar"
)

func (d *draft) timers(n *yaml.Node) {
	d.named(n, word("timers"), func(name string, key, value *yaml.Node) {
		t := &Timer{Pos: d.pos(key), Name: name}
		what := phrase("定时“%s”", "timer %s", name)
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		t.In = d.markedNames(m.need("in"), partOf(what, "in"), "timer", name, "in")
		t.Anchor = d.markedName(m.need("anchor"), partOf(what, "anchor"), "timer", name, "anchor")
		t.After = d.duration(m.take("after"), partOf(what, "after"), false)
		t.WorkingDays = d.workingDays(m)
		t.At = d.clock(m.take("at"), partOf(what, "at"))
		t.Fire = d.markedName(m.need("fire"), partOf(what, "fire"), "timer", name, "fire")
		m.done()
		d.def.Timers = append(d.def.Timers, t)
	})
}

// channelNames are the ways on which reminders go out; manual is a task for a worker with the text to copy.
func channelNames() []string {
	return []string{"manual", "wecom", "dingtalk", "feishu", "sms", "email", "calendar"}
}

func (d *draft) reminders(n *yaml.Node) {
	d.named(n, word("reminders"), func(name string, key, value *yaml.Node) {
		rem := &Reminder{Pos: d.pos(key), Name: name}
		what := phrase("提醒“%s”", "reminder %s", name)
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		rem.In = d.markedNames(m.need("in"), partOf(what, "in"), "reminder", name, "in")
		d.reminderTime(m, rem)
		d.repeat(m.take("repeat"), rem)
		d.audience(m, rem)
		rem.Text = d.message(m.need("text"), partOf(what, "text"))
		rem.Grace = d.duration(m.take("grace"), partOf(what, "grace"), true)
		rem.NeverAfterAnchor = d.flag(m, "never_after_anchor")
		rem.Immediate = d.flag(m, "immediate")
		rem.Then = d.markedName(m.take("then"), partOf(what, "then"), "reminder", name, "then")
		m.done()
		d.def.Reminders = append(d.def.Reminders, rem)
	})
}

// reminderTime reads when a reminder is due: an anchor with offsets, or a cron expression of its own.
func (d *draft) reminderTime(m *mapping, rem *Reminder) {
	cron := m.take("cron")
	anchor := m.take("anchor")
	switch {
	case cron != nil:
		rem.Anchor, rem.Cron = "cron", d.cron(cron, partOf(m.what, "cron"))
		for _, k := range []string{"anchor", "after", "at", "working_days", "repeat", "never_after_anchor"} {
			if m.has(k) {
				d.note(m.keys[k], codeUnknownKey, phrase("%s既写了 cron 又写了“%s”", "%s has both cron and %q", m.what, k),
					Text{"cron 表达式已说明一切，请删除其中一个", "a cron expression says everything: remove one of the two"})
			}
		}
	case anchor != nil:
		d.mark(anchor, "reminder", rem.Name, "anchor")
		rem.Anchor = d.str(anchor, partOf(m.what, "anchor"))
	default:
		d.note(m.node, codeMissingKey, phrase("%s既没有 anchor 也没有 cron", "%s has neither anchor nor cron", m.what), Text{"请加上 `anchor:` 或 `cron:`", "add `anchor:` or `cron:`"})
	}
	rem.After = d.duration(m.take("after"), partOf(m.what, "after"), false)
	rem.WorkingDays = d.workingDays(m)
	rem.At = d.clock(m.take("at"), partOf(m.what, "at"))
}

func (d *draft) audience(m *mapping, rem *Reminder) {
	if v := m.need("to"); v != nil {
		d.mark(v, "reminder", rem.Name, "to")
		rem.To = d.roles(v, partOf(m.what, "to"), "subject")
		if len(v.Content) == 0 && v.Kind == yaml.SequenceNode {
			d.note(v, codeValue, phrase("%s没有收件人", "%s goes to nobody", m.what), Text{"请至少写一个角色，或 self、subject", "name at least one role, self or subject"})
		}
	}
	n := m.need("channels")
	known := channelNames()
	for _, c := range d.names(n, partOf(m.what, "channels")) {
		if slices.Contains(known, c) {
			rem.Channels = append(rem.Channels, c)
			continue
		}
		d.note(n, codeChoice, phrase("%s的渠道“%s”不存在", "%s has the unknown channel %q", m.what, c), phrase("请从下列中选用：%s", "use some of: %s", listed(known)))
	}
}

func (d *draft) repeat(n *yaml.Node, rem *Reminder) {
	what := phrase("提醒“%s”的重复", "repeat of reminder %s", rem.Name)
	m := d.mapping(n, what)
	if m == nil {
		return
	}
	rep := &Repeat{}
	rep.Every = d.duration(m.take("every"), partOf(what, "every"), true)
	if v := m.take("cron"); v != nil {
		rep.Cron = d.cron(v, partOf(what, "cron"))
	}
	if m.has("every") == m.has("cron") {
		d.note(n, codeMissingKey, phrase("%s须恰好写 every 与 cron 之一", "%s has not exactly one of every and cron", what),
			Text{"请写 `every: P1D` 或 `cron: \"0 10 * * 1\"` 之一", "write one of `every: P1D` and `cron: \"0 10 * * 1\"`"})
	}
	if v := m.take("max"); v != nil {
		rep.Max = d.integer(v, partOf(what, "max"), 1)
	}
	rep.Until = d.markedName(m.take("until"), partOf(what, "until"), "reminder", rem.Name, "until")
	if !m.has("max") && !m.has("until") {
		d.note(n, codeMissingKey, phrase("%s没有尽头", "%s never ends", what), Text{"请加上 `max:` 或 `until:`", "add `max:` or `until:`"})
	}
	m.done()
	rem.Repeat = rep
}

func (d *draft) duration(n *yaml.Node, what Text, positive bool) string {
	s, ok := d.scalar(n, what)
	if !ok {
		return ""
	}
	v, err := calendar.ParseDuration(s)
	switch {
	case err != nil:
		d.note(n, codeDuration, phrase("%[1]s是“%[2]s”，不是可用的时长", "%[1]s is no duration: %[3]v", what, s, err),
			Text{"请按 ISO 8601 写，如 P7D、-PT2H 或 P1M，不超过一百年", "write ISO 8601, such as P7D, -PT2H or P1M"})
		return ""
	case positive && (v.Negative() || v.IsZero()):
		d.note(n, codeDuration, phrase("%s是“%s”", "%s is %s", what, s), Text{"请写大于零的时长", "write a duration above zero"})
		return ""
	}
	return s
}

func (d *draft) cron(n *yaml.Node, what Text) string {
	s, ok := d.scalar(n, what)
	if !ok {
		return ""
	}
	if _, err := calendar.ParseCron(s, time.UTC); err != nil {
		d.note(n, codeCron, phrase("%[1]s是“%[2]s”，不是可用的 cron 表达式，或永远不会到时", "%[1]s is no cron expression: %[3]v", what, s, err),
			Text{`请写五段，如 "0 10 * * 1" 表示每周一十点`, `write five fields, such as "0 10 * * 1" for Mondays at ten`})
		return ""
	}
	return s
}

// clock reads a wall-clock time, "HH:MM".
func (d *draft) clock(n *yaml.Node, what Text) string {
	s, ok := d.scalar(n, what)
	if !ok {
		return ""
	}
	if _, _, err := calendar.ParseClock(s); err != nil {
		d.note(n, codeClock, phrase("%s是“%s”", "%s is %q", what, s), Text{`请写带引号的钟点，如 "18:00"`, `write a time of day in quotes, such as "18:00"`})
		return ""
	}
	return s
}

func (d *draft) workingDays(m *mapping) int {
	n := m.take("working_days")
	if n == nil {
		return 0
	}
	return d.integer(n, partOf(m.what, "working_days"), -1000)
}

// options reads what the engine adds, with the defaults of the language.
func (d *draft) options(m *mapping) {
	def := d.def
	def.Create = CreateOption{Rights: Rights{Pos: def.Pos, By: []string{"worker", "lead"}}}
	if n := m.take("create"); n != nil {
		def.Create.Rights = d.rightsWith(n, "create", func(o *mapping) {
			def.Create.In = d.markedNames(o.take("in"), partOf(word("create"), "in"), "create", "in")
		})
	}
	def.Undo = d.rights(m.take("undo"), "undo", "worker", "lead")
	def.Waive = d.rights(m.take("waive"), "waive", "approver")
	def.Edit = EditOption{Rights: Rights{Pos: def.Pos, By: []string{"worker", "lead"}}}
	if n := m.take("edit"); n != nil {
		def.Edit.Rights = d.rightsWith(n, "edit", func(o *mapping) {
			def.Edit.In = d.markedNames(o.take("in"), partOf(word("edit"), "in"), "edit", "in")
		})
	}
	if n := m.take("cancel"); n != nil {
		r := d.rightsWith(n, "cancel", nil)
		def.Cancel = &r
	}
	if n := m.take("skip"); n != nil {
		r := d.rightsWith(n, "skip", nil)
		def.Skip = &r
	}
	if n := m.take("reopen"); n != nil {
		d.reopen(n)
	}
	if n := m.take("backfill"); n != nil {
		d.backfill(n)
	}
}

func (d *draft) rights(n *yaml.Node, option string, by ...string) Rights {
	if n == nil {
		return Rights{Pos: d.def.Pos, By: by}
	}
	return d.rightsWith(n, option, nil)
}

// rightsWith reads `by` and hands the rest of the mapping to more.
func (d *draft) rightsWith(n *yaml.Node, option string, more func(*mapping)) Rights {
	r := Rights{Pos: d.pos(n)}
	what := word(option)
	m := d.mapping(n, what)
	if m == nil {
		return r
	}
	if v := m.need("by"); v != nil {
		r.By = d.roles(v, partOf(what, "by"))
		if len(v.Content) == 0 && v.Kind == yaml.SequenceNode {
			d.note(v, codeNobody, phrase("没有人可以做“%s”", "nobody may %s", option), Text{"请至少写一个角色", "name at least one role"})
		}
	}
	if more != nil {
		more(m)
	}
	m.done()
	return r
}

func (d *draft) reopen(n *yaml.Node) {
	o := &ReopenOption{To: map[string]string{}}
	o.Rights = d.rightsWith(n, "reopen", func(m *mapping) {
		to := m.need("to")
		tm := d.mapping(to, partOf(word("reopen"), "to"))
		if tm == nil {
			return
		}
		for _, from := range tm.names {
			d.mark(tm.keys[from], "reopen", from)
			d.mark(tm.values[from], "reopen", from, "to")
			if s := d.reader.name(tm.values[from], phrase("从“%s”重新打开后的状态", "the state after reopening %s", from)); s != "" {
				o.To[from] = s
			}
		}
	})
	d.def.Reopen = o
}

func (d *draft) backfill(n *yaml.Node) {
	o := &BackfillOption{Paths: map[string][]string{}}
	o.Rights = d.rightsWith(n, "backfill", func(m *mapping) {
		pm := d.mapping(m.need("paths"), partOf(word("backfill"), "paths"))
		if pm == nil {
			return
		}
		for _, state := range pm.names {
			d.mark(pm.keys[state], "backfill", state)
			o.Paths[state] = d.path(pm.values[state], state)
		}
	})
	d.def.Backfill = o
}

// path reads the events that lead to a state; an event may occur more than once.
func (d *draft) path(n *yaml.Node, state string) []string {
	var out []string
	for i, item := range d.sequence(n, phrase("通往“%s”的路径", "the path to %s", state)) {
		d.mark(item, "backfill", state, fmt.Sprint(i))
		if s := d.reader.name(item, phrase("通往“%s”的路径上的事件", "an event on the path to %s", state)); s != "" {
			out = append(out, s)
		}
	}
	return out
}
