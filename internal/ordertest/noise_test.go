package ordertest

import (
	"context"
	"slices"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// step does one random thing: mostly what a sensible office would do, often something else, sometimes nonsense.
func (r *run) step(ctx context.Context) error {
	var cmd workflow.Command
	switch n := r.dice.below(100); {
	case n < 55:
		sensible := r.sensible()
		if len(sensible) == 0 {
			return r.advance(ctx, 24*time.Hour)
		}
		cmd = pick(r.dice, sensible)
		if chance(r.dice, 20) {
			cmd.Confirm = map[string]workflow.Confirmation{"separation": {Second: r.cast.anybody(r.dice), Reason: "办公室只有三人"}}
		}
		if chance(r.dice, 12) { // the right thing, by whoever happens to sit at the desk
			cmd.Actor.Person = r.cast.anybody(r.dice)
		}
	case n < 90:
		cmd = r.noise()
	case n < 97:
		return r.undoLater(ctx)
	default:
		return r.advance(ctx, pick(r.dice, []time.Duration{time.Hour, 24 * time.Hour, 5 * 24 * time.Hour, 30 * 24 * time.Hour}))
	}
	before := r.now
	n := len(r.done)
	ok, err := r.try(ctx, cmd)
	if err == nil && ok && len(r.done) > n && chance(r.dice, 15) {
		err = r.undoAtOnce(ctx, before)
	}
	return err
}

// noise is any command on anything.
func (r *run) noise() workflow.Command {
	target := r.someRow(r.root)
	if chance(r.dice, 8) {
		return r.registryNoise()
	}
	def := r.bundle.Definition(target.Workflow)
	cmd := workflow.Command{Root: r.root, Target: target.ID, Actor: workflow.Actor{Person: r.cast.people["chief"]}, Reason: "试一试"}
	if chance(r.dice, 40) {
		cmd.Actor.Person = r.cast.anybody(r.dice)
	}
	if chance(r.dice, 10) {
		cmd.Reason = ""
	}
	switch n := r.dice.below(100); {
	case n < 55:
		r.anyEvent(&cmd, def, target.State)
	case n < 68:
		cmd.Kind = workflow.KindEdit
		cmd.Input = r.fill(workflow.FieldForm(def, false), 15)
	case n < 72:
		cmd.Kind = pick(r.dice, []workflow.Kind{workflow.KindCancel, workflow.KindCancel, workflow.KindSkip})
		if target.Parent == "" && !chance(r.dice, 3) { // seldom: it is the end of the programme
			cmd.Kind = workflow.KindSkip
		}
	case n < 78:
		cmd.Kind = workflow.KindReopen
	case n < 80:
		cmd.Kind, cmd.Need, cmd.Note = workflow.KindWaive, r.anyNeed(target), "公开说明"
	case n < 83:
		r.backfill(&cmd, def)
	default:
		r.anyCreate(&cmd, target, def)
	}
	r.behalf(&cmd)
	if chance(r.dice, 20) {
		cmd.Confirm = map[string]workflow.Confirmation{"separation": {Second: r.cast.anybody(r.dice), Reason: "办公室只有三人"}, "notice_over": {Reason: "活动在即"}}
	}
	return cmd
}

// someRow prefers what others rest on to the many items.
func (r *run) someRow(root string) workflow.Instance {
	var activities, all []string
	for id, i := range r.now[root].Rows {
		if i.Slot != "" || i.Parent == "" {
			activities = append(activities, id)
		}
		all = append(all, id)
	}
	slices.Sort(activities)
	slices.Sort(all)
	if chance(r.dice, 50) && len(activities) > 0 {
		return r.now[root].Rows[pick(r.dice, activities)]
	}
	return r.now[root].Rows[pick(r.dice, all)]
}

func (r *run) anyEvent(cmd *workflow.Command, def *workflow.Definition, state string) {
	cmd.Kind = workflow.KindFire
	events := def.EventsFrom(state)
	if len(events) == 0 || chance(r.dice, 25) {
		events = def.Events
	}
	ev := pick(r.dice, events)
	cmd.Event = ev.Name
	cmd.Input = r.fill(ev, 80)
	if chance(r.dice, 10) {
		cmd.Occurred, _ = workflow.ParseOccurred(pick(r.dice, []string{r.day(-20), r.day(-1) + "/morning", r.day(0)}), r.zone)
	}
}

func (r *run) anyNeed(i workflow.Instance) string {
	var names []string
	for _, event := range []string{"start", "approve", "lock_hours", "award", "close"} {
		for _, n := range needsOf(i.Slot, event) {
			names = append(names, n.name)
		}
	}
	if len(names) == 0 {
		return "team_formed"
	}
	return pick(r.dice, names)
}

func (r *run) backfill(cmd *workflow.Command, def *workflow.Definition) {
	cmd.Kind, cmd.State = workflow.KindBackfill, def.Initial
	if def.Backfill == nil {
		return
	}
	var states []string
	for s := range def.Backfill.Paths {
		states = append(states, s)
	}
	slices.Sort(states)
	cmd.State = pick(r.dice, states)
	cmd.Input = r.fill(workflow.BackfillForm(def, cmd.State), 30)
	if chance(r.dice, 50) {
		cmd.Occurred, _ = workflow.ParseOccurred(r.day(-r.dice.below(20)), r.zone)
	}
}

// anyCreate makes something under the target, or an activity of the programme.
func (r *run) anyCreate(cmd *workflow.Command, target workflow.Instance, def *workflow.Definition) {
	cmd.Kind = workflow.KindCreate
	switch {
	case len(def.Slots) > 0 && chance(r.dice, 40):
		slot := pick(r.dice, def.Slots)
		cmd.Workflow, cmd.Slot = slot.Workflow, slot.Name
	case len(def.Items) > 0:
		cmd.Workflow = pick(r.dice, def.Items)
	default:
		cmd.Workflow = pick(r.dice, r.bundle.Definitions()).Name
	}
	cmd.Input = r.fill(workflow.FieldForm(r.bundle.Definition(cmd.Workflow), true), 40)
	if p, ok := cmd.Input["person"].(string); ok && (cmd.Workflow == "membership" || cmd.Workflow == "shift") {
		cmd.Key = p // their key is their person
	}
	_ = target
}

// behalf sometimes records that somebody else decided.
func (r *run) behalf(cmd *workflow.Command) {
	if !chance(r.dice, 12) {
		return
	}
	cmd.OnBehalf = &workflow.OnBehalf{Person: cmd.Actor.Person, Via: pick(r.dice, []string{"paper", "phone", "wechat", "in_person", "gossip"})}
	if chance(r.dice, 60) {
		cmd.OnBehalf.Evidence = "会议纪要"
	}
	cmd.Actor.Person = r.cast.as(r.dice, pick(r.dice, []string{"worker", "lead", "volunteer"}))
}

// registryNoise does something to the people and households that programmes rest on, but never to those who hold roles.
func (r *run) registryNoise() workflow.Command {
	house := pick(r.dice, r.houses)
	cmd := workflow.Command{Root: community, Target: house, Kind: workflow.KindFire, Actor: workflow.Actor{Person: r.cast.people["chief"]}, Reason: "来电"}
	consents := r.oracle.all(house, "consent")
	switch n := r.dice.below(11); {
	case n == 10:
		cmd.Target, cmd.Kind, cmd.Input = community, workflow.KindEdit, workflow.Values{"strictness": r.choices()}
	case n < 6 && len(consents) > 0:
		cmd.Target = pick(r.dice, consents)
		cmd.Event = pick(r.dice, []string{"withdraw", "refuse", "give", "give", "mark_unrecorded"})
		if cmd.Event == "give" {
			cmd.Input = workflow.Values{"way": "written", "evidence": paper("签名")}
		}
	case n < 8:
		kind := pick(r.dice, []string{"record", "guardian", "photo"})
		cmd.Kind, cmd.Workflow, cmd.Key, cmd.Input = workflow.KindCreate, "consent", kind, workflow.Values{"kind": kind}
	case n < 9:
		cmd.Event = pick(r.dice, []string{"mute", "unmute", "return", "approve"})
	default:
		cmd.Target = r.cast.people["v4"]
		cmd.Event = pick(r.dice, []string{"deactivate", "reactivate"})
	}
	return cmd
}

// choices are what a community may wish to be less strict about, hard things among them.
func (r *run) choices() []string {
	all := []string{
		"fundraise.approve.separation=confirm", "fundraise.approve.separation=warn", "fundraise.publish.separation=warn",
		"purchase.approve.separation=confirm", "recognise.announce.separation=warn", "neighbourhood.accept.separation=confirm",
		"fundraise.reconcile.balanced=warn", "visit.start.trained=warn", "household_visit.record.not_withdrawn=confirm",
	}
	var out []string
	for range r.dice.below(4) {
		out = append(out, pick(r.dice, all))
	}
	return out
}

// fill draws values for a form; each input is given in percent of all cases, and sometimes makes no sense.
func (r *run) fill(form *workflow.Event, percent int) workflow.Values {
	out := workflow.Values{}
	if form == nil {
		return out
	}
	for _, in := range form.Input {
		p := percent
		if in.Required {
			p = 92
		}
		if !chance(r.dice, p) {
			continue
		}
		out[in.Name] = r.value(&in.Field)
		if chance(r.dice, 2) {
			out[in.Name] = pick(r.dice, []any{nil, 7, "乱写", true, []string{"x"}})
		}
	}
	return out
}

// value draws a value that fits a field.
func (r *run) value(f *workflow.Field) any {
	d := r.dice
	if f.List {
		var out []string
		for range d.below(3) {
			if s, ok := r.single(f).(string); ok && s != "" {
				out = append(out, s)
			}
		}
		return out
	}
	return r.single(f)
}

func (r *run) single(f *workflow.Field) any {
	d := r.dice
	switch f.Type {
	case workflow.TypeInt, workflow.TypeMoney:
		return pick(d, []int{0, 1, 2, 3, 60, 100, 1000, -5})
	case workflow.TypeBool:
		return chance(d, 30)
	case workflow.TypeDate:
		return r.day(d.below(20) - 10)
	case workflow.TypeHalfDay:
		return r.day(d.below(8)-4) + pick(d, []string{"/morning", "/afternoon", "/evening"})
	case workflow.TypeTime:
		return r.sys.clock().Format(time.RFC3339)
	case workflow.TypeEnum:
		return pick(d, f.Values).Name
	case workflow.TypeEvidence:
		return pick(d, []workflow.Evidence{paper("凭据"), paper("凭据"), {None: true}, unrecorded("未留存")})
	case workflow.TypePerson:
		return r.cast.people[pick(d, []string{"v1", "v2", "v3", "staff", "v4"})]
	case workflow.TypeHousehold:
		return pick(d, r.houses)
	case workflow.TypeRef:
		return r.anyOf(f.Of)
	case workflow.TypeOrganisation, workflow.TypeBlock:
		return nil
	default:
		return pick(d, []string{"甲", "乙", "一段说明"})
	}
}

// anyOf is an instance of a workflow, or nothing.
func (r *run) anyOf(of string) any {
	ids := r.oracle.all("", of)
	if len(ids) == 0 {
		return nil
	}
	return pick(r.dice, ids)
}
