package workflow

import (
	"slices"
	"strings"
)

// RoleTitle is a role's name for people.
func RoleTitle(role string) Text {
	if t, ok := roleTitles[role]; ok {
		return t
	}
	return Text{role, role}
}

var roleTitles = map[string]Text{
	"lead": {"社工主任", "lead"}, "worker": {"社工", "social worker"}, "block": {"街区长", "block lead"},
	"finance": {"财务", "finance"}, "approver": {"社区党委（审批）", "approver"}, "volunteer": {"义工", "volunteer"},
	"auditor": {"监督员", "auditor"}, "admin": {"管理员", "administrator"}, "self": {"本人", "the person concerned"},
	"system": {"系统", "the system"},
}

func roleList(by []string) Text {
	zh, en := make([]string, len(by)), make([]string, len(by))
	for n, r := range by {
		t := RoleTitle(r)
		zh[n], en[n] = t.ZH, t.EN
	}
	return Text{strings.Join(zh, "、"), strings.Join(en, ", ")}
}

// askable are the roles that can be asked: the system cannot.
func askable(by []string) []string {
	if !slices.Contains(by, "system") {
		return by
	}
	return slices.DeleteFunc(slices.Clone(by), func(r string) bool { return r == "system" })
}

func roleReason(what Text, by []string) Reason {
	if by = askable(by); len(by) == 0 {
		return both(ReasonRole, "system", "%s只由系统进行", "%s is done only by the system", what)
	}
	r := both(ReasonRole, strings.Join(by, ","), "%s需要以下身份之一：%s", "%s needs one of these roles: %s", what, roleList(by))
	r.Roles = by
	return r
}

// reachers lists the roles that may fire an event leading to a state.
func reachers(d *Definition, state string) []string {
	var out []string
	for _, e := range d.Events {
		for _, to := range e.To {
			if to.State == state {
				out = union(out, askable(e.By))
			}
		}
	}
	return out
}
