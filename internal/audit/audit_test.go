package audit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func TestUntouchedDatabasePasses(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		for _, checkpoint := range []bool{false, true} {
			r := o.audit(t, checkpoint)
			for _, f := range r.Findings {
				t.Errorf("%s\n%s", f.In("zh"), f.In("en"))
			}
			if r.Communities != 1 || r.Roots != 3 || r.Entries < 30 || r.Rows < 20 {
				t.Errorf("not everything was read: %+v", r)
			}
		}
	})
}

// tampering is one way to falsify a database, and what the audit must say.
type tampering struct {
	name string
	do   func(t *testing.T, o *office) want
}

type want struct {
	kind       audit.Kind
	root       string
	code       string
	seq        int64
	instance   string
	zh, en     string // parts of the text
	checkpoint bool   // only the checkpoint file can tell
	more       int    // findings of other roots
}

func TestTamperingIsFoundAndNamed(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		whole := o.snapshot(t)
		for _, c := range tamperings() {
			t.Run(c.name, func(t *testing.T) {
				defer o.restore(t, whole)
				w := c.do(t, o)
				if w.checkpoint {
					if r := o.audit(t, false); !r.OK() {
						t.Fatalf("the tampering is not as good as it should be: %s", r.Findings[0].In("en"))
					}
				}
				check(t, w, o.audit(t, w.checkpoint))
				if !w.checkpoint {
					check(t, w, o.audit(t, true))
				}
			})
		}
		if r := o.audit(t, true); !r.OK() {
			t.Fatalf("the office is not what it was: %s", r.Findings[0].In("en"))
		}
	})
}

func check(t *testing.T, w want, r audit.Report) {
	t.Helper()
	if len(r.Findings) != 1+w.more {
		t.Fatalf("want one finding of each root, got %d: %+v", len(r.Findings), r.Findings)
	}
	f := r.Findings[0]
	if f.Kind != w.kind || f.Community != "c1" || f.Root != w.root || f.Code != w.code || f.Seq != w.seq || f.Instance != w.instance {
		t.Errorf("got %+v\nwant %+v", f, w)
	}
	if !strings.Contains(f.In("zh"), w.zh) || !strings.Contains(f.In("en"), w.en) || f.Text.ZH == f.Text.EN {
		t.Errorf("zh %s\nen %s\nwant %s and %s", f.In("zh"), f.In("en"), w.zh, w.en)
	}
}

func tamperings() []tampering {
	return slices.Concat(withHistory(), withRoots(), withRows(), withFigures(), withTimers(), withWaiting())
}

func withHistory() []tampering {
	return []tampering{
		{"edited entry", func(t *testing.T, o *office) want {
			seq := o.seqWith(t, o.root, "160000")
			o.exec(t, "update history set body = ? where root = ? and seq = ?", []byte(strings.Replace(o.body(t, o.root, seq), "160000", "260000", 1)), o.root, seq)
			return want{kind: audit.KindEntry, root: o.root, code: "P1", seq: seq, zh: "校验码不符", en: "MAC does not fit"}
		}},
		{"edited column of an entry", func(t *testing.T, o *office) want {
			o.exec(t, "update history set target = ? where root = ? and seq = 4", o.visit, o.root)
			return want{kind: audit.KindEntry, root: o.root, code: "P1", seq: 4, zh: "target", en: "target"}
		}},
		{"deleted entry", func(t *testing.T, o *office) want {
			o.exec(t, "delete from history where root = ? and seq = 3", o.root)
			return want{kind: audit.KindMissing, root: o.root, code: "P1", seq: 3, zh: "此条缺失：其后直接是第 4 条", en: "entry 4 comes next"}
		}},
		{"two entries exchanged", func(t *testing.T, o *office) want {
			for _, move := range [][2]int64{{5, -1}, {6, 5}, {-1, 6}} {
				o.exec(t, "update history set seq = ? where root = ? and seq = ?", move[1], o.root, move[0])
			}
			return want{kind: audit.KindEntry, root: o.root, code: "P1", seq: 5, zh: "顺序被改动", en: "moved"}
		}},
		{"entry added at the end", func(t *testing.T, o *office) want {
			last := value[int64](t, o, "select seq from roots where id = ?", o.root)
			o.exec(t, `insert into history (community, root, seq, command, target, recorded, body, mac)
				select community, root, seq + 1, 'made up', target, recorded, body, mac from history where root = ? and seq = ?`, o.root, last)
			return want{kind: audit.KindHead, root: o.root, code: "P1", seq: last + 1, zh: "末尾之后", en: "after what the root says"}
		}},
		{"history cut off, the root left", func(t *testing.T, o *office) want {
			last := value[int64](t, o, "select seq from roots where id = ?", o.root)
			o.exec(t, "delete from history where root = ? and seq >= ?", o.root, last-1)
			return want{kind: audit.KindMissing, root: o.root, code: "P1", seq: last - 1, zh: "缺失", en: "missing"}
		}},
		{"history cut off with its rows", cutTail},
		{"history computed anew under another key", func(t *testing.T, o *office) want {
			o.recompute(t, strangerKeys(t), o.root, 1)
			return want{kind: audit.KindEntry, root: o.root, code: "P1", seq: 1, zh: "审计密钥", en: "audit key"}
		}},
		{"history and rows computed anew under the stolen audit key", forgeWithKey},
	}
}

func withRoots() []tampering {
	return []tampering{
		{"edited head", func(t *testing.T, o *office) want {
			o.exec(t, "update roots set code = 'P9' where id = ?", o.root)
			return want{kind: audit.KindHead, root: o.root, code: "P9", zh: "code", en: "code"}
		}},
		{"deleted programme", func(t *testing.T, o *office) want {
			o.dropRoot(t, o.other)
			return want{kind: audit.KindDeleted, root: o.other, code: "P2", zh: "已登记的项目不见了", en: "the registry knows this programme"}
		}},
		{"deleted programme and its registration", func(t *testing.T, o *office) want {
			o.dropRoot(t, o.root)
			id := value[string](t, o, "select id from instances where workflow = 'registered_programme' and key = 'P1'")
			o.exec(t, "delete from instances where id = ?", id)
			return want{kind: audit.KindRemoved, root: "c1", code: "", instance: id, zh: "登记册", en: "registry", more: 1}
		}},
		{"row under a root that does not exist", func(t *testing.T, o *office) want {
			o.exec(t, `insert into instances (community, id, root, parent, workflow, slot, key, state, version, touched, data, agg)
				select community, 'made-up', 'nowhere', parent, workflow, slot, 'made-up', state, version, touched, data, agg from instances where id = ?`, o.visits[0])
			return want{kind: audit.KindStranger, root: "nowhere", zh: "不存在的项目", en: "a programme that does not exist"}
		}},
	}
}

func withRows() []tampering {
	return []tampering{
		{"edited state", func(t *testing.T, o *office) want {
			o.exec(t, "update instances set state = 'published' where id = ?", o.fund)
			return want{kind: audit.KindRow, root: o.root, code: "P1", instance: o.fund, zh: `按历史应为 "reconciled"，表里是 "published"`, en: `state was changed: by the history it is "reconciled"`}
		}},
		{"edited field", func(t *testing.T, o *office) want {
			o.rewrite(t, "data", o.fund, "生活物资", "办公用品")
			return want{kind: audit.KindRow, root: o.root, code: "P1", instance: o.fund, zh: "data.purpose", en: "data.purpose"}
		}},
		{"edited bookkeeping", func(t *testing.T, o *office) want {
			o.rewrite(t, "data", o.fund, `"reconciled":`, `"published":`)
			return want{kind: audit.KindRow, root: o.root, code: "P1", instance: o.fund, zh: "milestones", en: "milestones"}
		}},
		{"edited registry", func(t *testing.T, o *office) want {
			id := o.world.People["volunteer"]
			grant := value[string](t, o, "select id from instances where workflow = 'grant' and key = ?", id+"/volunteer/c1")
			o.rewrite(t, "data", grant, `"role":"volunteer"`, `"role":"approver"`)
			return want{kind: audit.KindRow, root: "c1", instance: grant, zh: "登记册", en: "registry"}
		}},
	}
}

func withFigures() []tampering {
	return []tampering{
		{"edited aggregate", func(t *testing.T, o *office) want {
			o.rewrite(t, "agg", o.fund, `"received":160000`, `"received":170000`)
			return want{kind: audit.KindAggregate, root: o.root, code: "P1", instance: o.fund, zh: "agg.received", en: "by the history it is 160000, in the table 170000"}
		}},
		{"edited distinct count", func(t *testing.T, o *office) want {
			o.exec(t, "update distinct_counts set n = 2 where instance = ? and value = ?", o.visit, o.world.People["volunteer"])
			return want{kind: audit.KindDistinct, root: o.root, code: "P1", instance: o.visit, zh: "重新计算有 3 项，表里是 2", en: "3 items"}
		}},
		{"removed distinct count", func(t *testing.T, o *office) want {
			o.exec(t, "delete from distinct_counts where instance = ? and value = ?", o.visit, o.world.People["volunteer"])
			return want{kind: audit.KindDistinct, root: o.root, code: "P1", instance: o.visit, zh: "表里是 0", en: "the table says 0"}
		}},
		{"added row", func(t *testing.T, o *office) want {
			o.exec(t, `insert into instances (community, id, root, parent, workflow, slot, key, state, version, touched, data, agg)
				select community, 'made-up', root, parent, workflow, slot, 'made-up', state, version, touched, data, agg from instances where id = ?`, o.visits[0])
			return want{kind: audit.KindAdded, root: o.root, code: "P1", instance: "made-up", zh: "没有任何历史条目建立过它", en: "no entry of the history created it"}
		}},
		{"removed row", func(t *testing.T, o *office) want {
			o.exec(t, "delete from instances where id = ?", o.visits[1])
			return want{kind: audit.KindRemoved, root: o.root, code: "P1", instance: o.visits[1], zh: "表里却没有", en: "the table does not"}
		}},
		{"row that is no row any more", func(t *testing.T, o *office) want {
			o.exec(t, "update instances set data = ? where id = ?", `{"data":{"purpose":`, o.fund)
			return want{kind: audit.KindUnreadable, root: o.root, code: "P1", zh: "无法读取", en: "cannot be read"}
		}},
	}
}

func withTimers() []tampering {
	return []tampering{
		{"moved timer", func(t *testing.T, o *office) want {
			id := value[string](t, o, "select instance from timers where root = ? and status = 'waiting'", o.other)
			o.exec(t, "update timers set due_at = due_at + 1 where instance = ?", id)
			return want{kind: audit.KindTimer, root: o.other, code: "P2", instance: id, zh: "到期时间被改动", en: "due at another time"}
		}},
		{"removed timer", func(t *testing.T, o *office) want {
			id := value[string](t, o, "select instance from timers where root = ? and status = 'waiting'", o.other)
			o.exec(t, "delete from timers where instance = ?", id)
			return want{kind: audit.KindTimer, root: o.other, code: "P2", instance: id, zh: "不在定时表里", en: "not in the table of timers"}
		}},
		{"fired timer armed again", func(t *testing.T, o *office) want {
			id := value[string](t, o, "select instance from timers where root = ? and status = 'fired'", o.root)
			o.exec(t, "update timers set status = 'waiting' where instance = ?", id)
			return want{kind: audit.KindTimer, root: o.root, code: "P1", instance: id, zh: "早已结束", en: "has ended"}
		}},
		{"consequence that nothing in the registry caused", func(t *testing.T, o *office) want {
			o.exec(t, `insert into timers (community, instance, rule, generation, root, due_at, event, status, reason, ended_at)
				values ('c1', ?, 'consent_withdrawn', 2, ?, 1, 'consent_withdrawn', 'waiting', '', null)`, o.visits[0], o.root)
			return want{kind: audit.KindTimer, root: o.root, code: "P1", instance: o.visits[0], zh: "登记册的任何变更", en: "no change in the registry"}
		}},
	}
}

// seqWith is the first entry whose bytes hold a text.
func (o *office) seqWith(t *testing.T, root, text string) int64 {
	t.Helper()
	last := value[int64](t, o, "select seq from roots where id = ?", root)
	for seq := int64(1); seq <= last; seq++ {
		if strings.Contains(o.body(t, root, seq), text) {
			return seq
		}
	}
	t.Fatalf("no entry of %s holds %s", root, text)
	return 0
}

// cutTail undoes the last command as if it had never been: entry, row and head. Only somebody who kept the head can tell.
func cutTail(t *testing.T, o *office) want {
	state := func() []any {
		return []any{
			value[string](t, o, "select data from instances where id = ?", o.fund), value[int64](t, o, "select version from instances where id = ?", o.fund),
			value[int64](t, o, "select touched from instances where id = ?", o.fund), o.fund,
		}
	}
	fund := state()
	seq := value[int64](t, o, "select seq from roots where id = ?", o.root)
	head := []any{seq, value[[]byte](t, o, "select mac from roots where id = ?", o.root), value[int64](t, o, "select recorded from roots where id = ?", o.root), o.root}
	edit := o.world.Fire("worker", o.root, o.fund, "", map[string]any{"purpose": "办公用品"})
	edit.Kind = workflow.KindEdit
	o.world.Must(t, edit)
	o.mark(t)
	o.exec(t, "delete from history where root = ? and seq > ?", o.root, seq)
	o.exec(t, "update instances set data = ?, version = ?, touched = ? where id = ?", fund...)
	o.exec(t, "update roots set seq = ?, mac = ?, recorded = ? where id = ?", head...)
	return want{
		kind: audit.KindCut, root: o.root, code: "P1", seq: seq + 1, checkpoint: true,
		zh: fmt.Sprintf("校验点文件记有第 %d 条", seq+1), en: fmt.Sprintf("the history ends with entry %d", seq),
	}
}

// forgeWithKey changes what a fund was for from its creation on, with every MAC and the row in line.
func forgeWithKey(t *testing.T, o *office) want {
	seq := o.seqWith(t, o.root, "生活物资")
	forged := strings.ReplaceAll(o.body(t, o.root, seq), "生活物资", "办公用品")
	if !json.Valid([]byte(forged)) {
		t.Fatal("the forged entry is broken")
	}
	o.exec(t, "update history set body = ? where root = ? and seq = ?", []byte(forged), o.root, seq)
	o.rewrite(t, "data", o.fund, "生活物资", "办公用品")
	o.recompute(t, o.keys, o.root, seq)
	last := value[int64](t, o, "select seq from roots where id = ?", o.root)
	return want{kind: audit.KindCut, root: o.root, code: "P1", seq: last, checkpoint: true, zh: "重新计算", en: "computed anew"}
}

func TestChangesToEveryRootAreFound(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		t.Run("its definitions were changed", func(t *testing.T) {
			defer o.restore(t, o.snapshot(t))
			o.relaxDefinitions(t)
			r := o.audit(t, false)
			if len(r.Findings) != 3 || r.Findings[1].Kind != audit.KindBundle {
				t.Errorf("want a finding for each root, got %+v", r.Findings)
			}
		})
		t.Run("it is gone", func(t *testing.T) {
			for _, root := range []string{"c1", o.root, o.other} {
				o.dropRoot(t, root)
			}
			r := o.audit(t, true)
			if len(r.Findings) != 3 || r.Findings[0].Kind != audit.KindDeleted || r.Findings[0].Root != "c1" {
				t.Errorf("want the registry and two programmes, got %+v", r.Findings)
			}
		})
	})
}

// relaxDefinitions changes the stored definitions and leaves them under their old hash.
func (o *office) relaxDefinitions(t *testing.T) {
	t.Helper()
	hash := enginetest.Bundle(t).Hash
	files := value[[]byte](t, o, "select files from bundles where hash = ?", hash)
	var of map[string][]byte
	if err := json.Unmarshal(files, &of); err != nil {
		t.Fatal(err)
	}
	for name, src := range of {
		of[name] = append(src, "# relaxed\n"...)
	}
	files, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	o.exec(t, "update bundles set files = ? where hash = ?", files, hash)
}

func TestAuditWhileCommandsGoOn(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o := openOffice(t, db)
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for n := 0; n < 2000; n++ {
				select {
				case <-stop:
					return
				default:
				}
				edit := o.world.Fire("worker", o.root, o.fund, "", map[string]any{"purpose": enginetest.Name("用途", n)})
				edit.Kind = workflow.KindEdit
				o.world.Must(t, edit)
				if n%5 == 4 {
					o.clock.Add(1)
				}
			}
		}()
		for range 5 {
			r, err := audit.Run(t.Context(), o.store, o.keys, audit.Options{})
			if err == nil && !r.OK() {
				t.Errorf("a change under way is no finding: %s", r.Findings[0].In("en"))
			}
		}
		close(stop)
		<-done
		if r := o.audit(t, true); !r.OK() {
			t.Errorf("%s", r.Findings[0].In("en"))
		}
	})
}
