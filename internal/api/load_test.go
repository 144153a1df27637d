package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
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
