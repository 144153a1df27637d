package engine_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/workflow"
)

// crashers is how many callers a crashing process serves at once.
const crashers = 8

// crashPlan is what the parent tells the process that it is going to kill.
type crashPlan struct {
	Dir, DSN string
	Roots    []string // one programme for each caller but the last two, who share the first
	Visits   []string
	Lead     string
	Who      string
	From     []int // the number of each caller's first request: the last one that was acknowledged, again
}

func (p *crashPlan) of(caller int) (root, visit string) {
	n := caller % len(p.Roots)
	return p.Roots[n], p.Visits[n]
}

func crashKey(caller, n int) string { return fmt.Sprintf("caller%d-%06d", caller, n) }

// crashWorker serves callers until it is killed, and says "ack KEY SEQ" once a request is durable.
func crashWorker(plan crashPlan) error {
	h, err := openHarness(context.Background(), plan.Dir, plan.DSN)
	if err != nil {
		return err
	}
	w := &enginetest.World{Engine: h.engine, Community: "c1", People: map[string]string{"lead": plan.Lead}}
	var out sync.Mutex
	var wg sync.WaitGroup
	for caller := range crashers {
		wg.Go(func() {
			root, visit := plan.of(caller)
			for n := plan.From[caller]; n < plan.From[caller]+100_000; n++ {
				r := w.Fire("lead", root, visit, "train", map[string]any{"who": plan.Who})
				r.IdempotencyKey = crashKey(caller, n)
				r.Reason = r.IdempotencyKey
				res, err := w.Do(context.Background(), r)
				out.Lock()
				if err != nil {
					fmt.Println("error", r.IdempotencyKey, strings.ReplaceAll(err.Error(), "\n", " "))
				} else {
					fmt.Println("ack", r.IdempotencyKey, res.Seq, "ok")
				}
				out.Unlock()
			}
		})
	}
	wg.Wait()
	return nil
}

// TestKilledProcessLosesAndDoublesNothing kills a serving process at random moments, repeats the callers' last requests with
// their keys, and looks for every acknowledged request in the history: there, and once.
func TestKilledProcessLosesAndDoublesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		rounds := soak.Count(4, 50)
		w := enginetest.NewWorld(t, h.engine)
		plan := crashPlan{Dir: h.dir, DSN: h.dsn, Lead: w.People["lead"], Who: w.People["volunteer"], From: make([]int, crashers)}
		for n := range crashers - 2 {
			root, visit := w.Programme(t, enginetest.Name("crash", n))
			plan.Roots, plan.Visits = append(plan.Roots, root), append(plan.Visits, visit)
		}
		h.close(t)
		acks := map[string]int64{}
		for range rounds {
			for key, seq := range runAndKill(t, plan) {
				if was, again := acks[key]; again && was != seq {
					t.Errorf("%s was acknowledged as %d, and after a restart as %d", key, was, seq)
				}
				acks[key] = seq
				caller, n := parseCrashKey(t, key)
				plan.From[caller] = max(plan.From[caller], n)
			}
		}
		if len(acks) < rounds*crashers/2 {
			t.Fatalf("only %d requests were acknowledged in %d rounds: the test shows nothing", len(acks), rounds)
		}
		h.reopen(t)
		verifyAcks(t, h, plan, acks)
		t.Logf("%d requests acknowledged over %d kills", len(acks), rounds)
	})
}

// runAndKill starts the serving process, kills it after a random time, and returns what it acknowledged.
func runAndKill(t *testing.T, plan crashPlan) map[string]int64 {
	t.Helper()
	b, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "LINLI_CRASH_PLAN="+string(b))
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acks := map[string]int64{}
	lines := bufio.NewScanner(pipe)
	left := crashers + rand.N(40) // acknowledgements until the end comes near
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) != 4 || f[0] != "ack" { // an error, or a line that the kill cut
			if len(f) > 0 && f[0] == "error" {
				t.Errorf("a request failed: %s", lines.Text())
			}
			continue
		}
		seq, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		acks[f[1]] = seq
		if left--; left == 0 {
			time.AfterFunc(time.Duration(rand.N(20_000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait() // it was killed
	return acks
}

func parseCrashKey(t *testing.T, key string) (caller, n int) {
	t.Helper()
	if _, err := fmt.Sscanf(key, "caller%d-%06d", &caller, &n); err != nil {
		t.Fatalf("key %q: %v", key, err)
	}
	return caller, n
}

// verifyAcks reads every chain and compares it with what was acknowledged.
func verifyAcks(t *testing.T, h *harness, plan crashPlan, acks map[string]int64) {
	t.Helper()
	found := map[string][]int64{}
	for _, root := range plan.Roots {
		for _, e := range h.entries(t, "c1", root) {
			if e.Kind == workflow.KindFire {
				found[e.Reason] = append(found[e.Reason], e.Seq)
			}
		}
	}
	for key, seq := range acks {
		if got := found[key]; len(got) != 1 || got[0] != seq {
			t.Errorf("%s was acknowledged as entry %d; the history holds it at %v", key, seq, got)
		}
	}
	for key, seqs := range found {
		if len(seqs) != 1 {
			t.Errorf("%s stands in the history %d times", key, len(seqs))
		}
	}
	h.audit(t)
}
