package ordertest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// fact is one thing that the oracle knows: what is known, of which instance, under which name.
type fact struct{ what, id, name string }

// change is a fact before and after; "" is an absent fact.
type change [2]string

// oracle is what somebody would keep on paper who knows PRACTICE and DOMAIN and sees nothing but the commands that were
// accepted. It never looks at a definition, nor at a row: ids, and who was created where, are all it takes from an entry
// besides the command itself.
type oracle struct {
	zone  *time.Location
	roles map[string][]string // person → roles
	table map[string]machine
	facts map[fact]string
	order []string // ids in the order of their creation
	now   map[fact]change
	past  map[[2]string]map[fact]change // root, command → what it changed
	seen  map[string]int                // "train.start" → how often it was accepted
	wrong []string
}

func newOracle(zone *time.Location, roles map[string][]string) *oracle {
	return &oracle{
		zone: zone, roles: roles, table: machines(), facts: map[fact]string{}, past: map[[2]string]map[fact]change{}, seen: map[string]int{},
	}
}

// fork is an oracle that goes on from here by itself.
func (o *oracle) fork() *oracle {
	c := *o
	c.facts, c.past, c.seen, c.order = maps.Clone(o.facts), maps.Clone(o.past), maps.Clone(o.seen), slices.Clone(o.order)
	return &c
}

func (o *oracle) get(what, id, name string) string { return o.facts[fact{what, id, name}] }

func (o *oracle) set(what, id, name, value string) {
	f := fact{what, id, name}
	was := o.facts[f]
	if was == value {
		return
	}
	if c, ok := o.now[f]; ok {
		was = c[0]
	}
	o.now[f] = change{was, value}
	if value == "" {
		delete(o.facts, f)
		return
	}
	o.facts[f] = value
}

func (o *oracle) state(id string) string { return o.get("state", id, "") }
func (o *oracle) flow(id string) string  { return o.get("workflow", id, "") }

// all returns the living ids of a workflow under a parent ("" for any), oldest first.
func (o *oracle) all(parent, workflow string) []string {
	var out []string
	for _, id := range o.order {
		if o.flow(id) == workflow && (parent == "" || o.get("parent", id, "") == parent) {
			out = append(out, id)
		}
	}
	return out
}

func (o *oracle) dead(id string) bool {
	s := o.state(id)
	return s == "cancelled" || s == "skipped"
}

func (o *oracle) fail(format string, args ...any) {
	o.wrong = append(o.wrong, fmt.Sprintf(format, args...))
}

// accepted is one accepted command: its entry, and what an entry says only by its changes.
type accepted struct {
	workflow.Entry
	State string // of a back-fill
	Need  string // of a waiver
}

// accept takes in an accepted command and returns what the pages have against it.
func (o *oracle) accept(e accepted) error {
	o.now, o.wrong = map[fact]change{}, nil
	for _, c := range e.Changes {
		if c.Created != nil {
			o.created(e.Root, c.ID, *c.Created)
		}
	}
	if e.Undoes != "" {
		o.undo(e)
	} else if o.get("root", e.Target, "") == e.Root { // not the registry's half of a programme's command
		o.command(e)
	}
	o.money()
	o.past[[2]string{e.Root, e.Command}] = o.now
	if len(o.wrong) > 0 {
		return errors.New(strings.Join(o.wrong, "\n"))
	}
	return nil
}

// created notes a new instance in the first state of its machine.
func (o *oracle) created(root, id string, who workflow.Identity) {
	if !slices.Contains(o.order, id) {
		o.order = append(o.order, id)
	}
	o.set("root", id, "", root)
	o.set("workflow", id, "", who.Workflow)
	o.set("parent", id, "", who.Parent)
	o.set("slot", id, "", who.Slot)
	o.set("key", id, "", who.Key)
	if m, ok := o.table[who.Workflow]; ok {
		o.set("state", id, "", m.initial)
	}
	if who.Workflow == "shift" { // a shift's key is its person, whoever made it
		o.set("field", id, "person", who.Key)
	}
}

// command checks one accepted command and takes over what it did.
func (o *oracle) command(e accepted) {
	id := e.Target
	if !e.Actor.System {
		o.stands(id)
	}
	if e.Kind == workflow.KindCreate || o.flow(id) == "community" {
		o.keep(id, e.Input)
		return
	}
	m, known := o.table[o.flow(id)]
	if !known {
		o.aside(id, e.Event)
		return
	}
	if !e.Actor.System { // a withdrawn consent has its consequences below a cancelled round, too
		o.alive(id)
	}
	switch e.Kind {
	case workflow.KindFire:
		o.keep(id, e.Input)
		o.step(e, m, id, e.Event, e.Event)
	case workflow.KindEdit:
		o.keep(id, e.Input)
	case workflow.KindCancel:
		o.reasoned(e)
		o.mayDo(e, id, "lead", "worker")
		if slices.Contains(m.final, o.state(id)) {
			o.fail("%s was cancelled in its final state %s", o.flow(id), o.state(id))
		}
		o.unused(id, milestones()[o.flow(id)]...)
		o.empty(id)
		o.leave(id, "cancelled")
	case workflow.KindSkip:
		o.reasoned(e)
		o.step(e, m, id, "skip", "skip")
	case workflow.KindReopen:
		o.reasoned(e)
		o.reopened(e, m, id)
	case workflow.KindWaive:
		o.reasoned(e)
		o.mayDo(e, id, "approver")
		o.set("waived", id, e.Need, "yes")
	case workflow.KindBackfill:
		o.backfilled(e, m, id)
	case workflow.KindCreate, workflow.KindUndo: // taken in elsewhere
	}
}

// alive: nothing happens below what was cancelled or skipped.
func (o *oracle) alive(id string) {
	for p := o.get("parent", id, ""); p != ""; p = o.get("parent", p, "") {
		if o.dead(p) {
			o.fail("%s went on below a %s that is %s", o.flow(id), o.flow(p), o.state(p))
		}
	}
}

func (o *oracle) reasoned(e accepted) {
	if e.Reason == "" {
		o.fail("%s was accepted without a reason", e.Kind)
	}
}

// decider is whose decision counts: not who typed it.
func decider(e accepted) string {
	if e.OnBehalf != nil {
		return e.OnBehalf.Person
	}
	return e.Actor.Person
}

// mayDo checks that who decided holds one of the roles.
func (o *oracle) mayDo(e accepted, id string, roles ...string) {
	if e.Actor.System {
		if !slices.Contains(roles, "system") {
			o.fail("the system did %s%s of %s, which is for %v", e.Kind, e.Event, o.flow(id), roles)
		}
		return
	}
	who := decider(e)
	held := o.roles[who]
	for _, r := range roles {
		if slices.Contains(held, r) || r == "self" && o.get("field", id, "person") == who {
			if r == "approver" && e.OnBehalf != nil && e.OnBehalf.Evidence == "" {
				continue // PRACTICE: an approver's decision on paper needs its reference
			}
			return
		}
	}
	o.fail("%s %s of %s was decided by somebody with the roles %v; it is for %v", e.Kind, e.Event, o.flow(id), held, roles)
}

// step takes one event of a machine: who, from where, whether its turn has come, and where it may lead.
func (o *oracle) step(e accepted, m machine, id, event, checked string) {
	from := o.state(id)
	w, ok := m.way(from, event)
	if !ok {
		o.fail("%s %s was accepted in %s", o.flow(id), event, from)
		return
	}
	if e.Kind != workflow.KindBackfill {
		o.mayDo(e, id, w.by...)
		o.separate(e, id, event, w)
	}
	o.turn(e, id, event)
	o.seen[o.flow(id)+"."+checked]++
	if by := decider(e); by != "" {
		o.set("by", id, event, by)
	}
	if back := takesBack()[[2]string{o.flow(id), event}]; back != "" {
		o.takeBack(id, back)
	}
	o.enter(id, o.destination(id, event, w), e.Occurred)
	switch o.flow(id) + "." + event {
	case "neighbourhood.accept":
		o.set("accepted", id, "", o.figures(id))
	case "neighbourhood.withdraw_acceptance":
		o.set("accepted", id, "", "")
	}
	o.consequences(id, event)
}

// separate: maker and checker are different people. A small office may choose otherwise, with a second name and a reason or a
// warning, but never for the publication of a fund.
func (o *oracle) separate(e accepted, id, event string, w way) {
	maker := checkers()[[2]string{o.flow(id), event}]
	if maker == "" || o.get("by", id, maker) == "" || o.get("by", id, maker) != decider(e) {
		return
	}
	level := "block"
	for _, choice := range list(o.get("field", community, "strictness")) {
		if chosen, ok := strings.CutPrefix(choice, o.flow(id)+"."+event+".separation="); ok {
			level = chosen
		}
	}
	c := e.Confirm["separation"]
	second := c.Second != decider(e) && slices.ContainsFunc(o.roles[c.Second], func(r string) bool { return slices.Contains(w.by, r) })
	switch {
	case level == "block", event == "publish", level == "confirm" && (!second || c.Reason == ""):
		o.fail("%s %s was decided by the one who decided %s", o.flow(id), event, maker)
	}
}

// turn: the event's place in the order of the lifecycle, and the conditions that a law or the arithmetic stands behind.
func (o *oracle) turn(e accepted, id, event string) {
	for _, r := range o.unmet(e.Root, id, event, e.Input, e.Occurred) {
		o.fail("%s %s came out of order: %s", o.flow(id), event, r)
	}
	for _, r := range o.forbidden(id, event, e.Kind == workflow.KindBackfill) {
		o.fail("%s %s was accepted: %s", o.flow(id), event, r)
	}
	for _, u := range o.rests(e.Root, id, event, e.Occurred, e.Input) {
		o.set("used", u[0], u[1]+" by "+id, event)
	}
}

// enter puts an instance into a state and latches its milestone.
func (o *oracle) enter(id, state string, at workflow.Occurred) {
	o.leave(id, state)
	reached := []string{state}
	if o.flow(id) == "event" && state == "wrap_up" {
		reached = append(reached, "in_progress") // what is written down afterwards has been in progress
	}
	for _, m := range reached {
		if slices.Contains(milestones()[o.flow(id)], m) && o.get("latched", id, m) == "" {
			o.set("latched", id, m, "at "+at.String())
		}
	}
}

// leave changes the state. What rested on others for an event that is now to come again rests on them no more.
func (o *oracle) leave(id, state string) {
	o.set("state", id, "", state)
	m := o.table[o.flow(id)]
	var over []fact
	for f, event := range o.facts {
		if f.what != "used" || !strings.HasSuffix(f.name, " by "+id) {
			continue
		}
		if _, again := m.way(state, event); again || o.dead(id) {
			over = append(over, f)
		}
	}
	for _, f := range over {
		o.set(f.what, f.id, f.name, "")
	}
}

// reopened: back from a late state, if what it gives up was not used.
func (o *oracle) reopened(e accepted, m machine, id string) {
	from := o.state(id)
	w, ok := m.way(from, "reopen")
	if !ok {
		o.fail("%s was reopened in %s", o.flow(id), from)
		return
	}
	o.mayDo(e, id, w.by...)
	o.seen[o.flow(id)+".reopen"]++
	if slices.Contains(milestones()[o.flow(id)], from) {
		o.unused(id, from)
	}
	o.leave(id, w.to[0])
}

// backfilled: every event on the way to the state had its turn, by the lead, with a reason.
func (o *oracle) backfilled(e accepted, m machine, id string) {
	o.reasoned(e)
	o.mayDo(e, id, "lead")
	o.keep(id, e.Input)
	state := e.State
	path := paths()[[2]string{o.flow(id), state}]
	at := m.initial
	for n, event := range path {
		if at == o.state(id) {
			for _, later := range path[n:] {
				o.step(e, m, id, later, "backfill."+later)
			}
			break
		}
		w, _ := m.way(at, event)
		at = w.to[0]
	}
	if path == nil || o.state(id) != state {
		o.fail("%s was back-filled to %s from %s", o.flow(id), state, at)
	}
}
