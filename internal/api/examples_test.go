package api

import (
	"net/http"
	"strings"
	"testing"
)

func TestTheExamplesOfTheDocumentAreCarriedOut(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		const community = "/communities/{community}"
		paths := h.server.s.api.OpenAPI().Paths
		for _, route := range []string{
			"/programmes", "/programmes/{programme}/activities", "/programmes/{programme}/claims", "/programmes/{programme}/copies",
			"/instances/{id}/items", "/people", "/people/search", "/organisations", "/blocks", "/households", "/grants", "/people/{id}/consents",
		} {
			body, ok := paths[Prefix+community+route].Post.RequestBody.Content["application/json"].Example.(map[string]any)
			if !ok {
				t.Errorf("%s has no example", route)
				continue
			}
			id, role := h.activity("recruit").ID, "worker"
			if strings.HasPrefix(route, "/people/{id}") {
				id = h.people["volunteer"]
			}
			if route == "/grants" {
				role = "admin"
			}
			filled := map[string]any{}
			for name, v := range body {
				filled[name] = h.filled(v)
			}
			path := strings.NewReplacer("{programme}", "ZX-1", "{id}", id).Replace(route)
			if r := h.post(role, at(path), filled); r.Status != http.StatusCreated && r.Status != http.StatusOK {
				t.Errorf("%s: %d %s", route, r.Status, r.Body)
			}
		}
	})
}

// filled puts ids in the place of the words that stand for them.
func (h *harness) filled(v any) any {
	switch v := v.(type) {
	case string:
		return strings.NewReplacer("ID of a person", h.people["volunteer"], "ID of an activity", h.activity("train").ID).Replace(v)
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			out[name] = h.filled(x)
		}
		return out
	default:
		return v
	}
}
