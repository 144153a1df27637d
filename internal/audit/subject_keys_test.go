package audit_test

import (
	"slices"
	"testing"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/testdb"
)

// erase has somebody's personal data erased as the law has it: by an event of the registry.
func (o *office) erase(t *testing.T, subject string) {
	t.Helper()
	erase := o.world.Fire("admin", "c1", subject, "erase", nil)
	erase.Reason = "本人要求"
	o.world.Must(t, erase)
	if n := value[int64](t, o, "select length(wrapped) from subject_keys where subject = ?", subject); n != 0 {
		t.Fatalf("the key of %s was not destroyed: %d bytes", subject, n)
	}
}

func TestALostSubjectKeyIsFoundAndNamed(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		whole := o.snapshot(t)
		person := o.world.People["volunteer"]
		destroyed := want{kind: audit.KindSubjectKey, root: "c1", instance: person, zh: person + ` 的数据密钥已销毁，但其状态是 "active"`, en: "the data key of " + person + " was destroyed"}
		for name, c := range map[string]struct {
			text string
			args []any
			want want
		}{
			"a deleted key": {"delete from subject_keys where subject = ?", []any{person}, want{
				kind: audit.KindSubjectKey, root: "c1", instance: person, zh: person + " 的数据密钥不在密钥表里", en: "data.name cannot be opened any more: the data key of " + person,
			}},
			"a living person's key marked destroyed": {"update subject_keys set destroyed = 1 where subject = ?", []any{person}, destroyed},
			"a living person's key emptied":          {"update subject_keys set wrapped = ? where subject = ?", []any{[]byte{}, person}, destroyed},
		} {
			t.Run(name, func(t *testing.T) {
				defer o.restore(t, whole)
				o.exec(t, c.text, c.args...)
				check(t, c.want, o.audit(t, true))
			})
		}
	})
}

func TestLosingEverySubjectKeyIsFoundInEveryRootThatNeedsOne(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		o.exec(t, "delete from subject_keys")
		var roots []string
		for _, f := range o.audit(t, true).Findings {
			if f.Kind != audit.KindSubjectKey || f.Instance == "" {
				t.Errorf("want lost keys only, got %s", f.In("en"))
			}
			roots = append(roots, f.Root)
		}
		if !slices.Equal(roots, []string{"c1", o.root}) { // the second programme has no personal value
			t.Errorf("want the registry and the programme with the visits, got %v", roots)
		}
	})
}

func TestWhoWasErasedPasses(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		person := o.world.People["volunteer"]
		o.erase(t, person)
		if r := o.audit(t, true); !r.OK() {
			t.Fatal(r.Findings[0].In("en"))
		}
		o.exec(t, "delete from subject_keys where subject = ?", person)
		check(t, want{kind: audit.KindSubjectKey, root: "c1", instance: person, zh: "不在密钥表里", en: "not in the table of keys"}, o.audit(t, true))
	})
}

func TestADamagedBundleIsNamed(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		whole := o.snapshot(t)
		hash := enginetest.Bundle(t).Hash
		for name, files := range map[string]string{
			"no JSON":          "damaged",
			"cut off":          `{"fund/fund.yaml":"bGFu`,
			"empty":            "",
			"another shape":    `["fund/fund.yaml"]`,
			"files not base64": `{"fund/fund.yaml":"***"}`,
		} {
			t.Run(name, func(t *testing.T) {
				defer o.restore(t, whole)
				o.exec(t, "update bundles set files = ? where hash = ?", []byte(files), hash)
				check(t, want{kind: audit.KindBundle, root: "c1", zh: "流程定义 " + hash + " 无法载入", en: "the definitions " + hash, more: 2}, o.audit(t, true))
			})
		}
	})
}
