package ordertest

import (
	"os"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli/linli/internal/calendar"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

func builtIn(t testing.TB) (*workflow.Bundle, *time.Location) {
	t.Helper()
	b, problems := workflow.Load(workflows.Files())
	for _, p := range problems {
		t.Error(p)
	}
	zone, err := calendar.Zone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	if t.Failed() {
		t.FailNow()
	}
	return b, zone
}

func TestSeed(t *testing.T) {
	b, zone := builtIn(t)
	from, _ := strconv.Atoi(os.Getenv("FROM"))
	count, _ := strconv.Atoi(os.Getenv("COUNT"))
	seen := map[string]int{}
	for seed := range uint64(max(count, 20)) {
		seed += uint64(from)
		m := newMemory(b, zone)
		r := newRun(m, b, zone, newSeededDice(seed))
		err := r.setUp(t.Context(), b.Hash)
		for n := 0; n < 400 && err == nil; n++ {
			err = r.step(t.Context())
			if err == nil && n%50 == 0 {
				for _, im := range r.now {
					if err == nil {
						err = recount(b, im)
					}
				}
			}
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for k, n := range r.oracle.seen {
			seen[k] += n
		}
		//t.Log(seed, r.accepted, r.refused, r.undone, r.kept, m.rounds, r.oracle.seen)
	}
	t.Log(seen)
}

var _ = rapid.Check
