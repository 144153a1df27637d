package workflow

import "strings"

// checkGrants refuses a grant whose key says something else than its fields: rights are looked up by the key, which is
// person/role/scope, while people are shown the fields.
func (x *tx) checkGrants() {
	for _, id := range x.order {
		i, was := x.work[id], x.orig[id]
		if i.Workflow != workflowGrant || x.deleted[id] || was != nil && grantKey(was) == grantKey(i) {
			continue
		}
		if role, _ := i.Body.Data["role"].(string); i.Key != grantKey(i) || strings.Contains(role, "/") {
			x.refuse(both(ReasonField, "key", "「%s」的编号必须是“人员/身份/范围”：%s", `the key of a %s must be person/role/scope: %s`,
				x.definition(i).Title, same(grantKey(i))))
		}
	}
}

// grantKey is the key that the fields of a grant call for.
func grantKey(i *Instance) string {
	var parts [3]string
	for n, field := range []string{"person", "role", "scope"} {
		parts[n], _ = i.Body.Data[field].(string)
	}
	return strings.Join(parts[:], "/")
}
