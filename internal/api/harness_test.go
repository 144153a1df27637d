package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

// The communities of a harness.
const (
	here      = "zhangxi"
	elsewhere = "linjie"
)

// harness is a server on a database of its own: the built-in bundle, the community here with a person and a token for every role, one
// programme, and the community elsewhere with an administrator and a programme. Its clock stands at 2023-06-01 and moves on with every look at it.
type harness struct {
	t      testing.TB
	db     *testdb.Database
	clock  *enginetest.Clock
	store  *store.Store
	keys   *seal.Keyring
	engine *engine.Engine
	bundle *workflow.Bundle
	server *Server
	url    string

	people    map[string]string // role → id of the person who holds it in here; "elsewhere": the administrator of elsewhere
	tokens    map[string]string // role → text of her token, good for all of here and every role she holds
	programme string            // id of the programme ZX-1 of here, a draft
	foreign   string            // id of the programme LJ-1 of elsewhere
}

// roles are the names under which a harness has people.
func roles() []string {
	return []string{"lead", "worker", "block", "finance", "approver", "volunteer", "auditor", "admin"}
}

// each runs a test on both databases.
func each(t *testing.T, run func(t *testing.T, h *harness), change ...func(*Config)) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		t.Parallel()
		run(t, openHarness(t, db, change...))
	})
}

// openHarness fills a database and serves it until the test ends.
func openHarness(t testing.TB, db *testdb.Database, change ...func(*Config)) *harness {
	t.Helper()
	h := &harness{t: t, db: db, clock: enginetest.NewClock(), people: map[string]string{}, tokens: map[string]string{}}
	h.store = db.Open(t, func(c *store.Config) { c.Now = h.clock.Now })
	var err error
	h.keys, err = seal.Open(t.Context(), seal.Config{Path: filepath.Join(db.Dir, seal.KeyFile), MayCreate: true, Random: rand.Reader}, h.store)
	if err != nil {
		t.Fatal(err)
	}
	h.engine = engine.New(engine.Config{Store: h.store, Keys: h.keys, Now: h.clock.Now})
	t.Cleanup(h.engine.Close)
	var problems workflow.Problems
	if h.bundle, problems = workflow.Load(workflows.Files()); len(problems) > 0 {
		t.Fatal(problems)
	}
	h.fill()
	h.server, h.url = h.serve(change...)
	return h
}

// serve starts another server on the same engine and database.
func (h *harness) serve(change ...func(*Config)) (*Server, string) {
	h.t.Helper()
	c := Config{
		Engine: h.engine, Store: h.store, Secrets: h.keys, Now: h.clock.Now, Version: "test", Limits: Limits{Rate: -1},
		Loader: &testLoader{h}, Auditor: &testAuditor{h},
	}
	for _, f := range change {
		f(&c)
	}
	s := New(c)
	h.t.Cleanup(s.Close)
	web := httptest.NewServer(s)
	h.t.Cleanup(web.Close)
	return s, web.URL
}

// fill makes the communities, the people with their tokens, and the programme.
func (h *harness) fill() {
	h.t.Helper()
	if err := h.engine.AddBundle(h.t.Context(), h.bundle); err != nil {
		h.t.Fatal(err)
	}
	for _, c := range []string{here, elsewhere} {
		h.system(engine.Request{
			Command: workflow.Command{ID: c, Community: c, Root: c, Kind: workflow.KindCreate, Workflow: "community"},
			Values:  map[string]any{"name": "樟溪社区", "bundle": h.bundle.Hash},
		})
	}
	for _, role := range roles() {
		h.people[role] = h.person(here, role)
		h.grant(here, h.people[role], role, here)
		h.tokens[role] = h.token(here, h.people[role], here)
	}
	h.people["elsewhere"] = h.person(elsewhere, "other")
	h.grant(elsewhere, h.people["elsewhere"], "admin", elsewhere)
	h.grant(elsewhere, h.people["elsewhere"], "worker", elsewhere)
	h.tokens["elsewhere"] = h.token(elsewhere, h.people["elsewhere"], elsewhere)
	h.programme = h.makeProgramme("ZX-1")
	h.foreign = h.command(engine.Request{
		Command: workflow.Command{
			Community: elsewhere, Kind: workflow.KindCreate, Workflow: "neighbourhood", Actor: workflow.Actor{Person: h.people["elsewhere"]},
		},
		Values: map[string]any{"title": "邻街", "code": "LJ-1"},
	}).Instance
}

// system carries out a request of the system that must succeed.
func (h *harness) system(r engine.Request) engine.Result {
	h.t.Helper()
	r.Actor = workflow.Actor{System: true}
	return h.command(r)
}

// command carries out a request that must succeed, past the server. Its community is here unless it says another.
func (h *harness) command(r engine.Request) engine.Result {
	h.t.Helper()
	if r.Community == "" {
		r.Community = here
	}
	res, err := h.engine.Do(context.WithoutCancel(h.t.Context()), r)
	if err != nil {
		h.t.Fatalf("%s %s %s%s: %v", r.Kind, r.Target, r.Event, r.Workflow, err)
	}
	return res
}

// person registers somebody and returns her id.
func (h *harness) person(community, name string) string {
	h.t.Helper()
	return h.register(community, "person", map[string]any{"name": name})
}

// register makes an entry of a community's registry and returns its id.
func (h *harness) register(community, of string, values map[string]any) string {
	h.t.Helper()
	return h.system(engine.Request{
		Command: workflow.Command{Community: community, Root: community, Target: community, Kind: workflow.KindCreate, Workflow: of},
		Values:  values,
	}).Instance
}

// grant gives a person a role in the community or in one programme.
func (h *harness) grant(community, person, role, scope string) string {
	h.t.Helper()
	return h.register(community, "grant", map[string]any{"person": person, "role": role, "scope": scope})
}

// token makes a token for a person, good for a year; without roles, for every role that she holds.
func (h *harness) token(community, person, scope string, roles ...string) string {
	h.t.Helper()
	secret := rand.Text()
	values := map[string]any{
		"person": person, "label": "test", "hash": token.Hash(secret), "scope": scope,
		"expires": h.clock.Now().AddDate(1, 0, 0).UTC().Format(workflow.TimeLayout),
	}
	if len(roles) > 0 {
		values["roles"] = roles
	}
	return token.Format(community, h.register(community, "token", values), secret)
}

// makeProgramme makes a programme of here, by the worker, and returns its id.
func (h *harness) makeProgramme(code string) string {
	h.t.Helper()
	return h.command(engine.Request{
		Command: workflow.Command{
			Kind: workflow.KindCreate, Workflow: "neighbourhood", Actor: workflow.Actor{Person: h.people["worker"]},
		},
		Values: map[string]any{"title": "幸福樟溪", "code": code},
	}).Instance
}

// run takes the programme of the harness from its draft to running.
func (h *harness) run(programme string) {
	h.t.Helper()
	h.fire(programme, "approve", "approver", map[string]any{"budget": "预算表"})
	h.fire(programme, "start", "lead", nil)
}

// fire carries out an event, past the server.
func (h *harness) fire(target, event, role string, values map[string]any) engine.Result {
	h.t.Helper()
	i := h.instance(target)
	return h.command(engine.Request{
		Command: workflow.Command{Kind: workflow.KindFire, Root: i.Root, Target: target, Event: event, Actor: workflow.Actor{Person: h.people[role]}},
		Values:  values,
	})
}

// instance reads an instance of here, which must exist.
func (h *harness) instance(id string) *workflow.Instance {
	h.t.Helper()
	i, err := h.store.Instance(h.t.Context(), here, id)
	if err != nil || i == nil {
		h.t.Fatalf("instance %s: %v, %v", id, i, err)
	}
	return i
}

// activity is the first activity in a slot of the harness's programme.
func (h *harness) activity(slot string) *workflow.Instance {
	h.t.Helper()
	rows, err := h.store.List(h.t.Context(), here, store.ListQuery{Root: h.programme, Slot: slot, Limit: 1})
	if err != nil || len(rows) == 0 {
		h.t.Fatalf("no activity in %s: %v", slot, err)
	}
	return rows[0]
}

// reply is what the server answered.
type reply struct {
	t      testing.TB
	asked  string
	Status int
	Header http.Header
	Body   []byte
}

// get reads path, which begins behind /api/v1, as the person of a role; "" sends no token, and linli_… is a token itself. Further
// arguments are names and values of headers.
func (h *harness) get(role, path string, headers ...string) *reply {
	h.t.Helper()
	return h.send(http.MethodGet, role, path, nil, headers...)
}

// post sends body as JSON (a string or bytes as they are; nil: no body).
func (h *harness) post(role, path string, body any, headers ...string) *reply {
	h.t.Helper()
	return h.send(http.MethodPost, role, path, body, headers...)
}

// patch is post with another method.
func (h *harness) patch(role, path string, body any, headers ...string) *reply {
	h.t.Helper()
	return h.send(http.MethodPatch, role, path, body, headers...)
}

func (h *harness) send(method, role, path string, body any, headers ...string) *reply {
	h.t.Helper()
	var content io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		content = strings.NewReader(b)
	case []byte:
		content = bytes.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			h.t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+Prefix+path, content)
	if err != nil {
		h.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept-Language", "en")
	if text := h.tokens[role]; text != "" {
		role = text
	}
	if role != "" {
		req.Header.Set("Authorization", "Bearer "+role)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		req.Header.Set(headers[n], headers[n+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return &reply{t: h.t, asked: method + " " + path, Status: res.StatusCode, Header: res.Header, Body: text}
}

// status fails the test unless the answer has that status.
func (r *reply) status(want int) *reply {
	r.t.Helper()
	if r.Status != want {
		r.t.Fatalf("%s: status %d, want %d\n%s", r.asked, r.Status, want, r.Body)
	}
	return r
}

// into decodes the answer.
func (r *reply) into(v any) *reply {
	r.t.Helper()
	if err := json.Unmarshal(r.Body, v); err != nil {
		r.t.Fatalf("%s: %v\n%s", r.asked, err, r.Body)
	}
	return r
}

// problem checks that the answer is a problem document of that status and code ("": any), and returns it.
func (r *reply) problem(status int, code string) Problem {
	r.t.Helper()
	r.status(status)
	if got := r.Header.Get("Content-Type"); got != "application/problem+json" {
		r.t.Errorf("%s: content type %q", r.asked, got)
	}
	var p Problem
	r.into(&p)
	if p.Status != status || p.Detail == "" || p.Title == "" || p.Type != problemType+p.Code || code != "" && p.Code != code {
		r.t.Errorf("%s: problem %+v, want status %d and code %q", r.asked, p, status, code)
	}
	return p
}

// made is the answer to a command that must have been carried out.
func (r *reply) made() commandAnswer {
	r.t.Helper()
	if r.Status != http.StatusOK && r.Status != http.StatusCreated {
		r.t.Fatalf("%s: status %d\n%s", r.asked, r.Status, r.Body)
	}
	var a commandAnswer
	r.into(&a)
	return a
}

// names reports whether a problem names a field.
func (p Problem) names(field string) bool {
	for _, e := range p.Errors {
		if e.Field == field {
			return true
		}
	}
	return false
}
