package workflow

import (
	"fmt"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/linli/linli/internal/calendar"
)

func (d *draft) timers(n *yaml.Node) {
	d.named(n, "timers", func(name string, key, value *yaml.Node) {
		t := &Timer{Pos: d.pos(key), Name: name}
		what := "timer " + name
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		t.In = d.markedNames(m.need("in"), "`in` of "+what, "timer", name, "in")
		t.Anchor = d.markedName(m.need("anchor"), "anchor of "+what, "timer", name, "anchor")
		t.After = d.duration(m.take("after"), "after of "+what, false)
		t.WorkingDays = d.workingDays(m)
		t.At = d.clock(m.take("at"), "at of "+what)
		t.Fire = d.markedName(m.need("fire"), "fire of "+what, "timer", name, "fire")
		m.done()
		d.def.Timers = append(d.def.Timers, t)
	})
}

// channelNames are the ways on which reminders go out; manual is a task for a worker with the text to copy.
func channelNames() []string {
	return []string{"manual", "wecom", "dingtalk", "feishu", "sms", "email", "calendar"}
}

func (d *draft) reminders(n *yaml.Node) {
	d.named(n, "reminders", func(name string, key, value *yaml.Node) {
		rem := &Reminder{Pos: d.pos(key), Name: name}
		what := "reminder " + name
		m := d.mapping(value, what)
		if m == nil {
			return
		}
		rem.In = d.markedNames(m.need("in"), "`in` of "+what, "reminder", name, "in")
		d.reminderTime(m, rem)
		d.repeat(m.take("repeat"), rem)
		d.audience(m, rem)
		rem.Text = d.message(m.need("text"), "text of "+what)
		rem.Grace = d.duration(m.take("grace"), "grace of "+what, true)
		rem.NeverAfterAnchor = d.flag(m, "never_after_anchor")
		rem.Immediate = d.flag(m, "immediate")
		rem.Then = d.markedName(m.take("then"), "then of "+what, "reminder", name, "then")
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
		rem.Anchor, rem.Cron = "cron", d.cron(cron, "cron of "+m.what)
		for _, k := range []string{"anchor", "after", "at", "working_days", "repeat", "never_after_anchor"} {
			if m.has(k) {
				d.note(m.keys[k], codeUnknownKey, fmt.Sprintf("%s has both cron and %q", m.what, k), "a cron expression says everything: remove one of the two")
			}
		}
	case anchor != nil:
		d.mark(anchor, "reminder", rem.Name, "anchor")
		rem.Anchor = d.str(anchor, "anchor of "+m.what)
	default:
		d.note(m.node, codeMissingKey, m.what+" has neither anchor nor cron", "add `anchor:` or `cron:`")
	}
	rem.After = d.duration(m.take("after"), "after of "+m.what, false)
	rem.WorkingDays = d.workingDays(m)
	rem.At = d.clock(m.take("at"), "at of "+m.what)
}

func (d *draft) audience(m *mapping, rem *Reminder) {
	if v := m.need("to"); v != nil {
		d.mark(v, "reminder", rem.Name, "to")
		rem.To = d.roles(v, "`to` of "+m.what, "subject")
		if len(v.Content) == 0 && v.Kind == yaml.SequenceNode {
			d.note(v, codeValue, m.what+" goes to nobody", "name at least one role, self or subject")
		}
	}
	n := m.need("channels")
	known := channelNames()
	for _, c := range d.names(n, "channels of "+m.what) {
		if slices.Contains(known, c) {
			rem.Channels = append(rem.Channels, c)
			continue
		}
		d.note(n, codeChoice, fmt.Sprintf("%s has the unknown channel %q", m.what, c), fmt.Sprintf("use some of %v", known))
	}
}

func (d *draft) repeat(n *yaml.Node, rem *Reminder) {
	what := "repeat of reminder " + rem.Name
	m := d.mapping(n, what)
	if m == nil {
		return
	}
	rep := &Repeat{}
	rep.Every = d.duration(m.take("every"), "every of "+what, true)
	if v := m.take("cron"); v != nil {
		rep.Cron = d.cron(v, "cron of "+what)
	}
	if m.has("every") == m.has("cron") {
		d.note(n, codeMissingKey, what+" has not exactly one of every and cron", "write one of `every: P1D` and `cron: \"0 10 * * 1\"`")
	}
	if v := m.take("max"); v != nil {
		rep.Max = d.integer(v, "max of "+what, 1)
	}
	rep.Until = d.markedName(m.take("until"), "until of "+what, "reminder", rem.Name, "until")
	if !m.has("max") && !m.has("until") {
		d.note(n, codeMissingKey, what+" never ends", "add `max:` or `until:`")
	}
	m.done()
	rem.Repeat = rep
}

func (d *draft) duration(n *yaml.Node, what string, positive bool) string {
	s, ok := d.scalar(n, what)
	if !ok {
		return ""
	}
	v, err := calendar.ParseDuration(s)
	switch {
	case err != nil:
		d.note(n, codeDuration, fmt.Sprintf("%s is no duration: %v", what, err), "write ISO 8601, such as P7D, -PT2H or P1M")
		return ""
	case positive && (v.Negative() || v.IsZero()):
		d.note(n, codeDuration, fmt.Sprintf("%s is %s", what, s), "write a duration above zero")
		return ""
	}
	return s
}

func (d *draft) cron(n *yaml.Node, what string) string {
	s, ok := d.scalar(n, what)
	if !ok {
		return ""
	}
	if _, err := calendar.ParseCron(s, time.UTC); err != nil {
		d.note(n, codeCron, fmt.Sprintf("%s is no cron expression: %v", what, err), `write five fields, such as "0 10 * * 1" for Mondays at ten`)
		return ""
	}
	return s
}

// clock reads a wall-clock time, "HH:MM".
func (d *draft) clock(n *yaml.Node, what string) string {
	s, ok := d.scalar(n, what)
	if !ok {
		return ""
	}
	if _, _, err := calendar.ParseClock(s); err != nil {
		d.note(n, codeClock, fmt.Sprintf("%s is %q", what, s), `write a time of day in quotes, such as "18:00"`)
		return ""
	}
	return s
}

func (d *draft) workingDays(m *mapping) int {
	n := m.take("working_days")
	if n == nil {
		return 0
	}
	return d.integer(n, "working_days of "+m.what, -1000)
}

// options reads what the engine adds, with the defaults of the language.
func (d *draft) options(m *mapping) {
	def := d.def
	def.Create = d.rights(m.take("create"), "create", "worker", "lead")
	def.Undo = d.rights(m.take("undo"), "undo", "worker", "lead")
	def.Waive = d.rights(m.take("waive"), "waive", "approver")
	def.Edit = EditOption{Rights: Rights{Pos: def.Pos, By: []string{"worker", "lead"}}}
	if n := m.take("edit"); n != nil {
		def.Edit.Rights = d.rightsWith(n, "edit", func(o *mapping) {
			def.Edit.In = d.markedNames(o.take("in"), "`in` of edit", "edit", "in")
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

func (d *draft) rights(n *yaml.Node, what string, by ...string) Rights {
	if n == nil {
		return Rights{Pos: d.def.Pos, By: by}
	}
	return d.rightsWith(n, what, nil)
}

// rightsWith reads `by` and hands the rest of the mapping to more.
func (d *draft) rightsWith(n *yaml.Node, what string, more func(*mapping)) Rights {
	r := Rights{Pos: d.pos(n)}
	m := d.mapping(n, what)
	if m == nil {
		return r
	}
	if v := m.need("by"); v != nil {
		r.By = d.roles(v, "`by` of "+what)
		if len(v.Content) == 0 && v.Kind == yaml.SequenceNode {
			d.note(v, codeNobody, "nobody may "+what, "name at least one role")
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
		tm := d.mapping(to, "`to` of reopen")
		if tm == nil {
			return
		}
		for _, from := range tm.names {
			d.mark(tm.keys[from], "reopen", from)
			d.mark(tm.values[from], "reopen", from, "to")
			if s := d.reader.name(tm.values[from], "the state after reopening "+from); s != "" {
				o.To[from] = s
			}
		}
	})
	d.def.Reopen = o
}

func (d *draft) backfill(n *yaml.Node) {
	o := &BackfillOption{Paths: map[string][]string{}}
	o.Rights = d.rightsWith(n, "backfill", func(m *mapping) {
		pm := d.mapping(m.need("paths"), "paths of backfill")
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
	for i, item := range d.sequence(n, "the path to "+state) {
		d.mark(item, "backfill", state, fmt.Sprint(i))
		if s := d.reader.name(item, "an event on the path to "+state); s != "" {
			out = append(out, s)
		}
	}
	return out
}
