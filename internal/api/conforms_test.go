package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// conforms checks an answer against what the OpenAPI document says of the route (its path behind /api/v1).
func (h *harness) conforms(r *reply, method, route string) {
	h.t.Helper()
	doc := h.server.s.api.OpenAPI()
	item := doc.Paths[Prefix+route]
	if item == nil {
		h.t.Fatalf("no route %s", route)
	}
	op := map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch, http.MethodPut: item.Put}[method]
	if op == nil {
		h.t.Fatalf("no route %s %s", method, route)
	}
	response := op.Responses[strconv.Itoa(r.Status)]
	if response == nil {
		h.t.Fatalf("%s: status %d is not documented\n%s", r.asked, r.Status, r.Body)
	}
	if len(response.Content) == 0 {
		return
	}
	kind := "application/json"
	if r.Status >= http.StatusBadRequest {
		kind = "application/problem+json"
	}
	media := response.Content[kind]
	if media == nil {
		h.t.Fatalf("%s: status %d has no %s", r.asked, r.Status, kind)
	}
	var v any
	if err := json.Unmarshal(r.Body, &v); err != nil {
		h.t.Fatalf("%s: %v\n%s", r.asked, err, r.Body)
	}
	result := &huma.ValidateResult{}
	huma.Validate(doc.Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, result)
	for _, err := range result.Errors {
		h.t.Errorf("%s: not as its schema says: %v\n%.2000s", r.asked, err, r.Body)
	}
}

func TestEveryReadIsAsItsSchemaSays(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		h.run(h.programme)
		train := h.activity("train").ID
		h.post("worker", at("/people/"+h.people["volunteer"]+"/consents"), map[string]any{"input": map[string]any{"kind": "photo"}}).status(http.StatusCreated)
		h.register(here, "household", map[string]any{"kind": "elder", "address": "x"})
		h.post("worker", at("/programmes/ZX-1/claims"), map[string]any{"input": map[string]any{"metric": "team", "qualifier": "not_counted"}}).status(http.StatusCreated)
		const c, p = "/communities/{community}", "/communities/{community}/programmes/{programme}"
		for _, get := range []struct{ route, path string }{
			{"/me", "/me"},
			{"/communities", "/communities"},
			{c, at("")},
			{c + "/programmes", at("/programmes")},
			{p, at("/programmes/ZX-1")},
			{p + "/activities", at("/programmes/ZX-1/activities")},
			{p + "/items", at("/programmes/ZX-1/items")},
			{p + "/claims", at("/programmes/ZX-1/claims")},
			{p + "/history", at("/programmes/ZX-1/history")},
			{c + "/registry/history", at("/registry/history")},
			{c + "/tasks", at("/tasks")},
			{c + "/people", at("/people")},
			{c + "/households", at("/households")},
			{c + "/blocks", at("/blocks")},
			{c + "/organisations", at("/organisations")},
			{c + "/grants", at("/grants")},
			{c + "/people/{id}/consents", at("/people/" + h.people["volunteer"] + "/consents")},
			{c + "/instances/{id}", at("/instances/" + h.programme)},
			{c + "/instances/{id}", at("/instances/" + train)},
			{c + "/instances/{id}/items", at("/instances/" + h.programme + "/items")},
			{c + "/instances/{id}/items", at("/instances/" + here + "/items")},
			{c + "/instances/{id}/options", at("/instances/" + train + "/options")},
			{c + "/instances/{id}/options", at("/instances/" + h.programme + "/options")},
			{c + "/instances/{id}/options", at("/instances/" + here + "/options")},
		} {
			for _, role := range append(roles(), "elsewhere", "") {
				h.conforms(h.get(role, get.path), http.MethodGet, get.route)
			}
			h.conforms(h.get("lead", get.path+"?nonsense=1"), http.MethodGet, get.route)
		}
		h.conforms(h.post("worker", at("/programmes/ZX-1/copies"), map[string]any{"code": "ZX-2"}), http.MethodPost, p+"/copies")
		h.conforms(h.post("worker", at("/people/search"), map[string]any{"name": "l"}), http.MethodPost, c+"/people/search")
		h.conforms(h.post("worker", at("/programmes"), map[string]any{"code": "ZX-3", "input": map[string]any{"title": "x"}}), http.MethodPost, c+"/programmes")
	})
}
