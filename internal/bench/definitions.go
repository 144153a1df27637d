package bench

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"

	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

//go:embed bundle/*/*.yaml
var bundleFiles embed.FS

// definitions compiles the built-in definitions together with those of the benchmark programme: a server under measurement carries
// the same set as any other, and one programme more.
func definitions() (*workflow.Bundle, error) {
	files, err := ownFiles()
	if err != nil {
		return nil, err
	}
	all := workflows.Files()
	maps.Copy(all, files)
	b, problems := workflow.Load(all)
	if len(problems) > 0 {
		return nil, fmt.Errorf("the benchmark's definitions: %w", problems)
	}
	return b, nil
}

// ownFiles are the definitions that only the benchmark has, by their path in a set.
func ownFiles() (map[string][]byte, error) {
	below, err := fs.Sub(bundleFiles, "bundle")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	err = fs.WalkDir(below, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[path], err = fs.ReadFile(below, path)
		return err
	})
	return files, err
}

// Names in the benchmark's definitions.
const (
	programmeWorkflow = "bench_programme"
	seatWorkflow      = "bench_seat"
	noteEvent         = "note" // of the programme itself: from running to running, always allowed
)

// slotNames are the slots of the benchmark programme, in the order of the file.
func slotNames() []string { return []string{"recruit", "train", "fundraise", "visit", "recognise"} }

// step is one staff event of the lifecycle.
type step struct {
	Slot  int // index into slotNames
	Event string
	Role  int    // index into roleNames: who fires it
	Body  string // the request's body
	State string // that the answer must name
	From  string // the state before
}

// roleNames are the roles of the staff.
func roleNames() []string { return []string{"worker", "lead", "finance", "approver"} }

const (
	worker = iota
	lead
	finance
	approver
)

// lifecycle is the way of a programme through its five activities, in the order that the needs ask for.
func lifecycle() []step {
	const nothing = `{"input":{}}`
	return []step{
		{0, "publish", worker, `{"input":{"quota":40,"deadline":"2023-06-14"}}`, "open", "draft"},
		{0, "close_intake", worker, nothing, "closed", "open"},
		{0, "form", worker, nothing, "formed", "closed"},
		{0, "finish", lead, nothing, "finished", "formed"},
		{1, "schedule", worker, `{"input":{"place":"社区党群服务中心"}}`, "scheduled", "draft"},
		{1, "start", worker, nothing, "in_session", "scheduled"},
		{1, "finish", worker, `{"input":{"minutes":90}}`, "attendance", "in_session"},
		{1, "sign_off", lead, nothing, "signed_off", "attendance"},
		{2, "approve", approver, `{"input":{"purpose":"探访慰问物资"}}`, "approved", "draft"},
		{2, "open", worker, nothing, "open", "approved"},
		{2, "close", finance, `{"input":{"amount":160000}}`, "closed", "open"},
		{2, "reconcile", finance, nothing, "reconciled", "closed"},
		{3, "plan", worker, `{"input":{"households":25}}`, "planned", "draft"},
		{3, "start", lead, nothing, "visiting", "planned"},
		{3, "report", worker, nothing, "reported", "visiting"},
		{3, "complete", lead, nothing, "completed", "reported"},
		{4, "lock", worker, `{"input":{"cutoff":"2023-12-31"}}`, "locked", "draft"},
		{4, "nominate", worker, nothing, "nominated", "locked"},
		{4, "approve", approver, nothing, "approved", "nominated"},
		{4, "award", lead, nothing, "awarded", "approved"},
	}
}

// activityWorkflow is the workflow of a slot.
func activityWorkflow(slot int) string { return "bench_" + slotNames()[slot] }
