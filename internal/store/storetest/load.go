package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func loadCases() []Case {
	return []Case{
		{"every kind of key is answered in the order asked", everyKey},
		{"hundreds of keys are answered in one call", manyKeys},
		{"a prefix matches by characters, not by collation", prefixes},
		{"nothing leaks from one community to another", communitiesApart},
	}
}

func everyKey(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	for _, row := range []struct{ id, parent, of, slot, key string }{
		{"v1", "prog", "visit", "visit", "round_1"},
		{"v2", "prog", "visit", "visit", "round_2"},
		{"f1", "prog", "fundraise", "fundraise", "fund"},
		{"p1", "prog", "participation", "", "person1"},
		{"i1", "v1", "household_visit", "", ""},
		{"i2", "v1", "household_visit", "", ""},
	} {
		i := instance(row.id, "prog", row.parent)
		i.Workflow, i.Slot, i.Key = row.of, row.slot, row.key
		slice.Rows = append(slice.Rows, insert(i))
	}
	commit(t, s, slice)
	type k = workflow.Key
	cases := []struct {
		key  k
		want []string
	}{
		{k{Kind: workflow.KeyInstance, A: "v1"}, []string{"v1"}},
		{k{Kind: workflow.KeyInstance, A: "ghost"}, []string{}},
		{k{Kind: workflow.KeyByKey, A: "prog", B: "visit", C: "round_2"}, []string{"v2"}},
		{k{Kind: workflow.KeyByKey, A: "prog", B: "fundraise", C: "round_2"}, []string{}},
		{k{Kind: workflow.KeyPrefix, A: "prog", B: "visit", C: "round_"}, []string{"v1", "v2"}},
		{k{Kind: workflow.KeyPrefix, A: "prog", B: "visit", C: "round_2"}, []string{"v2"}},
		{k{Kind: workflow.KeyPrefix, A: "v1", B: "household_visit", C: ""}, []string{"i1", "i2"}},
		{k{Kind: workflow.KeyChildren, A: "v1", B: "household_visit"}, []string{"i1", "i2"}},
		{k{Kind: workflow.KeyChildren, A: "prog", B: "visit"}, []string{"v1", "v2"}},
		{k{Kind: workflow.KeySlot, A: "prog"}, []string{"f1", "v1", "v2"}},
		{k{Kind: workflow.KeySlot, A: "v1"}, []string{}},
		{k{Kind: workflow.KeyInstance, A: "v1"}, []string{"v1"}}, // asked twice
	}
	keys := []k{{Kind: workflow.KeyEntry, A: "prog", B: "prog/create"}, {Kind: workflow.KeyEntry, A: "prog", B: "none"}}
	for _, c := range cases {
		keys = append(keys, c.key)
	}
	got := load(t, s, keys...)
	if got[0].Entry == nil || got[0].Entry.Command != "prog/create" || got[0].Entry.Seq != 1 {
		t.Errorf("entry: got %+v", got[0].Entry)
	}
	if got[1].Entry != nil {
		t.Errorf("an entry that does not exist: got %+v", got[1].Entry)
	}
	for n, c := range cases {
		same(t, fmt.Sprint(c.key), ids(got[n+2].Instances), c.want)
	}
	same(t, "no keys at all", len(load(t, s)), 0)
}

func manyKeys(t *testing.T, db *testdb.Database) {
	const n = 333 // not a round number of batches
	s := db.Open(t)
	slice := Create("prog")
	var keys []workflow.Key
	for i := range n {
		row := instance(fmt.Sprintf("i%03d", i), "prog", "prog")
		row.Key = fmt.Sprintf("k%03d", i)
		slice.Rows = append(slice.Rows, insert(row))
		keys = append(keys, workflow.Key{Kind: workflow.KeyInstance, A: row.ID}, workflow.Key{Kind: workflow.KeyByKey, A: "prog", B: "visit", C: row.Key})
	}
	commit(t, s, slice)
	for i, a := range load(t, s, keys...) {
		if want := fmt.Sprintf("i%03d", i/2); len(a.Instances) != 1 || a.Instances[0].ID != want {
			t.Fatalf("answer %d: got %v, want %s", i, ids(a.Instances), want)
		}
	}
}

func prefixes(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	for n, key := range []string{"a", "a/", "a/1", "a/\U0010FFFF", "a0", "A/1", "b", "é", "中/1", "中\uD7FF", "\U0010FFFF", "\U0010FFFFx"} {
		i := instance(fmt.Sprintf("i%02d", n), "prog", "prog")
		i.Key = key
		slice.Rows = append(slice.Rows, insert(i))
	}
	commit(t, s, slice)
	for prefix, want := range map[string][]string{
		"a/": {"a/", "a/1", "a/\U0010FFFF"}, "a": {"a", "a/", "a/1", "a/\U0010FFFF", "a0"}, "A": {"A/1"}, "e": {},
		"中": {"中/1", "中\uD7FF"}, "中\uD7FF": {"中\uD7FF"}, "a/\U0010FFFF": {"a/\U0010FFFF"}, "\U0010FFFF": {"\U0010FFFF", "\U0010FFFFx"},
	} {
		got := []string{}
		for _, i := range load(t, s, workflow.Key{Kind: workflow.KeyPrefix, A: "prog", B: "visit", C: prefix})[0].Instances {
			got = append(got, i.Key)
		}
		same(t, fmt.Sprintf("prefix %q", prefix), got, want)
	}
}

func communitiesApart(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	commit(t, s, Create("prog"))
	other := Step(engine.Head{Community: "other", Root: "prog"}, "prog/create", insert(&workflow.Instance{ID: "prog", Community: "other", Root: "prog", Workflow: "w", State: "s"}))
	other.Chains[0].New = true
	commit(t, s, other)
	answers := must(s.Load(ctx, "other", []workflow.Key{{Kind: workflow.KeyInstance, A: "prog"}}))(t)
	same(t, "workflow", answers[0].Instances[0].Workflow, "w")
	same(t, "communities", must(s.Communities(ctx))(t), []string{"other", Community})
	same(t, "roots", len(must(s.Roots(ctx, "other"))(t)), 1)

	foreign := Step(head(other), "c2", insert(instance("x", "prog", "prog"))) // the row says another community
	if err := outcomes(t, s, foreign)[0]; err == nil {
		t.Error("a row of another community went through")
	}
	stray := Step(head(other), "c2", insert(&workflow.Instance{ID: "y", Community: "other", Root: "elsewhere"}))
	if err := outcomes(t, s, stray)[0]; err == nil {
		t.Error("a row of a root that the slice does not write went through")
	}
}
