package engine_test

import (
	"bytes"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

func TestACodeIsFreeAgainOnceTheProgrammeIsUndone(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		create := w.Create("worker", "", "", "programme", "", "", map[string]any{"code": "P1"})
		first := w.Must(t, create)
		undo := w.Fire("worker", first.Root, first.Root, "", nil)
		undo.Kind, undo.Of, undo.Reason = workflow.KindUndo, first.Command, "建错了"
		w.Must(t, undo)
		if head, err := h.store.RootByCode(t.Context(), "c1", "P1"); head != nil || err != nil {
			t.Errorf("the code still finds %+v, %v", head, err)
		}
		second := w.Must(t, create)
		head, err := h.store.RootByCode(t.Context(), "c1", "P1")
		if err != nil || head == nil || head.Root != second.Root {
			t.Errorf("the code finds %+v, %v, want %s", head, err, second.Root)
		}
		h.audit(t)
	})
}

func TestATakenCodeIsRefusedWhereNoProgrammeIsRegistered(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		files := enginetest.Files(t)
		delete(files, "registered_programme/registered_programme.yaml")
		files["community/community.yaml"] = bytes.Replace(files["community/community.yaml"], []byte(", registered_programme]"), []byte("]"), 1)
		b, problems := workflow.Load(files)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if err := h.engine.AddBundle(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		w := &enginetest.World{Engine: h.engine, Community: "c1", People: map[string]string{}}
		w.Must(t, engine.Request{
			Command: workflow.Command{Root: "c1", Kind: workflow.KindCreate, Workflow: "community", Actor: workflow.Actor{System: true}},
			Values:  map[string]any{"name": "樟溪社区", "bundle": b.Hash},
		})
		w.People["worker"] = w.Person(t, "社工")
		w.Grant(t, w.People["worker"], "worker")
		create := w.Create("worker", "", "", "programme", "", "", map[string]any{"code": "P1"})
		w.Must(t, create)
		_, err := w.Do(t.Context(), create)
		words(t, err, fault.Refused, "code_taken")
	})
}
