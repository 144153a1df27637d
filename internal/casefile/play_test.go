package casefile_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/examples"
	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// office is an engine on a database of its own.
type office struct {
	casefile.Player
	store *store.Store
	keys  *seal.Keyring
}

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

// open opens an office on a SQLite directory and closes it when the test ends, or earlier.
func open(t *testing.T, dir string, b *workflow.Bundle) (*office, func()) {
	t.Helper()
	return openOn(t, dir, "", b)
}

// openOn is open on either database; dsn is empty for SQLite.
func openOn(t *testing.T, dir, dsn string, b *workflow.Bundle) (*office, func()) {
	t.Helper()
	clock := enginetest.NewClock()
	s, err := store.Open(t.Context(), store.Config{Dir: dir, DSN: dsn, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open(t.Context(), seal.Config{Path: filepath.Join(dir, seal.KeyFile), MayCreate: true, Random: rand.Reader}, s)
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(engine.Config{Store: s, Keys: keys, Now: clock.Now})
	closed := false
	shut := func() {
		if closed {
			return
		}
		closed = true
		e.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(shut)
	return &office{casefile.Player{Engine: e, Store: s, Bundle: b}, s, keys}, shut
}

// must plays a file that has to go through.
func (o *office) must(t *testing.T, f *casefile.File) casefile.Log {
	t.Helper()
	log, err := f.Play(t.Context(), o.Player, casefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// instance returns what a step made or acted on, as it is now.
func (o *office) instance(t *testing.T, f *casefile.File, log casefile.Log, name string) *workflow.Instance {
	t.Helper()
	for _, e := range log.Entries {
		if e.Step.As == name && e.Result.Instance != "" {
			i, err := o.store.Instance(t.Context(), f.Community, e.Result.Instance)
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
	}
	t.Fatalf("nothing is called %s", name)
	return nil
}

// length is how many entries a chain has.
func (o *office) length(t *testing.T, community, root string) int64 {
	t.Helper()
	heads, err := o.store.Heads(t.Context(), community, []string{root})
	if err != nil {
		t.Fatal(err)
	}
	return heads[root].Seq
}

func outcomes(log casefile.Log) map[string]int {
	out := map[string]int{}
	for _, e := range log.Entries {
		out[e.Outcome.String()]++
	}
	return out
}

func TestAFileIsPlayedToItsEnd(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	f := small(t)
	log := o.must(t, f)
	if got := outcomes(log); got["done"] != len(f.Steps)-2 || got["refused as expected"] != 2 {
		t.Errorf("outcomes %v", got)
	}
	for name, state := range map[string]string{"fund": "reconciled", "round": "completed", "visit_h2": "recorded", "rice": "paid"} {
		if i := o.instance(t, f, log, name); i.State != state {
			t.Errorf("%s is %s, want %s", name, i.State, state)
		}
	}
	if got := o.instance(t, f, log, "fund").Body.Aggregates; got["received"] != 160000 || got["spent"] != 160000 {
		t.Errorf("money %v", got)
	}
	if got := o.instance(t, f, log, "worker").Key; got != "worker" {
		t.Errorf("a registry entry's key is %q", got)
	}
	e := log.Entries[len(log.Entries)-1]
	if got := e.Result.Target.Body.Entered.UTC().Format("2006-01-02 15:04"); got != "2023-06-14 10:00" {
		t.Errorf("the last step was recorded at %s, want the clock of the file", got)
	}
}

func TestPlayingAgainDoesNothing(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	f := small(t)
	first := o.must(t, f)
	before := o.length(t, f.Community, first.Programme)
	second := o.must(t, f)
	if got := outcomes(second); got["replayed"] != len(f.Steps)-2 || got["attempted before"] != 2 {
		t.Errorf("outcomes %v", got)
	}
	if after := o.length(t, f.Community, first.Programme); after != before {
		t.Errorf("the history grew from %d to %d entries", before, after)
	}
}

// TestAnInterruptedRunCarriesOnFromEveryStep stops behind every third step, and in the long run behind every one.
func TestAnInterruptedRunCarriesOnFromEveryStep(t *testing.T) {
	t.Parallel()
	f := small(t)
	b := enginetest.Bundle(t)
	whole, _ := open(t, t.TempDir(), b)
	log := whole.must(t, f)
	want := whole.length(t, f.Community, log.Programme)
	registry := whole.length(t, f.Community, f.Community)
	for k := 1; k < len(f.Steps); k += soak.Count(3, 1) {
		o, _ := open(t, t.TempDir(), b)
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		_, err := f.Play(ctx, o.Player, casefile.Options{Progress: func(casefile.Entry) {
			if n++; n == k {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted after %d steps: %v", k, err)
		}
		again := o.must(t, f)
		if got := again.Count(casefile.Replayed) + again.Count(casefile.Attempted) + again.Count(casefile.Refused); got < k {
			t.Errorf("after %d steps only %d were found again", k, got)
		}
		if got := o.length(t, f.Community, log.Programme); got != want {
			t.Errorf("interrupted after %d steps: %d entries, want %d", k, got, want)
		}
		if got := o.length(t, f.Community, f.Community); got != registry {
			t.Errorf("interrupted after %d steps: %d registry entries, want %d", k, got, registry)
		}
	}
}

func TestAnInterruptedRunCarriesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	f, dir, b := small(t), t.TempDir(), enginetest.Bundle(t)
	o, shut := open(t, dir, b)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	if _, err := f.Play(ctx, o.Player, casefile.Options{Progress: func(casefile.Entry) {
		if n++; n == 20 {
			cancel()
		}
	}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	shut()
	again, _ := open(t, dir, b)
	if got := again.must(t, f).Count(casefile.Replayed); got < 19 {
		t.Errorf("%d steps were found again", got)
	}
}

func TestASecondProgrammeFindsTheSameRegistry(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	src := smallSource(t)
	o.must(t, load(t, src))
	before := o.length(t, "c1", "c1")
	second := load(t, strings.Replace(src, "code: ZX-1", "code: ZX-2", 1))
	log := o.must(t, second)
	if got := log.Count(casefile.Found); got != 11 {
		t.Errorf("%d registry entries were found, want 11", got)
	}
	// the programme's own row, its grant, and nothing else
	if got := o.length(t, "c1", "c1") - before; got != 2 {
		t.Errorf("the registry grew by %d entries, want 2", got)
	}
}

func TestAnUnexpectedRefusalStopsWithEveryReason(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	src := strings.Replace(smallSource(t), `    refused: [guard, balanced, "1600.00", "1599.99"]`+"\n", "", 1)
	log, err := load(t, src).Play(t.Context(), o.Player, casefile.Options{})
	for _, w := range []string{"small.yaml:37:5: one_fen_missing: refused:", "received 1600.00, spent 1599.99", "收到 1600.00，已支出 1599.99"} {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v lacks %q", err, w)
		}
	}
	if last := log.Entries[len(log.Entries)-1]; last.Step.Name != "one_fen_missing" {
		t.Errorf("it went on to %s", last.Step.Name)
	}
}

func TestAMissingRefusalIsAnError(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	src := strings.Replace(smallSource(t), "1599.99元", "1600元", 1)
	_, err := load(t, src).Play(t.Context(), o.Player, casefile.Options{})
	if err == nil || !strings.Contains(err.Error(), "was expected to be refused, but was carried out") || !strings.Contains(err.Error(), "本应被拒绝") {
		t.Errorf("got %v", err)
	}
}

func TestARefusalForAnotherReasonIsAnError(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	src := strings.Replace(smallSource(t), `"1599.99"]`, `"1599.98"]`, 1)
	_, err := load(t, src).Play(t.Context(), o.Player, casefile.Options{})
	if err == nil || !strings.Contains(err.Error(), `but not for "1599.98"`) {
		t.Errorf("got %v", err)
	}
}

func TestADryRunListsEveryRefusalByLine(t *testing.T) {
	t.Parallel()
	src := smallSource(t)
	for _, r := range [][2]string{
		{"event: receive, on: gift, by: finance", "event: receive, on: gift, by: v1"},                                          // line 32: no role
		{"as: oil, workflow: purchase, under: programme, by: worker", "as: oil, workflow: purchase, under: programme, by: v2"}, // line 42: no role
		{"{answers: 第<as>户的回答}", "{replies: 第<as>户的回答}"},                                                                       // line 58: no such field, three rows
	} {
		if !strings.Contains(src, r[0]) {
			t.Fatalf("%q is not in the file", r[0])
		}
		src = strings.Replace(src, r[0], r[1], 1)
	}
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	log, err := load(t, src).Play(t.Context(), o.Player, casefile.Options{KeepGoing: true})
	var play *casefile.PlayError
	if !errors.As(err, &play) {
		t.Fatalf("want a PlayError, got %v", err)
	}
	var got []string
	for _, e := range play.Entries {
		got = append(got, e.Outcome.String()+" "+e.Step.Name)
	}
	want := []string{
		"refused gift.receive",
		"skipped refused.one_fen_missing", // the figures are others without the gift
		"refused oil",
		"skipped oil.allocation", "skipped oil.pay", // never came into being
		"skipped fund.reconcile", // nothing was received
		"skipped round.start",    // the fund is not reconciled
		"refused visit_h1.record", "refused visit_h2.record", "refused visit_h3.record",
		"skipped round.complete",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(log.Entries) != len(small(t).Steps) {
		t.Errorf("%d steps were gone through", len(log.Entries))
	}
}

func TestWhatTheDefinitionsDoNotKnowIsReportedBeforeAnythingIsDone(t *testing.T) {
	t.Parallel()
	src := smallSource(t)
	for _, r := range [][2]string{
		{"event: open, on: fund", "event: opens, on: fund"},
		{"input: {items: 油}", "input: {goods: 油}"},
		{"workflow: allocation, under: oil", "workflow: share, under: oil"},
		{"amount: 0.01元", "amount: 一分"},
		{"amount: 1600元", "amount: 1600.0.0元"},
	} {
		src = strings.Replace(src, r[0], r[1], 1)
	}
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	_, err := load(t, src).Play(t.Context(), o.Player, casefile.Options{})
	var problems casefile.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("want Problems, got %v", err)
	}
	for _, w := range []string{
		`:30:5: fund has no event "opens"`, `:31:81: "Amount"`, `:42:`, `(items) is missing`, `there is no workflow "share"`,
	} {
		if !strings.Contains(problems.In("en")+problems.In("zh"), w) {
			t.Errorf("%s\nlacks %q", problems, w)
		}
	}
	if n := o.length(t, "c1", "c1"); n != 0 {
		t.Errorf("%d registry entries were made", n)
	}
}

func FuzzLoad(f *testing.F) {
	src, err := os.ReadFile("testdata/small.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(src)
	f.Add(examples.First())
	f.Add([]byte(head + "steps:\n  - {each: [a, {b: c}], event: open, on: <it>, by: lead, input: {x: [$h1, {y: 1.5元}]}}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, problems := casefile.Load("p.yaml", src)
		if (file == nil) == (len(problems) == 0) {
			t.Errorf("file %v with %d problems", file != nil, len(problems))
		}
	})
}
