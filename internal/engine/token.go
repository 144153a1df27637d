package engine

import (
	"context"
	"slices"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// The workflow of tokens, its state in which one may be used, and its fields.
const (
	workflowToken = "token"
	stateActive   = "active"
	tokenPerson   = "person"
	tokenScope    = "scope"
	tokenRoles    = "roles"
	tokenExpires  = "expires"
)

// token refuses a command whose token may not be used for it, and narrows the command to the token's roles. The commit checks the
// token's row again: a revocation that commits first always wins.
func (b *build) token(ctx context.Context, r *Request, cmd *workflow.Command) error {
	if r.Token == "" {
		return nil
	}
	if err := b.load(ctx, []workflow.Key{{Kind: workflow.KeyInstance, A: r.Token}}); err != nil {
		return err
	}
	t := b.snap.Instance(r.Token)
	if t == nil || t.Workflow != workflowToken || t.Community != r.Community {
		return fault.New(fault.Forbidden, "token_unknown", "没有这个令牌；请重新领取", "there is no such token; get a new one")
	}
	if b.key.root != b.key.community { // the registry's own chain keeps its commands apart
		if _, seen := b.reads[t.ID]; !seen {
			b.reads[t.ID] = t.Version
		}
	}
	if err := usable(t, b.e.now()); err != nil {
		return err
	}
	data := t.Body.Data
	if person, _ := data[tokenPerson].(string); person != r.Actor.Person || r.Actor.System {
		return fault.New(fault.Forbidden, "token_person", "令牌属于另一个人", "the token belongs to somebody else")
	}
	if r.OwnAccount {
		return nil
	}
	if scope, _ := data[tokenScope].(string); scope == "" || scope != r.Community && scope != r.Root {
		return fault.New(fault.Forbidden, "token_scope", "令牌不能用于这个项目", "the token is not for this programme")
	}
	if roles, limited := data[tokenRoles].([]string); limited && len(roles) > 0 {
		cmd.Only = narrowed(cmd.Only, roles)
	}
	return nil
}

// usable refuses a token that was revoked or whose time is up, whether or not its timer has said so.
func usable(t *workflow.Instance, now time.Time) error {
	until, _ := t.Body.Data[tokenExpires].(string)
	expires, err := time.Parse(time.RFC3339Nano, until)
	switch {
	case t.State == "expired", t.State == stateActive && (err != nil || !now.Before(expires)):
		return fault.New(fault.Forbidden, "token_expired", "令牌已过期；请重新领取", "the token has expired; get a new one")
	case t.State != stateActive:
		return fault.New(fault.Forbidden, "token_revoked", "令牌已收回；请重新领取", "the token was revoked; get a new one")
	default:
		return nil
	}
}

// narrowed is what a limit on roles leaves of another. It is never nil, which would mean no limit.
func narrowed(only, roles []string) []string {
	out := []string{}
	for _, role := range roles {
		if only == nil || slices.Contains(only, role) {
			out = append(out, role)
		}
	}
	return out
}
