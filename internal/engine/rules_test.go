package engine_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

func edit(w *enginetest.World, role, root, target string, values map[string]any) engine.Request {
	r := w.Fire(role, root, target, "", values)
	r.Kind = workflow.KindEdit
	return r
}

func at(t *testing.T, s string) workflow.Occurred {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	o, err := workflow.ParseOccurred(s, zone)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOrderAsksWhenThingsHappened(t *testing.T) {
	for name, c := range map[string]struct {
		reconciled, start string
		refused           bool
	}{
		"reconciled provably later":   {"2023-06-20", "2023-06-14/morning", true},
		"the same day proves nothing": {"2023-06-14", "2023-06-14/morning", false},
		"before":                      {"2023-06-10", "2023-06-14", false},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *harness) {
				w := enginetest.NewWorld(t, h.engine)
				root, visit := w.Programme(t, "P1")
				fund := w.Fund(t, root, "food", 5, 5)
				w.Must(t, edit(w, "worker", root, visit, map[string]any{"funds": []any{fund}}))
				h.clock.Add(30 * 24 * time.Hour)
				r := w.Fire("finance", root, fund, "reconcile", nil)
				r.Occurred = at(t, c.reconciled)
				w.Must(t, r)
				s := w.Fire("lead", root, visit, "start", nil)
				s.Occurred = at(t, c.start)
				if c.refused {
					w.Refused(t, s, workflow.ReasonNeed)
				} else {
					w.Must(t, s)
				}
			})
		})
	}
}

func TestABackfilledMilestoneOfUnknownTimeProvesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", nil)).Instance
		w.Must(t, edit(w, "worker", root, visit, map[string]any{"funds": []any{fund}}))
		fill := w.Fire("lead", root, fund, "", nil)
		fill.Kind, fill.State, fill.Reason = workflow.KindBackfill, "reconciled", "纸质台账"
		w.Must(t, fill)
		if m := h.instance(t, fund).Body.Milestones["reconciled"]; m.Occurred.Known() {
			t.Errorf("the milestone has a time: %v", m.Occurred)
		}
		start := w.Fire("lead", root, visit, "start", nil)
		start.Occurred = at(t, "2020-01-01")
		w.Must(t, start)
	})
}

func TestRolesMayBeScopedToOneProgramme(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		first, visit := w.Programme(t, "P1")
		second, other := w.Programme(t, "P2")
		p := w.Person(t, "新来的主任")
		w.People["guest"] = p
		grant := engine.Request{
			Command: workflow.Command{Root: "c1", Target: "c1", Kind: workflow.KindCreate, Workflow: "grant", Key: p + "/lead/" + first, Actor: workflow.Actor{Person: w.People["admin"]}},
			Values:  map[string]any{"person": p, "role": "lead", "scope": first},
		}
		id := w.Must(t, grant).Instance
		w.Must(t, w.Fire("guest", first, visit, "train", map[string]any{"who": p}))
		w.Refused(t, w.Fire("guest", second, other, "train", map[string]any{"who": p}), workflow.ReasonRole)
		w.Must(t, w.Fire("admin", "c1", id, "revoke", nil))
		w.Refused(t, w.Fire("guest", first, visit, "train", map[string]any{"who": p}), workflow.ReasonRole)
	})
}

func TestAnInstanceOfAnotherProgrammeDoesNotExist(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		first, visit := w.Programme(t, "P1")
		second, _ := w.Programme(t, "P2")
		fund := w.Fund(t, second, "food", 5, 5)
		w.Refused(t, w.Fire("lead", second, visit, "train", map[string]any{"who": w.People["lead"]}), workflow.ReasonUnknown)
		w.Refused(t, edit(w, "worker", first, visit, map[string]any{"funds": []any{fund}}), workflow.ReasonField)
		_, err := w.Do(t.Context(), w.Fire("lead", "nowhere", visit, "train", nil))
		if fault.KindOf(err) != fault.NotFound {
			t.Errorf("unknown programme: %v", err)
		}
	})
}

func TestACodeIsTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		w.Programme(t, "P1")
		w.Refused(t, w.Create("worker", "", "", "programme", "", "", map[string]any{"code": "P1"}), workflow.ReasonUnknown)
		w.Refused(t, w.Create("worker", "", "", "programme", "", "", nil), workflow.ReasonField)
		w.Refused(t, w.Create("volunteer", "", "", "programme", "", "", map[string]any{"code": "P2"}), workflow.ReasonRole)
	})
}

func TestBundlesArePinned(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		old, _ := w.Programme(t, "old")
		oldFund := w.Fund(t, old, "food", 5, 4)

		files := enginetest.Files(t)
		files["fund/fund.yaml"] = bytes.Replace(files["fund/fund.yaml"], []byte("agg.spent == agg.received"), []byte("agg.spent <= agg.received"), 1)
		next, problems := workflow.Load(files)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		if err := h.engine.AddBundle(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		before, _ := w.Programme(t, "before")
		w.Must(t, edit(w, "admin", "c1", "c1", map[string]any{"bundle": next.Hash}))
		after, _ := w.Programme(t, "after")

		w.Refused(t, w.Fire("finance", old, oldFund, "reconcile", nil), workflow.ReasonGuard)
		w.Refused(t, w.Fire("finance", before, w.Fund(t, before, "food", 5, 4), "reconcile", nil), workflow.ReasonGuard)
		w.Must(t, w.Fire("finance", after, w.Fund(t, after, "food", 5, 4), "reconcile", nil))
		h.audit(t)
	})
}

func TestBackfillArmsNoTimerInThePast(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		h.clock.Add(30 * 24 * time.Hour)
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", map[string]any{"deadline": "2023-06-03"})).Instance
		fill := w.Fire("lead", root, fund, "", nil)
		fill.Kind, fill.State, fill.Reason = workflow.KindBackfill, "closed", "纸质台账"
		w.Must(t, fill)
		if rows := h.timers(t, "c1", root); len(rows) != 0 {
			t.Errorf("timers: %+v", rows)
		}
	})
}

func TestARefusedTimerIsRecordedAsSkipped(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, _ := w.Programme(t, "P1")
		fund := w.Must(t, w.Create("worker", root, root, "fund", "fund", "food", map[string]any{"keep_open": true})).Instance
		w.Must(t, w.Fire("worker", root, fund, "open", map[string]any{"deadline": "2023-06-03"}))
		h.clock.Add(30 * 24 * time.Hour)
		if n, err := h.engine.FireDue(t.Context()); n != 1 || err != nil {
			t.Fatalf("fired %d, %v", n, err)
		}
		rows := h.timers(t, "c1", root)
		if len(rows) != 1 || rows[0].Status != engine.TimerSkipped || rows[0].Reason == "" || rows[0].Ended.IsZero() {
			t.Fatalf("timers: %+v", rows)
		}
		t.Run("a skipped timer does not stand in the way later", func(t *testing.T) {
			w.Must(t, edit(w, "worker", root, fund, map[string]any{"keep_open": false}))
			w.Must(t, w.Fire("finance", root, fund, "close", nil))
		})
		t.Run("a moved anchor arms it again", func(t *testing.T) {
			again := w.Must(t, w.Create("worker", root, root, "fund", "fund", "again", nil)).Instance
			w.Must(t, w.Fire("worker", root, again, "open", map[string]any{"deadline": "2023-12-01"}))
			w.Must(t, edit(w, "worker", root, again, map[string]any{"deadline": "2023-12-08"}))
			w.Must(t, edit(w, "worker", root, again, map[string]any{"deadline": "2023-12-01"}))
			waiting := 0
			for _, r := range h.timers(t, "c1", root) {
				if r.Instance == again && r.Status == engine.TimerWaiting {
					waiting++
					if r.Generation != 3 {
						t.Errorf("generation %d after two moves", r.Generation)
					}
				}
			}
			if waiting != 1 {
				t.Errorf("%d timers wait", waiting)
			}
		})
		h.audit(t)
	})
}

func TestPrivateValuesAreNowhereInTheClear(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		house := w.Household(t, "一")
		hv := w.Must(t, w.Create("worker", root, visit, "household_visit", "", "", map[string]any{"household": house})).Instance
		const secret = "高度近视-7f3a"
		w.Must(t, w.Fire("worker", root, hv, "record", map[string]any{"answers": secret}))
		for _, r := range []string{root, "c1"} {
			if bytes.Contains([]byte(h.dump(t, "c1", r)), []byte(secret)) {
				t.Errorf("the chain of %s holds it", r)
			}
		}
		shown, err := h.engine.Reveal(t.Context(), h.instance(t, hv))
		if err != nil || shown["answers"] != secret {
			t.Errorf("revealed %v, %v", shown, err)
		}
		// One command wrote two chains: the consent that was given at the door stands in the registry.
		if c, err := h.store.FindByKey(t.Context(), "c1", house, "consent", "record"); err != nil || c == nil || c.State != "given" {
			t.Errorf("consent: %+v, %v", c, err)
		}
		h.audit(t)
	})
}

func TestUndoTakesBackBothChains(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		house := w.Household(t, "一")
		hv := w.Must(t, w.Create("worker", root, visit, "household_visit", "", "", map[string]any{"household": house})).Instance
		programme, registry := h.rows(t, "c1", root), h.rows(t, "c1", "c1")
		done := w.Must(t, w.Fire("worker", root, hv, "record", map[string]any{"answers": "好"}))
		undo := w.Fire("worker", root, root, "", nil)
		undo.Kind, undo.Of, undo.Reason = workflow.KindUndo, done.Command, "记错了一户"
		w.Must(t, undo)
		sameRows(t, programme, h.rows(t, "c1", root))
		sameRows(t, registry, h.rows(t, "c1", "c1"))
		h.audit(t)
	})
}

func TestAReplayedProgrammeKeepsItsOwnClock(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		start := time.Date(2020, 3, 1, 1, 0, 0, 0, time.UTC)
		create := w.Create("worker", "", "", "programme", "", "", map[string]any{"code": "old"})
		create.Frozen, create.At = true, start
		root := w.Must(t, create).Root
		add := func(key string) engine.Request {
			r := w.Create("worker", root, root, "fund", "fund", key, nil)
			r.At = start.Add(time.Hour)
			return r
		}
		fund := w.Must(t, add("food")).Instance
		w.Must(t, w.Fire("worker", root, fund, "open", map[string]any{"deadline": "2020-03-10"}))

		t.Run("the live clock leaves it alone", func(t *testing.T) {
			if n, err := h.engine.FireDue(t.Context()); n != 0 || err != nil {
				t.Errorf("fired %d, %v", n, err)
			}
			w.Must(t, add("second"))
			if s := h.instance(t, fund).State; s != "open" {
				t.Errorf("a command without a time fired its timers: %s", s)
			}
		})
		t.Run("its own clock fires what falls due, at its time", func(t *testing.T) {
			if n, err := h.engine.Advance(t.Context(), "c1", root, start.AddDate(0, 1, 0)); n != 1 || err != nil {
				t.Fatalf("fired %d, %v", n, err)
			}
			all := h.entries(t, "c1", root)
			if got := all[len(all)-1].Recorded; got.Year() != 2020 || got.Day() != 10 {
				t.Errorf("fired at %v", got)
			}
		})
		t.Run("it never runs backwards", func(t *testing.T) {
			w.Must(t, add("third"))
			all := h.entries(t, "c1", root)
			if last := all[len(all)-1].Recorded; last.Day() != 10 {
				t.Errorf("recorded at %v", last)
			}
		})
		t.Run("an ordinary programme takes no time from the caller", func(t *testing.T) {
			other, visit := w.Programme(t, "live")
			r := w.Fire("lead", other, visit, "train", map[string]any{"who": w.People["lead"]})
			r.At = start
			if _, err := w.Do(t.Context(), r); fault.KindOf(err) != fault.Invalid {
				t.Errorf("got %v", err)
			}
		})
		h.audit(t)
	})
}

func TestABackfillAsksForWhatItsEffectsNeed(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		root, visit := w.Programme(t, "P1")
		fill := w.Fire("lead", root, visit, "", nil)
		fill.Kind, fill.State, fill.Reason = workflow.KindBackfill, "in_progress", "签到表"
		if ref := w.Refused(t, fill, workflow.ReasonField); ref.Reasons[0].Name != "who" {
			t.Errorf("reasons: %+v", ref.Reasons)
		}
		fill.Values = map[string]any{"who": w.People["volunteer"]}
		if res := w.Must(t, fill); res.State != "in_progress" {
			t.Errorf("state %s", res.State)
		}
	})
}

func TestWhatHasNotComeHasNotHappened(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine) // it is 2023-06-01
		root, visit := w.Programme(t, "P1")
		r := w.Fire("lead", root, visit, "train", map[string]any{"who": w.People["lead"]})
		r.Occurred = at(t, "2099-01-01")
		if ref := w.Refused(t, r, workflow.ReasonField); ref.Reasons[0].Name != "occurred" {
			t.Errorf("reasons: %+v", ref.Reasons)
		}
		r.Occurred = at(t, "2023-06-01/evening") // today, whatever the hour
		w.Must(t, r)
	})
}
