package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// Community is the one that most cases play in.
const Community = "zhangxi"

// Create is a slice that begins a chain with its root instance.
func Create(root string) engine.Slice { return CreateIn(Community, root) }

// CreateIn is Create in another community.
func CreateIn(in, root string) engine.Slice {
	i := instance(root, root, "")
	i.Community = in
	s := Step(engine.Head{Community: in, Root: root}, root+"/create", insert(i))
	s.Chains[0].New = true
	return s
}

// Step is a slice that appends one entry to a chain.
func Step(head engine.Head, command string, rows ...engine.RowWrite) engine.Slice {
	return engine.Slice{Community: head.Community, Chains: []engine.Chain{link(head, command)}, Rows: rows}
}

// link is the chain part of a step.
func link(head engine.Head, command string) engine.Chain {
	next := head
	next.Seq++
	next.MAC = fmt.Appendf(nil, "mac of %s %d", head.Root, next.Seq)
	next.Recorded = testdb.Now().Add(time.Duration(next.Seq) * time.Second)
	return engine.Chain{Head: next, Expect: head.Seq, Entries: []engine.StoredEntry{{
		Root: head.Root, Seq: next.Seq, Command: command, Target: head.Root, Recorded: next.Recorded,
		Body: fmt.Appendf(nil, `{"format":1,"community":%q,"root":%q,"seq":%d,"command":%q}`, head.Community, head.Root, next.Seq, command),
		MAC:  next.MAC,
	}}}
}

// head is where the first chain of a slice stands after it.
func head(s engine.Slice) engine.Head { return s.Chains[0].Head }

func instance(id, root, parent string) *workflow.Instance {
	return &workflow.Instance{ID: id, Community: Community, Root: root, Parent: parent, Workflow: "visit", State: "listed", Version: 1, Touched: 1}
}

func insert(i *workflow.Instance) engine.RowWrite {
	return engine.RowWrite{Op: engine.RowInsert, Instance: i}
}

func update(i *workflow.Instance) engine.RowWrite {
	return engine.RowWrite{Op: engine.RowUpdate, Instance: i}
}

func remove(i *workflow.Instance) engine.RowWrite {
	return engine.RowWrite{Op: engine.RowDelete, Instance: i}
}

// commit commits slices that must all succeed.
func commit(t testing.TB, s *store.Store, slices ...engine.Slice) {
	t.Helper()
	for n, err := range outcomes(t, s, slices...) {
		if err != nil {
			t.Fatalf("slice %d: %v", n, err)
		}
	}
}

// outcomes commits slices of which some may be left out.
func outcomes(t testing.TB, s *store.Store, slices ...engine.Slice) []error {
	t.Helper()
	errs, err := s.Commit(context.Background(), slices)
	if err != nil {
		t.Fatalf("commit: %v", err)
	}
	if len(errs) != len(slices) {
		t.Fatalf("%d outcomes of %d slices", len(errs), len(slices))
	}
	return errs
}

// conflict commits one slice that must be refused as a conflict.
func conflict(t testing.TB, s *store.Store, slice engine.Slice) {
	t.Helper()
	if err := outcomes(t, s, slice)[0]; !errors.Is(err, engine.ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
}

// must passes a value on, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// same fails the test if two values differ, taking empty and missing collections as equal.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// seqOf is where a chain stands in the database.
func seqOf(t testing.TB, s *store.Store, root string) int64 {
	t.Helper()
	heads, err := s.Heads(context.Background(), Community, []string{root})
	if err != nil {
		t.Fatal(err)
	}
	return heads[root].Seq
}

func load(t testing.TB, s *store.Store, keys ...workflow.Key) []workflow.Answer {
	t.Helper()
	answers, err := s.Load(context.Background(), Community, keys)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func ids(instances []*workflow.Instance) []string {
	out := []string{}
	for _, i := range instances {
		out = append(out, i.ID)
	}
	return out
}
