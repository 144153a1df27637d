package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// madeBody is the body of a new token.
type madeBody struct {
	Token   string `json:"token"`
	Details Token  `json:"details"`
}

// revokeElsewhere revokes a token past this server, which remembers it for a moment.
func (h *harness) revokeElsewhere(text string) {
	h.t.Helper()
	parts, err := token.Parse(text)
	if err != nil {
		h.t.Fatal(err)
	}
	h.system(engine.Request{Command: workflow.Command{
		Community: parts.Community, Root: parts.Community, Target: parts.Instance, Kind: workflow.KindFire, Event: "revoke",
	}})
}

func TestATokenIsMadeOnceAndAnsweredAgain(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		var first, again madeBody
		body := map[string]any{"label": "phone", "days": 7, "roles": []string{"volunteer"}}
		h.post("volunteer", at("/tokens"), body, "Idempotency-Key", "k").status(http.StatusCreated).into(&first)
		h.post("volunteer", at("/tokens"), body, "Idempotency-Key", "k").status(http.StatusCreated).into(&again)
		if first.Token != again.Token {
			t.Errorf("the second answer holds another token: %s, %s", first.Token, again.Token)
		}
		h.post("lead", at("/tokens"), body, "Idempotency-Key", "k").status(http.StatusCreated) // somebody else's key is another key
		h.get(first.Token, "/me").status(http.StatusOK)
	})
}

func TestARevokedTokenChangesNothingEvenWhileItIsRemembered(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		text := h.token(here, h.people["lead"], here)
		h.get(text, "/me").status(http.StatusOK)
		h.revokeElsewhere(text)
		for path, body := range map[string]any{
			"tokens": map[string]any{"label": "another"}, "people": map[string]any{"input": map[string]any{"name": "新来的"}},
			"instances/" + h.people["worker"] + "/reveal": map[string]any{"purpose": "电话确认"},
			"programmes": map[string]any{"code": "ZX-9", "input": map[string]any{"title": "x"}},
		} {
			if got := h.post(text, at("/"+path), body); got.Status != http.StatusForbidden && got.Status != http.StatusUnauthorized {
				t.Errorf("%s: %d", path, got.Status)
			}
		}
	})
}

func TestATokenNeverReachesFurtherThanTheOneThatAsks(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		narrow := h.token(here, h.people["lead"], h.programme)
		h.post(narrow, at("/tokens"), map[string]any{"scope": here}).problem(http.StatusForbidden, "scope_too_wide")
		var made madeBody
		h.post(narrow, at("/tokens"), map[string]any{}).status(http.StatusCreated).into(&made)
		if made.Details.Scope != h.programme {
			t.Errorf("its scope is %s", made.Details.Scope)
		}
		h.post(narrow, at("/tokens/"+made.Details.ID+"/revoke"), nil).status(http.StatusOK)
		h.get(made.Token, "/me").status(http.StatusUnauthorized)
		h.post("worker", at("/tokens"), map[string]any{"person": h.people["lead"]}).problem(http.StatusForbidden, "missing_role")
	})
}

func TestNobodyHasTokensWithoutNumber(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		got := h.post("volunteer", at("/tokens"), map[string]any{})
		for n := 0; got.Status == http.StatusCreated && n <= maxTokens; n++ {
			got = h.post("volunteer", at("/tokens"), map[string]any{})
		}
		got.problem(http.StatusConflict, "too_many_tokens")
	})
}

// Whoever works for one programme only may look at what that work needs, on record like everybody.
func TestStaffOfOneProgrammeLooksOnRecord(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		somebody := h.person(here, "只在一个项目")
		h.grant(here, somebody, "worker", h.programme)
		text := h.token(here, somebody, here)
		var got struct {
			Record string         `json:"record"`
			Values map[string]any `json:"values"`
		}
		h.post(text, at("/instances/"+h.people["volunteer"]+"/reveal"), map[string]any{"purpose": "电话确认"}).status(http.StatusOK).into(&got)
		if len(got.Values) == 0 {
			t.Error("nothing was shown")
		}
		var list struct {
			Items []Reveal `json:"items"`
		}
		h.get("auditor", at("/reveals")).status(http.StatusOK).into(&list)
		if len(list.Items) != 1 || list.Items[0].Person != somebody || list.Items[0].ID != got.Record || !strings.Contains(list.Items[0].Purpose, "电话") {
			t.Errorf("the records are %+v", list.Items)
		}
	})
}
