package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

type loadCmd struct {
	dataFlags
	setFlags

	File   string `arg:"" help:"数据文件（YAML）/ A data file (YAML)."`
	DryRun bool   `help:"只检查：按行列出每一处会被拒绝的地方，不写入 / Only list, by line, everything that would be refused; write nothing."`
}

// Run plays a data file. What an earlier run of it did is not done again.
func (c *loadCmd) Run(s *session) error {
	content, err := os.ReadFile(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.NewInvalid("file", "no_such_file", "找不到 "+c.File+"；请核对路径", "there is no "+c.File+"; check the path")
	}
	if err != nil {
		return fmt.Errorf("read the data file: %w", err)
	}
	file, err := s.parse(c.File, content)
	if err != nil {
		return err
	}
	b, err := loadDefinitions(c.Workflows)
	if err != nil {
		return err
	}
	if c.DryRun {
		return s.rehearse(file, b)
	}
	return s.writing(c.dataFlags, func(d *desk) error {
		log, err := d.play(file, b)
		if err != nil {
			return err
		}
		d.say("已载入 %s：新完成 %d 步，以前已完成 %d 步，按预期被拒绝 %d 次。",
			"Loaded %s: steps carried out now %d, earlier %d; refused as expected %d.",
			file.Code, log.Count(casefile.Done), earlier(log), log.Count(casefile.Refused)+log.Count(casefile.Attempted))
		return c.otherBundle(d, file, b)
	})
}

// otherBundle says that the definitions of --workflows are not those of the programme: it keeps what it started with, and
// a new one starts with what its community has taken up.
func (c *loadCmd) otherBundle(d *desk, file *casefile.File, b *workflow.Bundle) error {
	if len(c.Workflows) == 0 {
		return nil
	}
	head, err := d.store.RootByCode(d.ctx, file.Community, file.Code)
	if err != nil || head == nil || head.Bundle == b.Hash {
		return err
	}
	dirs := strings.Join(c.Workflows, ",")
	d.note("注意：项目 %s 沿用它开始时的流程定义，没有使用 %s。要让本社区今后的新项目使用，请运行 linli bundle adopt --workflows %s --as 管理员。",
		"Note: programme %s keeps the definitions it started with, not those of %s. To make these current for the community's new programmes, run linli bundle adopt --workflows %s --as ADMIN.",
		file.Code, dirs, dirs)
	return nil
}

func earlier(log casefile.Log) int {
	return log.Count(casefile.Replayed) + log.Count(casefile.Found)
}

// parse reads a data file, and prints every mistake that shows without playing it.
func (s *session) parse(name string, content []byte) (*casefile.File, error) {
	file, problems := casefile.Load(name, content)
	if len(problems) == 0 {
		return file, nil
	}
	for _, p := range problems {
		s.line("%s", p.In(s.lang))
	}
	s.note("共 %d 处问题，什么都没有写入。", "%d mistakes; nothing was written.", len(problems))
	return nil, errFound
}

// rehearse plays a file on a database of its own that is thrown away, past every refusal, and lists them all.
func (s *session) rehearse(file *casefile.File, b *workflow.Bundle) (err error) {
	dir, err := os.MkdirTemp("", "linli-dry-run-")
	if err != nil {
		return fmt.Errorf("make a place for the dry run: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	a, err := Open(s.ctx, Config{Data: filepath.Join(dir, "data"), Now: s.sys.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	log, err := file.Play(s.ctx, casefile.Player{Engine: a.Engine, Store: a.Store, Bundle: b}, casefile.Options{KeepGoing: true})
	if err != nil {
		return s.misplayed(err)
	}
	s.say("可以载入：%d 步都会通过。什么都没有写入。", "It can be loaded: all %d steps would be carried out. Nothing was written.", len(log.Entries))
	return nil
}

// misplayed prints the steps that did not go as the file says.
func (s *session) misplayed(err error) error {
	var play *casefile.PlayError
	var problems casefile.Problems
	switch {
	case errors.As(err, &play):
		s.line("%s", play.In(s.lang))
		s.note("共 %d 步不能按文件进行。", "%d steps did not go as the file says.", len(play.Entries))
		return errFound
	case errors.As(err, &problems):
		for _, p := range problems {
			s.line("%s", p.In(s.lang))
		}
		s.note("共 %d 处问题。", "%d mistakes.", len(problems))
		return errFound
	default:
		return err
	}
}

// play carries a file out and tells on standard error how it goes.
func (d *desk) play(file *casefile.File, b *workflow.Bundle) (casefile.Log, error) {
	names := newNamer(d.store, d.engine, file.Community, b)
	p := &progress{
		console: d.console, zone: file.Zone, total: len(file.Steps), who: func(id string) string { return names.label(d.ctx, id) },
	}
	log, err := file.Play(d.ctx, casefile.Player{Engine: player{d.commands, d.app.Engine}, Store: d.app.Store, Bundle: b}, casefile.Options{Progress: p.step})
	if err != nil && d.ctx.Err() != nil {
		d.note("在第 %d 步（共 %d 步）之后停下；再运行同一条命令就从那里接着做。", "Stopped after step %d of %d; the same command carries on from there.", p.n, p.total)
		return log, context.Cause(d.ctx)
	}
	if err != nil {
		return log, d.misplayed(err)
	}
	return log, nil
}

// progress tells on standard error how a file is played: now and then a line, and every refusal that the file expects.
type progress struct {
	console
	who      called
	zone     *time.Location
	n, total int
	told     int // percent
}

const tellEvery = 10 // percent

// attempt is the name of a step that was to be refused, as the file gives it.
func attempt(e casefile.Entry) string { return strings.TrimPrefix(e.Step.Name, "refused.") }

func (p *progress) step(e casefile.Entry) {
	p.n++
	if e.Outcome == casefile.Refused {
		p.note("✗ 按预期被拒绝：%s", "✗ refused, as expected: %s", attempt(e))
		for _, line := range p.reasons(e.Reasons, p.who) {
			_, _ = fmt.Fprintln(p.err, "    "+line)
		}
		return
	}
	percent := p.n * 100 / max(p.total, 1)
	if percent < p.told+tellEvery && p.n != p.total {
		return
	}
	p.told = percent - percent%tellEvery
	at := ""
	if !e.Step.At.IsZero() {
		at = instant(e.Step.At, p.zone) + "  "
	}
	p.note("… %d/%d  %s%s", "… %d/%d  %s%s", p.n, p.total, at, e.Step.Name)
}
