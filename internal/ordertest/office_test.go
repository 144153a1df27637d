package ordertest

import (
	"context"
	"errors"
	"testing"

	"github.com/linli/linli/internal/workflow"
)

// office is a running programme whose team is formed and trained, in which tests do one thing after the other. The oracle
// watches here too.
type office struct {
	*run
	t                           testing.TB
	recruit, training, ceremony string
}

func newOffice(t testing.TB) *office {
	t.Helper()
	b, zone := builtIn(t)
	o := &office{run: newRun(newMemory(b, zone), b, zone, newSeededDice(1)), t: t}
	if err := o.setUp(t.Context(), b.Hash); err != nil {
		t.Fatal(err)
	}
	o.recruit, o.training, o.ceremony = o.made("recruit"), o.made("train"), o.made("recognise")
	o.ok(o.fire("approver", o.root, "approve", workflow.Values{"budget": unrecorded("未写"), "approval_paper": paper("批复")}))
	o.ok(o.fire("lead", o.root, "start", nil))
	o.ok(o.backfill(o.recruit, "formed", nil))
	o.ok(o.backfill(o.training, "signed_off", nil))
	return o
}

// memory is the world of the office.
func (o *office) memory() *memory {
	o.t.Helper()
	m, ok := o.sys.(*memory)
	if !ok {
		o.t.Fatal("the office is not in memory")
	}
	return m
}

func (o *office) by(role, target string, kind workflow.Kind) workflow.Command {
	root := o.root
	if o.oracle.get("root", target, "") == community {
		root = community
	}
	return workflow.Command{Root: root, Target: target, Kind: kind, Reason: "工作需要", Actor: workflow.Actor{Person: o.cast.people[role]}}
}

func (o *office) fire(role, target, event string, in workflow.Values) workflow.Command {
	c := o.by(role, target, workflow.KindFire)
	c.Event, c.Input = event, in
	return c
}

func (o *office) edit(role, target string, in workflow.Values) workflow.Command {
	c := o.by(role, target, workflow.KindEdit)
	c.Input = in
	return c
}

func (o *office) backfill(target, state string, in workflow.Values) workflow.Command {
	c := o.by("lead", target, workflow.KindBackfill)
	c.State, c.Input = state, in
	return c
}

// create makes something and returns its id.
func (o *office) create(parent, of, slot string, in workflow.Values) string {
	o.t.Helper()
	c := o.by("worker", parent, workflow.KindCreate)
	c.Workflow, c.Slot, c.Input = of, slot, in
	o.ok(c)
	return o.made(of)
}

// ok carries out a command that must be accepted and returns its id.
func (o *office) ok(c workflow.Command) string {
	o.t.Helper()
	if err := o.must(context.WithoutCancel(o.t.Context()), c); err != nil {
		o.t.Fatal(err)
	}
	for k := range o.now {
		if err := recount(o.bundle, o.now[k]); err != nil {
			o.t.Fatal(err)
		}
	}
	if len(o.done) == 0 {
		return ""
	}
	return o.done[len(o.done)-1].cmd.ID
}

// no carries out a command that must be refused for a reason.
func (o *office) no(c workflow.Command, code workflow.Code) {
	o.t.Helper()
	accepted, err := o.try(context.WithoutCancel(o.t.Context()), c)
	if err != nil {
		o.t.Fatal(err)
	}
	var refusal *workflow.Refusal
	if accepted || !errors.As(o.refusal, &refusal) || !refusal.Has(code) {
		o.t.Fatalf("%s %s: accepted %v, %v; want a refusal for %s", c.Kind, c.Event, accepted, o.refusal, code)
	}
}

func (o *office) undo(command string) workflow.Command {
	return o.undoOf(workflow.Command{ID: command, Root: o.root})
}

// event makes an event of a day and carries it to its wrap-up.
func (o *office) event(slot, when string) string {
	o.t.Helper()
	id := o.create(o.root, "event", slot, workflow.Values{"profile": "other", "title": "活动", "host": "社区", "place": "广场", "when": when, "hours_eligible": false})
	o.ok(o.fire("worker", id, "quick_record", nil))
	return id
}

func (o *office) close(event string) string {
	o.t.Helper()
	o.create(event, "claim", "", workflow.Values{"metric": "headcount", "qualifier": "not_counted"})
	return o.ok(o.fire("lead", event, "close", workflow.Values{"photos": workflow.Evidence{None: true}}))
}

// fund makes a fund with one gift, closed and being spent.
func (o *office) fund(received int) (fund, gift string) {
	o.t.Helper()
	fund = o.create(o.root, "fundraise", "fundraise", workflow.Values{"purpose": "生活物资"})
	gift = o.create(fund, "donation", "", workflow.Values{"amount": received})
	o.ok(o.fire("finance", gift, "receipt", workflow.Values{"receipt": paper("1号")}))
	o.ok(o.backfill(fund, "purchasing", workflow.Values{"basis_record": unrecorded("未写")}))
	return fund, gift
}

// spend buys something from a fund, as far as the lead's approval, and returns the purchase and the command that approved it.
func (o *office) spend(fund string, amount int) (purchase, approval string) {
	o.t.Helper()
	purchase = o.create(o.root, "purchase", "", workflow.Values{"title": "米", "amount": amount})
	o.create(purchase, "allocation", "", workflow.Values{"source": "fund", "fund": fund, "amount": amount})
	o.ok(o.fire("worker", purchase, "request", nil))
	return purchase, o.ok(o.fire("lead", purchase, "approve", nil))
}

// round makes a round of visits to one household, started.
func (o *office) round(funds ...string) (visit, household, start string) {
	o.t.Helper()
	visit = o.create(o.root, "visit", "visit", workflow.Values{"funds": funds})
	household = o.create(visit, "household_visit", "", workflow.Values{"household": o.houses[0], "kind": "elder", "pair": o.trainedPair()})
	o.ok(o.fire("worker", household, "schedule", nil))
	o.ok(o.fire("worker", visit, "assign", nil))
	return visit, household, o.ok(o.fire("lead", visit, "start", nil))
}

// trainedPair trains two people, once, and returns them.
func (o *office) trainedPair() []string {
	o.t.Helper()
	pair := []string{o.cast.people["v1"], o.cast.people["staff"]}
	if o.oracle.get("trained", pair[0], o.root) != "" {
		return pair
	}
	session := o.create(o.training, "session", "", workflow.Values{"when": o.today() + "/morning", "kind": "training"})
	o.ok(o.fire("worker", session, "invite_team", workflow.Values{"people": pair}))
	o.ok(o.fire("worker", session, "all_present", nil))
	o.ok(o.fire("lead", session, "sign", nil))
	return pair
}
