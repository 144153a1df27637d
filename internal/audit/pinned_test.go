package audit_test

import (
	"bytes"
	"testing"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// laxBundle stores definitions under which a fund may be reconciled though fen are missing, and returns their hash.
func (o *office) laxBundle(t *testing.T) string {
	t.Helper()
	files := enginetest.Files(t)
	files["fund/fund.yaml"] = bytes.Replace(files["fund/fund.yaml"], []byte("agg.spent == agg.received"), []byte("agg.spent <= agg.received"), 1)
	lax, problems := workflow.Load(files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := o.engine.AddBundle(t.Context(), lax); err != nil {
		t.Fatal(err)
	}
	return lax.Hash
}

// withdraw records that the household of a visit withdraws its consent.
func (o *office) withdraw(t *testing.T, visit string) {
	t.Helper()
	i, err := o.store.Instance(t.Context(), "c1", visit)
	if err != nil || i == nil {
		t.Fatalf("visit: %v, %v", i, err)
	}
	house, _ := i.Body.Data["household"].(string)
	consent, err := o.store.FindByKey(t.Context(), "c1", house, "consent", "record")
	if err != nil || consent == nil {
		t.Fatalf("consent: %v, %v", consent, err)
	}
	o.world.Must(t, o.world.Fire("worker", "c1", consent.ID, "withdraw", nil))
}

// silence leaves a visit with a consequence that the engine skipped, and another with one that waits.
func (o *office) silence(t *testing.T) (skipped, waiting string) {
	t.Helper()
	cancel := o.world.Fire("lead", o.root, o.visits[0], "", nil)
	cancel.Kind, cancel.Reason = workflow.KindCancel, "搬走了"
	o.world.Must(t, cancel)
	o.withdraw(t, o.visits[0])
	if _, err := o.engine.FireDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	status := value[string](t, o, "select status from timers where instance = ?", o.visits[0])
	if status != string(engine.TimerSkipped) {
		t.Fatalf("the timer is %s", status)
	}
	o.withdraw(t, o.visits[1])
	return o.visits[0], o.visits[1]
}

func TestWhatIsPinnedIsFound(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		skipped, waiting := o.silence(t)
		lax := o.laxBundle(t)
		o.mark(t)
		whole := o.snapshot(t)
		if r := o.audit(t, true); !r.OK() {
			t.Fatalf("before anybody tampered: %s", r.Findings[0].In("en"))
		}
		armed := value[string](t, o, "select instance from timers where root = ? and status = 'waiting'", o.other)
		head := want{kind: audit.KindHead, root: o.root, code: "P1", zh: "bundle", en: "bundle"}
		timer := want{kind: audit.KindTimer, root: o.root, code: "P1", instance: waiting, zh: "校验码", en: "MAC of the system"}
		for name, c := range map[string]struct {
			text string
			args []any
			want want
		}{
			"a laxer bundle under a programme":     {"update roots set bundle = ? where id = ?", []any{lax, o.root}, head},
			"a clock of its own":                   {"update roots set frozen = 4070908800000000 where id = ?", []any{o.root}, want{kind: audit.KindHead, root: o.root, code: "P1", zh: "frozen", en: "frozen"}},
			"nothing points anywhere any more":     {"delete from refs where instance = ?", []any{o.visits[2]}, want{kind: audit.KindReference, root: o.root, code: "P1", instance: o.visits[2], zh: "指向", en: "points to"}},
			"something points where it should not": {"insert into refs (community, instance, target, workflow) values ('c1', ?, ?, 'household_visit')", []any{o.visits[2], o.root}, want{kind: audit.KindReference, root: o.root, code: "P1", instance: o.visits[2], zh: "指向", en: "points to"}},
			"a consequence silenced as skipped":    {"update timers set status = 'skipped' where instance = ?", []any{waiting}, timer},
			"a consequence silenced as fired":      {"update timers set status = 'fired' where instance = ?", []any{waiting}, want{kind: audit.KindTimer, root: o.root, code: "P1", instance: waiting, zh: "没有任何历史条目触发过它", en: "by no entry"}},
			"a consequence silenced as superseded": {"update timers set status = 'superseded' where instance = ?", []any{waiting}, timer},
			"a timer silenced as skipped":          {"update timers set status = 'skipped' where instance = ?", []any{armed}, want{kind: audit.KindTimer, root: o.other, code: "P2", instance: armed, zh: "校验码", en: "MAC of the system"}},
			"a timer silenced as superseded":       {"update timers set status = 'superseded' where instance = ?", []any{armed}, want{kind: audit.KindTimer, root: o.other, code: "P2", instance: armed, zh: "状态", en: "status"}},
			"another reason for skipping":          {"update timers set reason = 'no reason' where instance = ?", []any{skipped}, want{kind: audit.KindTimer, root: o.root, code: "P1", instance: skipped, zh: "校验码", en: "MAC of the system"}},
		} {
			t.Run(name, func(t *testing.T) {
				defer o.restore(t, whole)
				o.exec(t, c.text, c.args...)
				check(t, c.want, o.audit(t, true))
			})
		}
	})
}

func TestAReplayedProgrammePasses(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		r := o.world.Create("worker", "", "", "programme", "", "", map[string]any{"code": "P3"})
		r.Frozen, r.At = true, o.clock.Now().AddDate(60, 0, 0)
		root := o.world.Must(t, r).Root
		if r := o.audit(t, true); !r.OK() {
			t.Fatal(r.Findings[0].In("en"))
		}
		o.exec(t, "update roots set frozen = null where id = ?", root)
		check(t, want{kind: audit.KindHead, root: root, code: "P3", zh: "frozen", en: "frozen"}, o.audit(t, true))
	})
}
