package workflow

import (
	"fmt"
	"strings"
)

// BrokenError says that a definition or a stored row is not what it must be: a mistake of the software or of whoever
// changed the data outside it, never of the person who asked.
type BrokenError struct {
	Workflow string
	Place    string
	Err      error
}

// Error names the workflow and the place.
func (e *BrokenError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Workflow, e.Place, e.Err) }

// Unwrap returns the cause.
func (e *BrokenError) Unwrap() error { return e.Err }

// broken wraps an error of a definition, but leaves errMissing as it is: that only asks for more rows.
func (x *tx) broken(d *Definition, place string, err error) error {
	if len(x.missing) > 0 {
		return errMissing
	}
	return &BrokenError{d.Name, place, err}
}

func unknownErr(id string) error { return fmt.Errorf("there is no instance %s", id) }

func stateTitle(d *Definition, name string) Text {
	if s := d.State(name); s != nil && !s.Title.IsZero() {
		return s.Title
	}
	return Text{name, name}
}

func stateList(d *Definition, names []string) Text {
	titles := make([]Text, len(names))
	for n, s := range names {
		titles[n] = stateTitle(d, s)
	}
	return quoted(titles)
}

// quoted is a list of titles.
func quoted(titles []Text) Text {
	zh, en := make([]string, len(titles)), make([]string, len(titles))
	for n, t := range titles {
		zh[n], en[n] = "「"+t.ZH+"」", `"`+t.EN+`"`
	}
	return Text{strings.Join(zh, "、"), strings.Join(en, ", ")}
}

// both formats a reason in both languages with the same arguments' two forms.
func both(code Code, name, zh, en string, args ...Text) Reason {
	za, ea := make([]any, len(args)), make([]any, len(args))
	for n, a := range args {
		za[n], ea[n] = a.ZH, a.EN
	}
	return Reason{Code: code, Name: name, Text: Text{fmt.Sprintf(zh, za...), fmt.Sprintf(en, ea...)}}
}

func same(s string) Text { return Text{s, s} }

func stateReason(d *Definition, i *Instance, ev *Event) Reason {
	return both(ReasonState, i.State, "现在是「%s」；「%s」只能在%s时进行", `it is now "%s"; "%s" is possible only in %s`,
		stateTitle(d, i.State), ev.Title, stateList(d, ev.From))
}

// editStateReason names the states in which an instance is edited, where they are few, and the way there.
func editStateReason(b *Bundle, d *Definition, i *Instance) Reason {
	in := d.Edit.In
	if len(in) == 0 {
		in = openStates(d)
		return b.withWay(both(ReasonState, i.State, "在「%s」时不能修改", `it cannot be edited in "%s"`, stateTitle(d, i.State)), d, i.State, in)
	}
	r := both(ReasonState, i.State, "在「%s」时不能修改，只能在%s时修改", `it cannot be edited in "%s", only in %s`, stateTitle(d, i.State), stateList(d, in))
	return b.withWay(r, d, i.State, in)
}

func reasonRequired(what Text) Reason {
	return both(ReasonReason, "reason", "%s需要写明原因", "%s needs a reason", what)
}

func fieldRequired(f *Field) Reason {
	return both(ReasonField, f.Name, "请填写「%s」", `"%s" is missing`, fieldTitle(f))
}

func fieldTitle(f *Field) Text {
	if f.Title.IsZero() {
		return same(f.Name)
	}
	return f.Title
}

func fieldReason(f *Field, err error) Reason {
	t := same(err.Error())
	if fe, ok := err.(fieldError); ok { //nolint:errorlint // made here and never wrapped
		t = fe.Text
	}
	return both(ReasonField, f.Name, "「%s」：%s", `"%s": %s`, fieldTitle(f), t)
}

func unknownInputReason(form *Event, name string) Reason {
	names := make([]string, len(form.Input))
	for n, in := range form.Input {
		names[n] = in.Name
	}
	return both(ReasonField, name, "「%s」没有名为 %s 的项；可填：%s", `"%s" has no input %s; it takes: %s`, form.Title, same(name), same(strings.Join(names, ", ")))
}

func noInputReason(name string) Reason {
	return both(ReasonField, name, "这项操作不需要填写内容，请去掉 %s", "this takes no input; leave out %s", same(name))
}

// noSuchReferenceReason does not repeat the id: people write names into such fields by mistake.
func noSuchReferenceReason(f *Field, d *Definition) Reason {
	what := same(f.Of)
	if d != nil {
		what = d.Title
	}
	return both(ReasonField, f.Name, "「%s」：找不到这个%s；请核对编号", `"%s": there is no such %s; check the id`, fieldTitle(f), what)
}

func versionReason(i *Instance, want int64) Reason {
	return both(ReasonVersion, "version", "您看到的是第 %s 版，现在已是第 %s 版；请刷新后再试", "you saw version %s, it is now version %s; reload and try again",
		same(fmt.Sprint(want)), same(fmt.Sprint(i.Version)))
}

// unknownWords names for people what a command may name wrongly.
var unknownWords = map[string]Text{
	"instance": {"记录", "record"}, "workflow": {"流程", "workflow"}, "command": {"操作", "command"}, "need": {"前提", "requirement"},
	"community": {"社区", "community"}, "kind": {"操作类型", "kind of command"},
}

// unknownReason has the name that was given as its Name, for programs; the words do not repeat it.
func unknownReason(what, name string) Reason {
	word, ok := unknownWords[what]
	if !ok {
		word = same(what)
	}
	if name == "" {
		return both(ReasonUnknown, what, "请写明%s", "name the %s", word)
	}
	return both(ReasonUnknown, name, "找不到这个%s；请核对名称", "there is no such %s; check the name", word)
}

func unknownEventReason(d *Definition, name string) Reason {
	names := make([]string, len(d.Events))
	for n, e := range d.Events {
		names[n] = e.Name
	}
	return both(ReasonUnknown, name, "「%s」没有这个事件；可用：%s", `"%s" has no such event; it has: %s`, d.Title, same(strings.Join(names, ", ")))
}

func separationReason(maker, checker *Event) Reason {
	return both(ReasonSeparation, "separation", "「%s」和「%s」必须由不同的人决定", `"%s" and "%s" must be decided by different people`, maker.Title, checker.Title)
}

func samePersonReason(maker, checker *Event) Reason {
	return both(ReasonSeparation, "separation", "「%s」和「%s」由同一人决定；最好由两人分别决定", `the same person decides "%s" and "%s"; two are better`, maker.Title, checker.Title)
}

func confirmReason(name string, r Reason) Reason {
	if name == "separation" {
		return both(ReasonConfirm, name, "%s。如确需进行，请由另一位有权的人确认并写明原因", "%s. To go on all the same, have another person who may do it confirm it, and give a reason", r.Text)
	}
	c := both(ReasonConfirm, name, "%s。如确需进行，请由另一人确认或写明原因", "%s. To go on all the same, have a second person confirm it or give a reason", r.Text)
	c.Roles = r.Roles
	return c
}

func expressionReason(d *Definition, name string, err error) Reason {
	return both(ReasonExpression, name, "「%s」的条件 %s 无法判断：%s", `"%s": the condition %s cannot be decided: %s`, d.Title, same(name), same(err.Error()))
}

func ancestorReason(d *Definition, i *Instance) Reason {
	r := both(ReasonClosed, i.ID, "所属的「%s」已是「%s」", `"%s", which it belongs to, is already "%s"`, d.Title, stateTitle(d, i.State))
	return withReturn(r, d, i.State)
}

// endedReason is ancestorReason for what ended itself.
func endedReason(d *Definition, i *Instance) Reason {
	return withReturn(both(ReasonState, i.State, "现在已是「%s」", `it is already "%s"`, stateTitle(d, i.State)), d, i.State)
}

// withReturn says how what has ended goes on: it is reopened, or its cancelling is undone.
func withReturn(r Reason, d *Definition, state string) Reason {
	switch {
	case d.Reopen != nil && d.Reopen.To[state] != "":
		r.Text.ZH += "；需要更改时请先重新打开"
		r.Text.EN += "; reopen it first"
		r.Roles = d.Reopen.By
	case (state == StateCancelled || state == StateSkipped) && len(d.Undo.By) > 0:
		r.Text.ZH += "；需要更改时请先撤销那次操作"
		r.Text.EN += "; undo that first"
		r.Roles = d.Undo.By
	}
	return r
}

func needReason(b *Bundle, programme *Definition, n *Need, open []*Instance) Reason {
	slot := programme.Slot(n.On)
	d := b.Definition(slot.Workflow)
	if len(n.Else.ZH) > 0 {
		r := Reason{Code: ReasonNeed, Name: n.Name, Text: n.Else, Roles: reachers(d, n.Milestone)}
		return withOpen(r, slot, d, n, open)
	}
	r := both(ReasonNeed, n.Name, "须先完成「%s」（%s）", `"%s" must first be "%s"`, slot.Title, stateTitle(d, n.Milestone))
	r.Roles = reachers(d, n.Milestone)
	return withOpen(r, slot, d, n, open)
}

// withOpen names at most three of the activities that are still open. That all were cancelled is not enough where one must be.
func withOpen(r Reason, slot *Slot, d *Definition, n *Need, open []*Instance) Reason {
	if n.Which == WhichAll && len(open) == 0 {
		r.Text.ZH += fmt.Sprintf("；没有未取消的「%s」：请新建一个并完成", slot.Title.ZH)
		r.Text.EN += fmt.Sprintf("; there is no %q that was not cancelled: add one and bring it to its end", slot.Title.EN)
		if d.Skip != nil {
			r.Text.ZH += "，或新建后标为不适用"
			r.Text.EN += ", or mark a new one as not applicable"
		}
	}
	for n, i := range open {
		if n == 3 {
			r.Text.ZH += fmt.Sprintf("；另有 %d 项", len(open)-n)
			r.Text.EN += fmt.Sprintf("; and %d more", len(open)-n)
			break
		}
		t := stateTitle(d, i.State)
		r.Text.ZH += fmt.Sprintf("；%s 现在是「%s」", i.Label(), t.ZH)
		r.Text.EN += fmt.Sprintf("; %s is now %q", i.Label(), t.EN)
	}
	return r
}

// Label names an instance for people: its key, or else its id.
func (i *Instance) Label() string {
	if i.Key != "" {
		return i.Key
	}
	return i.ID
}

func usedReason(b *Bundle, d *Definition, milestone string, users []*Instance) Reason {
	names := make([]string, len(users))
	for n, u := range users {
		names[n] = u.Label()
		if ud := b.Definition(u.Workflow); ud != nil && u.Key == "" {
			names[n] = ud.Title.ZH
		}
	}
	return both(ReasonUsed, milestone, "「%s」已被后续工作采用：%s；请先处理这些工作", `"%s" has already been built on by %s; deal with those first`,
		stateTitle(d, milestone), same(strings.Join(names, ", ")))
}

func laterReason(id string, d *Definition) Reason {
	what := Text{"记录", "the record"}
	if d != nil {
		what = d.Title
	}
	return both(ReasonUsed, id, "%s %s 之后又有改动，不能撤销；请先撤销后来的操作", "%s %s was changed again since; undo the later command first", what, same(id))
}

func childReason(d *Definition, i *Instance) Reason {
	return both(ReasonUsed, i.ID, "%s %s 之下后来又新建了内容，不能撤销", "something was created under %s %s since, so this cannot be undone", d.Title, same(i.Label()))
}

func namedReason(d *Definition, i *Instance, by *Definition, r *Instance) Reason {
	return both(ReasonUsed, i.ID, "%s %s 已被「%s」%s 引用，不能撤销；请先改掉那里的引用", `the %s %s is named by the "%s" %s, so this cannot be undone; change it there first`,
		d.Title, same(i.Label()), by.Title, same(r.Label()))
}

func belowReason(d *Definition, i *Instance, below *Definition) Reason {
	return both(ReasonUsed, i.ID, "%s %s 之下的「%s」后来又有改动，不能撤销；请先撤销后来的操作", `below %s %s, "%s" was changed since; undo the later command first`,
		d.Title, same(i.Label()), below.Title)
}

func undoUndoReason() Reason {
	return both(ReasonState, "undo", "撤销本身不能再撤销；请重新做一次原来的操作", "an undo cannot be undone; carry out the original command again")
}

func irrevocableReason(d *Definition, state string) Reason {
	return both(ReasonUsed, state, "%s已成为「%s」，各项目已据此处理，不能撤销；如有误请另行登记", "a %s that became %q has been acted on elsewhere and cannot be undone; record the correction anew", d.Title, stateTitle(d, state))
}

func placeReason(d, parent *Definition) Reason {
	where := Text{"顶层", "the top level"}
	if parent != nil {
		where = parent.Title
	}
	if d.Level == LevelActivity {
		return both(ReasonUnknown, d.Name, "「%s」要建在项目的活动位置里；请写明位置（slot），现在写的是「%s」", `"%s" goes into a slot of a programme; name the slot (what was named: "%s")`, d.Title, where)
	}
	return both(ReasonUnknown, d.Name, "「%s」不能建在「%s」之下", `"%s" cannot be created under "%s"`, d.Title, where)
}

func slotFullReason(s *Slot) Reason {
	return both(ReasonLimit, s.Name, "「%s」最多 %s 个", `"%s" takes at most %s`, s.Title, same(fmt.Sprint(s.Max)))
}

func keyTakenReason(d *Definition, key string) Reason {
	return both(ReasonUnknown, key, "「%s」的这个编号已被使用；请换一个", `the key of this %s is already taken; choose another`, d.Title)
}

func futureReason(name string, o Occurred, today string) Reason {
	return both(ReasonField, name, "发生时间 %s 还没有到（今天是 %s）；请填实际发生的时间", "%s has not come yet (today is %s); say when it really happened", same(o.String()), same(today))
}

func keyReason(d *Definition, key string) Reason {
	return both(ReasonField, "key", "这条%s的编号应是 %s；请去掉所写的编号，或改正内容", "the key of this %s must be %s; leave the key out, or correct the fields", d.Title, same(key))
}

func moveReason(d *Definition, i *Instance, kind Kind) Reason {
	what := map[Kind]Text{KindCancel: {"取消", "cancelled"}, KindSkip: {"标为不适用", "marked as not applicable"}, KindReopen: {"重新打开", "reopened"}}[kind]
	return both(ReasonState, string(kind), "「%s」在「%s」时不能%s", `"%s" cannot, in "%s", be %s`, d.Title, stateTitle(d, i.State), what)
}

func notWaivableReason(n *Need) Reason {
	return both(ReasonNeed, n.Name, "这一前提不能特批：%s", "this requirement cannot be waived: %s", same(n.Name))
}

func backfillReason(d *Definition, state string) Reason {
	var names []string
	if d.Backfill != nil {
		names = sortedKeys(d.Backfill.Paths)
	}
	return both(ReasonUnknown, state, "「%s」不能补录到这个状态；可补录到：%s", `"%s" cannot be back-filled to that state; possible: %s`, d.Title, same(strings.Join(names, ", ")))
}

func evidenceReason() Reason {
	return both(ReasonEvidence, "on_behalf.evidence", "代录审批须写明依据（纸质签批的编号等）", "recording an approver's decision needs a reference to its evidence")
}

func viaReason(via string) Reason {
	return both(ReasonField, "on_behalf.via", "代录方式 %s 无效：paper（纸质签批）、phone（电话）、wechat（微信）、in_person（当面）", "%s is not a way of recording: paper, phone, wechat or in_person", same(fmt.Sprintf("%q", via)))
}

func limitReason(what string, n int) Reason {
	return both(ReasonLimit, what, "一次操作牵涉过多（%s 上限 %s）；请分批进行", "this command reaches too far (limit of %s: %s); do it in parts", same(what), same(fmt.Sprint(n)))
}

func timerReason(d *Definition, ref TimerRef) Reason {
	return both(ReasonTimer, ref.Rule, "「%s」的定时 %s 已被更新，本次不执行", `the timer of "%s", %s, was superseded`, d.Title, same(ref.Rule))
}

func nestedReason(d *Definition, i *Instance, ev *Event, r Reason) Reason {
	r.Text = Text{
		fmt.Sprintf("%s %s「%s」：%s", d.Title.ZH, i.Label(), ev.Title.ZH, r.Text.ZH),
		fmt.Sprintf("%s %s, %q: %s", d.Title.EN, i.Label(), ev.Title.EN, r.Text.EN),
	}
	return r
}
