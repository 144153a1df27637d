package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

func hashOf(secret string) string { return token.Hash(secret) }

func listQuery(root, slot string) store.ListQuery {
	return store.ListQuery{Root: root, Slot: slot, Limit: 1}
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// once is a name that was not used before.
func (d *district) once() string {
	d.made++
	return fmt.Sprintf("T-%d", d.made)
}

// target is the id that a request changes: for a caller of the table something new, so that what others did to it does not matter, and
// otherwise what stands in the place.
func (d *district) target(who, id string, fresh func() string) string {
	if slices.Contains(append(roles(), limited, scoped), who) {
		return fresh()
	}
	return id
}

func (d *district) newPerson() string { return d.person(here, d.once()) }

// newEvent is an activity, a draft.
func (d *district) newEvent() string {
	return d.command(engine.Request{
		Command: workflow.Command{
			Root: d.programme, Target: d.programme, Kind: workflow.KindCreate, Workflow: "event", Slot: "event", Actor: workflow.Actor{Person: d.people["lead"]},
		},
		Values: map[string]any{"title": "x", "profile": "clean_up_outdoor"},
	}).Instance
}

// newToken is one of somebody else's.
func (d *district) newToken() string {
	return d.register(here, workflowToken, map[string]any{
		"person": d.own.person, "hash": hashOf(d.once()), "scope": here, "expires": d.clock.Now().AddDate(1, 0, 0).UTC().Format(workflow.TimeLayout),
	})
}

// newCommand makes a note under an instance, and is the command that did it.
func (d *district) newCommand(under string) string {
	return d.command(engine.Request{
		Command: workflow.Command{Target: under, Kind: workflow.KindCreate, Workflow: "note", Actor: workflow.Actor{Person: d.people["worker"]}},
		Values:  map[string]any{"text": "x"},
	}).Command
}

func (d *district) newConsent() string {
	return d.command(engine.Request{
		Command: workflow.Command{
			Root: here, Target: d.newPerson(), Kind: workflow.KindCreate, Workflow: "consent", Actor: workflow.Actor{Person: d.people["worker"]},
		},
		Values: map[string]any{"kind": "photo"},
	}).Command
}

// Those of whom the table speaks most.
const (
	staffOnly = "lead worker block finance approver auditor admin"
	others    = "volunteer " + limited
	everyone  = staffOnly + " " + others
	anybody   = everyone + " " + scoped
)

type m = map[string]any

// openings is the table of rights, by hand after DOMAIN.md: staff read what belongs to the work, others what is public and what is about
// themselves; whose token is for another programme finds nothing here, reads the registry, and changes nothing in it.
func openings() []opening {
	return slices.Concat(openingsOfProgrammes(), openingsOfInstances(), openingsOfTheRegistry(), openingsOfTheRest())
}

func reading(path func(p *place) string) func(*district, *place, string) ask {
	return func(_ *district, p *place, _ string) ask { return ask{path: path(p)} }
}

func community(p *place, rest string) string { return "/communities/" + p.community + rest }

func programme(p *place, rest string) string {
	return community(p, "/programmes/"+p.programme+rest)
}

func openingsOfProgrammes() []opening {
	const c, p = "/communities/{community}", "/communities/{community}/programmes/{programme}"
	return []opening{
		{"GET " + c + "/programmes", reading(func(p *place) string { return community(p, "/programmes") }), map[int]string{200: anybody}},
		{"POST " + c + "/programmes", func(d *district, p *place, _ string) ask {
			return ask{path: community(p, "/programmes"), body: m{"code": d.once(), "input": m{"title": "x", "blocks": []string{p.block}, "organisations": []string{p.organisation}}}}
		}, map[int]string{201: "lead worker", 403: "block finance approver auditor admin volunteer limited scoped"}},
		{"GET " + p, reading(func(p *place) string { return programme(p, "") }), map[int]string{200: everyone, 404: scoped}},
		{"POST " + c + "/programmes/load", func(_ *district, p *place, _ string) ask {
			return ask{path: community(p, "/programmes/load?dry_run=true"), body: "no: data file\n"}
		}, map[int]string{422: "admin", 403: "lead worker block finance approver auditor volunteer limited scoped"}},
		{"POST " + p + "/copies", func(d *district, p *place, _ string) ask {
			return ask{path: programme(p, "/copies"), body: m{"code": d.once()}}
		}, map[int]string{201: "lead worker", 403: "block finance approver auditor admin volunteer limited scoped"}},
		{"GET " + p + "/activities", reading(func(p *place) string { return programme(p, "/activities") }), map[int]string{200: everyone, 404: scoped}},
		{"POST " + p + "/activities", func(_ *district, p *place, _ string) ask {
			return ask{path: programme(p, "/activities"), body: m{"slot": "event", "input": m{"title": "x", "profile": "clean_up_outdoor"}}}
		}, map[int]string{201: "lead worker block", 403: "finance approver auditor admin volunteer limited", 404: scoped}},
		{"GET " + p + "/claims", reading(func(p *place) string { return programme(p, "/claims") }), map[int]string{200: everyone, 404: scoped}},
		{"POST " + p + "/claims", func(_ *district, p *place, _ string) ask {
			return ask{path: programme(p, "/claims"), body: m{"on": p.activity, "input": m{"metric": "headcount", "qualifier": "not_counted"}}}
		}, map[int]string{201: "lead worker", 403: "block finance approver auditor admin volunteer limited", 404: scoped}},
		{"GET " + p + "/items", reading(func(p *place) string { return programme(p, "/items?parent="+p.activity) }), map[int]string{200: everyone, 404: scoped}},
		{"GET " + p + "/history", reading(func(p *place) string { return programme(p, "/history?instance="+p.item) }), map[int]string{200: staffOnly, 403: others, 404: scoped}},
		{"POST " + p + "/history/{command}/undo", func(d *district, p *place, who string) ask {
			cmd := d.target(who, p.command, func() string { return d.newCommand(p.activity) })
			return ask{path: programme(p, "/history/"+cmd+"/undo"), body: m{"reason": "x"}}
		}, map[int]string{200: "lead worker", 403: "block finance approver auditor admin volunteer limited", 404: scoped}},
		{"GET " + p + "/stream", func(_ *district, p *place, _ string) ask {
			return ask{path: programme(p, "/stream"), headers: []string{"Last-Event-ID", "0"}}
		}, map[int]string{200: everyone, 404: scoped}},
		{"GET " + p + "/report", reading(func(p *place) string { return programme(p, "/report?format=markdown") }), map[int]string{200: staffOnly, 403: others, 404: scoped}},
		{
			"POST " + p + "/audit", reading(func(p *place) string { return programme(p, "/audit") }),
			map[int]string{200: "lead approver auditor admin", 403: "worker block finance volunteer limited", 404: scoped},
		},
	}
}

// openingsOfInstances are about one thing. Whoever may not see it is told that it is not there.
func openingsOfInstances() []opening {
	const i = "/communities/{community}/instances/{id}"
	instance := func(p *place, id, rest string) string { return community(p, "/instances/"+id+rest) }
	activity := func(rest string, body m) func(*district, *place, string) ask {
		return func(d *district, p *place, who string) ask {
			return ask{path: instance(p, d.target(who, p.activity, d.newEvent), rest), body: body}
		}
	}
	return []opening{
		{"GET " + i, reading(func(p *place) string { return instance(p, p.item, "") }), map[int]string{200: staffOnly, 404: others + " scoped"}},
		{"PATCH " + i, func(d *district, p *place, who string) ask {
			return ask{path: instance(p, d.target(who, p.person, d.newPerson), ""), body: m{"input": m{"skills": "x", "guardian": p.person, "block": p.block}}}
		}, map[int]string{200: "lead worker", 403: "block finance approver auditor admin scoped", 404: others}},
		{"GET " + i + "/options", reading(func(p *place) string { return instance(p, p.activity, "/options") }), map[int]string{200: everyone, 404: scoped}},
		{"GET " + i + "/items", reading(func(p *place) string { return instance(p, p.activity, "/items") }), map[int]string{200: everyone, 404: scoped}},
		{"POST " + i + "/items", func(_ *district, p *place, _ string) ask {
			return ask{path: instance(p, p.activity, "/items"), body: m{"workflow": "note", "input": m{"text": "x"}}}
		}, map[int]string{201: "lead worker block finance approver", 403: "auditor admin volunteer limited", 404: scoped}},
		{"POST " + i + "/events/{event}", func(d *district, p *place, who string) ask {
			return ask{path: instance(p, d.target(who, p.person, d.newPerson), "/events/deactivate"), body: m{"reason": "x"}}
		}, map[int]string{200: "lead worker", 403: "block finance approver auditor admin scoped", 404: others}},
		{"POST " + i + "/cancel", activity("/cancel", m{"reason": "x"}), map[int]string{200: "lead", 403: "worker block finance approver auditor admin volunteer limited", 404: scoped}},
		{"POST " + i + "/skip", activity("/skip", m{"reason": "x"}), map[int]string{200: "approver", 403: "lead worker block finance auditor admin volunteer limited", 404: scoped}},
		// A draft cannot be reopened, whoever asks: that is said besides the role.
		{"POST " + i + "/reopen", activity("/reopen", m{"reason": "x"}), map[int]string{403: allBut(everyone, "approver"), 409: "approver", 404: scoped}},
		{"POST " + i + "/waive", activity("/waive", m{"reason": "x", "need": "no_such"}), map[int]string{403: allBut(everyone, "approver"), 409: "approver", 404: scoped}},
		{
			"POST " + i + "/backfill", activity("/backfill", m{"reason": "x", "state": "wrap_up", "occurred": "2023-05-01", "input": m{"when": "2023-05-01/morning"}}),
			map[int]string{409: "lead" /* the programme does not run yet */, 403: "worker block finance approver auditor admin volunteer limited", 404: scoped},
		},
		{"POST " + i + "/reveal", func(_ *district, p *place, _ string) ask {
			return ask{path: instance(p, p.person, "/reveal"), body: m{"fields": []string{"name"}, "purpose": "a test"}}
		}, map[int]string{200: "lead worker block finance scoped", 403: "approver auditor admin", 404: others}},
		{"POST /communities/{community}/bulk", func(d *district, p *place, who string) ask {
			return ask{path: community(p, "/bulk"), body: m{"rows": []m{
				{"target": p.person, "event": "deactivate", "reason": "x", "on_behalf": m{"person": "nobody", "via": "paper"}},
				{"kind": "create", "workflow": "note", "target": p.item, "input": m{}},
				{"kind": "create", "workflow": "consent", "target": p.household, "input": m{}},
			}}}
		}, map[int]string{200: anybody}},
	}
}

func openingsOfTheRegistry() []opening {
	const c = "/communities/{community}"
	list := func(name string) func(*district, *place, string) ask {
		return reading(func(p *place) string { return community(p, "/"+name) })
	}
	register := func(name string, input func(*district, *place) m) func(*district, *place, string) ask {
		return func(d *district, p *place, _ string) ask {
			return ask{path: community(p, "/"+name), body: m{"input": input(d, p)}}
		}
	}
	consents := func(kind string, body any, of func(*district, *place, string) string) func(*district, *place, string) ask {
		return func(d *district, p *place, who string) ask {
			return ask{path: community(p, "/"+kind+"/"+of(d, p, who)+"/consents"), body: body}
		}
	}
	person := func(_ *district, p *place, _ string) string { return p.person }
	household := func(_ *district, p *place, _ string) string { return p.household }
	newHousehold := func(d *district, p *place, who string) string {
		return d.target(who, p.household, func() string { return d.register(here, "household", m{"kind": "elder"}) })
	}
	newPerson := func(d *district, p *place, who string) string { return d.target(who, p.person, d.newPerson) }
	return []opening{
		{"GET " + c + "/people", list("people"), map[int]string{200: anybody}},
		{
			"POST " + c + "/people", register("people", func(_ *district, p *place) m { return m{"name": "x", "guardian": p.person, "block": p.block} }),
			map[int]string{201: "lead worker block", 403: "finance approver auditor admin volunteer limited scoped"},
		},
		{"POST " + c + "/people/search", func(_ *district, p *place, _ string) ask {
			return ask{path: community(p, "/people/search"), body: m{"name": "no such name"}}
		}, map[int]string{200: staffOnly + " scoped", 403: others}},
		{"GET " + c + "/organisations", list("organisations"), map[int]string{200: anybody}},
		{
			"POST " + c + "/organisations", register("organisations", func(d *district, _ *place) m { return m{"name": d.once(), "kind": "merchant"} }),
			map[int]string{201: "lead worker", 403: "block finance approver auditor admin volunteer limited scoped"},
		},
		{"GET " + c + "/blocks", list("blocks"), map[int]string{200: anybody}},
		{
			"POST " + c + "/blocks", register("blocks", func(d *district, _ *place) m { return m{"name": d.once()} }),
			map[int]string{201: "lead worker admin", 403: "block finance approver auditor volunteer limited scoped"},
		},
		{"GET " + c + "/households", list("households"), map[int]string{200: staffOnly + " scoped", 403: others}},
		{
			"POST " + c + "/households", register("households", func(_ *district, p *place) m { return m{"kind": "elder", "block": p.block} }),
			map[int]string{201: "lead worker block", 403: "finance approver auditor admin volunteer limited scoped"},
		},
		{"GET " + c + "/people/{id}/consents", consents("people", nil, person), map[int]string{200: staffOnly + " scoped", 404: others}},
		{
			"POST " + c + "/people/{id}/consents", consents("people", m{"input": m{"kind": "record"}}, newPerson),
			map[int]string{201: "lead worker block", 403: "finance approver auditor admin scoped", 404: others},
		},
		{"GET " + c + "/households/{id}/consents", consents("households", nil, household), map[int]string{200: staffOnly + " scoped", 404: others}},
		{
			"POST " + c + "/households/{id}/consents", consents("households", m{"input": m{"kind": "record"}}, newHousehold),
			map[int]string{201: "lead worker block", 403: "finance approver auditor admin scoped", 404: others},
		},
		{"GET " + c + "/grants", reading(func(p *place) string { return community(p, "/grants") }), map[int]string{200: anybody}},
		{"POST " + c + "/grants", func(d *district, p *place, who string) ask {
			return ask{path: community(p, "/grants"), body: m{"person": d.target(who, p.person, d.newPerson), "role": "volunteer", "scope": p.programme}}
		}, map[int]string{201: "admin", 403: "lead worker block finance approver auditor volunteer limited", 422: scoped}},
		{
			"GET " + c + "/registry/history", reading(func(p *place) string { return community(p, "/registry/history?instance="+p.consent) }),
			map[int]string{200: staffOnly, 403: others + " scoped"},
		},
		{"POST " + c + "/registry/history/{command}/undo", func(d *district, p *place, who string) ask {
			cmd := d.target(who, p.registryCommand, d.newConsent)
			return ask{path: community(p, "/registry/history/"+cmd+"/undo"), body: m{"reason": "x"}}
		}, map[int]string{200: "lead worker", 403: "block finance approver auditor admin volunteer limited scoped"}},
	}
}

func openingsOfTheRest() []opening {
	const c = "/communities/{community}"
	return []opening{
		{"GET /me", reading(func(*place) string { return "/me" }), map[int]string{200: anybody}},
		{"GET /communities", reading(func(*place) string { return "/communities" }), map[int]string{200: anybody}},
		{"GET " + c, reading(func(p *place) string { return community(p, "") }), map[int]string{200: anybody}},
		{"PATCH " + c, func(d *district, p *place, who string) ask {
			if who == "there" {
				return ask{path: community(p, ""), body: m{"input": m{"bundle": p.bundle}}}
			}
			return ask{path: community(p, ""), body: m{"input": m{"name": d.once()}}}
		}, map[int]string{200: "admin", 403: "lead worker block finance approver auditor volunteer limited scoped"}},
		{"GET " + c + "/tasks", reading(func(p *place) string { return community(p, "/tasks") }), map[int]string{200: anybody}},
		{"GET " + c + "/tokens", reading(func(p *place) string { return community(p, "/tokens") }), map[int]string{200: anybody}},
		{"POST " + c + "/tokens", func(_ *district, p *place, who string) ask {
			if who == "there" {
				return ask{path: community(p, "/tokens"), body: m{"person": p.person, "scope": p.programme}}
			}
			return ask{path: community(p, "/tokens"), body: m{}}
		}, map[int]string{201: anybody}},
		{"POST " + c + "/tokens/{id}/revoke", func(d *district, p *place, who string) ask {
			return ask{path: community(p, "/tokens/"+d.target(who, p.token, d.newToken)+"/revoke")}
		}, map[int]string{200: "admin", 404: "lead worker block finance approver auditor volunteer limited scoped"}},
		{"GET " + c + "/reveals", reading(func(p *place) string { return community(p, "/reveals") }), map[int]string{200: anybody}},
		{"GET " + c + "/bundles", reading(func(p *place) string { return community(p, "/bundles") }), map[int]string{200: staffOnly + " scoped", 403: others}},
		{"POST " + c + "/bundles/check", func(_ *district, p *place, _ string) ask {
			return ask{path: community(p, "/bundles/check"), body: m{"files": m{}}}
		}, map[int]string{200: "lead worker admin scoped", 403: "block finance approver auditor " + others}},
		{"POST " + c + "/bundles", func(_ *district, p *place, _ string) ask {
			return ask{path: community(p, "/bundles"), body: m{"files": m{}}}
		}, map[int]string{201: "admin", 403: "lead worker block finance approver auditor volunteer limited scoped"}},
		{
			"GET " + c + "/bundles/{hash}", reading(func(p *place) string { return community(p, "/bundles/"+p.bundle) }),
			map[int]string{200: staffOnly + " scoped", 403: others},
		},
		{
			"GET " + c + "/bundles/{hash}/definitions/{name}", reading(func(p *place) string { return community(p, "/bundles/"+p.bundle+"/definitions/note") }),
			map[int]string{200: staffOnly + " scoped", 403: others},
		},
		{"PUT " + c + "/bundle", func(_ *district, p *place, _ string) ask {
			return ask{path: community(p, "/bundle"), body: m{"hash": p.bundle}}
		}, map[int]string{200: "admin", 403: "lead worker block finance approver auditor volunteer limited scoped"}},
		{"GET /public" + c + "/programmes/{programme}/report", reading(func(p *place) string { return "/public" + programme(p, "/report") }), map[int]string{404: anybody}},
		{"GET /public" + c + "/programmes/{programme}/disclosure", reading(func(p *place) string { return "/public" + programme(p, "/disclosure") }), map[int]string{404: anybody}},
	}
}

// allBut is a list of callers but for one.
func allBut(callers, one string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(callers), func(c string) bool { return c == one }), " ")
}
