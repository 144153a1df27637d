package ordertest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/linli/linli/internal/workflow"
)

// need is one line of the lifecycle's order (DOMAIN §1.2 as PRACTICE corrects it): what an event waits for.
type need struct {
	name      string // what an approver waives
	slot      string // whose activities are asked
	milestone string
	named     bool // only those that the activity names
	upTo      bool // only those dated on or before the cut-off, and undated ones
	one       bool // there must be one
	none      bool // fulfilled where there is no such activity at all
}

// needsOf says what an event of an activity in a slot waits for.
func needsOf(slot, event string) []need {
	switch slot + "." + event {
	case "train.start":
		return []need{{name: "team_formed", slot: "recruit", milestone: "formed"}}
	case "fundraise.approve":
		return []need{{name: "team_for_funds", slot: "recruit", milestone: "formed"}}
	case "visit.start":
		return []need{
			{name: "team_trained", slot: "train", milestone: "signed_off"},
			{name: "funds_reconciled", slot: "fundraise", milestone: "reconciled", named: true},
		}
	case "recognise.lock_hours":
		return []need{
			{name: "visits_completed", slot: "visit", milestone: "completed", none: true},
			{name: "events_closed", slot: "event", milestone: "closed", upTo: true, none: true},
		}
	case "recognise.award": // in progress, or wrapping up, or over; never without an evening
		return []need{{name: "evening_started", slot: "recognition_evening", milestone: "in_progress", one: true}}
	case ".close":
		return []need{
			{name: "all_events_closed", slot: "event", milestone: "closed", none: true},
			{name: "evening_closed", slot: "recognition_evening", milestone: "closed", none: true},
			{name: "all_visits_completed", slot: "visit", milestone: "completed", none: true},
			{name: "all_trained", slot: "train", milestone: "signed_off"},
			{name: "recognised", slot: "recognise", milestone: "awarded"},
		}
	default:
		return nil
	}
}

// ordered reports whether an instance is an activity or the programme: only those wait for each other.
func (o *oracle) ordered(id string) bool {
	return o.get("slot", id, "") != "" || o.flow(id) == "neighbourhood"
}

// unmet names the lines of the order that an event would break now, waived ones left out.
func (o *oracle) unmet(root, id, event string, input workflow.Values, at workflow.Occurred) []string {
	var out []string
	for _, n := range o.needs(id, event) {
		if _, ok := o.fulfilled(root, id, n, input, at); !ok {
			out = append(out, n.name)
		}
	}
	return out
}

// rests lists the milestones, with their owners, that an event is built on.
func (o *oracle) rests(root, id, event string, at workflow.Occurred, input workflow.Values) [][2]string {
	var out [][2]string
	for _, n := range o.needs(id, event) {
		owners, _ := o.fulfilled(root, id, n, input, at)
		for _, u := range owners {
			out = append(out, [2]string{u, n.milestone})
		}
	}
	return out
}

func (o *oracle) needs(id, event string) []need {
	if !o.ordered(id) {
		return nil
	}
	return slices.DeleteFunc(needsOf(o.get("slot", id, ""), event), func(n need) bool { return o.get("waived", id, n.name) != "" })
}

// fulfilled returns whose milestones fulfil a need, and whether they do.
func (o *oracle) fulfilled(root, id string, n need, input workflow.Values, at workflow.Occurred) ([]string, bool) {
	if n.named {
		var owners []string
		for _, fund := range list(o.get("field", id, "funds")) {
			if o.get("slot", fund, "") != n.slot || !o.reached(fund, n.milestone, at) {
				return nil, false
			}
			if !slices.Contains(owners, fund) {
				owners = append(owners, fund)
			}
		}
		return owners, true
	}
	var owners []string
	ok, living, skipped := true, 0, false
	for _, a := range o.order {
		if o.get("parent", a, "") != root || o.get("slot", a, "") != n.slot {
			continue
		}
		skipped = skipped || o.state(a) == "skipped"
		if o.dead(a) || n.upTo && o.later(a, input) {
			continue
		}
		living++
		if !o.reached(a, n.milestone, at) {
			ok = false
			continue
		}
		owners = append(owners, a)
	}
	if n.one {
		return owners, len(owners) > 0
	}
	return owners, ok && (living > 0 || skipped || n.none)
}

// reached: the milestone stands, and nobody says that it came only after.
func (o *oracle) reached(id, milestone string, at workflow.Occurred) bool {
	latched := o.get("latched", id, milestone)
	if latched == "" {
		return false
	}
	when, err := workflow.ParseOccurred(strings.TrimPrefix(latched, "at "), o.zone)
	return err == nil && !when.ProvablyAfter(at)
}

// later reports whether an event is dated after the cut-off. Undated ones count as before, and without a cut-off all do.
func (o *oracle) later(id string, input workflow.Values) bool {
	cutoff, _ := input["cutoff"].(string)
	day, _, _ := strings.Cut(o.get("field", id, "when"), "/")
	return cutoff != "" && day != "" && day > cutoff
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// forbidden names what stands against an event besides the order: the programme must run, and the hard conditions. A back-fill
// leaves out those that are not hard.
func (o *oracle) forbidden(id, event string, backfill bool) []string {
	var out []string
	no := func(bad bool, format string, args ...any) {
		if bad {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	flow := o.flow(id)
	switch flow + "." + event {
	case "train.start", "visit.start", "event.start", "event.quick_record", "fundraise.approve", "recognise.lock_hours":
		programme := o.state(o.get("root", id, ""))
		no(programme != "running", "the programme is %s", programme)
	}
	switch flow + "." + event {
	case "recruit.form":
		n, least := len(o.in("membership", id, "confirmed")), o.number(id, "team_min", 2)
		no(!backfill && int64(n) < least, "%d of %d are confirmed", n, least)
	case "train.sign_off":
		no(!backfill && o.shifts(id, "invited", "confirmed") > 0, "attendance is not complete")
		no(!backfill && o.shifts(id, "present", "made_up") == 0, "nobody was there")
	case "fundraise.close":
		no(!backfill && len(o.in("donation", id, "received")) > 0, "a donation has neither receipt nor waiver")
		no(!backfill && len(o.in("pledge", id, "pledged")) > 0, "a pledge is open")
	case "neighbourhood.accept", "neighbourhood.archive":
		no(len(o.in("purchase", id, "draft", "requested", "approved", "paid")) > 0, "a purchase is open")
	case "fundraise.archive":
		no(len(o.in("donation", id, "received")) > 0, "a donation has neither receipt nor waiver")
	case "recognise.confirm", "recognise.issue":
		no(!backfill && len(o.in("objection", id, "")) > 0, "an objection is not settled")
	case "fundraise.start_purchase", "fundraise.publish":
		no(!backfill && event == "publish" && len(o.in("donation", id, "received")) > 0, "a donation has neither receipt nor waiver")
		received, spent := o.balance(id)
		no(spent > received, "%d spent of %d received", spent, received)
	case "fundraise.reconcile":
		no(!backfill && len(o.in("donation", id, "received")) > 0, "a donation has neither receipt nor waiver")
		received, spent := o.balance(id)
		no(spent > received, "%d spent of %d received", spent, received)
		no(o.get("field", id, "spend_all") == "true" && spent != received, "%d spent of %d received, all of which is to be spent", spent, received)
	case "visit.start":
		for _, hv := range o.in("household_visit", id, "listed", "scheduled", "visiting", "absent") {
			out = append(out, o.unfit(hv)...)
		}
	case "visit.finish_round":
		no(len(o.in("household_visit", id, "listed", "scheduled", "visiting", "absent")) > 0, "a household has no result")
	case "visit.complete":
		no(!backfill && len(o.in("household_visit", id, "recorded")) > 0, "a record is not reviewed")
	case "household_visit.record":
		if o.get("field", id, "consent") == "none" {
			break // they said no; nothing is recorded
		}
		c := o.consent(o.get("field", id, "household"), "record")
		no(c == "withdrawn" || c == "refused", "the consent is %s", c)
		no(o.state(o.get("parent", id, "")) != "in_progress", "the round is %s", o.state(o.get("parent", id, "")))
		out = append(out, o.unfit(id)...)
	}
	return out
}

// settled are the states of what they stand under in which a stated figure and the source of a purchase stay as they are.
func settled() map[[2]string][]string {
	return map[[2]string][]string{
		{"claim", "event"}: {"closed", "archived"}, {"claim", "fundraise"}: {"reconciled", "published", "archived"},
		{"claim", "donation"}: {"receipted", "refunded"}, {"claim", "visit"}: {"completed", "archived"},
		{"claim", "train"}: {"signed_off", "closed"}, {"claim", "recognise"}: {"awarded", "archived"},
		{"allocation", "purchase"}: {"requested", "approved", "paid", "received", "dropped"},
	}
}

// stands: people neither add nor change what was signed for with all around it.
func (o *oracle) stands(id string) {
	p := o.get("parent", id, "")
	if slices.Contains(settled()[[2]string{o.flow(id), o.flow(p)}], o.state(p)) {
		o.fail("a %s was added or changed under a %s that is %s", o.flow(id), o.flow(p), o.state(p))
	}
}

// unfit names what stands against visiting one household: two trained people, and for a child its guardian's consent.
func (o *oracle) unfit(hv string) []string {
	var out []string
	pair := list(o.get("field", hv, "pair"))
	if len(pair) < 2 {
		out = append(out, fmt.Sprintf("%d people visit a household", len(pair)))
	}
	for _, p := range pair {
		if o.get("trained", p, o.get("root", hv, "")) == "" {
			out = append(out, "somebody in a pair is not trained")
		}
	}
	if o.get("field", hv, "kind") != "child" {
		return out
	}
	if c := o.get("field", hv, "guardian_consent"); c != "given" && c != "unrecorded" {
		out = append(out, "a child lacks its guardian's consent")
	}
	if c := o.consent(o.get("field", hv, "household"), "guardian"); c == "withdrawn" || c == "refused" {
		out = append(out, "a guardian's consent is "+c)
	}
	return out
}

// in returns the instances of a workflow under a parent that are in one of the states.
func (o *oracle) in(workflow, parent string, states ...string) []string {
	return slices.DeleteFunc(o.all(parent, workflow), func(id string) bool { return !slices.Contains(states, o.state(id)) })
}

// shifts counts the shifts in one of the states in the living sessions of an activity.
func (o *oracle) shifts(activity string, states ...string) int {
	n := 0
	for _, s := range o.in("session", activity, "planned", "held", "signed") {
		n += len(o.in("shift", s, states...))
	}
	return n
}

// consent is the state of a subject's consent of one kind; "" if there is none.
func (o *oracle) consent(subject, kind string) string {
	for _, c := range o.all(subject, "consent") {
		if o.get("key", c, "") == kind {
			return o.state(c)
		}
	}
	return ""
}

func (o *oracle) number(id, field string, otherwise int64) int64 {
	var n int64
	if _, err := fmt.Sscan(o.get("field", id, field), &n); err != nil {
		return otherwise
	}
	return n
}

// balance is what a fund received and what was taken from it.
func (o *oracle) balance(fund string) (received, spent int64) {
	for _, d := range o.in("donation", fund, "received", "receipted") {
		received += o.number(d, "amount", 0)
	}
	for _, a := range o.all("", "allocation") {
		if o.get("field", a, "fund") == fund && slices.Contains([]string{"approved", "paid", "received"}, o.state(a)) {
			spent += o.number(a, "amount", 0)
		}
	}
	return received, spent
}

// money: what is taken from a fund never exceeds what it received, whatever was done.
func (o *oracle) money() {
	for _, fund := range o.all("", "fundraise") {
		if received, spent := o.balance(fund); spent > received {
			o.fail("a fund received %d, and %d were taken from it", received, spent)
		}
	}
	for _, p := range o.all("", "neighbourhood") {
		if was, now := o.get("accepted", p, ""), o.figures(p); was != "" && was != now && (o.state(p) == "accepted" || o.state(p) == "archived") {
			o.fail("a programme was accepted with the figures %s, and they are %s now", was, now)
		}
	}
}

// figures are what the living funds of a programme received and spent.
func (o *oracle) figures(programme string) string {
	var in, out int64
	for _, f := range o.all(programme, "fundraise") {
		if !o.dead(f) {
			received, spent := o.balance(f)
			in, out = in+received, out+spent
		}
	}
	return fmt.Sprintf("%d/%d", in, out)
}

// empty: nothing is given up with people's money in it, or once it was reconciled or accepted.
func (o *oracle) empty(id string) {
	switch o.flow(id) {
	case "fundraise":
		received, spent := o.balance(id)
		if s := o.state(id); received > 0 || spent > 0 || s == "reconciled" || s == "published" {
			o.fail("a %s fund with %d in it was cancelled", s, received)
		}
	case "neighbourhood":
		if s := o.state(id); s == "accepted" || o.figures(id) != "0/0" {
			o.fail("a programme that is %s was cancelled with %s", s, o.figures(id))
		}
	}
}

// underWay: nothing is under way in a programme, and nothing is recorded in a round, that was never started.
func (o *oracle) underWay(root string) {
	started := map[string][]string{
		"train": {"in_session", "attendance", "signed_off", "makeup"}, "visit": {"in_progress", "follow_up", "completed"},
		"event": {"in_progress", "wrap_up", "closed"},
	}
	for _, id := range o.order {
		if o.get("root", id, "") != root {
			continue
		}
		if p := o.state(root); slices.Contains(started[o.flow(id)], o.state(id)) && (p == "draft" || p == "approved") {
			o.fail("a %s is %s in a programme that is %s", o.flow(id), o.state(id), p)
		}
		round := o.state(o.get("parent", id, ""))
		if o.flow(id) == "household_visit" && slices.Contains([]string{"recorded", "reviewed"}, o.state(id)) && (round == "planning" || round == "assigned") {
			o.fail("a household is %s in a round that is %s", o.state(id), round)
		}
	}
}
