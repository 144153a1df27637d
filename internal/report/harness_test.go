package report_test

import (
	"crypto/rand"
	"path/filepath"
	"sync"
	"testing"

	"github.com/linli/linli/examples"
	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/report"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

// builtIn is the set of definitions that the binary carries.
var builtIn = sync.OnceValues(func() (*workflow.Bundle, workflow.Problems) { return workflow.Load(workflows.Files()) })

// tb is what both a test and a rapid check offer.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// play loads a data file into a database of its own and builds its report.
func play(t *testing.T, f tb, src []byte) *report.Report {
	f.Helper()
	r, err := build(t, src)
	if err != nil {
		f.Fatal(err)
	}
	return r
}

func build(t *testing.T, src []byte) (*report.Report, error) {
	bundle, problems := builtIn()
	if len(problems) > 0 {
		return nil, problems
	}
	file, mistakes := casefile.Load(examples.ZhangxiName, src)
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	dir, clock := t.TempDir(), enginetest.NewClock()
	s, err := store.Open(t.Context(), store.Config{Dir: dir, Now: clock.Now})
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	keys, err := seal.Open(t.Context(), seal.Config{Path: filepath.Join(dir, seal.KeyFile), MayCreate: true, Random: rand.Reader}, s)
	if err != nil {
		return nil, err
	}
	e := engine.New(engine.Config{Store: s, Keys: keys, Now: clock.Now})
	defer e.Close()
	log, err := file.Play(t.Context(), casefile.Player{Engine: e, Store: s, Bundle: bundle}, casefile.Options{})
	if err != nil {
		return nil, err
	}
	return report.Build(t.Context(), s, file.Community, log.Programme)
}

// zhangxi is the report of the demonstration, built once.
var zhangxi = struct {
	once   sync.Once
	report *report.Report
}{}

func demo(t *testing.T) *report.Report {
	t.Helper()
	zhangxi.once.Do(func() { zhangxi.report = play(t, t, examples.Zhangxi()) })
	if zhangxi.report == nil {
		t.Fatal("the demonstration could not be played")
	}
	return zhangxi.report
}
