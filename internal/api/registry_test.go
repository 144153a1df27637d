package api

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestPeopleAreRegisteredFoundAndNeverShown(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		body := map[string]any{"key": "p7", "input": map[string]any{"name": "陈阿婆", "mobile": "138-0013 8000", "labels": []string{"骨干义工"}}}
		id := h.post("worker", at("/people"), body).status(http.StatusCreated).made().Instance

		for _, search := range []map[string]any{{"name": "陈阿"}, {"mobile": "13800138000"}} {
			var found struct {
				Items []Instance `json:"items"`
			}
			got := h.post("block", at("/people/search"), search).status(http.StatusOK).into(&found)
			if len(found.Items) != 1 || found.Items[0].ID != id || !slices.Equal(found.Items[0].Sealed, []string{"mobile", "name"}) {
				t.Errorf("%v found %s", search, got.Body)
			}
			if strings.Contains(string(got.Body), "陈") || strings.Contains(string(got.Body), "8000") {
				t.Errorf("a sealed value is shown: %s", got.Body)
			}
		}
		h.post("volunteer", at("/people/search"), map[string]any{"name": "陈"}).problem(http.StatusForbidden, "missing_role")
		h.post("worker", at("/people/search"), map[string]any{}).problem(http.StatusUnprocessableEntity, "missing")
		h.post("worker", at("/people/search"), map[string]any{"name": "a", "mobile": "1"}).problem(http.StatusUnprocessableEntity, "one_of")

		ids := h.walk("worker", at("/people?limit=3"))
		if len(ids) != len(roles())+1 || !slices.Contains(ids, id) {
			t.Errorf("people: %v", ids)
		}
		if got := h.walk("volunteer", at("/people?limit=3")); !slices.Equal(got, []string{h.people["volunteer"]}) {
			t.Errorf("a volunteer sees %v", got)
		}
		if p := h.post("worker", at("/people"), map[string]any{"input": map[string]any{"nickname": "x"}}).problem(http.StatusUnprocessableEntity, "invalid_input"); !p.names("body.input.name") || !p.names("body.input.nickname") {
			t.Errorf("errors: %+v", p.Errors)
		}
	})
}

func TestConsentsStandUnderPeopleAndHouseholds(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		household := h.post("block", at("/households"), map[string]any{"input": map[string]any{"kind": "elder", "address": "1 号"}}).status(http.StatusCreated).made().Instance
		for path, of := range map[string]string{"/people/" + h.people["volunteer"] + "/consents": "photo", "/households/" + household + "/consents": "record"} {
			made := h.post("worker", at(path), map[string]any{"input": map[string]any{"kind": of, "way": "written"}}).status(http.StatusCreated).made()
			got := h.walk("worker", at(path+"?limit=1"))
			if !slices.Equal(got, []string{made.Instance}) || h.instance(made.Instance).Key != of {
				t.Errorf("%s: %v", path, got)
			}
		}
		h.get("volunteer", at("/people/"+h.people["volunteer"]+"/consents")).status(http.StatusOK)
		h.get("volunteer", at("/people/"+h.people["worker"]+"/consents")).problem(http.StatusNotFound, "unknown_instance")
		h.get("volunteer", at("/households")).problem(http.StatusForbidden, "missing_role")
		h.get("worker", at("/households/"+h.people["worker"]+"/consents")).problem(http.StatusNotFound, "unknown_instance")
		if got := h.get("worker", at("/households")).status(http.StatusOK); strings.Contains(string(got.Body), "1 号") {
			t.Errorf("an address is shown: %s", got.Body)
		}
	})
}

func TestGrantsAreGivenListedAndCountAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		person := h.person(here, "新来的")
		token := h.token(here, person, here)
		h.get(token, at("/programmes/ZX-1/history")).problem(http.StatusForbidden, "missing_role")
		body := map[string]any{"person": person, "role": "worker", "scope": "ZX-1"}
		h.post("lead", at("/grants"), body).problem(http.StatusForbidden, "missing_role")
		made := h.post("admin", at("/grants"), body).status(http.StatusCreated).made()
		h.get(token, at("/programmes/ZX-1/history")).status(http.StatusOK)
		if got := h.walk("auditor", at("/grants?person="+person)); !slices.Equal(got, []string{made.Instance}) {
			t.Errorf("grants of one: %v", got)
		}
		if got := h.walk("auditor", at("/grants?limit=2&role=worker")); len(got) != 2 {
			t.Errorf("workers: %v", got)
		}
		if got := h.walk("volunteer", at("/grants?limit=2")); len(got) != 1 {
			t.Errorf("a volunteer's grants: %v", got)
		}
		h.get("volunteer", at("/grants?person="+person)).problem(http.StatusForbidden, "missing_role")
		body["scope"] = "ZX-9"
		if p := h.post("admin", at("/grants"), body).problem(http.StatusUnprocessableEntity, "unknown_programme"); !p.names("body.scope") {
			t.Errorf("errors: %+v", p.Errors)
		}
		for _, path := range []string{"/blocks", "/organisations"} {
			h.get("volunteer", at(path)).status(http.StatusOK)
		}
	})
}
