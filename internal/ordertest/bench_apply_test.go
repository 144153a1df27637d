package ordertest

import (
	"errors"
	"testing"

	"github.com/linli/linli/internal/workflow"
)

// BenchmarkApply decides single commands with everything loaded: the pure core alone.
func BenchmarkApply(b *testing.B) {
	o := newOffice(b)
	fund, _ := o.fund(1000)
	o.ok(o.fire("finance", fund, "reconcile", workflow.Values{"surplus": paper("下一轮")}))
	visit := o.create(o.root, "visit", "visit", workflow.Values{"funds": []string{fund}})
	pair := o.trainedPair()
	var household string
	for range 40 {
		household = o.create(visit, "household_visit", "", workflow.Values{"household": o.houses[0], "kind": "elder", "pair": pair})
	}
	o.ok(o.fire("worker", visit, "assign", nil))
	last := o.done[len(o.done)-1].cmd.ID
	other := o.create(o.root, "visit", "visit", nil)
	appeal := o.create(o.root, "fundraise", "fundraise", workflow.Values{"purpose": "冬衣"})
	o.ok(o.fire("worker", appeal, "submit", workflow.Values{"plan_record": unrecorded("未写")}))
	for _, c := range []struct {
		name string
		cmd  workflow.Command
	}{
		{"plain staff event", o.fire("approver", appeal, "approve", workflow.Values{"basis_record": unrecorded("未写")})},
		{"edit", o.edit("worker", household, workflow.Values{"slot_note": "下午在家"})},
		{"event of an item", o.fire("worker", household, "refuse", nil)},
		{"start of a round of 40", o.fire("lead", visit, "start", nil)},
		{"create an item", func() workflow.Command {
			c := o.by("worker", visit, workflow.KindCreate)
			c.Workflow, c.Input = "household_visit", workflow.Values{"household": o.houses[0], "kind": "elder", "pair": pair}
			return c
		}()},
		{"undo", o.undo(last)},
		{"refused with every reason", o.fire("auditor", other, "start", workflow.Values{"kits": "许多"})},
	} {
		b.Run(c.name, func(b *testing.B) { benchApply(b, o, c.cmd) })
	}
	b.Run("why not", func(b *testing.B) {
		env := o.env()
		cmd := o.loaded(b, env, visit)
		b.ReportAllocs()
		for b.Loop() {
			if _, missing, err := workflow.Explain(env, cmd); err != nil || len(missing) > 0 {
				b.Fatal(err, missing)
			}
		}
	})
}

func (o *office) env() workflow.Env {
	m := o.memory()
	return workflow.Env{Bundle: m.bundle, Snap: workflow.NewSnapshot(), Now: m.now, Zone: m.zone, Seq: m.seq}
}

// loaded fills a snapshot with all that explaining a target asks for.
func (o *office) loaded(b *testing.B, env workflow.Env, target string) workflow.Command {
	b.Helper()
	cmd := o.by("worker", target, workflow.KindFire)
	cmd.Community = community
	for {
		_, missing, err := workflow.Explain(env, cmd)
		if err != nil {
			b.Fatal(err)
		}
		if len(missing) == 0 {
			return cmd
		}
		for _, k := range missing {
			env.Snap.Put(k, o.memory().answer(k))
		}
	}
}

func benchApply(b *testing.B, o *office, cmd workflow.Command) {
	b.Helper()
	cmd.ID, cmd.Community = "bench", community
	cmd.Occurred = workflow.OccurredAt(o.sys.clock())
	cmd.Input = o.memory().seal(cmd)
	env := o.env()
	rounds := 0
	for {
		rounds++
		out, err := workflow.Apply(env, cmd)
		var refusal *workflow.Refusal
		if err != nil && !errors.As(err, &refusal) {
			b.Fatal(err)
		}
		if err != nil || len(out.Missing) == 0 {
			break
		}
		for _, k := range out.Missing {
			env.Snap.Put(k, o.memory().answer(k))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = workflow.Apply(env, cmd)
	}
	b.ReportMetric(float64(rounds), "rounds")
}
