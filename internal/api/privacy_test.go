package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// secretMark stands in every personal and sensitive value of these tests, keyMark in a key, which is not sealed but has no place in a URL.
const (
	secretMark = "SECRET8841"
	secretTel  = "13988410000"
	keyMark    = "KEY8841"
)

// vault is a harness with something personal in every kind of thing that holds any.
type vault struct {
	*district
	log                            *syncBuffer
	metrics                        *Metrics
	person, household, visit, note string
}

func openVault(t *testing.T, h *harness, change ...func(*Config)) *vault {
	t.Helper()
	v := &vault{district: &district{harness: h}, log: &syncBuffer{}, metrics: NewMetrics()}
	h.server, h.url = h.serve(append(change, func(c *Config) {
		c.Log, c.Metrics = slog.New(slog.NewJSONHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug})), v.metrics
	})...)
	h.run(h.programme)
	lead := workflow.Actor{Person: h.people["lead"]}
	under := func(target, of, key string, values m) string {
		return h.command(engine.Request{
			Command: workflow.Command{Target: target, Kind: workflow.KindCreate, Workflow: of, Key: key, Actor: lead}, Values: values,
		}).Instance
	}
	v.person = under(here, "person", keyMark, m{
		"name": secretMark, "mobile": secretTel, "email": secretMark + "@example.org", "sex": "female", "birth": "1931-08-08", "id_number": secretMark, "skills": secretMark,
	})
	v.household = under(here, "household", "", m{
		"kind": "elder", "members": secretMark, "address": secretMark, "phone": secretTel, "situation": secretMark, "guardian": secretMark,
	})
	h.fire(v.household, "approve", "lead", nil)
	visit := h.command(engine.Request{
		Command: workflow.Command{Root: h.programme, Target: h.programme, Kind: workflow.KindCreate, Workflow: "visit", Slot: "visit", Actor: lead},
		Values:  m{"title": "x"},
	}).Instance
	v.note = under(visit, "note", "", m{"text": secretMark})
	v.visit = under(visit, "household_visit", "", m{
		"household": v.household, "kind": "elder", "slot_note": secretMark, "health": secretMark, "living": secretMark, "needs": secretMark, "wishes": secretMark,
		"receipt_relation": secretMark,
	})
	for id, want := range map[string]int{v.person: 7, v.household: 5, v.visit: 6, v.note: 1} {
		var i Instance
		if h.get("lead", at("/instances/"+id)).status(http.StatusOK).into(&i); len(i.Sealed) != want {
			t.Fatalf("%s has %v sealed, want %d", i.Workflow, i.Sealed, want)
		}
	}
	return v
}

// silent checks that an answer holds nothing personal.
func silent(t testing.TB, r *reply) {
	t.Helper()
	for _, mark := range []string{secretMark, secretTel, "1931-08-08"} {
		if bytes.Contains(r.Body, []byte(mark)) || strings.Contains(fmt.Sprint(r.Header), mark) {
			t.Errorf("%s: the answer holds something personal: %s\n%.800s", r.asked, mark, r.Body)
		}
	}
	var list struct {
		Next string `json:"next_cursor"`
	}
	if r.Header.Get("Content-Type") == "application/json" {
		r.into(&list)
	}
	if cursor, err := base64.RawURLEncoding.DecodeString(list.Next); err != nil || bytes.Contains(cursor, []byte(secretMark)) || bytes.Contains(cursor, []byte(keyMark)) {
		t.Errorf("%s: the cursor, which stands in URLs, holds %s", r.asked, cursor)
	}
}

// everything is what can be read of a community: every operation that reads, for every instance.
func (v *vault) everything() []string {
	v.t.Helper()
	var ids []string
	for _, root := range []string{here, v.programme} {
		rows, err := v.store.List(v.t.Context(), here, store.ListQuery{Root: root, Limit: 500})
		if err != nil {
			v.t.Fatal(err)
		}
		for _, i := range rows {
			ids = append(ids, i.ID)
		}
	}
	var out []string
	for op, documented := range v.operations() {
		path, reads := strings.CutPrefix(op, "GET ")
		if !reads {
			continue
		}
		path = strings.NewReplacer("{community}", here, "{programme}", v.programme, "{hash}", "current", "{name}", "note").Replace(path)
		all := []string{""}
		if strings.Contains(path, "{id}") {
			all = ids
		}
		for _, id := range all {
			at := strings.ReplaceAll(path, "{id}", id)
			out = append(out, at)
			for _, p := range documented.Parameters {
				switch p.Name {
				case "limit":
					out = append(out, at+"?limit=1")
				case "format":
					out = append(out, at+"?format=markdown&lang=zh", at+"?format=markdown&lang=en")
				case "fields":
					out = append(out, at+"?fields=name,mobile,address,health,text,members,birth")
				case "order":
					out = append(out, at+"?order=newest&limit=200")
				}
			}
		}
	}
	return out
}

func TestNothingPersonalIsInWhatIsRead(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		v := openVault(t, h)
		read := 0
		for _, path := range v.everything() {
			for _, role := range append(roles(), "elsewhere", "") {
				header := ""
				if role != "" {
					header = "Bearer " + h.tokens[role]
				}
				a := ask{path: path}
				if strings.HasSuffix(path, "/stream") {
					a.headers, a.listen = []string{"Last-Event-ID", "0"}, time.Second/2
				}
				r := v.do(header, http.MethodGet, a)
				if a.listen > 0 && role == "lead" && bytes.Count(r.Body, []byte("event: entry")) < 5 {
					t.Errorf("the stream tells too little to look at: %s", r.Body)
				}
				if silent(t, r); r.Status == http.StatusOK {
					read++
				}
			}
		}
		if read < 500 {
			t.Errorf("only %d answers had anything to look at", read)
		}
		var found struct{ Items []Instance }
		for _, body := range []m{{"mobile": secretTel}, {"name": secretMark}} {
			r := h.post("worker", at("/people/search"), body).status(http.StatusOK).into(&found)
			if silent(t, r); len(found.Items) != 1 || found.Items[0].ID != v.person {
				t.Errorf("%v finds %+v", body, found.Items)
			}
			h.get("worker", at("/people/search?name=x")).problem(http.StatusMethodNotAllowed, "")
		}
		v.quiet(t)
	})
}

func TestNothingPersonalIsInAProblem(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		v := openVault(t, h)
		instance := func(id, rest string) string { return at("/instances/" + id + rest) }
		for _, role := range []string{"lead", "volunteer"} {
			for _, c := range []struct {
				method, path string
				body         any
			}{
				{"PATCH", instance(v.person, ""), m{"input": m{"birth": secretMark, "sex": secretMark, "guardian": secretMark, "block": []string{secretMark}}}},
				{"PATCH", instance(v.person, ""), m{"input": m{"name": m{"value": secretMark}, "staff": secretMark, "checked_record": secretMark}}},
				{"PATCH", instance(v.person, ""), m{"input": m{"name": secretMark}, "occurred": secretMark}},
				{"PATCH", instance(v.person, ""), m{"input": secretMark}},
				{"PATCH", instance(v.person, ""), `{"input":{"name":"` + secretMark + `"`},
				{"PATCH", instance(secretMark, ""), m{"input": m{"name": secretMark}}},
				{"POST", at("/people"), m{"input": m{"mobile": secretTel}, "key": keyMark}},
				{"POST", at("/people"), m{"input": m{"name": secretMark, "mobile": []string{secretTel}}}},
				{"POST", at("/people/search"), m{"name": secretMark, "mobile": secretTel}},
				{"POST", at("/people/search"), m{"name": strings.Repeat(secretMark, 50)}},
				{"POST", instance(v.visit, "/events/"+secretMark), m{"reason": secretMark}},
				{"POST", instance(v.visit, "/waive"), m{"need": secretMark, "reason": secretMark}},
				{"POST", instance(v.visit, "/backfill"), m{"state": secretMark, "reason": secretMark}},
				{"POST", instance(v.visit, "/reveal"), m{"fields": []string{secretMark}, "purpose": secretMark}},
				{"POST", instance(v.visit, "/items"), m{"workflow": secretMark, "input": m{"text": secretMark}}},
				{"POST", at("/programmes"), m{"code": "ZX-1", "input": m{"title": secretMark, "period_from": secretMark}}},
				{"POST", at("/programmes/" + secretMark + "/activities"), m{"slot": secretMark}},
				{"POST", at("/programmes/ZX-1/activities"), m{"slot": secretMark}},
				{"POST", at("/grants"), m{"person": secretMark, "role": secretMark, "scope": secretMark}},
				{"POST", at("/grants"), m{"person": secretMark, "role": "worker"}},
				{"POST", at("/tokens"), m{"person": secretMark, "scope": secretMark}},
				{"POST", at("/bulk"), m{"rows": []m{{"target": secretMark, "event": secretMark}, {"target": v.visit, "event": "record", "input": m{"health": 7, "outcome": secretMark}}}}},
				{"PATCH", at(""), m{"input": m{"zone": secretMark, "name": 7}}},
				{"PUT", at("/bundle"), m{"hash": strings.Repeat(secretMark, 6) + "1234"}},
				{"GET", at("/programmes?state=" + secretMark + "&cursor=" + secretMark + "&limit=" + secretMark), nil},
				{"GET", at("/nothing/" + secretMark), nil},
			} {
				r := h.send(c.method, role, c.path, c.body)
				if silent(t, r); r.Status < 400 && c.path != at("/bulk") && !strings.HasPrefix(c.path, at("/programmes?")) {
					t.Errorf("%s %s as %s: %d", c.method, c.path, role, r.Status)
				}
			}
		}
		v.quiet(t)
	})
}

// quiet checks the log and the figures.
func (v *vault) quiet(t *testing.T) {
	t.Helper()
	page := httptest.NewRecorder()
	v.metrics.Handler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	log := v.log.String()
	if !strings.Contains(log, `"route"`) || !strings.Contains(page.Body.String(), "linli_") {
		t.Error("there is no log, or there are no figures")
	}
	for _, mark := range []string{secretMark, secretTel, keyMark, url.QueryEscape(secretMark)} {
		if strings.Contains(log, mark) {
			t.Errorf("the log holds %s", mark)
		}
		if strings.Contains(page.Body.String(), mark) {
			t.Errorf("the figures hold %s", mark)
		}
	}
	for _, token := range v.tokens {
		if secret := token[strings.LastIndexByte(token, '_')+1:]; strings.Contains(log, secret) {
			t.Error("the log holds the secret of a token")
		}
	}
}

func TestNoPersonalValueHasAPlaceInAURL(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		personal := map[string]bool{}
		for _, d := range h.bundle.Definitions() {
			for _, f := range d.Fields {
				if f.Privacy.Sealed() {
					personal[f.Name] = true
				}
			}
		}
		for op, o := range h.operations() {
			for _, p := range o.Parameters {
				if p.In != "header" && personal[p.Name] && !strings.Contains(op, "definitions/{name}") {
					t.Errorf("%s takes %s in its URL", op, p.Name)
				}
			}
		}
	})
}

// Who looks at what is sealed, and what is left of it.
func TestSealedValuesAreShownOnRecordOnly(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		v := openVault(t, h)
		path := at("/instances/" + v.person + "/reveal")
		for name, body := range map[string]any{"no purpose": m{}, "an empty one": m{"purpose": ""}, "one letter": m{"purpose": "x"}, "only spaces": m{"purpose": "     "}} {
			r := h.post("lead", path, body)
			if silent(t, r); r.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
		}
		silent(t, h.post("volunteer", path, m{"purpose": "curiosity"}).status(http.StatusNotFound))
		silent(t, h.post("auditor", path, m{"purpose": "curiosity"}).status(http.StatusForbidden))
		silent(t, h.post("finance", at("/instances/"+v.visit+"/reveal"), m{"fields": []string{"health"}, "purpose": "curiosity"}).status(http.StatusForbidden))
		if n := len(v.looks("lead")); n != 0 {
			t.Errorf("%d records of looks that were refused", n)
		}

		var got struct {
			Record string
			Values map[string]any
		}
		h.post("worker", path, m{"fields": []string{"mobile"}, "purpose": "ring her"}).status(http.StatusOK).into(&got)
		if got.Values["mobile"] != secretTel || len(got.Values) != 1 {
			t.Errorf("shown: %v", got.Values)
		}
		own := at("/instances/" + h.people["volunteer"] + "/reveal")
		h.post("volunteer", own, m{"purpose": "my own data"}).status(http.StatusOK).into(&got)
		if got.Values["name"] != "volunteer" {
			t.Errorf("her own: %v", got.Values)
		}
		looks := v.looks("lead")
		if len(looks) != 2 || looks[0].Person != h.people["worker"] || looks[0].Target != v.person || looks[0].Purpose != "ring her" || len(looks[0].Names) != 1 {
			t.Errorf("records: %+v", looks)
		}
		if mine := v.looks("volunteer"); len(mine) != 1 || mine[0].ID != got.Record {
			t.Errorf("hers: %+v", mine)
		}

		h.post("lead", at("/instances/"+v.person+"/events/erase"), m{"reason": "at her request"}).status(http.StatusOK)
		r := h.post("lead", path, m{"purpose": "what is left"})
		silent(t, r)
		if got.Values = nil; r.Status == http.StatusOK {
			r.into(&got)
			if len(got.Values) > 0 {
				t.Errorf("left of what was erased: %v", got.Values)
			}
		}
		for _, body := range []m{{"mobile": secretTel}, {"name": secretMark}} {
			var found struct{ Items []Instance }
			if h.post("lead", at("/people/search"), body).status(http.StatusOK).into(&found); len(found.Items) != 0 {
				t.Errorf("what was erased is found by %v", body)
			}
		}
		v.quiet(t)
	})
}

// looks lists the records that somebody may see.
func (v *vault) looks(role string) []Reveal {
	v.t.Helper()
	var l struct{ Items []Reveal }
	v.get(role, at("/reveals")).status(http.StatusOK).into(&l)
	return l.Items
}

// brokenEngine fails where a test wants it to, as a process does that dies there.
type brokenEngine struct {
	Engine
	recording, opening bool
	opened             int
}

var errDied = errors.New("died")

func (e *brokenEngine) Do(ctx context.Context, r engine.Request) (engine.Result, error) {
	if e.recording && r.Workflow == workflowReveal {
		return engine.Result{}, errDied
	}
	return e.Engine.Do(ctx, r)
}

func (e *brokenEngine) Reveal(ctx context.Context, i *workflow.Instance) (map[string]any, error) {
	e.opened++
	if e.opening {
		return nil, errDied
	}
	return e.Engine.Reveal(ctx, i)
}

func TestALookIsRecordedBeforeAnythingIsOpened(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		broken := &brokenEngine{Engine: h.engine}
		v := openVault(t, h, func(c *Config) { c.Engine = broken })
		path := at("/instances/" + v.person + "/reveal")
		broken.recording = true
		silent(t, h.post("worker", path, m{"purpose": "ring her"}).status(http.StatusInternalServerError))
		if broken.opened != 0 || len(v.looks("lead")) != 0 {
			t.Errorf("opened %d times without a record", broken.opened)
		}
		broken.recording, broken.opening = false, true
		silent(t, h.post("worker", path, m{"purpose": "ring her"}).status(http.StatusInternalServerError))
		if looks := v.looks("lead"); broken.opened != 1 || len(looks) != 1 || looks[0].Purpose != "ring her" {
			t.Errorf("it died while opening, and the record is %+v", looks)
		}
	})
}
