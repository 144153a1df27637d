package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

func TestAnInstanceIsReadEditedAndKeptInACache(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		claim := h.post("worker", at("/instances/"+h.programme+"/items"), map[string]any{
			"workflow": "claim", "input": map[string]any{"metric": "blocks", "qualifier": "exact", "n": 5, "source": "报表"},
		}).status(http.StatusCreated).made().Instance
		path := at("/instances/" + claim)
		var i Instance
		got := h.get("worker", path+"?fields=n,metric").status(http.StatusOK).into(&i)
		if d := cmp.Diff(map[string]any{"n": float64(5), "metric": "blocks"}, i.Fields); d != "" || got.Header.Get("ETag") != `"1"` {
			t.Errorf("fields (-want +got):\n%s", d)
		}
		if r := h.get("worker", path, "If-None-Match", `"1"`).status(http.StatusNotModified); len(r.Body) != 0 || r.Header.Get("ETag") != `"1"` {
			t.Errorf("304 with %q", r.Body)
		}
		h.get("worker", path, "If-None-Match", `"7", "8"`).status(http.StatusOK)

		edited := h.patch("worker", path, map[string]any{"input": map[string]any{"n": 6}}, "If-Match", `"1"`).status(http.StatusOK)
		if edited.Header.Get("ETag") != `"2"` {
			t.Errorf("etag %q", edited.Header.Get("ETag"))
		}
		h.patch("worker", path, map[string]any{"input": map[string]any{"n": 7}}, "If-Match", `"1"`).problem(http.StatusPreconditionFailed, "version_changed")
		h.get("worker", path, "If-None-Match", `"1"`).status(http.StatusOK)
		if p := h.patch("worker", path, map[string]any{"input": map[string]any{"n": "many", "colour": 1}}).problem(http.StatusUnprocessableEntity, "invalid_input"); !p.names("body.input.n") || !p.names("body.input.colour") {
			t.Errorf("errors: %+v", p.Errors)
		}
		// A programme's figures move without its version.
		h.get("worker", at("/instances/"+h.programme), "If-None-Match", `"1"`).status(http.StatusOK)
		// What is about nobody in particular is for staff.
		h.get("volunteer", path).problem(http.StatusNotFound, "unknown_instance")
		h.patch("volunteer", path, map[string]any{"input": map[string]any{"n": 1}}).problem(http.StatusNotFound, "unknown_instance")
	})
}

func TestWhateverIsAskedForNothingFails(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		long := strings.Repeat("长", 10_000)
		for _, id := range []string{"%00", "a%00b", "%ff%fe", "..", "%2e%2e%2f", "%F0%9F%8E%89", "'%20or%201=1", long, "x/y"} {
			for _, path := range []string{
				"/instances/" + id, "/instances/" + id + "/options", "/instances/" + id + "/items", "/programmes/" + id, "/programmes/" + id + "/items",
				"/programmes/" + id + "/history", "/people/" + id + "/consents", "/tasks?programme=" + id, "/programmes/ZX-1/items?workflow=" + id,
				"/programmes/ZX-1/items?parent=" + id, "/programmes/ZX-1/history?instance=" + id, "/programmes/ZX-1/history?cursor=" + id, "/people?cursor=" + id,
				"/programmes/ZX-1/activities?slot=" + id, "/programmes/ZX-1/activities?state=" + id, "/grants?person=" + id, "/instances/" + h.programme + "?fields=" + id,
			} {
				if r := h.get("lead", at(path)); r.Status >= 500 {
					t.Errorf("%.80s: %d %s", path, r.Status, r.Body)
				}
			}
		}
		for _, body := range []any{
			`{"workflow":"claim\u0000","input":{}}`, `{"workflow":"` + long + `"}`, `{"workflow":"claim","key":"\ud800","input":{"n":1e999}}`, `{"workflow":"note","input":{"text":"a\u0000b"}}`, `[]`, `null`, `{"workflow":5}`,
		} {
			if r := h.post("worker", at("/instances/"+h.programme+"/items"), body); r.Status >= 500 || r.Status < 400 {
				t.Errorf("%.60v: %d %s", body, r.Status, r.Body)
			}
		}
	})
}

func TestItemsAreListedByWorkflowParentAndState(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		recruit := h.activity("recruit").ID
		worker := workflow.Actor{Person: h.people["worker"]}
		var members []string
		for n := range 7 {
			person := h.person(here, fmt.Sprintf("队员%d", n))
			members = append(members, h.command(engine.Request{
				Command: workflow.Command{Kind: workflow.KindCreate, Root: h.programme, Target: recruit, Workflow: "membership", Actor: worker},
				Values:  map[string]any{"person": person},
			}).Instance)
		}
		mine := h.command(engine.Request{
			Command: workflow.Command{Kind: workflow.KindCreate, Root: h.programme, Target: recruit, Workflow: "membership", Actor: worker},
			Values:  map[string]any{"person": h.people["volunteer"]},
		}).Instance
		members = append(members, mine)
		h.fire(members[0], "accept", "worker", nil)

		for _, path := range []string{
			"/programmes/ZX-1/items?limit=3", "/programmes/ZX-1/items?limit=3&workflow=membership", "/programmes/ZX-1/items?limit=3&parent=" + recruit,
			"/instances/" + recruit + "/items?limit=3",
		} {
			got := h.walk("auditor", at(path))
			if d := cmp.Diff(slices.Sorted(slices.Values(members)), slices.Sorted(slices.Values(got))); d != "" {
				t.Errorf("%s (-want +got):\n%s", path, d)
			}
		}
		if got := h.walk("auditor", at("/programmes/ZX-1/items?limit=3&state=accepted,declined")); !slices.Equal(got, members[:1]) {
			t.Errorf("accepted: %v", got)
		}
		// Somebody who works for nobody sees what is about herself.
		for _, path := range []string{"/programmes/ZX-1/items?limit=3", "/instances/" + recruit + "/items?limit=3"} {
			if got := h.walk("volunteer", at(path)); !slices.Equal(got, []string{mine}) {
				t.Errorf("%s: a volunteer sees %v", path, got)
			}
		}
		if p := h.get("auditor", at("/programmes/ZX-1/items?workflow=person")).problem(http.StatusUnprocessableEntity, "unknown_name"); !p.names("query.workflow") {
			t.Errorf("errors: %+v", p.Errors)
		}
	})
}

// walk reads a list to its end and returns the ids; path has a query already.
func (h *harness) walk(role, path string) []string {
	h.t.Helper()
	var ids []string
	for cursor, pages := "", 0; ; pages++ {
		var p page[Instance]
		h.get(role, path+"&cursor="+cursor).status(http.StatusOK).into(&p)
		for _, i := range p.Items {
			ids = append(ids, i.ID)
		}
		if cursor = p.NextCursor; cursor == "" || pages > 100 {
			return ids
		}
	}
}

// optionsOf is what somebody is told that she can do.
type optionsOf struct {
	Options []Option    `json:"options"`
	Creates []Creatable `json:"creates"`
}

func (h *harness) options(role, id string) optionsOf {
	h.t.Helper()
	var o optionsOf
	h.get(role, at("/instances/"+id+"/options")).status(http.StatusOK).into(&o)
	return o
}

// find is the option of a kind, or the one of an event, a need or a state.
func (o optionsOf) find(t *testing.T, kind, name string) Option {
	t.Helper()
	n := slices.IndexFunc(o.Options, func(x Option) bool {
		return x.Kind == kind && (name == "" || x.Event == name || x.Need == name || x.State == name)
	})
	if n < 0 {
		t.Fatalf("no option %s %s", kind, name)
	}
	return o.Options[n]
}

func TestOptionsSayWhatCanBeDoneAndWhyNot(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		train := h.activity("train").ID
		a := h.options("worker", train)
		start := a.find(t, "fire", "start")
		if start.Allowed || len(start.Reasons) < 2 || !strings.HasSuffix(start.Request, "/instances/"+train+"/events/start") {
			t.Errorf("start: %+v", start)
		}
		schedule := a.find(t, "fire", "schedule")
		names := []string{}
		for _, f := range schedule.Form {
			names = append(names, f.Name+" "+f.Type)
		}
		if d := cmp.Diff([]string{"when half_day", "place text", "trainer text", "topics enum", "time_record evidence", "place_record evidence"}, names); d != "" || len(schedule.Form[3].Values) != 8 {
			t.Errorf("the form (-want +got):\n%s", d)
		}
		if edit := a.find(t, "edit", ""); !edit.Allowed || !strings.HasPrefix(edit.Request, "PATCH ") {
			t.Errorf("edit: %+v", edit)
		}
		if waive := a.find(t, "waive", "team_formed"); waive.Allowed || waive.Reasons[0].Code != string(workflow.ReasonRole) || !slices.Contains(waive.Reasons[0].Who, h.people["approver"]) {
			t.Errorf("waive: %+v", waive)
		}
		if cancel := a.find(t, "cancel", ""); cancel.Allowed || !cancel.Explain {
			t.Errorf("cancel: %+v", cancel)
		}
		before := h.seq(h.programme)
		b := h.options("approver", train)
		if !b.find(t, "waive", "team_formed").Allowed || h.seq(h.programme) != before {
			t.Errorf("an approver may not waive, or looking at it wrote something: %+v", b.find(t, "waive", "team_formed"))
		}
		if n := slices.IndexFunc(a.Creates, func(c Creatable) bool { return c.Workflow == "session" }); n < 0 || !a.Creates[n].Allowed {
			t.Errorf("creates: %+v", a.Creates)
		}
	})
}

// creates is what is said about making one of a workflow.
func (o optionsOf) creates(t *testing.T, of string) Creatable {
	t.Helper()
	n := slices.IndexFunc(o.Creates, func(c Creatable) bool { return c.Workflow == of })
	if n < 0 {
		t.Fatalf("no %s among %+v", of, o.Creates)
	}
	return o.Creates[n]
}

func TestOptionsSayWhatCanBeMadeAndWhyNot(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		fund := h.fund(false)
		a := h.options("worker", fund)
		donation := a.creates(t, "donation")
		if !donation.Allowed || len(donation.Reasons) > 0 {
			t.Errorf("under a draft: %+v", donation)
		}
		if amount := donation.Form[0]; amount.Name != "amount" || amount.Min == nil || *amount.Min != 1 {
			t.Errorf("the form does not say that the amount is more than 0: %+v", amount)
		}
		if got := h.options("auditor", fund).creates(t, "donation"); got.Allowed || len(got.Reasons) != 1 || got.Reasons[0].Code != string(workflow.ReasonRole) {
			t.Errorf("for an auditor: %+v", got)
		}
		under := func(parent, of string, values map[string]any) string {
			return h.command(engine.Request{
				Command: workflow.Command{Kind: workflow.KindCreate, Root: h.programme, Target: parent, Workflow: of, Actor: workflow.Actor{Person: h.people["worker"]}},
				Values:  values,
			}).Instance
		}
		train := h.activity("train").ID
		session := under(train, "session", map[string]any{"when": "2023-06-01/morning", "kind": "training"})
		if got := h.options("worker", session).creates(t, "shift"); !got.Allowed {
			t.Errorf("under a session of a draft: %+v", got)
		}
		h.command(engine.Request{Command: workflow.Command{Kind: workflow.KindCancel, Root: h.programme, Target: train, Reason: "改期", Actor: workflow.Actor{Person: h.people["lead"]}}})
		if got := h.options("worker", session).creates(t, "shift"); got.Allowed || got.Reasons[0].Code != string(workflow.ReasonClosed) || got.Reasons[0].Text == "" {
			t.Errorf("under a session of a cancelled training: %+v", got)
		}
		under(fund, "donation", map[string]any{"amount": 100})
		if got := h.options("lead", fund).find(t, "cancel", ""); got.Allowed || !strings.Contains(got.Reasons[0].Text, "1.00 was received") {
			t.Errorf("cancelling a fund with money in it: %+v", got)
		}
		for _, f := range h.options("worker", fund).find(t, "edit", "").Form {
			if f.Name == "reconciled_in" || f.Name == "reconciled_out" {
				t.Errorf("%s may be typed", f.Name)
			}
		}
		full := h.options("worker", h.programme).creates(t, "recruit")
		if full.Allowed || full.Reasons[0].Code != string(workflow.ReasonLimit) {
			t.Errorf("a second recruiting: %+v", full)
		}
	})
}

func TestOptionsAreThoseOfTheToken(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		train := h.activity("train").ID
		// A token that leaves out a role leaves it out here as well.
		h.grant(here, h.people["worker"], "lead", here)
		for token, allowed := range map[string]bool{
			h.token(here, h.people["worker"], here): true, h.token(here, h.people["worker"], here, "worker"): false,
		} {
			c := h.options(token, train)
			if got := c.find(t, "cancel", ""); got.Allowed != allowed {
				t.Errorf("cancel with a limited token: %+v", got)
			}
		}
		// A token for one programme changes nothing in the registry.
		h.grant(here, h.people["lead"], "lead", h.programme)
		for _, o := range h.options(h.token(here, h.people["lead"], h.programme), h.people["worker"]).Options {
			if o.Allowed {
				t.Errorf("allowed: %+v", o)
			}
		}
	})
}
