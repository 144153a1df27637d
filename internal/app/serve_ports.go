package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/linli/linli/internal/api"
	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// loader plays data files for the HTTP interface.
type loader struct{ app *App }

// Load plays a data file into the community that it names, which must be the caller's. What an earlier run of it did is not done again.
func (l *loader) Load(ctx context.Context, community, name string, file io.Reader, dry bool) (api.Loaded, error) {
	content, err := io.ReadAll(file)
	if err != nil {
		return api.Loaded{}, fmt.Errorf("read the data file: %w", err)
	}
	f, problems := casefile.Load(name, content)
	if len(problems) > 0 {
		return api.Loaded{Mistakes: mistakes(problems)}, nil
	}
	if f.Community != community {
		return api.Loaded{}, fault.NewInvalid("body.community.id", "other_community",
			"数据文件写的是另一个社区；请改成本社区的编号 "+community, "the file is that of another community; put this one's id there: "+community)
	}
	b, err := l.bundle(ctx, community)
	if err != nil {
		return api.Loaded{}, err
	}
	if dry {
		return l.rehearse(ctx, f, b)
	}
	log, err := f.Play(ctx, casefile.Player{Engine: l.app.Engine, Store: l.app.Store, Bundle: b}, casefile.Options{})
	l.app.Loop.Wake()
	return loaded(f, log, err)
}

// bundle is what the community's new programmes start with.
func (l *loader) bundle(ctx context.Context, community string) (*workflow.Bundle, error) {
	i, err := l.app.Store.Instance(ctx, community, community)
	if err != nil {
		return nil, err
	}
	if i != nil {
		if hash, _ := i.Body.Data["bundle"].(string); hash != "" {
			return l.app.Engine.Bundle(ctx, hash) //nolint:wrapcheck // as the engine itself
		}
	}
	return loadDefinitions(nil)
}

// rehearse plays a file on a database of its own that is thrown away, past every refusal. What is already registered in the community
// it does not know.
func (l *loader) rehearse(ctx context.Context, f *casefile.File, b *workflow.Bundle) (out api.Loaded, err error) {
	dir, err := os.MkdirTemp("", "linli-dry-run-")
	if err != nil {
		return out, fmt.Errorf("make a place for the dry run: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a, err := Open(ctx, Config{Data: filepath.Join(dir, "data"), Now: l.app.cfg.Now})
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	log, err := f.Play(ctx, casefile.Player{Engine: a.Engine, Store: a.Store, Bundle: b}, casefile.Options{KeepGoing: true})
	out, err = loaded(f, log, err)
	out.Programme = ""
	return out, err
}

// loaded says what came of playing a file.
func loaded(f *casefile.File, log casefile.Log, err error) (api.Loaded, error) {
	out := api.Loaded{
		Programme: log.Programme, Code: f.Code, Done: log.Count(casefile.Done), Earlier: earlier(log),
		Refused: log.Count(casefile.Refused) + log.Count(casefile.Attempted),
	}
	var play *casefile.PlayError
	var problems casefile.Problems
	switch {
	case errors.As(err, &problems):
		out.Mistakes = mistakes(problems)
	case errors.As(err, &play):
		out.Mistakes = []workflow.Text{{ZH: play.In(langZH), EN: play.In(langEN)}}
	case err != nil:
		return out, fmt.Errorf("play the data file: %w", err)
	}
	return out, nil
}

func mistakes(problems casefile.Problems) []workflow.Text {
	out := make([]workflow.Text, 0, len(problems))
	for _, p := range problems {
		out = append(out, workflow.Text{ZH: p.In(langZH), EN: p.In(langEN)})
	}
	return out
}

// auditor re-computes chains for the HTTP interface.
type auditor struct{ app *App }

// Audit re-computes a programme's chain and rows, with the registry that it refers to, and holds them against the checkpoint file.
func (a *auditor) Audit(ctx context.Context, community, root string) (api.Audited, error) {
	marks, err := a.app.Keys.ReadCheckpoint(a.app.cfg.Checkpoint)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return api.Audited{}, fault.Wrap(err, fault.Refused, "checkpoint_damaged",
			"检查点文件不可信；请管理员在服务器上运行 linli audit 查明", "the checkpoint file cannot be trusted; an administrator finds out more with linli audit on the server")
	}
	r, err := audit.Run(ctx, a.app.Store, a.app.Keys, audit.Options{Checkpoint: marks, Community: community, Root: root})
	if err != nil {
		return api.Audited{}, fmt.Errorf("audit: %w", err)
	}
	out := api.Audited{Entries: r.Entries, Rows: r.Rows}
	for _, f := range r.Findings {
		out.Findings = append(out.Findings, workflow.Text{ZH: f.In(langZH), EN: f.In(langEN)})
	}
	return out, nil
}
