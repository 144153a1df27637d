package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// actorFlags say who acts, for whom, and why.
type actorFlags struct {
	As       string `required:"" placeholder:"PERSON" help:"谁在操作：姓名、编号或 id；system 为系统 / Who acts: a name, key or id; system for the system."`
	Reason   string `help:"原因 / The reason."`
	OnBehalf string `placeholder:"PERSON" help:"代录：由谁决定 / Recorded for whoever decided."`
	Via      string `enum:",paper,phone,wechat,in_person" default:"" help:"代录方式：paper、phone、wechat、in_person / How they said so."`
	Evidence string `help:"代录依据，如签批编号 / Where that is written down."`
	Decided  string `placeholder:"WHEN" help:"决定的时间 / When they decided."`
	Occurred string `placeholder:"WHEN" help:"发生的时间：2023-06-14、2023-06-14/afternoon、unknown；默认现在 / When it happened; now by default."`
}

type fireCmd struct {
	dataFlags
	actorFlags

	Path   string   `arg:"" help:"项目[/活动[/事项]] / PROGRAMME[/ACTIVITY[/ITEM]]."`
	Event  string   `arg:"" help:"事件；也可以是 create、edit、cancel、skip、reopen、backfill、waive / An event, or create, edit, cancel, skip, reopen, backfill, waive."`
	Values []string `arg:"" optional:"" sep:"none" help:"名称=值 / NAME=VALUE."`

	Input     []string          `short:"i" sep:"none" placeholder:"K=V" help:"同上，可重复 / The same as a flag; may be repeated."`
	Key       string            `placeholder:"IDEMPOTENCY" help:"同一个键的重复请求只执行一次（72 小时内）/ A request repeated under the same key is carried out once (within 72 hours)."`
	Confirm   map[string]string `placeholder:"GUARD=REASON" help:"需确认的条件：原因，或 @第二人，或 @第二人:原因 / For a condition to be confirmed: a reason, @PERSON, or @PERSON:REASON."`
	IfVersion int64             `placeholder:"N" help:"只在仍是第 N 版时执行 / Only if it still has this version."`
	State     string            `help:"backfill：补录到哪个状态 / backfill: the state to reach."`
	Need      string            `help:"waive：特批哪个前提 / waive: which need."`
	Note      string            `help:"waive：对外说明 / waive: public note."`
	Workflow  string            `help:"create：流程 / create: the workflow."`
	Slot      string            `help:"create：位置 / create: the slot of an activity."`
	Name      string            `help:"create：编号 / create: the key of the new instance."`
	At        string            `placeholder:"TIME" help:"重演项目的时钟 / The clock of a replayed programme."`
}

// Run carries one event out and says what it came to.
func (c *fireCmd) Run(s *session) error {
	return s.writing(c.dataFlags, func(d *desk) error {
		p, err := d.goTo(c.Path)
		if err != nil {
			return err
		}
		req, err := c.request(d, p)
		if err != nil {
			return err
		}
		return d.carryOut(p, req)
	})
}

// carryOut asks the engine and tells the outcome.
func (d *desk) carryOut(p *place, req engine.Request) error {
	res, err := d.commands.Do(d.ctx, req)
	if err != nil {
		return d.tell(d.ctx, err, p.names)
	}
	if req.Kind == workflow.KindUndo && res.State == "" {
		d.say("已撤销新建：它已不在（历史第 %d 条，编号 %s）", "Its creation was undone: it is there no more (history entry %d, command %s)", res.Seq, res.Command)
		return nil
	}
	state := res.State
	if def := p.bundle.Definition(workflowOf(res, p)); def != nil && def.State(res.State) != nil {
		state = d.titled(def.State(res.State).Title, res.State)
	}
	if res.Replayed {
		d.say("以前已执行过，没有重复。", "Carried out before; nothing was repeated.")
	}
	if req.Kind == workflow.KindEdit { // which moved nothing
		d.say("已保存：第 %d 版（历史第 %d 条，编号 %s）", "Stored: version %d (history entry %d, command %s)", res.Version, res.Seq, res.Command)
		d.remind(res)
		return nil
	}
	d.say("已保存：%s，第 %d 版（历史第 %d 条，编号 %s）", "Stored: %s, version %d (history entry %d, command %s)", state, res.Version, res.Seq, res.Command)
	if req.Kind == workflow.KindCreate {
		d.say("新建的 id：%s", "The id of what was created: %s", res.Instance)
	}
	d.remind(res)
	return nil
}

// remind tells what was passed all the same.
func (d *desk) remind(res engine.Result) {
	for _, line := range d.warnings(res.Warnings) {
		d.say("提醒：%s", "Warning: %s", line)
	}
}

func workflowOf(res engine.Result, p *place) string {
	if res.Target != nil {
		return res.Target.Workflow
	}
	return p.at().Workflow
}

// kinds are the engine's own commands that may stand in the place of an event.
var kinds = []workflow.Kind{
	workflow.KindCreate, workflow.KindEdit, workflow.KindCancel, workflow.KindSkip, workflow.KindReopen, workflow.KindBackfill, workflow.KindWaive,
}

// request turns the command line into what a person asks of the engine.
func (c *fireCmd) request(d *desk, p *place) (engine.Request, error) {
	i := p.at()
	req := engine.Request{IdempotencyKey: c.Key, Command: workflow.Command{
		Community: i.Community, Root: p.head.Root, Target: i.ID, Kind: workflow.KindFire, Event: c.Event, IfVersion: c.IfVersion,
	}}
	form := p.definition().Event(c.Event)
	for _, k := range kinds {
		if form == nil && c.Event == string(k) {
			req.Kind, req.Event = k, ""
			req.State, req.Need, req.Note = c.State, c.Need, c.Note
			form = c.form(p, &req)
			break
		}
	}
	if err := d.people(&req, p, c.actorFlags); err != nil {
		return req, err
	}
	if err := c.confirm(d, p, &req); err != nil {
		return req, err
	}
	if c.At != "" {
		t, err := time.Parse(time.RFC3339, c.At)
		if err != nil {
			return req, fault.NewInvalid("at", "not_a_time", "请写如 2023-06-14T09:00:00+08:00", "give a time such as 2023-06-14T09:00:00+08:00")
		}
		req.At = t
	}
	var err error
	req.Values, err = parseInputs(d.ctx, form, append(c.Values, c.Input...), func(ctx context.Context, f *workflow.Field, name string) (string, error) {
		return d.refer(ctx, p.spot, f, name)
	})
	return req, err
}

// form is what one of the engine's own commands takes.
func (c *fireCmd) form(p *place, req *engine.Request) *workflow.Event {
	switch req.Kind {
	case workflow.KindCreate:
		req.Workflow, req.Slot, req.Key = c.Workflow, c.Slot, c.Name
		if slot := p.definition().Slot(c.Slot); c.Workflow == "" && slot != nil {
			req.Workflow = slot.Workflow
		}
		if def := p.bundle.Definition(req.Workflow); def != nil {
			return workflow.FieldForm(def, true)
		}
	case workflow.KindEdit:
		return workflow.FieldForm(p.definition(), false)
	case workflow.KindBackfill:
		return workflow.BackfillForm(p.definition(), c.State)
	default: // the others take no inputs
	}
	return nil
}

// people fills in who acts, on whose behalf, when and why.
func (d *desk) people(req *engine.Request, p *place, a actorFlags) error {
	var err error
	req.Reason = a.Reason
	if a.As == systemPerson {
		req.Actor.System = true
	} else if req.Actor.Person, err = d.person(d.ctx, p.head.Community, a.As); err != nil {
		return err
	}
	if req.Occurred, err = when("occurred", a.Occurred, p.zone); err != nil {
		return err
	}
	if a.OnBehalf == "" {
		return nil
	}
	ob := &workflow.OnBehalf{Via: a.Via, Evidence: a.Evidence}
	if ob.Decided, err = when("decided", a.Decided, p.zone); err != nil {
		return err
	}
	if ob.Person, err = d.person(d.ctx, p.head.Community, a.OnBehalf); err != nil {
		return err
	}
	req.OnBehalf = ob
	return nil
}

func when(flag, text string, zone *time.Location) (workflow.Occurred, error) {
	o, err := workflow.ParseOccurred(text, zone)
	if err != nil {
		return o, fault.NewInvalid(flag, "not_a_time",
			"“"+text+"”不是时间：请写 2023-06-14、2023-06-14/morning（afternoon、evening）、2023-06-14T09:00:00+08:00 或 unknown", err.Error())
	}
	return o, nil
}

// confirm reads GUARD=REASON, GUARD=@PERSON and GUARD=@PERSON:REASON.
func (c *fireCmd) confirm(d *desk, p *place, req *engine.Request) error {
	for guard, text := range c.Confirm {
		k := workflow.Confirmation{Reason: text}
		if second, ok := strings.CutPrefix(text, "@"); ok {
			second, k.Reason, _ = strings.Cut(second, ":")
			var err error
			if k.Second, err = d.person(d.ctx, p.head.Community, second); err != nil {
				return err
			}
		}
		if req.Confirm == nil {
			req.Confirm = map[string]workflow.Confirmation{}
		}
		req.Confirm[guard] = k
	}
	return nil
}

// refer finds the instance that a reference input names. What is not found is passed on: the rules say so together with
// everything else.
func (d *desk) refer(ctx context.Context, s *spot, f *workflow.Field, name string) (string, error) {
	if f.Type == workflow.TypePerson {
		return d.person(ctx, s.head.Community, name)
	}
	want := f.Of
	if f.Type != workflow.TypeRef {
		want = string(f.Type)
	}
	i, err := d.store.Instance(ctx, s.head.Community, name)
	if err != nil || i != nil {
		return name, err
	}
	registry, err := d.root(ctx, s.head.Community, s.head.Community)
	if err != nil {
		return "", err
	}
	programme := &spot{head: s.head, bundle: s.bundle, trail: s.trail[:1]}
	for _, from := range []*spot{programme, registry} {
		found, err := d.below(ctx, from, strings.Split(name, "/"))
		if err == nil && found.at().Workflow == want {
			return found.at().ID, nil
		}
		if err != nil && fault.KindOf(err) == fault.Internal {
			return "", err
		}
	}
	return name, nil
}

type undoCmd struct {
	dataFlags
	actorFlags

	Path    string `arg:"" help:"项目 / PROGRAMME."`
	Command string `arg:"" help:"要撤销的操作：编号，或历史序号 #12 / What to take back: a command id, or its number in the history, #12."`
}

// Run takes one command back.
func (c *undoCmd) Run(s *session) error {
	return s.writing(c.dataFlags, func(d *desk) error {
		p, err := d.goTo(c.Path)
		if err != nil {
			return err
		}
		of, err := d.commandAt(p, c.Command)
		if err != nil {
			return err
		}
		req := engine.Request{Command: workflow.Command{Community: p.head.Community, Root: p.head.Root, Kind: workflow.KindUndo, Of: of}}
		if err := d.people(&req, p, c.actorFlags); err != nil {
			return err
		}
		return d.carryOut(p, req)
	})
}

// commandAt turns #12 into the id of the command of that entry.
func (d *desk) commandAt(p *place, name string) (string, error) {
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return name, nil
	}
	seq, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return "", fault.NewInvalid("command", "not_a_number", "“"+name+"”应写成 #12 或操作编号", "write "+name+" as #12 or give a command id")
	}
	page, err := d.app.Store.History(d.ctx, p.head.Community, p.head.Root, seq, 1)
	if err != nil {
		return "", err
	}
	if len(page) == 0 || page[0].Seq != seq {
		return "", fault.New(fault.NotFound, "unknown_entry", fmt.Sprintf("历史里没有第 %d 条", seq), fmt.Sprintf("the history has no entry %d", seq))
	}
	var e workflow.Entry
	if err := json.Unmarshal(page[0].Body, &e); err != nil {
		return "", fmt.Errorf("history entry %d cannot be read; run linli audit: %w", seq, err)
	}
	return e.Command, nil
}
