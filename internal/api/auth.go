package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// trustFor is how long a token that was looked up is taken at its word for reading: what was revoked in another process may be read
// that long. Writing is exact, because the commit checks the token's row.
const trustFor = 2 * time.Second

// maxTrusted bounds how many tokens are remembered at once.
const maxTrusted = 10_000

// authenticator finds out whose a token is. It is safe for concurrent use.
type authenticator struct {
	store Store
	now   func() time.Time

	mu    sync.RWMutex
	known map[string]trusted // by the token's text
}

type trusted struct {
	caller *caller
	until  time.Time
}

func newAuthenticator(s Store, now func() time.Time) *authenticator {
	return &authenticator{store: s, now: now, known: map[string]trusted{}}
}

// authenticate admits requests with a valid token, and those to public operations without one.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata[metaPublic] == true {
		if p := s.admitAddress(ctx.RemoteAddr(), forwardedFor(ctx), lang(ctx.Context())); p != nil {
			s.refuse(ctx, p)
			return
		}
		next(ctx)
		return
	}
	c, err := s.identify(ctx)
	if err != nil {
		s.refuse(ctx, err)
		return
	}
	s.uses.note(c.community, c.token)
	if p := s.allow(ctx.Context(), c); p != nil {
		s.refuse(ctx, p)
		return
	}
	next(huma.WithValue(ctx, callerKey{}, c))
}

// identify finds out who asks. Whoever keeps sending wrong tokens from one address is not looked up any more for a while; those who
// have a token that was looked up just now are not disturbed by that.
func (s *server) identify(ctx huma.Context) (*caller, error) {
	header := ctx.Header("Authorization")
	if c := s.auth.remembered(header); c != nil {
		return c, nil
	}
	remote, forwarded, l := ctx.RemoteAddr(), forwardedFor(ctx), lang(ctx.Context())
	if p := s.mayTry(remote, forwarded, l); p != nil {
		return nil, p
	}
	c, err := s.auth.caller(ctx.Context(), header)
	var p *Problem
	if errors.As(err, &p) && p.Status == http.StatusUnauthorized {
		_ = s.admitAddress(remote, forwarded, l) // counted; this one is answered as wrong
	}
	return c, err
}

// refuse answers with a problem from before a handler runs.
func (s *server) refuse(ctx huma.Context, err error) {
	p := s.problemOf(ctx.Context(), err)
	for name, values := range p.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	writeProblem(ctx, p)
}

// remembered is who holds the token of an Authorization header, if that was looked up just now; else nil.
func (a *authenticator) remembered(header string) *caller {
	text, ok := bearer(header)
	if !ok {
		return nil
	}
	a.mu.RLock()
	t, ok := a.known[text]
	a.mu.RUnlock()
	if !ok || !a.now().Before(t.until) {
		return nil
	}
	return t.caller
}

// bearer is the token of an Authorization header (RFC 6750).
func bearer(header string) (string, bool) {
	scheme, text, _ := strings.Cut(header, " ")
	return text, strings.EqualFold(scheme, "Bearer") && text != ""
}

// caller finds who holds the token of an Authorization header.
func (a *authenticator) caller(ctx context.Context, header string) (*caller, error) {
	text, ok := bearer(header)
	if !ok {
		return nil, needsToken(lang(ctx))
	}
	if c := a.remembered(header); c != nil {
		return c, nil
	}
	now := a.now()
	c, err := a.lookUp(ctx, text, now)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= maxTrusted {
		clear(a.known)
	}
	a.known[text] = trusted{c, now.Add(trustFor)}
	return c, nil
}

// fresh looks the caller's token and grants up past what is remembered, for what no commit checks again.
func (s *server) fresh(ctx context.Context) error {
	c := from(ctx)
	row, err := s.Store.Instance(ctx, c.community, c.token)
	if err != nil {
		return err
	}
	if row == nil || row.State != "active" || expired(row.Body.Data, s.Now()) {
		s.auth.forget()
		return wrongToken(lang(ctx))
	}
	now, err := s.auth.of(ctx, row)
	if err != nil {
		return err
	}
	if !slices.Equal(now.grants, c.grants) {
		s.auth.forget()
		return fault.New(fault.Forbidden, "rights_changed", "您的身份刚有变动；请重试", "your roles have just changed; try again")
	}
	return nil
}

// forget makes the next request with any token look it up again.
func (a *authenticator) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.known)
}

// lookUp reads a token's row and its person's grants. Every way of being wrong looks the same from outside.
func (a *authenticator) lookUp(ctx context.Context, text string, now time.Time) (*caller, error) {
	parts, err := token.Parse(text)
	if err != nil {
		return nil, wrongToken(lang(ctx))
	}
	row, err := a.store.Instance(ctx, parts.Community, parts.Instance)
	if err != nil {
		return nil, err
	}
	if row == nil || row.Workflow != "token" {
		return nil, wrongToken(lang(ctx))
	}
	data := row.Body.Data
	hash, _ := data["hash"].(string)
	if !token.Matches(hash, parts.Secret) || row.State != "active" || expired(data, now) {
		return nil, wrongToken(lang(ctx))
	}
	return a.of(ctx, row)
}

// of is the holder of a token, with the grants that she has now.
func (a *authenticator) of(ctx context.Context, row *workflow.Instance) (*caller, error) {
	data := row.Body.Data
	c := &caller{community: row.Community, token: row.ID}
	c.person, _ = data["person"].(string)
	c.scope, _ = data["scope"].(string)
	c.only, _ = data["roles"].([]string)
	if len(c.only) == 0 {
		c.only = nil
	}
	keys := []workflow.Key{{Kind: workflow.KeyPrefix, A: c.community, B: "grant", C: c.person + "/"}}
	answers, err := a.store.Load(ctx, c.community, keys)
	if err != nil {
		return nil, err
	}
	c.grants = grantsOf(c.person, answers[0].Instances, c.only)
	return c, nil
}

// expired reports whether a token's time is over, even if the timer that ends it has not fired yet.
func expired(data workflow.Values, now time.Time) bool {
	s, _ := data["expires"].(string)
	t, err := time.Parse(workflow.TimeLayout, s)
	return err != nil || !now.Before(t)
}

func needsToken(lang string) *Problem {
	return newProblem(lang, 401, "token_missing", fault.Text{
		ZH: "请在 Authorization 头里给出凭证：Bearer linli_…；可向管理员索取",
		EN: "give a token in the Authorization header: Bearer linli_…; an administrator can make one",
	})
}

func wrongToken(lang string) *Problem {
	return newProblem(lang, 401, "token_invalid", fault.Text{
		ZH: "凭证无效、已过期或已收回；请向管理员索取新的", EN: "the token is wrong, expired or revoked; ask an administrator for a new one",
	})
}
