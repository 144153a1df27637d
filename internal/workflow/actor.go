package workflow

import (
	"slices"
	"strings"
)

// staffRoles may record what somebody else decided.
var staffRoles = []string{"lead", "worker", "finance", "approver", "block", "admin"}

// decider is the person who counts: the one on whose behalf, or else the one who types. "" for the system.
func (x *tx) decider() string {
	if x.cmd.OnBehalf != nil {
		return x.cmd.OnBehalf.Person
	}
	return x.cmd.Actor.Person
}

// roles returns the active roles of a person for this root; those of the actor only as far as the token goes that the command came with.
func (x *tx) roles(person string) ([]string, error) {
	if person == "" {
		return nil, nil
	}
	grants, err := x.list(Key{KeyPrefix, x.cmd.Community, workflowGrant, person + "/"})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, g := range grants {
		role, scope, ok := strings.Cut(strings.TrimPrefix(g.Key, person+"/"), "/")
		if ok && g.State == "active" && (scope == x.cmd.Community || scope == x.cmd.Root) && x.lends(person, role) {
			out = append(out, role)
		}
	}
	return out, nil
}

// lends reports whether the command may draw on a role that somebody holds: the actor's may be narrowed.
func (x *tx) lends(person, role string) bool {
	return x.cmd.Only == nil || person != x.cmd.Actor.Person || slices.Contains(x.cmd.Only, role)
}

// checkActor refuses a person who lacks every role that may do this, and a record on somebody's behalf that lacks what it needs.
// The system may do what names it, and anything in the registry: whoever holds the keys of the data directory is the operator.
func (x *tx) checkActor(def *Definition, inst *Instance, by []string, what Text) error {
	if x.cmd.Actor.System {
		if x.cmd.Root != x.cmd.Community && !slices.Contains(by, "system") {
			x.refuse(roleReason(what, by))
		}
		return nil
	}
	held, err := x.roles(x.decider())
	if err != nil {
		return err
	}
	self := ""
	if def.Subject != "" && inst != nil {
		self, _ = inst.Body.Data[def.Subject].(string)
	}
	role := ""
	for _, r := range by {
		if slices.Contains(held, r) || r == "self" && self != "" && self == x.decider() {
			role = r
			break
		}
	}
	if role == "" {
		x.refuse(roleReason(what, by))
	}
	return x.checkBehalf(role)
}

// checkBehalf checks who typed a decision of somebody else (代录), and that an approver's has its evidence.
func (x *tx) checkBehalf(role string) error {
	ob := x.cmd.OnBehalf
	if ob == nil {
		return nil
	}
	if !slices.Contains([]string{"paper", "phone", "wechat", "in_person"}, ob.Via) {
		x.refuse(viaReason(ob.Via))
	}
	if role == "approver" && ob.Evidence == "" {
		x.refuse(evidenceReason())
	}
	if x.cmd.Actor.Person == ob.Person {
		return nil
	}
	typist, err := x.roles(x.cmd.Actor.Person)
	if err != nil {
		return err
	}
	for _, r := range typist {
		if slices.Contains(staffRoles, r) {
			return nil
		}
	}
	x.refuse(roleReason(Text{"代录", "recording for somebody else"}, staffRoles))
	return nil
}
