package ordertest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linli/linli/internal/workflow"
)

// kept are the fields that the pages' conditions speak of.
func kept() []string {
	return []string{
		"amount", "attempts", "consent", "fund", "funds", "guardian_consent", "household", "kind", "pair", "person", "spend_all", "strictness", "team_min", "when",
	}
}

// keep takes over what a command says about the fields that matter.
func (o *oracle) keep(id string, input workflow.Values) {
	for _, name := range kept() {
		if v, given := input[name]; given {
			o.set("field", id, name, plain(v))
		}
	}
}

// plain writes a value as the oracle keeps it.
func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case workflow.Evidence:
		switch {
		case v.None:
			return "none"
		case v.Unrecorded != "":
			return "unrecorded"
		default:
			return "given"
		}
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

// destination is where an event leads; a record whose first question was answered with no is a refusal, and the third time
// nobody is in, the household is unreachable.
func (o *oracle) destination(id, event string, w way) string {
	switch o.flow(id) + "." + event {
	case "household_visit.record":
		if o.get("field", id, "consent") == "none" {
			return "refused"
		}
		return "recorded"
	case "household_visit.absent":
		n := o.number(id, "attempts", 0)
		o.set("field", id, "attempts", strconv.FormatInt(n+1, 10))
		if n >= 2 {
			return "unreachable"
		}
		return "absent"
	case "household_visit.consent_withdrawn": // of a photo or of publication: the record itself stays
		house := o.get("field", id, "household")
		if o.consent(house, "record") != "withdrawn" && (o.get("field", id, "kind") != "child" || o.consent(house, "guardian") != "withdrawn") {
			return o.state(id)
		}
		return "redacted"
	default:
		return w.to[0]
	}
}

// consequences is what an accepted event brings with it.
func (o *oracle) consequences(id, event string) {
	switch o.flow(id) + "." + event {
	case "train.sign_off":
		for _, s := range o.in("session", id, "planned", "held") {
			o.leave(s, "signed")
			o.trained(s)
		}
	case "session.sign":
		o.trained(id)
	case "session.all_present":
		o.each(o.in("shift", id, "invited", "confirmed"), "present")
	case "session.redate":
		o.each(o.in("shift", id, "confirmed"), "invited")
	case "shift.make_up":
		if o.training(o.get("parent", id, "")) {
			o.set("trained", o.get("field", id, "person"), o.get("root", id, ""), "yes")
		}
	case "purchase.approve", "purchase.approve_above":
		o.each(o.in("allocation", id, "planned"), "approved")
	case "purchase.pay":
		o.each(o.in("allocation", id, "approved"), "paid")
	case "purchase.receive":
		o.each(o.in("allocation", id, "paid"), "received")
	case "purchase.correct":
		o.each(o.in("allocation", id, "approved", "paid", "received"), "planned")
	case "purchase.drop":
		o.each(o.in("allocation", id, "planned"), "dropped")
	case "pledge.receive":
		gifts := o.all(o.get("parent", id, ""), "donation")
		o.set("field", gifts[len(gifts)-1], "amount", o.get("field", id, "amount"))
	case "neighbourhood.archive":
		o.each(o.in("recruit", id, "formed"), "closed")
		o.each(o.in("train", id, "signed_off", "makeup"), "closed")
		o.each(o.in("visit", id, "completed"), "archived")
		o.each(o.in("event", id, "closed"), "archived")
	}
}

func (o *oracle) each(ids []string, state string) {
	for _, id := range ids {
		o.leave(id, state)
	}
}

func (o *oracle) training(session string) bool {
	return slices.Contains([]string{"training", "makeup"}, o.get("field", session, "kind"))
}

// trained: whoever was present at a training that is signed is trained.
func (o *oracle) trained(session string) {
	if !o.training(session) {
		return
	}
	for _, s := range o.in("shift", session, "present") {
		o.set("trained", o.get("field", s, "person"), o.get("root", s, ""), "yes")
	}
}

// aside follows the few commands on things for which the pages draw no machine.
func (o *oracle) aside(id, event string) {
	switch o.flow(id) + "." + event {
	case "objection.uphold": // an upheld objection takes the recognition back to nominating
		if r := o.get("parent", id, ""); slices.Contains([]string{"notice", "notice_ended"}, o.state(r)) {
			o.leave(r, "nominating")
		}
		o.set("state", id, "", "upheld")
	case "objection.dismiss":
		o.set("state", id, "", "dismissed")
	case "person.erase", "household.erase":
		o.each(slices.DeleteFunc(o.all(id, "consent"), func(c string) bool { return o.state(c) == "ended" }), "ended")
	}
}
