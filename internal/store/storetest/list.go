package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
)

func listCases() []Case {
	return []Case{
		{"pages of a list hold everything once, in order", listPages},
		{"a list holds what was asked for and nothing else", listFilters},
		{"a list needs a root or a parent", listScope},
		{"instances come in the order of the ids asked for", instancesInOrder},
		{"programmes come by code, without the registry and undone ones", programmes},
		{"the bundles in store are named", bundleHashes},
		{"the latest use of a token stays", tokenUses},
		{"hundreds of token uses are kept in one call", manyTokenUses},
		{"a ping says whether the database answers", ping},
		{"listening ends with its context", listenEnds},
	}
}

// family writes two programmes with children of several workflows, slots, keys and states, and one of another community.
func family(t testing.TB, s *store.Store) {
	t.Helper()
	first, second := Create("prog"), Create("second")
	add := func(slice *engine.Slice, id, parent, of, slot, key, state string) {
		i := instance(id, slice.Chains[0].Head.Root, parent)
		i.Community = slice.Community
		i.Workflow, i.Slot, i.Key, i.State = of, slot, key, state
		slice.Rows = append(slice.Rows, insert(i))
	}
	for n := range 5 { // ids against the order of keys
		add(&first, fmt.Sprint("shift", n), "prog", "shift", "", []string{"", "e", "b", "", "a"}[n], []string{"booked", "done"}[n%2])
	}
	add(&first, "visit1", "prog", "visit", "visit", "round_1", "draft")
	add(&first, "visit2", "prog", "visit", "visit", "round_2", "booked")
	add(&first, "home1", "visit1", "shift", "", "", "booked")
	add(&second, "a0", "second", "shift", "", "", "booked")
	add(&second, "z0", "second", "visit", "visit", "round_1", "booked")
	other := CreateIn("elsewhere", "far")
	add(&other, "m0", "far", "shift", "", "", "booked")
	commit(t, s, standing(first), standing(second), standing(other))
}

// pages asks for a list page by page.
func pages(t testing.TB, s *store.Store, q store.ListQuery, size int) []string {
	t.Helper()
	q.Limit = size
	var out []string
	for {
		page := must(s.List(context.Background(), Community, q))(t)
		out = append(out, ids(page)...)
		if len(page) < size {
			return out
		}
		if len(page) > size || len(out) > 100 {
			t.Fatalf("a page of %d, asked for %d; %v so far", len(page), size, out)
		}
		q.After = store.CursorOf(page[len(page)-1])
	}
}

func listPages(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	family(t, s)
	for name, c := range map[string]struct {
		query store.ListQuery
		want  []string
	}{
		"under one parent, by key and then id": {
			store.ListQuery{Parent: "prog", Workflow: "shift"}, []string{"shift0", "shift3", "shift4", "shift2", "shift1"},
		},
		"of one root, by id": {
			store.ListQuery{Root: "prog"}, []string{"home1", "prog", "shift0", "shift1", "shift2", "shift3", "shift4", "visit1", "visit2"},
		},
		"of one root and workflow, by id": {
			store.ListQuery{Root: "prog", Workflow: "shift"}, []string{"home1", "shift0", "shift1", "shift2", "shift3", "shift4"},
		},
		"under one parent, of any workflow": {
			store.ListQuery{Parent: "prog"}, []string{"shift0", "shift1", "shift2", "shift3", "shift4", "visit1", "visit2"},
		},
	} {
		for size := 1; size <= 4; size++ {
			same(t, fmt.Sprintf("%s, %d at a time", name, size), pages(t, s, c.query, size), c.want)
		}
		same(t, name+", at once", pages(t, s, c.query, 50), c.want)
	}
}

func listFilters(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	family(t, s)
	var many []string
	for n := range 70 {
		many = append(many, fmt.Sprint("state", n))
	}
	for name, c := range map[string]struct {
		query store.ListQuery
		want  []string
	}{
		"a state":            {store.ListQuery{Root: "prog", States: []string{"done"}}, []string{"shift1", "shift3"}},
		"states of children": {store.ListQuery{Parent: "prog", Workflow: "shift", States: []string{"booked", "draft"}}, []string{"shift0", "shift4", "shift2"}},
		"seventy states":     {store.ListQuery{Root: "prog", Workflow: "visit", States: append(many, "draft")}, []string{"visit1"}},
		"a slot of a parent": {store.ListQuery{Parent: "prog", Slot: "visit"}, []string{"visit1", "visit2"}},
		"a slot of a root":   {store.ListQuery{Root: "prog", Slot: "visit", States: []string{"booked"}}, []string{"visit2"}},
		"a root and parent":  {store.ListQuery{Root: "prog", Parent: "visit1", Workflow: "shift"}, []string{"home1"}},
		"another root":       {store.ListQuery{Root: "second", Parent: "visit1", Workflow: "shift"}, nil},
		"another community":  {store.ListQuery{Root: "far"}, nil},
		"no such root":       {store.ListQuery{Root: "none"}, nil},
	} {
		same(t, name, pages(t, s, c.query, 2), c.want)
	}
	if got := must(s.List(context.Background(), Community, store.ListQuery{Root: "prog"}))(t); len(got) != 0 {
		t.Errorf("without a limit: got %v", ids(got))
	}
}

func listScope(t *testing.T, db *testdb.Database) {
	if _, err := db.Open(t).List(context.Background(), Community, store.ListQuery{Workflow: "shift", Limit: 1}); err == nil {
		t.Error("it went through a community")
	}
}

func instancesInOrder(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	family(t, s)
	got := must(s.Instances(context.Background(), Community, []string{"visit2", "m0", "none", "a0", "visit1", "a0"}))(t)
	same(t, "ids", ids(got), []string{"visit2", "a0", "visit1", "a0"})
	same(t, "of nothing", ids(must(s.Instances(context.Background(), Community, nil))(t)), []string{})
}

func programmes(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	var slices []engine.Slice
	for root, code := range map[string]string{"p1": "邻里", "p2": "b", "p3": "a", "undone": "", Community: "registry"} {
		slice := Create(root)
		slice.Chains[0].Head.Code = code
		slices = append(slices, slice)
	}
	far := CreateIn("elsewhere", "far")
	far.Chains[0].Head.Code = "a"
	commit(t, s, append(slices, far)...)
	var got []string
	for after := ""; ; {
		page := must(s.Programmes(context.Background(), Community, after, 2))(t)
		for _, h := range page {
			got = append(got, h.Root)
			after = h.Code
		}
		if len(page) < 2 {
			break
		}
	}
	same(t, "programmes", got, []string{"p3", "p2", "p1"})
	if got := must(s.Programmes(context.Background(), Community, "", 0))(t); len(got) != 0 {
		t.Errorf("without a limit: got %v", got)
	}
}

func bundleHashes(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	same(t, "at first", must(s.BundleHashes(ctx))(t), []string{})
	for _, hash := range []string{"h2", "h1"} {
		if err := s.PutBundle(ctx, hash, 1, map[string][]byte{"a": []byte("b")}); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "hashes", must(s.BundleHashes(ctx))(t), []string{"h1", "h2"})
}

func tokenUses(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	at := func(seconds int) time.Time {
		return testdb.Now().Add(time.Duration(seconds)*time.Second + time.Microsecond)
	}
	use := func(community, token string, seconds int) store.TokenUse {
		return store.TokenUse{Community: community, Token: token, Used: at(seconds)}
	}
	for _, used := range [][]store.TokenUse{
		nil,
		{use(Community, "a", 5), use(Community, "a", 9), use(Community, "a", 7), use("elsewhere", "a", 1)},
		{use(Community, "a", 8), use(Community, "b", 3)},
		{use(Community, "b", 4), {Community: Community, Token: "never"}},
	} {
		if err := s.TokensUsed(ctx, used); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "uses", must(s.TokenUses(ctx, Community, []string{"b", "none", "a", "never"}))(t), map[string]time.Time{"a": at(9), "b": at(4)})
	same(t, "elsewhere", must(s.TokenUses(ctx, "elsewhere", []string{"a"}))(t), map[string]time.Time{"a": at(1)})
	same(t, "of none", must(s.TokenUses(ctx, Community, nil))(t), map[string]time.Time{})
	if err := s.TokensUsed(ctx, []store.TokenUse{{Community: Community, Token: "a\x00", Used: at(1)}}); !errors.Is(err, store.ErrText) {
		t.Errorf("text that cannot be stored: got %v", err)
	}
}

func manyTokenUses(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	var used []store.TokenUse
	var tokens []string
	for n := range 150 {
		tokens = append(tokens, fmt.Sprint("token", n))
		used = append(used, store.TokenUse{Community: Community, Token: tokens[n], Used: testdb.Now().Add(time.Duration(n) * time.Second)})
	}
	for range 2 {
		if err := s.TokensUsed(ctx, used); err != nil {
			t.Fatal(err)
		}
	}
	got := must(s.TokenUses(ctx, Community, tokens))(t)
	same(t, "number", len(got), 150)
	same(t, "the last", got["token149"], used[149].Used)
}

func ping(t *testing.T, db *testdb.Database) {
	s, err := store.Open(context.Background(), db.Config())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(context.Background()); err != nil {
		t.Errorf("open: %v", err)
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Ping(over); !errors.Is(err, context.Canceled) {
		t.Errorf("the caller does not wait: got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(context.Background()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("closed: got %v", err)
	}
}

func listenEnds(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Listen(ctx, func(string, string) {}) }()
	select {
	case err := <-done:
		t.Fatalf("it ended by itself: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it did not end")
	}
	over, cancelOver := context.WithCancel(context.Background())
	cancelOver()
	if err := s.Listen(over, func(string, string) { t.Error("a hint after the end") }); err != nil {
		t.Error(err)
	}
}
