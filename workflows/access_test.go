package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// lifetime is how long the tokens of these tests are good for.
const lifetime = 90 * 24 * time.Hour

// tokenOf makes somebody a token as the operator does.
func (o *office) tokenOf(person string) string {
	o.t.Helper()
	return o.register("token", o.tokenFields(person))
}

func (o *office) tokenFields(person string) map[string]any {
	return map[string]any{
		"person": person, "hash": token.Hash(token.NewSecret()), "scope": o.Community,
		"expires": o.clock.Now().Add(lifetime).Format(workflow.TimeLayout),
	}
}

// fireDue fires what is due now.
func (o *office) fireDue() {
	o.t.Helper()
	if _, err := o.Engine.FireDue(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
}

func TestOnlyAnAdministratorMakesTokensForOthers(t *testing.T) {
	o := newOffice(t)
	p := o.person("新来的", nil)
	for _, role := range []string{"lead", "worker", "finance", "approver", "block"} {
		t.Run(role, func(t *testing.T) {
			o.Refused(t, o.Create(role, o.Community, o.Community, "token", "", "", o.tokenFields(p)), workflow.ReasonRole)
			o.Must(t, o.Create(role, o.Community, o.Community, "token", "", "", o.tokenFields(o.People[role])))
		})
	}
	t.Run("admin", func(t *testing.T) {
		o.Must(t, o.Create("admin", o.Community, o.Community, "token", "", "", o.tokenFields(p)))
	})
}

func TestATokenNeedsAPersonAHashAScopeAndAnEnd(t *testing.T) {
	o := newOffice(t)
	for _, missing := range []string{"person", "hash", "scope", "expires"} {
		fields := o.tokenFields(o.People["worker"])
		delete(fields, missing)
		ref := o.Refused(t, o.Create("admin", o.Community, o.Community, "token", "", "", fields), workflow.ReasonField)
		if len(ref.Reasons) != 1 || ref.Reasons[0].Name != missing {
			t.Errorf("without %s: %v", missing, ref)
		}
	}
}

func TestATokenIsRevokedByLeadAdministratorOrItsOwner(t *testing.T) {
	o := newOffice(t)
	for _, role := range []string{"lead", "admin", "worker"} {
		t.Run(role, func(t *testing.T) {
			id := o.tokenOf(o.People["worker"])
			o.Must(t, o.Fire(role, o.Community, id, "revoke", nil))
			o.with(t).in(id, "revoked")
		})
	}
	t.Run("but by nobody else", func(t *testing.T) {
		id := o.tokenOf(o.People["worker"])
		o.Refused(t, o.Fire("finance", o.Community, id, "revoke", nil), workflow.ReasonRole)
	})
}

// A token that is gone stays gone: undoing the revocation would bring a stolen one back to life.
func TestNobodyBringsATokenBack(t *testing.T) {
	o := newOffice(t)
	id := o.tokenOf(o.People["worker"])
	res := o.Must(t, o.Fire("admin", o.Community, id, "revoke", nil))
	for role := range o.People {
		o.Refused(t, o.undoing(role, res.Command), workflow.ReasonRole)
	}
	edit := o.engineOp("admin", workflow.KindEdit, o.tokenOf(o.People["worker"]))
	edit.Root, edit.Values = o.Community, map[string]any{"person": o.People["admin"]}
	o.Refused(t, edit, workflow.ReasonRole)
}

// undoing takes a command of the registry back.
func (o *office) undoing(role, command string) engine.Request {
	r := o.engineOp(role, workflow.KindUndo, "")
	r.Root, r.Of = o.Community, command
	return r
}

func TestATokenEndsWhenItsTimeIsUp(t *testing.T) {
	o := newOffice(t)
	id := o.tokenOf(o.People["worker"])
	o.clock.Add(lifetime - time.Hour)
	o.fireDue()
	o.in(id, "active")
	o.clock.Add(time.Hour)
	o.fireDue()
	o.in(id, "expired")
	o.Refused(t, o.Fire("admin", o.Community, id, "revoke", nil), workflow.ReasonState)
}

// Grants and tokens end with the person: nobody acts in the name of somebody who died or was erased.
func TestWhoIsGoneActsNoMore(t *testing.T) {
	for _, c := range []struct{ event, grant, token string }{
		{"mark_deceased", "ended", "revoked"}, {"erase", "ended", "revoked"},
	} {
		t.Run(c.event, func(t *testing.T) {
			o := newOffice(t)
			p := o.person("离开的人", nil)
			g := o.Grant(t, p, "worker")
			id, others := o.tokenOf(p), o.tokenOf(o.People["worker"])
			o.inRegistry(p, c.event, nil)
			o.fireDue()
			o.in(g, c.grant)
			o.in(id, c.token)
			o.in(others, "active")
			ref := o.Refused(t, o.Create("admin", o.Community, o.Community, "token", "", "", o.tokenFields(p)))
			says(t, o.reason(ref, "alive"), "本人已停用、去世或已删除资料")
		})
	}
}

// The token limits what its holder does, and a revoked one does nothing.
func TestATokenNarrowsRolesAndEnds(t *testing.T) {
	o := newOffice(t)
	person := o.People["lead"]
	o.Grant(t, person, "worker")
	fields := o.tokenFields(person)
	fields["roles"] = []string{"worker"}
	id := o.register("token", fields)
	note := func(text string) engine.Request {
		r := o.Create("lead", o.root, o.root, "note", "", "", map[string]any{"text": text})
		r.Token = id
		return r
	}
	o.Must(t, note("以社工身份"))
	erase := o.Fire("lead", o.Community, o.person("某人", nil), "erase", nil)
	erase.Token, erase.Reason = id, "本人要求"
	o.Refused(t, erase, workflow.ReasonRole)

	o.Must(t, o.Fire("admin", o.Community, id, "revoke", nil))
	var refused *workflow.Refusal
	if _, err := o.Do(t.Context(), note("收回之后")); err == nil || errors.As(err, &refused) {
		t.Errorf("a revoked token: %v", err)
	}
}

// A record of a look is there for good: nobody who looked, and no colleague, takes it away.
func TestARecordOfALookStays(t *testing.T) {
	o := newOffice(t)
	neighbour := o.person("邻居", nil)
	fields := map[string]any{
		"person": o.People["worker"], "target": neighbour, "of": "person", "names": []string{"mobile"}, "purpose": "确认探访时间",
	}
	res := o.Must(t, o.Create("worker", o.Community, o.Community, "reveal", "", "", fields))
	for role := range o.People {
		o.Refused(t, o.undoing(role, res.Command), workflow.ReasonRole)
		edit := o.engineOp(role, workflow.KindEdit, res.Instance)
		edit.Root, edit.Values = o.Community, map[string]any{"purpose": "别的"}
		o.Refused(t, edit)
	}
	o.in(res.Instance, "recorded")
	t.Run("and is nobody else's to make", func(t *testing.T) {
		o.Refused(t, o.Create("lead", o.Community, o.Community, "reveal", "", "", fields), workflow.ReasonRole)
	})
	t.Run("and needs a purpose", func(t *testing.T) {
		delete(fields, "purpose")
		o.Refused(t, o.Create("worker", o.Community, o.Community, "reveal", "", "", fields), workflow.ReasonField)
	})
}
