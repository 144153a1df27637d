package audit_test

import (
	"testing"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/testdb"
)

func withWaiting() []tampering {
	const closed = "select instance from waiting where workflow = 'fund' and state = 'closed' and instance in (select id from instances where root = ? and state = 'closed') limit 1"
	return []tampering{
		{"removed from what waits", func(t *testing.T, o *office) want {
			id := value[string](t, o, closed, o.other)
			o.exec(t, "delete from waiting where instance = ?", id)
			return want{kind: audit.KindWaiting, root: o.other, code: "P2", instance: id, zh: `其状态 "closed" 应有人处理，但待办表里没有它`, en: "the table of what waits does not have it"}
		}},
		{"moved to another state in which it does not wait", func(t *testing.T, o *office) want {
			id := value[string](t, o, closed, o.other)
			o.exec(t, "update waiting set state = 'draft' where instance = ?", id)
			return want{kind: audit.KindWaiting, root: o.other, code: "P2", instance: id, zh: `待办表说它在状态 "draft" 等待处理`, en: `has it in the state "draft", in which it is not`}
		}},
		{"waiting though it has ended", func(t *testing.T, o *office) want {
			o.exec(t, "insert into waiting (community, workflow, state, instance) values ('c1', 'fund', 'open', ?)", o.fund)
			return want{kind: audit.KindWaiting, root: o.root, code: "P1", instance: o.fund, zh: `"open"`, en: `"open"`}
		}},
		{"registry's row removed from what waits", func(t *testing.T, o *office) want {
			grant := value[string](t, o, "select id from instances where workflow = 'grant' and key = ?", o.world.People["volunteer"]+"/volunteer/c1")
			o.exec(t, "delete from waiting where instance = ?", grant)
			return want{kind: audit.KindWaiting, root: "c1", instance: grant, zh: "登记册", en: "registry"}
		}},
	}
}

func TestWhatAnUpgradePutAmongWhatWaitsIsLeftAlone(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		o.exec(t, `insert into waiting (community, workflow, state, instance) select community, workflow, state, id from instances where true
			on conflict do nothing`)
		if r := o.audit(t, true); !r.OK() {
			t.Error(r.Findings[0].In("en"))
		}
	})
}
