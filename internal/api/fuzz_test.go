package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// sentMark stands in every text that the fuzzer makes up. No problem document may hold it.
const sentMark = "ZQXJ"

// fuzzer sends requests that it draws from the OpenAPI document, and collects what is wrong with the answers. What it learns from one
// answer goes into later requests, so that they get past the first check.
type fuzzer struct {
	*harness
	doc     *documented
	pool    map[string][]string // what parameters and fields of these names held in answers
	forms   []form              // what may be sent, as GET …/options lists it
	token   string
	defects map[string]string // by what is wrong where: the request and its answer
	counts  map[int]int       // answers by status
}

// form is a request that the options of an instance offer.
type form struct {
	method, path string
	extra        map[string]any
	fields       []FormField
}

func TestWhateverTheDocumentAllowsOrForbidsIsAnsweredAsItSays(t *testing.T) {
	counts := map[int]int{}
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		h := openHarness(t, db)
		h.run(h.programme)
		f := &fuzzer{harness: h, doc: readDocument(t, h), pool: map[string][]string{}, defects: map[string]string{}, counts: counts}
		steps := soak.Count(10, 200)
		if db.Kind == "postgres" {
			steps = soak.Count(2, 40)
		}
		rapid.Check(t, func(rt *rapid.T) {
			f.refresh(rt)
			for range steps {
				f.step(rt)
			}
		})
		for _, what := range slices.Sorted(maps.Keys(f.defects)) {
			t.Errorf("%s\n%s", what, f.defects[what])
		}
	})
	t.Logf("answers: %v", counts)
	// Of both databases together, and only the answers that come by the dozen: what is rare has directed tests of its own, and its
	// absence from one random run says nothing.
	for _, status := range []int{200, 201, 400, 401, 403, 404, 409, 422} {
		if counts[status] == 0 {
			t.Errorf("no request was answered with %d: the requests do not go deep enough", status)
		}
	}
}

// refresh gives the fuzzer a person who may do everything, since it may have taken that from the one before, and forms to fill in.
func (f *fuzzer) refresh(rt *rapid.T) {
	if f.token == "" || f.get(f.token, "/me").Status != http.StatusOK || rapid.IntRange(0, 19).Draw(rt, "refresh") == 0 {
		role := rapid.SampledFrom(roles()).Draw(rt, "renewed")
		f.people[role] = f.person(here, role)
		f.grant(here, f.people[role], role, here)
		f.tokens[role] = f.harness.token(here, f.people[role], here)
		id := f.person(here, "fuzzer")
		for _, role := range roles() {
			f.grant(here, id, role, here)
		}
		f.token = f.harness.token(here, id, here)
		f.learn("id", id)
		f.learn("id", f.programme)
		f.learn("id", here)
		f.learn("programme", "ZX-1")
		f.learn("programme", f.programme)
		f.learn("programme", f.command(engine.Request{
			Command: workflow.Command{Kind: workflow.KindCreate, Workflow: "neighbourhood", Actor: workflow.Actor{Person: id}},
			Values:  map[string]any{"title": "x", "code": "FZ-" + id},
		}).Instance)
	}
	f.forms = nil
	for range 4 {
		f.offer(f.pick(rt, "id", here))
	}
}

// offer reads what can be done with an instance.
func (f *fuzzer) offer(id string) {
	r := f.get(f.token, at("/instances/"+url.PathEscape(id)+"/options"))
	if r.Status != http.StatusOK {
		return
	}
	var o struct {
		Options []Option
		Creates []Creatable
	}
	r.into(&o)
	for _, x := range o.Options {
		method, path, _ := strings.Cut(x.Request, " ")
		extra := map[string]any{"reason": "x"}
		if x.Need != "" {
			extra["need"] = x.Need
		}
		if x.State != "" {
			extra["state"] = x.State
		}
		f.forms = append(f.forms, form{method, strings.TrimPrefix(path, Prefix), extra, x.Form})
		f.learn("event", x.Event)
	}
	for _, x := range o.Creates {
		method, path, _ := strings.Cut(x.Request, " ")
		extra := map[string]any{"workflow": x.Workflow}
		if x.Slot != "" {
			extra = map[string]any{"slot": x.Slot}
		}
		f.forms = append(f.forms, form{method, strings.TrimPrefix(path, Prefix), extra, x.Form})
	}
}

// request is what the fuzzer sends.
type request struct {
	op            *documentedOp // nil: none of the document
	method, path  string        // the path with its prefix, encoded
	header        http.Header
	body          []byte
	authorization string
}

func (r *request) String() string {
	return fmt.Sprintf("%s %s\n%v\n%.1500q", r.method, r.path, r.header, r.body)
}

// holds reports whether a mark stands in what is sent: what stands in an answer may also be what was stored before.
func (r *request) holds(mark string) bool {
	return strings.Contains(r.path, mark) || bytes.Contains(r.body, []byte(mark)) || strings.Contains(fmt.Sprint(r.header), mark)
}

// step sends one request and looks at the answer.
func (f *fuzzer) step(rt *rapid.T) {
	var r *request
	if len(f.forms) > 0 && rapid.IntRange(0, 2).Draw(rt, "way") == 0 {
		r = f.filled(rt, rapid.SampledFrom(f.forms).Draw(rt, "form"))
	} else {
		r = f.drawn(rt, rapid.SampledFrom(f.doc.ops).Draw(rt, "operation"))
	}
	if rapid.IntRange(0, 2).Draw(rt, "spoil") == 0 {
		f.spoil(rt, r)
	}
	if strings.Contains(r.path, "/instances/"+here+"/events/") || strings.Contains(string(r.body), `"`+here+`","event"`) {
		return // a community that is closed answers the same to everything
	}
	answer := f.deliver(r)
	if answer == nil {
		return // net/http refuses to send it
	}
	f.counts[answer.Status]++
	f.judge(r, answer)
	if answer.Status < 300 {
		f.harvest("", decoded(answer.Body))
	}
}

// deliver sends a request. Of a stream it reads the beginning.
func (f *fuzzer) deliver(r *request) *reply {
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, f.url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil
	}
	req.Header = r.header
	if r.authorization != "" {
		req.Header.Set("Authorization", r.authorization)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		if strings.Contains(err.Error(), "EOF") || ctx.Err() != nil {
			f.found("the server hung up or did not answer", r, &reply{Body: []byte(err.Error())})
		}
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	var body io.Reader = res.Body
	if strings.HasPrefix(res.Header.Get("Content-Type"), eventStream) {
		body = firstMessage{body}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		f.found("the answer breaks off", r, &reply{Status: res.StatusCode, Body: text})
	}
	return &reply{t: f.t, asked: r.method + " " + r.path, Status: res.StatusCode, Header: res.Header, Body: text}
}

func (f *fuzzer) found(what string, r *request, a *reply) {
	where := r.method
	if r.op != nil {
		where = r.op.id
	}
	key := where + ": " + what
	if len(key) > 400 {
		key = key[:400]
	}
	if _, known := f.defects[key]; !known {
		f.defects[key] = fmt.Sprintf("%s\n→ %d %v\n%.1500s", r, a.Status, a.Header, a.Body)
	}
}

// judge looks for what no answer may be.
func (f *fuzzer) judge(r *request, a *reply) {
	if a.Status >= 500 {
		f.found(fmt.Sprint("status ", a.Status), r, a)
		return
	}
	if r.op != nil {
		if wrong := f.doc.fits(r.op, a); wrong != "" && r.method != http.MethodHead {
			f.found(wrong, r, a)
		}
	}
	if a.Status < 400 || r.method == http.MethodHead {
		return
	}
	var p Problem
	if a.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(a.Body, &p) != nil {
		f.found("no problem document", r, a)
		return
	}
	if p.Code == "" || p.Title == "" || p.Detail == "" || p.Status != a.Status || p.Type != problemType+p.Code {
		f.found("an incomplete problem document", r, a)
	}
	if (a.Status == 400 || a.Status == 422) && r.op != nil && a.Status == 422 && len(p.Errors) == 0 && len(p.Reasons) == 0 && p.Code != "too_deep" && !keyReused(p) {
		f.found("a field is wrong, and none is named", r, a)
	}
	if bytes.Contains(a.Body, []byte(sentMark)) && r.holds(sentMark) || strings.Contains(fmt.Sprint(without(a.Header, "X-Request-Id")), sentMark) {
		f.found("the answer repeats what was sent", r, a)
	}
	lang := pickLanguage(r.header.Get("Accept-Language"))
	if han := strings.ContainsFunc(p.Title+p.Detail, func(c rune) bool { return unicode.Is(unicode.Han, c) }); han != (lang == langZH) {
		f.found("not in the language asked for: "+lang, r, a)
	}
	if got := a.Header.Get("Content-Language"); got != lang {
		f.found("Content-Language is "+got, r, a)
	}
	if a.Status == http.StatusUnauthorized && a.Header.Get("WWW-Authenticate") == "" {
		f.found("401 without WWW-Authenticate", r, a)
	}
}

// without leaves a header out: a sane request id is given back on purpose.
func without(h http.Header, name string) http.Header {
	h = h.Clone()
	h.Del(name)
	return h
}

// keyReused reports whether a problem is about a key that was given for another request: then all of it is wrong.
func keyReused(p Problem) bool { return strings.Contains(p.Code, "idempotency") }

// learn remembers a value for later requests; of each kind a few hundred.
func (f *fuzzer) learn(name, v string) {
	known := f.pool[name]
	switch {
	case v == "" || len(v) > 300 || slices.Contains(known, v):
	case len(known) < 300:
		f.pool[name] = append(known, v)
	default:
		known[rand.IntN(len(known))] = v
	}
}

// harvest learns from an answer.
func (f *fuzzer) harvest(name string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			f.harvest(k, x)
		}
	case []any:
		for _, x := range v {
			f.harvest(name, x)
		}
	case string:
		switch name {
		case "id", "instance", "record", "parent", "root", "person", "activity":
			f.learn("id", v)
		case "programme", "programmes":
			f.learn("programme", v)
		case "command", "hash", "workflow", "state", "slot", "event", "key":
			f.learn(name, v)
		case "bundle":
			f.learn("hash", v)
		case "next_cursor":
			f.learn("cursor", v)
		}
	}
}

// pick is something that was learnt, or what is given.
func (f *fuzzer) pick(rt *rapid.T, name, otherwise string) string {
	if known := f.pool[name]; len(known) > 0 && rapid.IntRange(0, 9).Draw(rt, "known") > 0 {
		return rapid.SampledFrom(known).Draw(rt, name)
	}
	return otherwise
}
