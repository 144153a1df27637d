package api

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// at is a path of the harness's community.
func at(path string) string { return "/communities/" + here + path }

func TestAProgrammeBeginsWithTheActivitiesOfItsTemplate(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		body := map[string]any{"code": "ZX-2", "input": map[string]any{"title": "第二期"}}
		made := h.post("worker", at("/programmes"), body, "Idempotency-Key", "k1").status(http.StatusCreated).made()
		again := h.post("worker", at("/programmes"), body, "Idempotency-Key", "k1").status(http.StatusCreated)
		if again.made().Instance != made.Instance || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("a repeated request made %v, the first %v", again.made(), made)
		}
		var p Programme
		got := h.get("volunteer", at("/programmes/ZX-2")).status(http.StatusOK).into(&p)
		if p.ID != made.Instance || p.Code != "ZX-2" || p.State != "draft" || got.Header.Get("ETag") != `"1"` || p.Activities != 3 {
			t.Errorf("programme: %+v", p)
		}
		var slots []string
		for _, s := range p.Slots {
			for _, a := range s.Activities {
				slots = append(slots, s.Slot+" "+a.State+" "+a.WaitsFor)
			}
		}
		if d := cmp.Diff([]string{"recruit draft worker", "train draft worker", "recognise draft lead"}, slots); d != "" && len(slots) != 3 {
			t.Errorf("activities (-want +got):\n%s", d)
		}
		at0 := slices.IndexFunc(p.Needs, func(n NeedView) bool { return n.Name == "team_formed" })
		if at0 < 0 || p.Needs[at0].Met == nil || *p.Needs[at0].Met || p.Needs[at0].On != "recruit" {
			t.Errorf("needs: %+v", p.Needs)
		}

		h.post("volunteer", at("/programmes"), body).problem(http.StatusForbidden, "missing_role")
		h.post("worker", at("/programmes"), body).problem(http.StatusConflict, "refused")
		wrong := h.post("worker", at("/programmes"), map[string]any{"code": "ZX-3", "workflow": "train"}).problem(http.StatusUnprocessableEntity, "unknown_name")
		if !wrong.names("body.workflow") {
			t.Errorf("errors: %+v", wrong.Errors)
		}
		h.post("worker", at("/programmes"), map[string]any{"code": "ZX-3"}).problem(http.StatusUnprocessableEntity, "invalid_input")
		one := h.token(here, h.people["worker"], h.programme)
		h.post(one, at("/programmes"), map[string]any{"code": "ZX-4", "input": map[string]any{"title": "x"}}).problem(http.StatusForbidden, "token_scope")
	})
}

func TestProgrammesAreListedPageByPage(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		for n := 2; n <= 7; n++ {
			h.makeProgramme(fmt.Sprintf("ZX-%d", n))
		}
		h.run(h.programme)
		var codes []string
		for cursor := ""; ; {
			var p page[Programme]
			h.get("auditor", at("/programmes?limit=3&cursor="+cursor)).status(http.StatusOK).into(&p)
			for _, v := range p.Items {
				codes = append(codes, v.Code)
			}
			if cursor = p.NextCursor; cursor == "" {
				break
			}
		}
		if d := cmp.Diff([]string{"ZX-1", "ZX-2", "ZX-3", "ZX-4", "ZX-5", "ZX-6", "ZX-7"}, codes); d != "" {
			t.Errorf("codes (-want +got):\n%s", d)
		}
		var running page[Programme]
		h.get("auditor", at("/programmes?state=running&fields=title")).status(http.StatusOK).into(&running)
		if len(running.Items) != 1 || running.Items[0].ID != h.programme || len(running.Items[0].Fields) != 1 {
			t.Errorf("running: %+v", running)
		}
		var one page[Programme]
		h.get(h.token(here, h.people["worker"], h.programme), at("/programmes")).status(http.StatusOK).into(&one)
		if len(one.Items) != 1 || one.Items[0].Code != "ZX-1" {
			t.Errorf("a token for one programme sees %+v", one)
		}
		h.get("worker", at("/programmes?cursor=xx")).problem(http.StatusUnprocessableEntity, "invalid_cursor")
		if p := h.get("worker", at("/programmes?limit=1000")).problem(http.StatusUnprocessableEntity, "invalid_request"); !p.names("query.limit") {
			t.Errorf("errors: %+v", p.Errors)
		}
	})
}

func TestATokenForOneProgrammeSeesNothingOfAnother(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		other := h.makeProgramme("ZX-2")
		one := h.token(here, h.people["worker"], h.programme)
		for _, path := range []string{"/programmes/ZX-2", "/programmes/" + other, "/programmes/ZX-2/history", "/programmes/ZX-2/items", "/programmes/ZX-2/activities"} {
			h.get(one, at(path)).problem(http.StatusNotFound, "unknown_programme")
		}
		h.get(one, at("/instances/"+other)).problem(http.StatusNotFound, "unknown_instance")
		h.get(one, at("/instances/"+other+"/options")).problem(http.StatusNotFound, "unknown_instance")
		h.get(one, at("/registry/history")).problem(http.StatusForbidden, "missing_role")
		h.get(one, at("/programmes/ZX-1/history")).status(http.StatusOK)
	})
}

func TestADataFileIsCheckedAndLoaded(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		const yaml = "Content-Type"
		h.post("worker", at("/programmes/load"), "x", yaml, "application/yaml").problem(http.StatusForbidden, "missing_role")
		h.post("admin", at("/programmes/load"), "{}").problem(http.StatusUnsupportedMediaType, "unsupported_media_type")
		bad := h.post("admin", at("/programmes/load?dry_run=true"), "format: 2\n", yaml, "text/yaml").problem(http.StatusUnprocessableEntity, "file_mistakes")
		if len(bad.Errors) < 2 {
			t.Errorf("mistakes: %+v", bad.Errors)
		}
		foreign := "format: 1\ncommunity: {id: linjie, name: 邻街}\nprogramme: {code: F-1, workflow: neighbourhood, by: system, input: {title: x}}\n"
		h.post("admin", at("/programmes/load"), foreign, yaml, "application/yaml").problem(http.StatusUnprocessableEntity, "")
		file := "format: 1\ncommunity: {id: zhangxi, name: 樟溪社区}\npeople:\n  - {as: li, name: 李工}\ngrants:\n  - {role: worker, people: [li]}\n" +
			"programme: {code: F-1, workflow: neighbourhood, by: li, input: {title: 载入的项目}}\n"
		var out struct {
			Programme string `json:"programme"`
			Code      string `json:"code"`
			Done      int    `json:"done"`
		}
		h.post("admin", at("/programmes/load"), file, yaml, "application/yaml").status(http.StatusOK).into(&out)
		if out.Code != "F-1" || h.instance(out.Programme).Key != "F-1" || out.Done == 0 {
			t.Errorf("loaded: %+v", out)
		}
	})
}

func TestActivitiesAreAddedListedAndStated(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		event := map[string]any{"slot": "event", "key": "clean-up", "input": map[string]any{"profile": "clean_up_outdoor", "title": "外部环境整治"}}
		made := h.post("worker", at("/programmes/ZX-1/activities"), event).status(http.StatusCreated).made()
		var list page[Instance]
		h.get("worker", at("/programmes/ZX-1/activities?slot=event")).status(http.StatusOK).into(&list)
		if len(list.Items) != 1 || list.Items[0].ID != made.Instance || list.Items[0].Key != "clean-up" || list.Items[0].WaitsFor != "worker" {
			t.Errorf("events: %+v", list)
		}
		var all page[Instance]
		h.get("volunteer", at("/programmes/ZX-1/activities?fields=title")).status(http.StatusOK).into(&all)
		if len(all.Items) != 4 || all.NextCursor != "" {
			t.Errorf("activities: %d, %q", len(all.Items), all.NextCursor)
		}
		if p := h.post("worker", at("/programmes/ZX-1/activities"), map[string]any{"slot": "picnic"}).problem(http.StatusUnprocessableEntity, "unknown_name"); !p.names("body.slot") {
			t.Errorf("errors: %+v", p.Errors)
		}
		h.post("worker", at("/programmes/ZX-1/activities"), map[string]any{"slot": "recruit"}).problem(http.StatusConflict, "refused")
		if p := h.post("worker", at("/programmes/ZX-1/activities"), map[string]any{"slot": "event", "input": map[string]any{"profile": "party"}}).problem(http.StatusUnprocessableEntity, "invalid_input"); !p.names("body.input.profile") || !p.names("body.input.title") {
			t.Errorf("errors: %+v", p.Errors)
		}

		claim := map[string]any{"on": made.Instance, "input": map[string]any{"metric": "headcount", "qualifier": "more_than", "n": 30}}
		stated := h.post("worker", at("/programmes/ZX-1/claims"), claim).status(http.StatusCreated).made()
		var claims page[Instance]
		h.get("worker", at("/programmes/ZX-1/claims")).status(http.StatusOK).into(&claims)
		if len(claims.Items) != 1 || claims.Items[0].ID != stated.Instance || claims.Items[0].Parent != made.Instance {
			t.Errorf("claims: %+v", claims)
		}
		claim["on"] = h.people["worker"]
		h.post("worker", at("/programmes/ZX-1/claims"), claim).problem(http.StatusUnprocessableEntity, "unknown_instance")
	})
}

func TestACopyTakesTheStructureAndInvitesAgain(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		s := startCopying(h)
		body := map[string]any{"code": "ZX-2", "title": "第二年", "shift_days": 364}
		var out struct {
			Programme string        `json:"programme"`
			Copied    []Copied      `json:"copied"`
			LeftOut   []LeftOut     `json:"left_out"`
			Refused   []CopyRefusal `json:"refused"`
		}
		h.post("worker", at("/programmes/ZX-1/copies"), body).status(http.StatusCreated).into(&out)
		if len(out.Refused) != 0 || len(out.LeftOut) == 0 {
			t.Errorf("refused: %+v", out.Refused)
		}
		counts := map[string]int{}
		for _, c := range out.Copied {
			counts[c.Workflow] = c.Count
		}
		if d := cmp.Diff(map[string]int{"neighbourhood": 1, "recruit": 1, "train": 2, "recognise": 1, "event": 1, "session": 1, "membership": 2}, counts); d != "" {
			t.Errorf("copied (-want +got):\n%s", d)
		}
		p := h.instance(out.Programme)
		want := workflow.Values{
			"title": "第二年", "code": "ZX-2", "targets": []string{"探访 40 户"}, "blocks": []string{s.block}, "organisations": []string{s.partner},
			"period_from": "2024-05-30",
		}
		if d := cmp.Diff(want, p.Body.Data); d != "" || p.State != "draft" {
			t.Errorf("the copy (-want +got):\n%s", d)
		}
		var members page[Instance]
		h.get("worker", at("/programmes/ZX-2/items?workflow=membership")).status(http.StatusOK).into(&members)
		for _, m := range members.Items {
			if m.State != "invited" || m.Fields["risk_ack"] != nil || m.Fields["person"] == s.declined || m.Fields["person"] == s.withdrew {
				t.Errorf("member: %+v", m)
			}
		}
		var sessions page[Instance]
		h.get("worker", at("/programmes/ZX-2/items?workflow=session")).status(http.StatusOK).into(&sessions)
		if len(sessions.Items) != 1 || sessions.Items[0].Fields["when"] != "2024-06-13/morning" {
			t.Errorf("sessions: %+v", sessions)
		}

		var again struct {
			Programme string `json:"programme"`
		}
		seq := h.seq(out.Programme)
		h.post("worker", at("/programmes/ZX-1/copies"), body).status(http.StatusCreated).into(&again)
		if again.Programme != out.Programme || h.seq(out.Programme) != seq {
			t.Errorf("a repeated copy made %q, seq %d → %d", again.Programme, seq, h.seq(out.Programme))
		}
		h.post("lead", at("/programmes/ZX-1/copies"), body).problem(http.StatusConflict, "refused")
		h.post("volunteer", at("/programmes/ZX-1/copies"), body).problem(http.StatusForbidden, "missing_role")
		h.post("worker", at("/programmes/ZX-1/copies"), map[string]any{"code": "ZX-9", "start": "soon"}).problem(http.StatusUnprocessableEntity, "invalid_date")
	})
}

func (h *harness) seq(root string) int64 {
	h.t.Helper()
	heads, err := h.store.Heads(h.t.Context(), here, []string{root})
	if err != nil {
		h.t.Fatal(err)
	}
	return heads[root].Seq
}

// copying is what the programme of a harness holds before it is copied.
type copying struct{ block, partner, declined, withdrew string }

func startCopying(h *harness) copying {
	h.t.Helper()
	s := copying{
		block:   h.register(here, "block", map[string]any{"name": "下围街区"}),
		partner: h.register(here, "organisation", map[string]any{"name": "爱心商家", "kind": "merchant"}),
	}
	worker := workflow.Actor{Person: h.people["worker"]}
	h.command(engine.Request{
		Command: workflow.Command{Kind: workflow.KindEdit, Root: h.programme, Target: h.programme, Actor: worker},
		Values: map[string]any{
			"targets": []string{"探访 40 户"}, "blocks": []string{s.block}, "organisations": []string{s.partner}, "period_from": "2023-06-01",
			"archive": "归档清单",
		},
	})
	create := func(parent, of, slot, key string, values map[string]any) string {
		return h.command(engine.Request{
			Command: workflow.Command{Kind: workflow.KindCreate, Root: h.programme, Target: parent, Workflow: of, Slot: slot, Key: key, Actor: worker},
			Values:  values,
		}).Instance
	}
	extra := create(h.programme, "train", "train", "train-extra", map[string]any{"title": "加训", "when": "2023-06-15/morning", "minutes": 90})
	create(extra, "session", "", "", map[string]any{"kind": "training", "when": "2023-06-15/morning", "place": "党群服务中心"})
	create(h.programme, "event", "event", "market", map[string]any{"profile": "service_market", "title": "便民集市", "outcome": "很好"})
	recruit := h.activity("recruit").ID
	for _, who := range []string{"block", "volunteer", "finance", "auditor"} {
		member := create(recruit, "membership", "", "", map[string]any{"person": h.people[who], "group": "骨干", "risk_ack": "签名表"})
		switch who {
		case "finance":
			h.fire(member, "decline", "worker", nil)
			s.declined = h.people[who]
		case "auditor":
			s.withdrew = h.people[who]
			consent := h.system(engine.Request{
				Command: workflow.Command{Kind: workflow.KindCreate, Root: here, Target: s.withdrew, Workflow: "consent"},
				Values:  map[string]any{"kind": "record"},
			}).Instance
			h.fire(consent, "withdraw", "worker", nil)
		}
	}
	return s
}
