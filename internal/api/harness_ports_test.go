package api

import (
	"context"
	"errors"
	"io"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// testLoader plays data files as the program does.
type testLoader struct{ h *harness }

func (l *testLoader) Load(ctx context.Context, community, name string, file io.Reader, dry bool) (Loaded, error) {
	src, err := io.ReadAll(file)
	if err != nil {
		return Loaded{}, err
	}
	f, problems := casefile.Load(name, src)
	if len(problems) > 0 {
		return Loaded{Mistakes: mistakesOf(problems)}, nil
	}
	if f.Community != community {
		return Loaded{}, fault.NewInvalid("body", "other_community", "文件属于另一个社区", "the file belongs to another community")
	}
	if dry {
		return Loaded{Code: f.Code}, nil
	}
	log, err := f.Play(ctx, casefile.Player{Engine: l.h.engine, Store: l.h.store, Bundle: l.h.bundle}, casefile.Options{})
	loaded := Loaded{Programme: log.Programme, Code: f.Code, Done: log.Count(casefile.Done), Earlier: log.Count(casefile.Replayed)}
	var play *casefile.PlayError
	switch {
	case errors.As(err, &problems):
		loaded.Mistakes = mistakesOf(problems)
	case errors.As(err, &play):
		loaded.Mistakes = []workflow.Text{{ZH: play.In(langZH), EN: play.In(langEN)}}
	case err != nil:
		return Loaded{}, err
	}
	return loaded, nil
}

func mistakesOf(problems casefile.Problems) []workflow.Text {
	out := make([]workflow.Text, len(problems))
	for n, p := range problems {
		out[n] = workflow.Text{ZH: p.In(langZH), EN: p.In(langEN)}
	}
	return out
}

// testAuditor audits as the program does.
type testAuditor struct{ h *harness }

func (a *testAuditor) Audit(ctx context.Context, community, root string) (Audited, error) {
	r, err := audit.Run(ctx, a.h.store, a.h.keys, audit.Options{})
	if err != nil {
		return Audited{}, err
	}
	out := Audited{Entries: r.Entries, Rows: r.Rows}
	for _, f := range r.Findings {
		if f.Community == community && f.Root == root {
			out.Findings = append(out.Findings, f.Text)
		}
	}
	return out, nil
}
