package api

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/workflow"
)

func TestMeSaysWhoAsksAndWithWhichRoles(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		var me Me
		h.get("worker", "/me").status(http.StatusOK).into(&me)
		want := []RolesIn{{Scope: here, Roles: []RoleName{{Role: "worker", Title: workflow.RoleTitle("worker")}}}}
		if d := cmp.Diff(want, me.Roles); d != "" {
			t.Errorf("roles (-want +got):\n%s", d)
		}
		if me.Person != h.people["worker"] || me.Community != here || me.Token.Label != "test" || me.Token.Expires.IsZero() {
			t.Errorf("me: %+v", me)
		}
		if d := cmp.Diff([]MyPlace{{ID: here, Name: "樟溪社区"}}, me.Communities); d != "" {
			t.Errorf("communities (-want +got):\n%s", d)
		}

		h.get("", "/me").problem(http.StatusUnauthorized, "token_missing")
		h.get("linli_zhangxi_x_y", "/me").problem(http.StatusUnauthorized, "token_invalid")
	})
}

func TestATokenLimitsTheRolesOfItsPerson(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.grant(here, h.people["worker"], "lead", h.programme)
		var me Me
		h.get(h.token(here, h.people["worker"], h.programme, "lead"), "/me").status(http.StatusOK).into(&me)
		want := []RolesIn{{Scope: h.programme, Roles: []RoleName{{Role: "lead", Title: workflow.RoleTitle("lead")}}}}
		if d := cmp.Diff(want, me.Roles); d != "" {
			t.Errorf("roles (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{"lead"}, me.Token.Roles); d != "" || me.Token.Scope != h.programme {
			t.Errorf("token: %+v", me.Token)
		}
	})
}

func TestACommunityIsReadAndItsSettingsAreChanged(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		var list page[Community]
		h.get("volunteer", "/communities").status(http.StatusOK).into(&list)
		if len(list.Items) != 1 || list.Items[0].ID != here || list.Items[0].Bundle != h.bundle.Hash {
			t.Errorf("communities: %+v", list)
		}
		var c Community
		got := h.get("admin", "/communities/"+here).status(http.StatusOK).into(&c)
		if c.Aggregates["people"] != int64(len(roles())) || c.Fields["name"] != "樟溪社区" {
			t.Errorf("community: %+v", c.Instance)
		}
		tag := got.Header.Get("ETag")
		h.patch("worker", "/communities/"+here, map[string]any{"input": map[string]any{"name": "新名称"}}).problem(http.StatusForbidden, "missing_role")
		h.patch("admin", "/communities/"+here, map[string]any{"input": map[string]any{"name": "新名称"}}, "If-Match", tag).status(http.StatusOK)
		h.patch("admin", "/communities/"+here, map[string]any{"input": map[string]any{"name": "又一个"}}, "If-Match", tag).problem(http.StatusPreconditionFailed, "version_changed")
		h.patch("admin", "/communities/"+here, map[string]any{"input": map[string]any{"zone": "Mars/Olympus"}}).problem(http.StatusUnprocessableEntity, "unknown_zone")
		if got := h.instance(here); text(got, "name") != "新名称" {
			t.Errorf("name: %q", text(got, "name"))
		}
	})
}

func TestAnotherCommunityIsNotFound(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for _, path := range []string{
			"", "/programmes", "/programmes/LJ-1", "/programmes/LJ-1/activities", "/programmes/LJ-1/items", "/programmes/LJ-1/history", "/tasks",
			"/people", "/grants", "/registry/history", "/instances/" + h.people["elsewhere"], "/instances/" + h.people["elsewhere"] + "/options",
		} {
			h.get("admin", "/communities/"+elsewhere+path).problem(http.StatusNotFound, "unknown_community")
		}
		h.get("admin", "/communities/"+here+"/instances/"+h.people["elsewhere"]).problem(http.StatusNotFound, "unknown_instance")
		h.get("admin", "/communities/"+here+"/programmes/"+h.foreign).problem(http.StatusNotFound, "unknown_programme")
		h.get("admin", "/communities/"+here+"/programmes/LJ-1").problem(http.StatusNotFound, "unknown_programme")
	})
}
