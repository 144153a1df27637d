package engine_test

import (
	"bytes"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

const tokenDefinition = `language: 1
workflow: token
level: item
title: {zh: 令牌, en: Token}
fields:
  person:  {type: person, required: true, title: {zh: 人员, en: Person}}
  scope:   {type: text, required: true, title: {zh: 范围, en: Scope}}
  roles:   {type: text, list: true, title: {zh: 身份, en: Roles}}
  expires: {type: time, required: true, title: {zh: 到期, en: Expires}}
initial: active
states:
  active:  {title: {zh: 有效, en: Active}}
  revoked: {title: {zh: 已收回, en: Revoked}, final: true}
events:
  revoke: {title: {zh: 收回, en: Revoke}, from: [active], to: revoked, by: [admin]}
create: {by: [admin]}
`

// withTokens is a world whose community knows tokens.
func withTokens(t *testing.T, e *engine.Engine) *enginetest.World {
	t.Helper()
	w := enginetest.NewWorld(t, e)
	files := enginetest.Files(t)
	files["token/token.yaml"] = []byte(tokenDefinition)
	files["community/community.yaml"] = bytes.Replace(files["community/community.yaml"], []byte("items: [person,"), []byte("items: [token, person,"), 1)
	b, problems := workflow.Load(files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := e.AddBundle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	w.Must(t, edit(w, "admin", "c1", "c1", map[string]any{"bundle": b.Hash}))
	return w
}

func token(t *testing.T, w *enginetest.World, role, scope, expires string, roles ...any) string {
	t.Helper()
	values := map[string]any{"person": w.People[role], "scope": scope, "expires": expires}
	if roles != nil {
		values["roles"] = roles
	}
	return w.Must(t, w.Create("admin", "c1", "c1", "token", "", "", values)).Instance
}

const later = "2023-12-31T00:00:00Z"

func TestATokenLetsInWhomItWasGivenTo(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := withTokens(t, h.engine)
		root, visit := w.Programme(t, "P1")
		other, otherVisit := w.Programme(t, "P2")
		revoked := token(t, w, "lead", "c1", later)
		w.Must(t, w.Fire("admin", "c1", revoked, "revoke", nil))
		train := func(token, role, root, visit string) error {
			r := w.Fire(role, root, visit, "train", map[string]any{"who": w.People["volunteer"]})
			r.Token = token
			_, err := w.Do(t.Context(), r)
			return err
		}
		mine := token(t, w, "lead", root, later)
		for name, c := range map[string]struct {
			token, role, root, visit string
			code                     string
		}{
			"for the community":         {token(t, w, "lead", "c1", later), "lead", other, otherVisit, ""},
			"for the programme":         {mine, "lead", root, visit, ""},
			"for another programme":     {mine, "lead", other, otherVisit, "token_scope"},
			"of somebody else":          {mine, "worker", root, visit, "token_person"},
			"revoked":                   {revoked, "lead", root, visit, "token_revoked"},
			"expired":                   {token(t, w, "lead", "c1", "2023-06-01T01:00:00Z"), "lead", root, visit, "token_expired"},
			"never given":               {"nothing", "lead", root, visit, "token_unknown"},
			"something else":            {w.People["lead"], "lead", root, visit, "token_unknown"},
			"with the role it needs":    {token(t, w, "lead", "c1", later, "lead"), "lead", root, visit, ""},
			"with roles nobody granted": {token(t, w, "worker", "c1", later, "lead"), "worker", root, visit, "role"},
		} {
			t.Run(name, func(t *testing.T) {
				err := train(c.token, c.role, c.root, c.visit)
				switch c.code {
				case "":
					if err != nil {
						t.Error(err)
					}
				case "role":
					r := w.Fire(c.role, c.root, c.visit, "train", map[string]any{"who": w.People["volunteer"]})
					r.Token = c.token
					w.Refused(t, r, workflow.ReasonRole)
				default:
					words(t, err, fault.Forbidden, c.code)
				}
			})
		}
	})
}

func TestATokensRevocationThatCommitsFirstWins(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := withTokens(t, h.engine)
		root, visit := w.Programme(t, "P1")
		id := token(t, w, "lead", "c1", later)
		elsewhere := *w
		elsewhere.Engine = h.replica(t)
		r := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
		r.Token = id
		w.Must(t, r) // from now on the token is remembered
		h.beforeCommit(func() { elsewhere.Must(t, w.Fire("admin", "c1", id, "revoke", nil)) })
		_, err := w.Do(t.Context(), r)
		words(t, err, fault.Forbidden, "token_revoked")
		if n := len(h.entries(t, "c1", root)); n != 2 {
			t.Errorf("%d entries, want the creation and one training", n)
		}
		h.audit(t)
	})
}

func TestAnOtherChangeOfTheRegistryStopsNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := withTokens(t, h.engine)
		root, visit := w.Programme(t, "P1")
		r := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["volunteer"]})
		r.Token = token(t, w, "lead", "c1", later)
		w.Must(t, r)
		elsewhere := *w
		elsewhere.Engine = h.replica(t)
		commits := 0
		h.beforeCommit(func() {
			elsewhere.Person(t, "new")
			commits++
			h.beforeCommit(func() { commits++ })
		})
		w.Must(t, r)
		if commits != 1 {
			t.Error("the slice had to be decided twice")
		}
		h.audit(t)
	})
}
