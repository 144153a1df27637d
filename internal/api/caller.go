package api

import (
	"context"
	"slices"
	"strings"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// caller is who asks: a person, through one of her tokens.
type caller struct {
	community string
	person    string
	token     string   // id of the token
	scope     string   // the community, or the one programme that the token is good for
	only      []string // the roles that the token is limited to; nil: every role that the person holds
	grants    []grant  // in force when the token was last looked up
}

// grant is one role of a person in the community or in one programme.
type grant struct{ role, scope string }

type callerKey struct{}

// from is who asks.
func from(ctx context.Context) *caller {
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return &caller{} // nobody: holds no role anywhere
	}
	return c
}

// staffRoles may read what belongs to the work of a programme or of the community's registry (DOMAIN.md, roles). A volunteer
// reads what is public and what is about herself.
func staffRoles() []string {
	return []string{"lead", "worker", "block", "finance", "approver", "auditor", "admin"}
}

// holds reports whether the caller has one of the roles for a root: for the whole community, or for that programme.
func (c *caller) holds(root string, roles ...string) bool {
	return slices.ContainsFunc(c.grants, func(g grant) bool {
		return slices.Contains(roles, g.role) && (g.scope == c.community || g.scope == root) && c.within(root)
	})
}

// within reports whether the caller's token is good for a root.
func (c *caller) within(root string) bool { return c.scope == c.community || c.scope == root }

// anywhere reports whether the caller has one of the roles for the community or for any of its programmes. A role in the whole community
// is one in every programme, also in the one that a token is limited to.
func (c *caller) anywhere(roles ...string) bool {
	return slices.ContainsFunc(c.grants, func(g grant) bool {
		return slices.Contains(roles, g.role) && (g.scope == c.community || c.within(g.scope))
	})
}

// staff reports whether the caller works for a root. Whoever works for any programme may read the registry.
func (c *caller) staff(root string) bool {
	if root == c.community {
		return c.anywhere(staffRoles()...)
	}
	return c.holds(root, staffRoles()...)
}

// rolesFor lists the caller's roles for a root.
func (c *caller) rolesFor(root string) []string {
	var out []string
	for _, g := range c.grants {
		if c.holds(root, g.role) && !slices.Contains(out, g.role) && (g.scope == c.community || g.scope == root) {
			out = append(out, g.role)
		}
	}
	slices.Sort(out)
	return out
}

// grantsOf reads the active grants among a person's, narrowed to the given roles.
func grantsOf(person string, rows []*workflow.Instance, only []string) []grant {
	var out []grant
	for _, g := range rows {
		role, scope, ok := strings.Cut(strings.TrimPrefix(g.Key, person+"/"), "/")
		if ok && g.State == "active" && (only == nil || slices.Contains(only, role)) {
			out = append(out, grant{role, scope})
		}
	}
	return out
}

// inCommunity refuses a community that is not the caller's. Whether there is such a community is not said.
func inCommunity(ctx context.Context, community string) error {
	if from(ctx).community != community {
		return unknownCommunity()
	}
	return nil
}

func unknownCommunity() error {
	return fault.New(fault.NotFound, "unknown_community", "找不到这个社区；请核对编号", "there is no such community; check its id")
}

// needRoles refuses a caller who has none of the roles for a root.
func needRoles(ctx context.Context, root string, roles ...string) error {
	if from(ctx).holds(root, roles...) {
		return nil
	}
	zh, en := make([]string, len(roles)), make([]string, len(roles))
	for n, r := range roles {
		t := workflow.RoleTitle(r)
		zh[n], en[n] = t.ZH, t.EN
	}
	return fault.New(fault.Forbidden, "missing_role",
		"您没有这里需要的身份："+strings.Join(zh, "、")+"；请联系管理员", "this needs one of the roles "+strings.Join(en, ", ")+"; ask an administrator")
}

// needStaff refuses a caller who does not work for a root.
func needStaff(ctx context.Context, root string) error {
	if from(ctx).staff(root) {
		return nil
	}
	return needRoles(ctx, root, staffRoles()...)
}
