package api

import (
	"net/http"
	"slices"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// tasks reads all that waits for somebody.
func (h *harness) tasks(role, query string) []Task {
	h.t.Helper()
	var all []Task
	for cursor, pages := "", 0; pages < 100; pages++ {
		var p page[Task]
		h.get(role, at("/tasks?"+query+"&cursor="+cursor)).status(http.StatusOK).into(&p)
		all = append(all, p.Items...)
		if cursor = p.NextCursor; cursor == "" {
			break
		}
	}
	return all
}

func TestTasksAreWhatWaitsForTheCaller(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		second := h.makeProgramme("ZX-2")
		if got := h.tasks("approver", "limit=1"); len(got) != 2 || got[0].WaitsFor != "approver" || got[0].ProgrammeTitle != "幸福樟溪" || got[0].Since == nil {
			t.Errorf("the approver's: %+v", got)
		}
		worker := h.tasks("worker", "limit=3")
		if len(worker) < 4 {
			t.Errorf("the worker's: %+v", worker)
		}
		if got := h.tasks("worker", "limit=3&programme=ZX-2"); len(got)*2 != len(worker) || got[0].Programme != second || got[0].ProgrammeCode != "ZX-2" || got[0].Activity != got[0].Instance {
			t.Errorf("the worker's in ZX-2: %+v", got)
		}
		one := h.token(here, h.people["worker"], h.programme)
		if got := h.tasks(one, "limit=3"); len(got)*2 != len(worker) || got[0].Programme != h.programme {
			t.Errorf("with a token for one programme: %+v", got)
		}
		// Somebody who has a role in one programme is asked for that one.
		helper := h.person(here, "帮手")
		h.grant(here, helper, "worker", second)
		h.grant(here, helper, "volunteer", here)
		if got := h.tasks(h.token(here, helper, here), "limit=1"); len(got)*2 != len(worker) || got[0].Programme != second {
			t.Errorf("the helper's: %+v", got)
		}
		// Whoever has one role everywhere and another in a programme gets both, each thing once.
		h.grant(here, helper, "lead", here)
		both := h.tasks(h.token(here, helper, here), "limit=2")
		seen := map[string]bool{}
		for _, task := range both {
			seen[task.Instance] = true
		}
		if len(seen) != len(both) || len(both) != len(h.tasks("lead", "limit=50"))+len(worker)/2 {
			t.Errorf("with both roles: %d tasks, %d different", len(both), len(seen))
		}
	})
}

func TestTasksOfOneselfAndOfTheRegistry(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		// What is about somebody waits for her.
		member := h.command(engine.Request{
			Command: workflow.Command{
				Kind: workflow.KindCreate, Root: h.programme, Target: h.activity("recruit").ID, Workflow: "membership", Actor: workflow.Actor{Person: h.people["worker"]},
			},
			Values: map[string]any{"person": h.people["volunteer"]},
		}).Instance
		mine := h.tasks("volunteer", "limit=1")
		if len(mine) != 1 || mine[0].Instance != member || mine[0].WaitsFor != "self" || mine[0].Programme != h.programme {
			t.Errorf("the volunteer's: %+v", mine)
		}
		// A household that was proposed waits in the registry.
		h.register(here, "household", map[string]any{"kind": "elder"})
		if got := h.tasks("lead", "role=lead&limit=50"); !slices.ContainsFunc(got, func(t Task) bool { return t.Workflow == "household" && t.Programme == "" }) {
			t.Errorf("the lead's: %+v", got)
		}
		// Nobody waits for what was cancelled with its programme.
		h.command(engine.Request{Command: workflow.Command{
			Kind: workflow.KindCancel, Root: h.programme, Target: h.programme, Reason: "不办了", Actor: workflow.Actor{Person: h.people["lead"]},
		}})
		if got := h.tasks("volunteer", "limit=1"); len(got) != 0 {
			t.Errorf("after the programme was cancelled: %+v", got)
		}
	})
}
