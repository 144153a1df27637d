package casefile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/examples"
	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

// compiled is the set of definitions that the binary carries; a bundle is never changed, so the tests share it.
var compiled = sync.OnceValues(func() (*workflow.Bundle, error) {
	b, problems := workflow.Load(workflows.Files())
	if len(problems) > 0 {
		return nil, problems
	}
	return b, nil
})

func builtIn(t testing.TB) *workflow.Bundle {
	t.Helper()
	b, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// zhangxi is the demonstration's file, with some of its text replaced: pairs of old and new.
func zhangxi(t testing.TB, change ...string) *casefile.File {
	t.Helper()
	src := string(examples.Zhangxi())
	for i := 0; i+1 < len(change); i += 2 {
		if !strings.Contains(src, change[i]) {
			t.Fatalf("%q is not in the file", change[i])
		}
		src = strings.ReplaceAll(src, change[i], change[i+1])
	}
	f, problems := casefile.Load(examples.ZhangxiName, []byte(src))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return f
}

// TestTheSeed plays the article's programme once on each database and looks at what came of it.
func TestTheSeed(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		o, _ := openOn(t, db.Dir, db.DSN, builtIn(t))
		f := zhangxi(t)
		log := o.must(t, f)
		for name, test := range map[string]func(*testing.T, *office, *casefile.File, casefile.Log){
			"ends where the article ends":                         seedEnds,
			"has every figure of the article in its rows":         seedFigures,
			"leaves empty what the article does not say":          seedSilence,
			"has two activities on one afternoon, with a warning": seedAfternoon,
		} {
			t.Run(name, func(t *testing.T) { test(t, o, f, log) })
		}
	})
}

func seedEnds(t *testing.T, o *office, f *casefile.File, log casefile.Log) {
	t.Helper()
	want := map[string]string{ // FACTS E
		"programme": "running", "recruit": "formed", "train": "signed_off", "fund_visit": "reconciled", "visit": "completed",
		"indoor": "closed", "outdoor": "closed", "womens_council": "closed", "five_council": "closed", "outreach": "closed",
		"market": "closed", "sale": "closed", "fund_wishes": "closed", "evening": "closed", "recognise": "awarded",
	}
	got := map[string]string{}
	for name := range want {
		got[name] = o.instance(t, f, log, name).State
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var refused []string
	for _, e := range log.Entries {
		if e.Outcome == casefile.Refused {
			refused = append(refused, e.Step.Name)
		}
	}
	attempts := []string{"refused.start_before_reconciled", "refused.reconcile_one_fen_missing", "refused.lock_hours_before_outreach_closed"}
	if diff := cmp.Diff(attempts, refused); diff != "" {
		t.Error(diff)
	}
	for _, name := range []string{"recruit", "train", "fund_visit"} {
		if flags := o.instance(t, f, log, name).Body.Flags; !slices.Contains(flags, workflow.FlagBackfilled) {
			t.Errorf("%s is not marked as written down afterwards: %v", name, flags)
		}
	}
	o.clean(t)
}

// clean audits everything that the office holds.
func (o *office) clean(t *testing.T) {
	t.Helper()
	r, err := audit.Run(t.Context(), o.store, o.keys, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range r.Findings {
		t.Errorf("audit: %+v", x)
	}
}

func seedFigures(t *testing.T, o *office, f *casefile.File, log casefile.Log) {
	t.Helper()
	aggregates := map[string]map[string]int64{
		"fund_visit":  {"received": 160000, "spent": 160000, "undecided": 0, "undelivered": 0},
		"fund_wishes": {"received": 77890, "spent": 0},
		"visit":       {"served": 40, "blocks": 7, "open": 0, "unreviewed": 0},
		"programme":   {"raised": 237890, "spent": 160000, "served": 40}, // FACTS D1, D2
	}
	for name, want := range aggregates {
		have := o.instance(t, f, log, name).Body.Aggregates
		for a, n := range want {
			if have[a] != n {
				t.Errorf("%s.%s is %d, want %d", name, a, have[a], n)
			}
		}
	}
	claims := map[string][2]any{
		"team_size": {int64(20), "more_than"}, "donors_visit": {int64(10), "more_than"}, "headcount_indoor": {int64(15), "more_than"},
		"headcount_outdoor": {int64(20), "more_than"}, "headcount_womens_council": {int64(25), "exact"},
		"headcount_five_council": {int64(25), "exact"}, "headcount_market": {int64(200), "more_than"},
		"stallholders": {int64(49), "exact"}, "resources": {int64(30), "more_than"}, "groups_grown": {int64(5), "exact"},
		"households_served": {int64(40), "exact"}, "blocks_reached": {int64(7), "exact"}, "blocks_evening": {int64(7), "exact"},
		"headcount_outreach": {nil, "not_counted"}, "headcount_evening": {nil, "not_counted"}, // never 0 (FACTS T5)
	}
	for name, want := range claims {
		d := o.instance(t, f, log, name).Body.Data
		if diff := cmp.Diff(want, [2]any{d["n"], d["qualifier"]}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if n := o.instance(t, f, log, "recruit").Body.Aggregates["confirmed"]; n < 21 || n > 29 {
		t.Errorf("the roster has %d people, which is not 20余", n)
	}
}

// seedSilence is FACTS N.
func seedSilence(t *testing.T, o *office, f *casefile.File, log casefile.Log) {
	t.Helper()
	empty := map[string][]string{
		"recruit": {"when", "deadline", "place"}, "train": {"when", "place", "minutes"}, "fund_visit": {"when", "legal_basis"},
		"fund_wishes": {"legal_basis"}, "evening": {"place"}, "training_sheet": {"when", "place"}, "visit": {"kits"},
	}
	for name, fields := range empty {
		d := o.instance(t, f, log, name).Body.Data
		for _, field := range fields {
			if v, there := d[field]; there {
				t.Errorf("%s.%s is %v, but the article does not say", name, field, v)
			}
		}
	}
	for _, name := range []string{"approval_paper", "budget"} {
		if e, _ := o.instance(t, f, log, "programme").Body.Data[name].(workflow.Evidence); e.Unrecorded == "" {
			t.Errorf("%s does not say why it is not recorded", name)
		}
	}
}

func TestInventedPeopleAreMarked(t *testing.T) {
	t.Parallel()
	stated := []string{"zhangjie", "h01", "h02", "zhongsen", "xiawei"}
	for _, s := range zhangxi(t).Steps {
		if !slices.Contains([]string{"person", "household", "block"}, s.Workflow) {
			continue
		}
		i := slices.IndexFunc(s.Input, func(in casefile.Input) bool { return in.Name == "invented" })
		if marked := i >= 0 && s.Input[i].Value.Text == "true"; marked == slices.Contains(stated, s.As) {
			t.Errorf("%s: invented is %v", s.As, marked)
		}
	}
}

// TestOneFenMissingRefusesTheReconciliation is FACTS T3, by event and by back-filling; that nothing missing lets it pass is
// part of TestTheSeed.
func TestOneFenMissingRefusesTheReconciliation(t *testing.T) {
	t.Parallel()
	totals := []string{"收到 1600.00，已支出 1599.99", "received 1600.00, spent 1599.99"}
	t.Run("by event", func(t *testing.T) {
		o, _ := open(t, t.TempDir(), builtIn(t))
		_, err := zhangxi(t, "on: supplies, by: worker_1, input: {amount: 1600元}", "on: supplies, by: worker_1, input: {amount: 1599.99元}",
			"on: supplies_fund, by: worker_1, input: {amount: 1600元}", "on: supplies_fund, by: worker_1, input: {amount: 1599.99元}").
			Play(t.Context(), o.Player, casefile.Options{})
		stoppedAt(t, err, "fund_visit.reconcile", totals...)
	})
	t.Run("by back-filling", func(t *testing.T) {
		o, _ := open(t, t.TempDir(), builtIn(t))
		f := zhangxi(t, "  - {event: reconcile, on: fund_visit, by: finance, at: 2023-06-14 08:30}\n", "",
			"{event: correct, on: supplies, by: finance, reason: 少录一分，应为 1600.00}",
			"{do: backfill, to: reconciled, on: fund_visit, by: zhangjie, reason: 补录, at: 2023-06-14 08:30}")
		_, err := f.Play(t.Context(), o.Player, casefile.Options{})
		stoppedAt(t, err, "fund_visit.backfill.reconciled", totals...)
	})
}

// TestTheOrderIsKept is FACTS T4.
func TestTheOrderIsKept(t *testing.T) {
	t.Parallel()
	signOff := "  - do: backfill\n    to: signed_off\n    on: train\n"
	tests := map[string]struct {
		change []string
		step   string
		texts  []string
	}{
		"no visit before the training is signed off": {
			[]string{signOff, strings.Replace(signOff, "signed_off", "attendance", 1), "      minutes_record: {unrecorded: 文章未写明}\n", ""},
			"visit.start",
			[]string{"培训尚未签核，探访不能开始", "已培训 0 人", "The training is not signed off yet"},
		},
		"no visit before the purchase is reconciled": {
			[]string{"  - {event: reconcile, on: fund_visit, by: finance, at: 2023-06-14 08:30}\n", ""},
			"visit.start",
			[]string{"本轮探访所用的善款尚未对账", "fund_visit 现在是「采购中」"},
		},
		"no hours before the visits are completed": {
			[]string{"  - event: complete\n    on: visit\n    by: zhangjie\n", "  - do: edit\n    on: visit\n    by: zhangjie\n"},
			"recognise.lock_hours",
			[]string{"探访尚未完成，不能核定服务时长"},
		},
	}
	// Each event stands in the way alike; an ordinary run takes the first, a council and the last, for every case plays a whole programme.
	events := []string{"indoor", "womens_council", "outreach"}
	if soak.Enabled() {
		events = []string{"indoor", "sale", "outdoor", "five_council", "womens_council", "market", "outreach"}
	}
	for _, event := range events {
		change := []string{"event: close, on: " + event + ", by: zhangjie", "do: edit, on: " + event + ", by: zhangjie"}
		if event == "five_council" || event == "womens_council" {
			change = []string{"  - event: close\n    on: " + event + "\n", "  - do: edit\n    on: " + event + "\n"}
		}
		tests["no hours before "+event+" is closed"] = struct {
			change []string
			step   string
			texts  []string
		}{change, "recognise.lock_hours", []string{"截止日之前的活动尚未全部结项", event + " 现在是「收尾」", "Not every event up to the cut-off date is closed"}}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o, _ := open(t, t.TempDir(), builtIn(t))
			_, err := zhangxi(t, test.change...).Play(t.Context(), o.Player, casefile.Options{})
			stoppedAt(t, err, test.step, test.texts...)
		})
	}
}

// stoppedAt checks which step stopped a file, and what was said.
func stoppedAt(t *testing.T, err error, step string, texts ...string) {
	t.Helper()
	var play *casefile.PlayError
	if !errors.As(err, &play) {
		t.Fatalf("want a PlayError, got %v", err)
	}
	if got := play.Entries[0].Step.Name; got != step {
		t.Errorf("stopped at %s, want %s", got, step)
	}
	for _, s := range texts {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%v\nlacks %q", err, s)
		}
	}
}

// seedAfternoon is FACTS T6.
func seedAfternoon(t *testing.T, o *office, f *casefile.File, log casefile.Log) {
	t.Helper()
	for _, name := range []string{"womens_council", "market"} {
		if i := o.instance(t, f, log, name); i.State != "closed" || i.Body.Data["when"] != "2023-07-08/afternoon" {
			t.Errorf("%s is %s on %v", name, i.State, i.Body.Data["when"])
		}
	}
	for _, e := range log.Entries {
		switch e.Step.Name {
		case "shift_council.confirm":
			if len(e.Result.Warnings) > 0 {
				t.Errorf("the first shift warns: %v", e.Result.Warnings)
			}
		case "double_booked":
			if len(e.Result.Warnings) != 1 || !strings.Contains(e.Result.Warnings[0].Text.ZH, "已有另一班次") {
				t.Errorf("the second shift warns of %v", e.Result.Warnings)
			}
		}
	}
}

func TestADryRunTellsTheMistakeFromWhatFollows(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), builtIn(t))
	_, err := zhangxi(t, "{amount: 1600元, group", "{amount: 1500元, group").Play(t.Context(), o.Player, casefile.Options{KeepGoing: true})
	var play *casefile.PlayError
	if !errors.As(err, &play) {
		t.Fatalf("want a PlayError, got %v", err)
	}
	var mistakes []string
	for _, e := range play.Entries {
		if e.Outcome != casefile.Skipped {
			mistakes = append(mistakes, e.Step.Name)
		}
	}
	// The purchase of 1599.99 is more than came in; that nothing can be reconciled, visited and awarded then, follows.
	if diff := cmp.Diff([]string{"supplies.approve"}, mistakes); diff != "" {
		t.Error(diff)
	}
}

func TestTheSeedCarriesOnWhereItWasInterrupted(t *testing.T) {
	t.Parallel()
	f, b := zhangxi(t), builtIn(t)
	every := soak.Count(149, 7)
	for k := 5; k < len(f.Steps); k += every {
		o, _ := open(t, t.TempDir(), b)
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		if _, err := f.Play(ctx, o.Player, casefile.Options{Progress: func(casefile.Entry) {
			if n++; n == k {
				cancel()
			}
		}}); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted after step %d: %v", k, err)
		}
		log := o.must(t, f)
		if i := o.instance(t, f, log, "recognise"); i.State != "awarded" {
			t.Errorf("interrupted after step %d: recognise is %s", k, i.State)
		}
		if got := o.length(t, f.Community, log.Programme); got != o.length(t, f.Community, o.must(t, f).Programme) {
			t.Errorf("interrupted after step %d: playing it a third time did something", k)
		}
	}
}

func TestTheFirstExampleIsPlayedOnTheRealClock(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), builtIn(t))
	f, problems := casefile.Load(examples.FirstName, examples.First())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	log := o.must(t, f)
	if got := o.instance(t, f, log, "programme").State; got != "running" {
		t.Errorf("the programme is %s", got)
	}
	heads, err := o.store.Heads(t.Context(), f.Community, []string{f.Community, log.Programme})
	if err != nil {
		t.Fatal(err)
	}
	for root, h := range heads {
		if !h.Frozen.IsZero() {
			t.Errorf("%s has a clock of its own", root)
		}
	}
	if got := outcomes(o.must(t, f)); got["done"] != 0 {
		t.Errorf("playing it again did something: %v", got)
	}
	o.clean(t)
}
