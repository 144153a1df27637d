package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func waitingCases() []Case {
	return []Case{
		{"what waits is found across programmes, page by page", waiting},
		{"a hundred states are asked for at once", waitingInMany},
		{"what nobody waits for is not found", waitingForNobody},
		{"what waits in the table but not in its state is passed over", waitingElsewhere},
		{"waiting where it waits already, or leaving where it did not wait, is no mistake", waitingTwice},
		{"the table of what waits can be held against the instances", waitRows},
	}
}

// standing is the slice with every instance that it makes waiting in its state.
func standing(s engine.Slice) engine.Slice {
	for _, w := range s.Rows {
		s.Waits = append(s.Waits, engine.WaitWrite{Instance: w.Instance.ID, Workflow: w.Instance.Workflow, To: w.Instance.State})
	}
	return s
}

func waiting(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	family(t, s)
	in := []store.StateOf{{Workflow: "shift", State: "booked"}, {Workflow: "visit", State: "booked"}, {Workflow: "shift", State: "booked"}}
	want := []string{"a0", "home1", "shift0", "shift2", "shift4", "visit2", "z0"}
	for size := 1; size <= 8; size++ {
		var got []string
		for after := ""; ; {
			page := must(s.Waiting(context.Background(), Community, in, after, size))(t)
			got = append(got, ids(page)...)
			if len(page) < size {
				break
			}
			after = got[len(got)-1]
		}
		same(t, fmt.Sprintf("%d at a time", size), got, want)
	}
	first := must(s.Waiting(context.Background(), Community, in, "", 1))(t)[0]
	same(t, "root", first.Root, "second")
	moved := instance("a0", "second", "second")
	moved.Workflow, moved.State = "shift", "done"
	step := Step(engine.Head{Community: Community, Root: "second", Seq: 1}, "done", update(moved))
	step.Waits = []engine.WaitWrite{{Instance: "a0", Workflow: "shift", From: "booked", To: "done"}}
	commit(t, s, step)
	same(t, "once it has moved on", ids(must(s.Waiting(context.Background(), Community, in, "", 1))(t)), []string{"home1"})
	for name, got := range map[string][]*workflow.Instance{
		"no states": must(s.Waiting(context.Background(), Community, nil, "", 9))(t),
		"no limit":  must(s.Waiting(context.Background(), Community, in, "", 0))(t),
		"elsewhere": must(s.Waiting(context.Background(), "nowhere", in, "", 9))(t),
	} {
		same(t, name, ids(got), []string{})
	}
}

func waitingInMany(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	var in []store.StateOf
	var want []string
	for n := range 100 { // the last states have the first ids
		i := instance(fmt.Sprintf("i%02d", 99-n), "prog", "prog")
		i.State = fmt.Sprint("state", n)
		slice.Rows = append(slice.Rows, insert(i))
		in = append(in, store.StateOf{Workflow: i.Workflow, State: i.State})
		want = append(want, i.ID)
	}
	commit(t, s, standing(slice))
	slices.Sort(want)
	same(t, "first", ids(must(s.Waiting(context.Background(), Community, in, "", 30))(t)), want[:30])
	same(t, "rest", ids(must(s.Waiting(context.Background(), Community, in, want[29], 99))(t)), want[30:])
}

func waitingForNobody(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	slice.Rows = append(slice.Rows, insert(instance("a", "prog", "prog")), insert(instance("b", "prog", "prog")))
	slice.Waits = []engine.WaitWrite{{Instance: "b", Workflow: "visit", To: "listed"}}
	commit(t, s, slice)
	in := []store.StateOf{{Workflow: "visit", State: "listed"}}
	same(t, "waiting", ids(must(s.Waiting(context.Background(), Community, in, "", 9))(t)), []string{"b"})
	step := Step(head(slice), "gone", remove(instance("b", "prog", "prog")))
	step.Waits = []engine.WaitWrite{{Instance: "b", Workflow: "visit", From: "listed"}}
	commit(t, s, step)
	same(t, "waiting", ids(must(s.Waiting(context.Background(), Community, in, "", 9))(t)), []string{})
}

func waitingElsewhere(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	for _, id := range []string{"a", "b", "c", "d"} {
		slice.Rows = append(slice.Rows, insert(instance(id, "prog", "prog")))
	}
	commit(t, s, standing(slice))
	for _, row := range []string{"'visit', 'booked', 'a'", "'visit', 'booked', 'b'", "'visit', 'booked', 'nobody'", "'shift', 'listed', 'c'"} {
		Raw(t, db, "insert into waiting (community, workflow, state, instance) values ('"+Community+"', "+row+")")
	}
	ctx := context.Background()
	booked, listed := store.StateOf{Workflow: "visit", State: "booked"}, store.StateOf{Workflow: "visit", State: "listed"}
	for size := 1; size <= 6; size++ {
		same(t, fmt.Sprintf("booked, %d at a time", size), ids(must(s.Waiting(ctx, Community, []store.StateOf{booked}, "", size))(t)), []string{})
		want := []string{"a", "b", "c", "d", "prog"}
		same(t, fmt.Sprintf("either, %d at a time", size), ids(must(s.Waiting(ctx, Community, []store.StateOf{booked, listed}, "", size))(t)), want[:min(size, 5)])
	}
}

func waitingTwice(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := standing(Create("prog"))
	commit(t, s, slice)
	step := Step(head(slice), "again")
	step.Waits = []engine.WaitWrite{{Instance: "prog", Workflow: "visit", From: "never", To: "listed"}}
	commit(t, s, step)
	in := []store.StateOf{{Workflow: "visit", State: "listed"}}
	same(t, "waiting", ids(must(s.Waiting(context.Background(), Community, in, "", 9))(t)), []string{"prog"})
}

func waitRows(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	slice := Create("prog")
	for _, id := range []string{"a", "b"} {
		slice.Rows = append(slice.Rows, insert(instance(id, "prog", "prog")))
	}
	commit(t, s, standing(slice), standing(Create("other")))
	row := func(id, state string) engine.WaitRow {
		return engine.WaitRow{Instance: id, Workflow: "visit", State: state, Root: "prog"}
	}
	same(t, "rows", must(s.WaitRows(ctx, Community, "prog"))(t), []engine.WaitRow{row("a", "listed"), row("b", "listed"), row("prog", "listed")})
	same(t, "misplaced", must(s.MisplacedWaits(ctx, Community))(t), []engine.WaitRow{})
	Raw(t, db, "update waiting set state = 'booked' where instance = 'a'")
	same(t, "rows", must(s.WaitRows(ctx, Community, "prog"))(t), []engine.WaitRow{row("b", "listed"), row("prog", "listed")})
	same(t, "misplaced", must(s.MisplacedWaits(ctx, Community))(t), []engine.WaitRow{row("a", "booked")})
}
