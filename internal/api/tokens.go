package api

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// The bounds of a token's life.
const (
	tokenDays    = 90
	maxTokenDays = 366
)

// workflowToken is the definition of tokens.
const workflowToken = "token"

// Token is somebody's right to use the interface. Its secret is shown once, when it is made.
type Token struct {
	ID      string     `json:"id"`
	Person  string     `json:"person" doc:"Id of the person it belongs to."`
	Label   string     `json:"label,omitempty"`
	Scope   string     `json:"scope" doc:"Id of the community, or of the one programme it is good for."`
	Roles   []string   `json:"roles,omitempty" doc:"The roles it is limited to; absent: every role that the person holds."`
	State   string     `json:"state" doc:"active, expired or revoked."`
	Expires time.Time  `json:"expires"`
	Used    *time.Time `json:"last_used,omitempty" doc:"To the minute; absent if it never was."`
}

// CommunityPath names a community in a path.
type CommunityPath struct {
	Community string `path:"community" maxLength:"200" doc:"Id of the community."`
}

type tokenListInput struct {
	CommunityPath
	Paging
	Person string `query:"person" maxLength:"200" doc:"Only those of this person."`
}

type makeTokenInput struct {
	CommunityPath
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"A repeated request answers with the same token."`
	Body struct {
		Person string   `json:"person,omitempty" maxLength:"200" doc:"Id of the person; the caller, if left out."`
		Label  string   `json:"label,omitempty" maxLength:"200" doc:"What it is for." example:"phone"`
		Scope  string   `json:"scope,omitempty" maxLength:"200" doc:"Id or code of the one programme it is to be good for; the whole community, if left out."`
		Roles  []string `json:"roles,omitempty" maxItems:"10" enum:"lead,worker,block,finance,approver,volunteer,auditor,admin" doc:"Limits it to these roles."`
		Days   int      `json:"days,omitempty" minimum:"1" maximum:"366" doc:"For how long; 90 if left out."`
	}
}

type madeToken struct {
	Replayed string `header:"Idempotency-Replayed"`
	Body     struct {
		Token   string `json:"token" doc:"The secret: shown once. Give it in the Authorization header."`
		Details Token  `json:"details"`
	}
}

type revokeInput struct {
	InstancePath
	Key  string `header:"Idempotency-Key" maxLength:"200"`
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"10000"`
	} `required:"false"`
}

// tokenRoutes are about the rights to use this interface.
func (s *server) tokenRoutes() {
	register(s, operation{
		id: "list-tokens", method: http.MethodGet, path: "/communities/{community}/tokens", tag: tagTokens,
		summary: "List tokens", about: "An administrator sees all of the community, anybody else her own.",
	}, s.listTokens)
	register(s, operation{
		id: "make-token", method: http.MethodPost, path: "/communities/{community}/tokens", tag: tagTokens, status: http.StatusCreated,
		summary: "Make a token", about: "For oneself, no wider than the token that asks; an administrator also for others. The secret is shown only in this answer.",
	}, s.makeToken)
	register(s, operation{
		id: "revoke-token", method: http.MethodPost, path: "/communities/{community}/tokens/{id}/revoke", tag: tagTokens,
		summary: "Revoke a token", about: "No command of it is carried out from now on, anywhere; reading ends within two seconds.",
	}, s.revokeToken)
}

func (s *server) listTokens(ctx context.Context, in *tokenListInput) (*listed[Token], error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	after, err := decodeCursor(in.Cursor, 2)
	if err != nil {
		return nil, err
	}
	c := from(ctx)
	person := in.Person
	if !c.holds(in.Community, mayOversee(workflowToken)...) {
		if person != "" && person != c.person {
			return nil, needRoles(ctx, in.Community, "admin")
		}
		person = c.person
	}
	rows, last, more, err := s.scan(ctx, in.Community, workflowToken, after, in.Limit, func(i *workflow.Instance) bool {
		return person == "" || text(i, "person") == person
	})
	if err != nil {
		return nil, err
	}
	tokens, err := s.tokensOf(ctx, in.Community, rows)
	if err != nil {
		return nil, err
	}
	return newPage(tokens, more, func() string { return encodeCursor(last.Key, last.ID) }), nil
}

// scanned bounds how many registry entries one page of a filtered list looks at.
const scanned = 2000

// scan reads registry entries of one workflow, in the order of their keys, until a page of those that fit is full. It returns where
// it stopped, and whether there is more to look at.
func (s *server) scan(ctx context.Context, community, of string, after []string, limit int, fits func(*workflow.Instance) bool,
) (out []*workflow.Instance, last store.ListCursor, more bool, err error) {
	last = store.ListCursor{Key: after[0], ID: after[1]}
	const step = 200
	for seen := 0; seen < scanned; seen += step {
		rows, err := s.Store.List(ctx, community, store.ListQuery{Root: community, Parent: community, Workflow: of, After: last, Limit: step})
		if err != nil {
			return nil, last, false, err
		}
		for n, i := range rows {
			last = store.ListCursor{Key: i.Key, ID: i.ID}
			if fits(i) {
				out = append(out, i)
			}
			if len(out) == limit {
				return out, last, n < len(rows)-1 || len(rows) == step, nil
			}
		}
		if len(rows) < step {
			return out, last, false, nil
		}
	}
	return out, last, true, nil
}

// text is a text field of an instance, "" if it is not known.
func text(i *workflow.Instance, name string) string {
	s, _ := i.Body.Data[name].(string)
	return s
}

// tokensOf shows tokens with when they were last used.
func (s *server) tokensOf(ctx context.Context, community string, rows []*workflow.Instance) ([]Token, error) {
	ids := make([]string, len(rows))
	for n, i := range rows {
		ids[n] = i.ID
	}
	used, err := s.Store.TokenUses(ctx, community, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Token, len(rows))
	for n, i := range rows {
		t := Token{ID: i.ID, Person: text(i, "person"), Label: text(i, "label"), Scope: text(i, "scope"), State: i.State}
		t.Roles, _ = i.Body.Data["roles"].([]string)
		if at, err := time.Parse(workflow.TimeLayout, text(i, "expires")); err == nil {
			t.Expires = at
		}
		if at, ok := used[i.ID]; ok {
			at = at.UTC().Truncate(time.Minute)
			t.Used = &at
		}
		out[n] = t
	}
	return out, nil
}

func (s *server) makeToken(ctx context.Context, in *makeTokenInput) (*madeToken, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	c := from(ctx)
	scope, err := s.tokenScope(ctx, in)
	if err != nil {
		return nil, err
	}
	person, roles := in.Body.Person, in.Body.Roles
	if person == "" {
		person = c.person
	}
	admin := c.holds(in.Community, "admin")
	if person != c.person && !admin {
		return nil, needRoles(ctx, in.Community, "admin")
	}
	if roles, err = narrowed(c, person, roles); err != nil {
		return nil, err
	}
	days := in.Body.Days
	if days == 0 {
		days = tokenDays
	}
	secret := rand.Text()
	if in.Key != "" {
		// In hex: what ends a token must hold no underscore.
		secret = token.Hash(s.Secrets.Fingerprint(in.Community, []byte("token\x00"+c.person+"\x00"+in.Key)))
	}
	// Whole days, so that a repeated request asks for the same.
	expires := s.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, days+1)
	req := engine.Request{
		IdempotencyKey: in.Key,
		Command:        workflow.Command{Kind: workflow.KindCreate, Root: in.Community, Target: in.Community, Workflow: workflowToken},
		Values: map[string]any{
			"person": person, "label": in.Body.Label, "scope": scope, "roles": roles, "hash": token.Hash(secret),
			"expires": expires.Format(workflow.TimeLayout),
		},
	}
	s.sign(ctx, &req)
	req.OwnAccount = person == c.person // the checks are above
	if err := s.mayHaveAnother(ctx, in.Community, person); err != nil {
		return nil, err
	}
	res, err := s.Engine.Do(ctx, req)
	if err != nil {
		return nil, err
	}
	return s.made(ctx, res, secret)
}

// maxTokens bounds how many tokens of one person are good at once.
const maxTokens = 20

// mayHaveAnother refuses somebody who has too many tokens.
func (s *server) mayHaveAnother(ctx context.Context, community, person string) error {
	answers, err := s.Store.Load(ctx, community, []workflow.Key{{Kind: workflow.KeyReferrers, A: person, B: workflowToken}})
	if err != nil {
		return err
	}
	active := 0
	for _, i := range answers[0].Instances {
		if i.State == "active" {
			active++
		}
	}
	if active < maxTokens {
		return nil
	}
	return fault.New(fault.Refused, "too_many_tokens", fmt.Sprintf("此人已有 %d 个有效凭证；请先收回不用的", active),
		fmt.Sprintf("this person has %d tokens already; revoke those that are not needed", active))
}

func (s *server) made(ctx context.Context, res engine.Result, secret string) (*madeToken, error) {
	community := from(ctx).community
	row, err := s.Store.Instance(ctx, community, res.Instance)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, unknownInstance()
	}
	tokens, err := s.tokensOf(ctx, community, []*workflow.Instance{row})
	if err != nil {
		return nil, err
	}
	out := &madeToken{}
	out.Body.Token, out.Body.Details = token.Format(community, row.ID, secret), tokens[0]
	if res.Replayed {
		out.Replayed = "true"
	}
	return out, nil
}

// tokenScope is the scope that is asked for, which must lie within that of the caller's own token.
func (s *server) tokenScope(ctx context.Context, in *makeTokenInput) (string, error) {
	c := from(ctx)
	switch {
	case in.Body.Scope == "":
		return c.scope, nil
	case in.Body.Scope == in.Community && c.scope != in.Community:
		return "", fault.New(fault.Forbidden, "scope_too_wide", "您的凭证只限一个项目，不能用来办理整个社区的凭证",
			"your own token is for one programme; it cannot make one for the whole community").WithField("body.scope")
	case in.Body.Scope == in.Community:
		return in.Community, nil
	}
	return s.programme(ctx, in.Community, in.Body.Scope)
}

// narrowed are the roles of a new token: for oneself, never more than the token that asks has.
func narrowed(c *caller, person string, roles []string) ([]string, error) {
	if c.only == nil || person != c.person {
		return roles, nil
	}
	if len(roles) == 0 {
		return c.only, nil
	}
	for _, r := range roles {
		if !slices.Contains(c.only, r) {
			return nil, fault.New(fault.Forbidden, "role_not_held", "您的凭证不包含身份 "+r+"；不能再授予", "your own token does not have the role "+r+"; it cannot pass it on").
				WithField("body.roles")
		}
	}
	return roles, nil
}

func (s *server) revokeToken(ctx context.Context, in *revokeInput) (*answered, error) {
	i, _, _, err := s.instance(ctx, in.Community, in.ID)
	if err != nil {
		return nil, err
	}
	if i.Workflow != workflowToken {
		return nil, unknownInstance()
	}
	req := engine.Request{
		IdempotencyKey: in.Key,
		Command:        workflow.Command{Kind: workflow.KindFire, Root: in.Community, Target: in.ID, Event: "revoke"},
		OwnAccount:     text(i, "person") == from(ctx).person,
	}
	if in.Body != nil {
		req.Reason = in.Body.Reason
	}
	return s.do(ctx, req)
}
