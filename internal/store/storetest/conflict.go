package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

func conflictCases() []Case {
	return []Case{
		{"a seq that has moved on is a conflict", movedOn},
		{"a chain that is not there, or there already, is a conflict", existence},
		{"a registry chain is written by one slice of a batch", registryOnce},
		{"a key under a parent is taken once", keyTaken},
		{"a short name is taken once", codeTaken},
		{"a command is recorded once in a chain", commandOnce},
		{"an idempotency key is taken once until it expires", idempotencyKeys},
		{"stored answers are forgotten in the order in which they came", idempotencyExpires},
		{"an idempotency key is taken once in a batch", idempotencyInBatch},
		{"a chain that does not add up is refused", crookedChains},
	}
}

func movedOn(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	commit(t, s, slice)
	first, second := Step(head(slice), "c2"), Step(head(slice), "c3")
	commit(t, s, first)
	conflict(t, s, second)
	ahead := Step(engine.Head{Community: Community, Root: "prog", Seq: 7}, "c8")
	conflict(t, s, ahead)
	same(t, "seq", seqOf(t, s, "prog"), int64(2))
}

func existence(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	conflict(t, s, Step(engine.Head{Community: Community, Root: "ghost"}, "c1"))
	commit(t, s, Create("prog"))
	conflict(t, s, Create("prog"))
	same(t, "seq", seqOf(t, s, "prog"), int64(1))
}

// withRegistry adds an entry in the registry's chain to a slice.
func withRegistry(slice engine.Slice, registry engine.Head, rows ...engine.RowWrite) engine.Slice {
	slice.Chains = append(slice.Chains, link(registry, slice.Chains[0].Entries[0].Command))
	slice.Rows = append(slice.Rows, rows...)
	return slice
}

func registryOnce(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	registry, a, b := Create(Community), Create("a"), Create("b")
	commit(t, s, registry, a, b)
	errs := outcomes(t, s, withRegistry(Step(head(a), "a2"), head(registry)), withRegistry(Step(head(b), "b2"), head(registry)))
	if errs[0] != nil || !errors.Is(errs[1], engine.ErrConflict) {
		t.Fatalf("got %v, want the first to be written and the second to conflict", errs)
	}
	same(t, "registry", seqOf(t, s, Community), int64(2))
	same(t, "first", seqOf(t, s, "a"), int64(2))
	same(t, "second", seqOf(t, s, "b"), int64(1))
}

func keyTaken(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	a := instance("a", "prog", "prog")
	a.Key = "fund_visit"
	slice := Create("prog")
	slice.Rows = append(slice.Rows, insert(a))
	commit(t, s, slice)
	b := instance("b", "prog", "prog")
	b.Key = "fund_visit"
	conflict(t, s, Step(head(slice), "c2", insert(b)))
	b.Workflow = "another" // keys are unique under (parent, workflow)
	nameless, nameless2 := instance("n1", "prog", "prog"), instance("n2", "prog", "prog")
	commit(t, s, Step(head(slice), "c2", insert(b), insert(nameless), insert(nameless2)))
}

func codeTaken(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	a, b, other := Create("a"), Create("b"), Create("c")
	a.Chains[0].Head.Code, b.Chains[0].Head.Code = "2023-01", "2023-01"
	commit(t, s, a)
	errs := outcomes(t, s, other, b)
	if errs[0] != nil || !errors.Is(errs[1], engine.ErrCodeTaken) || errors.Is(errs[1], engine.ErrConflict) {
		t.Fatalf("got %v, want only the second to find its short name taken", errs)
	}
	x, y := Create("x"), Create("y")
	x.Chains[0].Head.Code, y.Chains[0].Head.Code = "2023-02", "2023-02"
	errs = outcomes(t, s, x, y)
	if errs[0] != nil || !errors.Is(errs[1], engine.ErrCodeTaken) {
		t.Fatalf("in one batch: got %v, want the second to find its short name taken", errs)
	}
}

func commandOnce(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	slice := Create("prog")
	commit(t, s, slice)
	conflict(t, s, Step(head(slice), "prog/create"))
	other := Create("other")
	other.Chains[0].Entries[0].Command = "prog/create" // in another chain it is another entry
	commit(t, s, other)
}

func idempotencyKeys(t *testing.T, db *testdb.Database) {
	now := testdb.Now()
	s := db.Open(t, func(c *store.Config) { c.Now = func() time.Time { return now } })
	ctx := context.Background()
	key := engine.Idempotency{Person: "王", Key: "k1", Fingerprint: "f", Root: "a", Command: "a2", Response: []byte("{\"x\":\"答\"}\x00"), Expires: now.Add(72 * time.Hour)}
	a, b := Create("a"), Create("b")
	commit(t, s, a, b)
	with := func(s engine.Slice, k engine.Idempotency) engine.Slice {
		s.Keys = []engine.Idempotency{k}
		return s
	}
	commit(t, s, with(Step(head(a), "a2"), key))
	same(t, "replayed", must(s.Replay(ctx, Community, "王", "k1", now))(t), &key)

	errs := outcomes(t, s, with(Step(head(b), "b2"), key), Create("c"))
	if !errors.Is(errs[0], engine.ErrConflict) || errs[1] != nil {
		t.Fatalf("got %v, want only the first to conflict", errs)
	}
	same(t, "left out", seqOf(t, s, "b"), int64(1))

	later := now.Add(72 * time.Hour)
	if got := must(s.Replay(ctx, Community, "王", "k1", later))(t); got != nil {
		t.Errorf("an expired answer was replayed: %v", got)
	}
	now = later
	key.Command, key.Expires = "b2", later.Add(time.Hour)
	commit(t, s, with(Step(head(b), "b2"), key))
	same(t, "replaced", must(s.Replay(ctx, Community, "王", "k1", now))(t).Command, "b2")

	same(t, "forgotten early", must(s.IdempotencyExpire(ctx, now))(t), int64(0))
	same(t, "forgotten", must(s.IdempotencyExpire(ctx, now.Add(time.Hour)))(t), int64(1))
}

func idempotencyExpires(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	now := testdb.Now()
	slice := Create("prog")
	for n := range 2500 {
		k := engine.Idempotency{Person: "p", Key: fmt.Sprintf("k%04d", n), Expires: now.Add(time.Duration(n) * time.Second)}
		if n == 3 { // a key that was used again
			k.Expires = now.Add(24 * time.Hour)
		}
		slice.Keys = append(slice.Keys, k)
	}
	commit(t, s, slice)
	for _, step := range []struct {
		at   time.Duration
		want int64
	}{{-time.Second, 0}, {9 * time.Second, 9}, {9 * time.Second, 0}, {2100 * time.Second, 2091}, {time.Hour, 399}, {24 * time.Hour, 1}} {
		same(t, fmt.Sprint("forgotten after ", step.at), must(s.IdempotencyExpire(ctx, now.Add(step.at)))(t), step.want)
	}
}

func idempotencyInBatch(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	a, b := Create("a"), Create("b")
	key := engine.Idempotency{Person: "p", Key: "k", Expires: testdb.Now().Add(time.Hour)}
	a.Keys, b.Keys = []engine.Idempotency{key}, []engine.Idempotency{key}
	errs := outcomes(t, s, a, b)
	if errs[0] != nil || !errors.Is(errs[1], engine.ErrConflict) {
		t.Fatalf("got %v, want the second to conflict", errs)
	}
}

func crookedChains(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	for name, bend := range map[string]func(*engine.Slice){
		"a gap":             func(s *engine.Slice) { s.Chains[0].Entries[0].Seq++ },
		"too far":           func(s *engine.Slice) { s.Chains[0].Head.Seq++ },
		"another root":      func(s *engine.Slice) { s.Chains[0].Entries[0].Root = "x" },
		"another community": func(s *engine.Slice) { s.Chains[0].Head.Community = "x" },
		"no chain":          func(s *engine.Slice) { s.Chains = nil },
		"an unknown change": func(s *engine.Slice) { s.Rows[0].Op = 9 },
	} {
		slice := Create("prog")
		bend(&slice)
		err := outcomes(t, s, slice)[0]
		if err == nil || errors.Is(err, engine.ErrConflict) {
			t.Errorf("%s: got %v, want an error that is no conflict", name, err)
		}
	}
	same(t, "seq", seqOf(t, s, "prog"), int64(0))
}

func readCases() []Case {
	return append(stillCases(), []Case{
		{"a consent that changed since it was read is a conflict", consentChanged},
		{"a consent that appeared since it was missed is a conflict", consentAppeared},
		{"a decision on the registry's silence conflicts with any change of it", registrySilence},
		{"a consent withdrawn in the same batch is a conflict", consentInBatch},
		{"a consent being withdrawn makes the visit wait and conflict", consentInFlight},
		{"a consent being given makes the visit wait and conflict", consentGivenInFlight},
	}...)
}

// consentSetup returns a registry with one consent, and a programme.
func consentSetup(t *testing.T, s *store.Store) (registry, prog engine.Head, withdrawn *workflow.Instance) {
	t.Helper()
	r, p := Create(Community), Create("prog")
	r.Rows = append(r.Rows, insert(instance("consent", Community, Community)))
	commit(t, s, r, p)
	withdrawn = instance("consent", Community, Community)
	withdrawn.State, withdrawn.Version = "withdrawn", 2
	return head(r), head(p), withdrawn
}

// relying is a step that relied on a registry row.
func relying(prog engine.Head, row string, version int64) engine.Slice {
	s := Step(prog, "record")
	s.Reads = []engine.Read{{Instance: row, Version: version}}
	return s
}

func consentChanged(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	registry, prog, withdrawn := consentSetup(t, s)
	commit(t, s, Step(registry, "withdraw", update(withdrawn)))
	conflict(t, s, relying(prog, "consent", 1))
	commit(t, s, relying(prog, "consent", 2))
}

func consentAppeared(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	registry, prog, _ := consentSetup(t, s)
	commit(t, s, Step(registry, "refuse", insert(instance("refusal", Community, Community))))
	conflict(t, s, relying(prog, "refusal", 0))
	commit(t, s, relying(prog, "nothing", 0))
}

func registrySilence(t *testing.T, db *testdb.Database) {
	s, hold := openHolding(t, db)
	registry, prog, _ := consentSetup(t, s)
	silent := Step(prog, "record")
	silent.RegistrySeq = registry.Seq
	refusal := Step(registry, "refuse", insert(instance("refusal", Community, Community)))
	errs := outcomes(t, s, refusal, silent)
	if errs[0] != nil || !errors.Is(errs[1], engine.ErrConflict) {
		t.Fatalf("in one batch: got %v, want the second to conflict", errs)
	}
	conflict(t, s, silent)
	silent.RegistrySeq = 2
	overtake(t, s, hold, Step(head(refusal), "withdraw refusal", remove(instance("refusal", Community, Community))), silent)
	silent.RegistrySeq = 3
	commit(t, s, silent)
}

func consentInBatch(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	registry, prog, withdrawn := consentSetup(t, s)
	errs := outcomes(t, s, Step(registry, "withdraw", update(withdrawn)), relying(prog, "consent", 1))
	if errs[0] != nil || !errors.Is(errs[1], engine.ErrConflict) {
		t.Fatalf("got %v, want the visit to conflict", errs)
	}
	registry.Seq = 2
	gone := Step(registry, "erase", remove(withdrawn))
	errs = outcomes(t, s, relying(prog, "consent", 2), gone) // relied on before it went: both stand
	if errs[0] != nil || errs[1] != nil {
		t.Fatalf("got %v, want both to be written", errs)
	}
}

func consentInFlight(t *testing.T, db *testdb.Database) {
	s, hold := openHolding(t, db)
	registry, prog, withdrawn := consentSetup(t, s)
	overtake(t, s, hold, Step(registry, "withdraw", update(withdrawn)), relying(prog, "consent", 1))
}

func consentGivenInFlight(t *testing.T, db *testdb.Database) {
	s, hold := openHolding(t, db)
	registry, prog, _ := consentSetup(t, s)
	overtake(t, s, hold, Step(registry, "refuse", insert(instance("refusal", Community, Community))), relying(prog, "refusal", 0))
}

// openHolding opens a store of which one COMMIT can be held up: the next one after hold is filled sends on the channel
// it gets, and waits for an answer on it.
func openHolding(t *testing.T, db *testdb.Database) (*store.Store, chan chan struct{}) {
	t.Helper()
	hold := make(chan chan struct{}, 1)
	s := db.Open(t, func(c *store.Config) {
		c.OnCommit = func(commit func() error) error {
			select {
			case gate := <-hold:
				gate <- struct{}{}
				<-gate
			default:
			}
			return commit()
		}
	})
	return s, hold
}

// overtake commits first, and second while first stands right before its COMMIT: second has to wait, and then conflict.
func overtake(t *testing.T, s *store.Store, hold chan chan struct{}, first, second engine.Slice) {
	t.Helper()
	gate := make(chan struct{})
	hold <- gate
	firstDone, secondDone := make(chan error, 1), make(chan error, 1)
	run := func(slice engine.Slice, done chan error) {
		errs, err := s.Commit(context.Background(), []engine.Slice{slice})
		done <- errors.Join(append(errs, err)...)
	}
	go run(first, firstDone)
	<-gate
	go run(second, secondDone)
	select {
	case err := <-secondDone:
		t.Errorf("the second did not wait for the first: %v", err)
	case <-timeAfterShort():
	}
	gate <- struct{}{}
	if err := <-firstDone; err != nil {
		t.Errorf("the first: %v", err)
	}
	if err := <-secondDone; !errors.Is(err, engine.ErrConflict) {
		t.Errorf("the second: got %v, want a conflict", err)
	}
}
