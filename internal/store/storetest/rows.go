package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func rowCases() []Case {
	return []Case{
		{"a row comes back as it was written", rowComesBack},
		{"an update changes what may change", updateChanges},
		{"a slice's operations on one row come to one", operationsFold},
		{"the history keeps the exact bytes", exactBytes},
		{"a head comes back as it was written", headComesBack},
		{"an unknown row to update refuses its slice", unknownUpdate},
		{"distinct counts are set and removed", distinctCounts},
		{"a bundle is stored once", bundleOnce},
		{"search terms are set, replaced and removed", searchTerms},
		{"references are replaced as a whole", references},
		{"the reads of others see what was committed", reads},
	}
}

// full has something in every field.
func full(id, root string) *workflow.Instance {
	i := instance(id, root, root)
	i.Workflow, i.Slot, i.Key, i.State, i.Version, i.Touched = "fundraise", "fundraise", "fund_visit", "已对账", 7, 5
	i.Body = workflow.Body{
		Data: workflow.Values{
			"purpose": "慰问“一老一小”\n<b>&amp;</b>  ", "fen": int64(9007199254740993), "spend_all": true, "blocks": []string{"中森街区", "下围街区"},
			"voucher": workflow.Evidence{Unrecorded: "纸质遗失"}, "address": workflow.Sealed{Subject: "h1", Box: []byte{0, 1, 0xff}}, "nothing": nil,
		},
		Aggregates: map[string]int64{"received": 160000, "spent": -1},
		Milestones: map[string]workflow.Milestone{"reconciled": {Occurred: workflow.OccurredAt(testdb.Now()), Seq: 3}},
		By:         map[string]string{"approve": "p1"},
		Waived:     map[string]workflow.Waiver{"trained": {By: "p2", Reason: "内部", Note: "公开"}},
		Uses:       []workflow.Use{{Instance: "x", Milestone: "m", Event: "e"}},
		Timers:     map[string]workflow.Due{"lapses": {Generation: 2, At: testdb.Now().Add(time.Microsecond)}},
		Flags:      []string{workflow.FlagBackfilled},
		Entered:    testdb.Now(),
	}
	return i
}

func rowComesBack(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	want := full("fund", "prog")
	slice := Create("prog")
	slice.Rows = append(slice.Rows, insert(want))
	commit(t, s, slice)
	got := load(t, s, workflow.Key{Kind: workflow.KeyInstance, A: "fund"})[0].Instances
	if len(got) != 1 {
		t.Fatalf("got %d rows", len(got))
	}
	sameInstance(t, got[0], want)
}

// sameInstance compares times by their text, which is what Occurred keeps to itself.
func sameInstance(t *testing.T, got, want *workflow.Instance) {
	t.Helper()
	g, w := *got, *want
	for name, m := range g.Body.Milestones {
		same(t, "milestone "+name, m.Occurred.String(), w.Body.Milestones[name].Occurred.String())
		same(t, "milestone "+name, m.Seq, w.Body.Milestones[name].Seq)
	}
	same(t, "milestones", len(g.Body.Milestones), len(w.Body.Milestones))
	g.Body.Milestones, w.Body.Milestones = nil, nil
	same(t, "instance", g, w)
}

func updateChanges(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	slice.Rows = append(slice.Rows, insert(full("fund", "prog")))
	commit(t, s, slice)
	want := full("fund", "prog")
	want.State, want.Version, want.Touched = "published", 8, 2
	want.Body = workflow.Body{Data: workflow.Values{"purpose": "new"}, Aggregates: map[string]int64{"received": 1}, Entered: testdb.Now()}
	commit(t, s, Step(head(slice), "c2", update(want)))
	sameInstance(t, must(s.Instance(context.Background(), Community, "fund"))(t), want)
	next := head(Step(head(slice), "c2"))
	commit(t, s, Step(next, "c3", remove(want)))
	if got := must(s.Instance(context.Background(), Community, "fund"))(t); got != nil {
		t.Errorf("a deleted row is still there: %v", got)
	}
}

func operationsFold(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	changed := instance("a", "prog", "prog")
	changed.State = "changed"
	slice := Create("prog")
	slice.Rows = append(slice.Rows, insert(instance("a", "prog", "prog")), update(changed),
		insert(instance("b", "prog", "prog")), remove(instance("b", "prog", "prog")))
	commit(t, s, slice)
	back := instance("a", "prog", "prog")
	back.State = "back"
	commit(t, s, Step(head(slice), "c2", remove(changed), insert(back)))
	got := load(t, s, workflow.Key{Kind: workflow.KeyChildren, A: "prog", B: "visit"})[0].Instances
	same(t, "rows", ids(got), []string{"a"})
	same(t, "state", got[0].State, "back")
}

func exactBytes(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	entry := &slice.Chains[0].Entries[0]
	entry.Body = []byte("{ \"community\":\"樟溪\",\n\t\"reason\": \"“左邻右舍”\\u0000 <&> \U0001F3D8\" , \"n\": 1.50e3}")
	entry.MAC = []byte{0, 0xff, 0x80, '\'', '\\'}
	commit(t, s, slice)
	got := must(s.Committed(context.Background(), Community, "prog", entry.Command))(t)
	if got == nil {
		t.Fatal("the entry is not there")
	}
	same(t, "entry", *got, *entry)
	same(t, "history", must(s.History(context.Background(), Community, "prog", 1, 10))(t), []engine.StoredEntry{*entry})
	same(t, "of its target", must(s.HistoryOf(context.Background(), Community, "prog", "prog", 1, 10))(t), []engine.StoredEntry{*entry})
	if other := must(s.Committed(context.Background(), Community, "prog", "other"))(t); other != nil {
		t.Errorf("found an entry that does not exist: %v", other)
	}
}

func headComesBack(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	h := &slice.Chains[0].Head
	h.Bundle, h.Code, h.Frozen = "sha256:ab", "左邻右舍", testdb.Now().Add(123*time.Microsecond)
	commit(t, s, slice)
	got := must(s.Heads(context.Background(), Community, []string{"prog", "none"}))(t)
	same(t, "heads", got, map[string]engine.Head{"prog": *h})
	same(t, "roots", must(s.Roots(context.Background(), Community))(t), []engine.Head{*h})
	same(t, "by code", must(s.RootByCode(context.Background(), Community, "左邻右舍"))(t), h)
	if other := must(s.RootByCode(context.Background(), Community, ""))(t); other != nil {
		t.Errorf("found a root without a code: %v", other)
	}
	next := Step(*h, "c2")
	next.Chains[0].Head.Bundle, next.Chains[0].Head.Frozen = "sha256:cd", time.Time{}
	commit(t, s, next)
	same(t, "after a step", must(s.Heads(context.Background(), Community, []string{"prog"}))(t)["prog"], next.Chains[0].Head)
}

func unknownUpdate(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	commit(t, s, slice)
	if err := outcomes(t, s, Step(head(slice), "c2", update(instance("ghost", "prog", "prog"))))[0]; err == nil {
		t.Error("an update of a row that does not exist went through")
	}
	same(t, "seq", seqOf(t, s, "prog"), int64(1))
}

func distinctCounts(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	slice.Distinct = []engine.DistinctWrite{
		{Instance: "prog", Aggregate: "visitors", Value: "王", N: 1},
		{Instance: "prog", Aggregate: "visitors", Value: "李", N: 2},
		{Instance: "prog", Aggregate: "other", Value: "王", N: 9},
		{Instance: "prog", Aggregate: "visitors", Value: "王", N: 3},
	}
	commit(t, s, slice)
	all := workflow.Key{Kind: workflow.KeyDistinct, A: "prog", B: "visitors"}
	one, none := all, all
	one.C, none.C = "李", "张"
	got := load(t, s, all, one, none)
	same(t, "all", got[0].Distinct, map[string]int64{"王": 3, "李": 2})
	same(t, "one", got[1].Distinct, map[string]int64{"李": 2})
	same(t, "none", got[2].Distinct, map[string]int64{})
	next := Step(head(slice), "c2")
	next.Distinct = []engine.DistinctWrite{{Instance: "prog", Aggregate: "visitors", Value: "王"}, {Instance: "prog", Aggregate: "visitors", Value: "nobody"}}
	commit(t, s, next)
	same(t, "rows", must(s.DistinctRows(context.Background(), Community, "prog"))(t), []engine.DistinctWrite{
		{Instance: "prog", Aggregate: "other", Value: "王", N: 9}, {Instance: "prog", Aggregate: "visitors", Value: "李", N: 2},
	})
}

func bundleOnce(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	if got := must(s.Bundle(ctx, "h"))(t); got != nil {
		t.Errorf("found a bundle that does not exist: %v", got)
	}
	files := map[string][]byte{"visit/visit.yaml": []byte("title: 探访\n"), "empty": {}}
	for range 2 {
		if err := s.PutBundle(ctx, "h", 1, files); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "bundle", must(s.Bundle(ctx, "h"))(t), files)
}

func searchTerms(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	slice := Create("prog")
	slice.Rows = append(slice.Rows, insert(instance("p1", "prog", "prog")), insert(instance("p2", "prog", "prog")))
	slice.Terms = []engine.SearchTerm{
		{Instance: "p1", Kind: "name", Term: "old"},
		{Instance: "p1", Kind: "name", Term: "王小明 100%"},
		{Instance: "p1", Kind: "mobile", Term: "hash"},
		{Instance: "p2", Kind: "mobile", Term: "hash"},
		{Instance: "p2", Kind: "name", Term: "李小_红"},
	}
	commit(t, s, slice)
	same(t, "by a part", must(s.Search(ctx, Community, "name", "小明", 9))(t), []engine.SearchTerm{{Instance: "p1", Kind: "name", Term: "王小明 100%"}})
	same(t, "a percent sign is itself", must(s.Search(ctx, Community, "name", "0%", 9))(t), []engine.SearchTerm{{Instance: "p1", Kind: "name", Term: "王小明 100%"}})
	same(t, "an underscore is itself", must(s.Search(ctx, Community, "name", "小_", 9))(t), []engine.SearchTerm{{Instance: "p2", Kind: "name", Term: "李小_红"}})
	same(t, "shared", must(s.Find(ctx, Community, "mobile", "hash"))(t),
		[]engine.SearchTerm{{Instance: "p1", Kind: "mobile", Term: "hash"}, {Instance: "p2", Kind: "mobile", Term: "hash"}})
	next := Step(head(slice), "c2", remove(instance("p2", "prog", "prog")))
	next.Terms = []engine.SearchTerm{{Instance: "p1", Kind: "mobile"}}
	commit(t, s, next)
	same(t, "left", must(s.SearchTerms(ctx, Community, "p1"))(t), []engine.SearchTerm{{Instance: "p1", Kind: "name", Term: "王小明 100%"}})
	same(t, "of a deleted row", must(s.SearchTerms(ctx, Community, "p2"))(t), []engine.SearchTerm{})
}

func references(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	event := instance("e1", "prog", "prog")
	event.Workflow = "event"
	slice.Rows = append(slice.Rows, insert(instance("v1", "prog", "prog")), insert(instance("v2", "prog", "prog")), insert(event))
	slice.Refs = []engine.RefWrite{
		{Instance: "v1", Targets: []string{"old"}},
		{Instance: "v1", Targets: []string{"fund", "person", "fund"}},
		{Instance: "v2", Targets: []string{"fund"}},
		{Instance: "e1", Targets: []string{"fund"}},
	}
	commit(t, s, slice)
	of := func(target, workflowName string) []string {
		return ids(load(t, s, workflow.Key{Kind: workflow.KeyReferrers, A: target, B: workflowName})[0].Instances)
	}
	same(t, "visits on the fund", of("fund", "visit"), []string{"v1", "v2"})
	same(t, "events on the fund", of("fund", "event"), []string{"e1"})
	same(t, "replaced", of("old", "visit"), []string{})
	next := Step(head(slice), "c2", remove(event))
	next.Refs = []engine.RefWrite{{Instance: "v1", Targets: []string{"person"}}, {Instance: "v2"}}
	commit(t, s, next)
	same(t, "visits on the fund, later", of("fund", "visit"), []string{})
	same(t, "visits on the person", of("person", "visit"), []string{"v1"})
	same(t, "of a deleted row", of("fund", "event"), []string{})
}

func reads(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	b := instance("b", "prog", "prog")
	b.Key = "k"
	slice := Create("prog")
	slice.Rows = append(slice.Rows, insert(instance("c", "prog", "b")), insert(instance("a", "prog", "prog")), insert(b))
	commit(t, s, slice, Create("other"))
	same(t, "communities", must(s.Communities(ctx))(t), []string{Community})
	same(t, "children", ids(must(s.Children(ctx, Community, "prog", "visit"))(t)), []string{"a", "b"})
	same(t, "children of any kind", ids(must(s.Children(ctx, Community, "prog", ""))(t)), []string{"a", "b"})
	same(t, "by key", must(s.FindByKey(ctx, Community, "prog", "visit", "k"))(t).ID, "b")
	if got := must(s.FindByKey(ctx, Community, "prog", "visit", ""))(t); got != nil {
		t.Errorf("found a row without a key by its key: %v", got)
	}
	var under []string
	for i, err := range s.Subtree(ctx, Community, "prog") {
		if err != nil {
			t.Fatal(err)
		}
		under = append(under, i.ID)
	}
	same(t, "subtree", under, []string{"a", "b", "c", "prog"})
	for _, err := range s.Subtree(ctx, Community, "prog") {
		same(t, "error", err, nil)
		break // must give its connection back
	}
	if must(s.Empty(ctx))(t) {
		t.Error("a database with a programme counts as empty")
	}
}
