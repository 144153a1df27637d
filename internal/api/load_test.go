package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// grantingLoader grants a role, and then fails.
type grantingLoader struct {
	h      *harness
	person string
	calls  int
}

func (l *grantingLoader) Load(context.Context, string, string, io.Reader, bool) (Loaded, error) {
	l.calls++
	l.h.grant(here, l.person, "lead", here)
	return Loaded{}, errors.New("the disk is full")
}

func TestRolesThatABrokenLoadGrantedCountAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		loader := &grantingLoader{h: h, person: h.people["volunteer"]}
		_, h.url = h.serve(func(c *Config) { c.Loader = loader })
		h.get("volunteer", at("/bundles")).problem(http.StatusForbidden, "missing_role")
		h.post("admin", at("/programmes/load"), "x: 1\n", "Content-Type", "application/yaml").problem(http.StatusInternalServerError, "")
		h.get("volunteer", at("/bundles")).status(http.StatusOK)
	})
}

func TestARevokedTokenLoadsNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		loader := &grantingLoader{h: h, person: h.people["volunteer"]}
		var urls []string
		for range 2 {
			_, h.url = h.serve(func(c *Config) { c.Loader = loader })
			h.get("admin", "/me").status(http.StatusOK) // from now on the token is trusted there for a while
			urls = append(urls, h.url)
		}
		parts, err := token.Parse(h.tokens["admin"])
		if err != nil {
			t.Fatal(err)
		}
		h.system(engine.Request{Command: workflow.Command{Kind: workflow.KindFire, Root: here, Target: parts.Instance, Event: "revoke"}}) // at another server
		before, err := h.store.BundleHashes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		note := string(h.bundle.Files["note/note.yaml"]) + "\n# another\n"
		h.post("admin", at("/programmes/load"), "x: 1\n", "Content-Type", "application/yaml").problem(http.StatusUnauthorized, "token_invalid")
		h.url = urls[0]
		h.post("admin", at("/bundles"), map[string]any{"files": map[string]any{"note/note.yaml": note}}).problem(http.StatusUnauthorized, "token_invalid")
		after, err := h.store.BundleHashes(t.Context())
		if err != nil || loader.calls != 0 || len(after) != len(before) {
			t.Errorf("%d loads, bundles %q → %q, %v", loader.calls, before, after, err)
		}
	})
}
