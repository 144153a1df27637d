package casefile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/workflow"
)

func TestAChangedStepIsNamed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		old, new string
		line     string
		want     []string
	}{
		"an amount":         {"amount: 1600元, donor: 某商家", "amount: 1500元, donor: 某商家", "small.yaml:31:", []string{"(amount)", "was carried out earlier", "（amount）"}},
		"a private value":   {"donor: 某商家", "donor: 某企业", "small.yaml:31:", []string{"(donor)"}},
		"a person's mobile": {`"13800000000"`, `"13900000000"`, "small.yaml:8:", []string{"(mobile)"}},
		"who typed it":      {"on: gift, by: finance", "on: gift, by: worker", "small.yaml:32:", []string{"(by)"}},
		"the clock":         {"at: 2023-06-10 15:00", "at: 2023-06-11 15:00", "small.yaml:47:", []string{"(at)"}},
		"when it happened":  {"occurred: 2023-06-03/morning", "occurred: 2023-06-03/afternoon", "small.yaml:30:", []string{"(occurred)"}},
		"a name":            {"as: rice,", "as: grain,", "small.yaml:34:", []string{"added or renamed", "加上或改名"}},
		"an added step": {
			"  - {event: close, on: fund, by: finance}\n",
			"  - {event: close, on: fund, by: finance}\n  - {event: open, on: fund, by: worker}\n",
			"small.yaml:34:",
			[]string{"put new steps at the end"},
		},
	}
	b := enginetest.Bundle(t)
	src := smallSource(t)
	o, _ := open(t, t.TempDir(), b)
	log := o.must(t, load(t, src))
	before := o.length(t, "c1", log.Programme)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if strings.Count(src, test.old) != 1 {
				t.Fatalf("%q stands in the file %d times", test.old, strings.Count(src, test.old))
			}
			changed := strings.Replace(src, test.old, test.new, 1)
			if strings.Contains(test.old, "rice") {
				changed = strings.ReplaceAll(strings.ReplaceAll(changed, "under: rice", "under: grain"), "on: rice", "on: grain")
			}
			_, err := load(t, changed).Play(t.Context(), o.Player, casefile.Options{})
			var play *casefile.PlayError
			if !errors.As(err, &play) {
				t.Fatalf("want a PlayError, got %v", err)
			}
			for _, w := range append(test.want, test.line) {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			if after := o.length(t, "c1", log.Programme); after != before {
				t.Errorf("the history grew from %d to %d", before, after)
			}
		})
	}
}

func TestStepsAddedAtTheEndAreCarriedOut(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	src := smallSource(t)
	o.must(t, load(t, src))
	longer := load(t, src+"  - {event: archive, on: programme, by: lead}\n")
	log := o.must(t, longer)
	if got := log.Count(casefile.Done); got != 1 {
		t.Errorf("%d steps were carried out, want the new one", got)
	}
}

func TestAnErasedPersonDoesNotStandInTheWay(t *testing.T) {
	t.Parallel()
	o, _ := open(t, t.TempDir(), enginetest.Bundle(t))
	src := strings.Replace(smallSource(t), "{role: lead, people: [lead]}", "{role: admin, people: [lead]}\n  - {role: lead, people: [lead]}", 1)
	f := load(t, src)
	log := o.must(t, f)
	worker := o.instance(t, f, log, "worker")
	if _, err := o.Engine.Do(t.Context(), engine.Request{Command: workflow.Command{
		Community: f.Community, Root: f.Community, Target: worker.ID, Kind: workflow.KindFire, Event: "erase", Reason: "本人要求",
		Actor: workflow.Actor{Person: o.instance(t, f, log, "lead").ID},
	}}); err != nil {
		t.Fatal(err)
	}
	if got := outcomes(o.must(t, f)); got["done"] != 0 || got["changed"] != 0 {
		t.Errorf("outcomes %v", got)
	}
}
