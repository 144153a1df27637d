package ordertest

import (
	"bytes"
	"testing"

	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

// slip is one mistake that somebody could make in a definition.
type slip struct{ what, workflow, old, mistake string }

// quickSlips is how many of them an ordinary run makes: those that are noticed within a few lives stand first.
const quickSlips = 6

func slips() []slip {
	return []slip{
		{"visits start before the training", "neighbourhood", "event: visit.start, on: train", "event: visit.assign, on: train"},
		{"a skipped training stands in the way", "neighbourhood", "event: train.start, on: recruit, milestone: formed", "event: train.schedule, on: recruit, milestone: formed"},
		{"an event on the cut-off day is overlooked", "neighbourhood", "substring(0, 10) <= input.cutoff", "substring(0, 10) < input.cutoff"},
		{"a worker approves a fund", "fundraise", "to: open\n    by: [approver]", "to: open\n    by: [approver, worker]"},
		{"a milestone is not taken back", "fundraise", "    reason: true\n    clears: [reconciled]\n", "    reason: true\n"},
		{"an event is over without its wrap-up", "event", "from: [in_progress]\n    to: wrap_up\n    by: [worker, lead]\n    input: {duration_minutes", "from: [in_progress]\n    to: closed\n    by: [worker, lead]\n    input: {duration_minutes"},
		{"a round waits for another milestone of its fund", "neighbourhood", "milestone: reconciled, which: named", "milestone: published, which: named"},
		{"awards are handed out without an evening", "neighbourhood", "milestone: in_progress, which: any", "milestone: in_progress, which: all"},
		{"a small office publishes what the same person reconciled", "fundraise", "    separation: hard # also in the smallest office\n", ""},
		{"whoever submits a fund approves it", "fundraise", "    checks: submit\n", ""},
		{"a fund that spends all is reconciled with a rest", "fundraise", "(!data.spend_all || agg.spent == agg.received)", "true"},
		{"nothing keeps a fund from being overdrawn later", "fundraise", "    that: agg.spent <= agg.received\n    else: {zh: \"收到 {money(agg.received)}，已支出 {money(agg.spent)}：支出", "    that: \"true\"\n    else: {zh: \"收到 {money(agg.received)}，已支出 {money(agg.spent)}：支出"},
		{"a published fund is cancelled", "fundraise", "state != 'cancelled' || (agg", "true || (agg"},
		{"a fund is reconciled without a receipt", "fundraise", "      receipted: # 慈善法 38: a receipt may have been taken back since the fund was closed\n        that: agg.unreceipted == 0", "      receipted:\n        that: \"true\""},
		{"a withdrawn consent is overlooked", "household_visit", "!(consent[data.household + '/record'] in ['withdrawn', 'refused'])", "true"},
		{"a round starts with one untrained visitor", "visit", "that: values.visitors.all(p, part[p].trained)\n        hard: true", "that: values.visitors.exists(p, part[p].trained)\n        hard: true"},
		{"a training is signed off that nobody came to", "train", "that: agg.attended >= 1", "that: agg.attended >= 0"},
		{"an event starts in a programme that does not run", "event", "that: \"root.state == 'running'\", hard: true, else: {zh: 项目尚未启动，活动不能开始", "that: \"root.state in ['approved', 'running']\", hard: true, else: {zh: 项目尚未启动，活动不能开始"},
	}
}

// TestTheOracleNoticesSlips makes one mistake at a time in the definitions and expects the random lives to stumble over it: an
// oracle that never complains would prove nothing.
func TestTheOracleNoticesSlips(t *testing.T) {
	_, zone := builtIn(t)
	for _, s := range slips()[:soak.Count(quickSlips, len(slips()))] {
		t.Run(s.what, func(t *testing.T) {
			files := workflows.Files()
			path := s.workflow + "/" + s.workflow + ".yaml"
			if !bytes.Contains(files[path], []byte(s.old)) {
				t.Fatalf("%s does not hold %q any more: make the same mistake in its new words", path, s.old)
			}
			files[path] = bytes.Replace(files[path], []byte(s.old), []byte(s.mistake), 1)
			b, problems := workflow.Load(files)
			if len(problems) > 0 {
				t.Fatal(problems)
			}
			begin := born(t, b, zone)
			for seed := range uint64(400) {
				if err := begin(newSeededDice(seed)).live(t.Context(), 400); err != nil {
					t.Logf("noticed in life %d: %.160s", seed, err.Error())
					return
				}
			}
			t.Error("400 lives went by, and nobody noticed")
		})
	}
}
