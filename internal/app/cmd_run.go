package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/workflow"
)

// settings says in one line on which settings "what was answered is not lost" rests.
func (s *session) settings(a *App) {
	d := a.Store.Durability()
	var parts []string
	for _, name := range sortedNames(d) {
		parts = append(parts, name+"="+d[name])
	}
	s.note("数据库 %s：%s", "Database %s: %s", a.Store.Kind(), strings.Join(parts, " "))
}

type tickCmd struct{ dataFlags }

// Run fires what is due now.
func (c *tickCmd) Run(s *session) error {
	return s.writing(c.dataFlags, func(d *desk) error {
		n, err := d.commands.FireDue(d.ctx)
		if err != nil && !errors.Is(err, engine.ErrConflict) {
			return err
		}
		d.say("处理了 %d 个到期的定时事项。", "Timers ended: %d.", n)
		return nil
	})
}

type runCmd struct{ dataFlags }

// Run fires what falls due until it is stopped.
func (c *runCmd) Run(s *session) error {
	return s.holding(c.dataFlags, func(d *desk) error {
		d.settings(d.app)
		d.note("正在运行：到期的定时事项会自动执行。按 Ctrl-C 停止。", "Running: timers fire as they fall due. Ctrl-C stops.")
		err := d.app.Run(d.ctx)
		d.note("已停止。", "Stopped.")
		return err
	})
}

type auditCmd struct{ dataFlags }

// Run re-computes chains, rows and figures, and names the first thing in each root that does not hold.
func (c *auditCmd) Run(s *session) error {
	return s.reading(c.dataFlags, func(d *desk) error {
		marks, err := d.marks(c.Checkpoint != "")
		if err != nil {
			return err
		}
		report, err := audit.Run(d.ctx, d.app.Store, d.app.Keys, audit.Options{Checkpoint: marks})
		if err != nil {
			return err
		}
		for _, f := range report.Findings {
			d.line("%s", f.In(d.lang))
		}
		d.say("核查了 %d 个社区、%d 条链、%d 条历史、%d 行数据，对照 %d 个检查点。",
			"Audited: communities %d, chains %d, history entries %d, rows %d, checkpoints %d.",
			report.Communities, report.Roots, report.Entries, report.Rows, report.Marks)
		if !report.OK() {
			d.say("发现 %d 处不符。", "Found %d that do not hold.", len(report.Findings))
			return errFound
		}
		d.say("全部相符。", "Everything holds.")
		return nil
	})
}

// marks reads the checkpoint file. One that was asked for must be there; the default one need not.
func (d *desk) marks(must bool) ([]seal.Checkpoint, error) {
	path := d.app.cfg.Checkpoint
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if must {
			return nil, fault.NewInvalid("checkpoint", "no_checkpoint", "找不到检查点文件 "+path, "there is no checkpoint file "+path)
		}
		d.note("没有检查点文件（%s）：历史尾部连同数据一起被删的情形查不出来。",
			"There is no checkpoint file (%s): a history that was cut off together with its rows cannot be noticed.", path)
		return nil, nil
	}
	all, err := d.app.Keys.ReadCheckpoint(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Refused, "checkpoint_damaged",
			"检查点文件不可信："+err.Error(), "the checkpoint file cannot be trusted: "+err.Error())
	}
	if len(all) == 0 {
		d.note("检查点文件（%s）是空的，没有可对照的检查点：历史尾部连同数据一起被删的情形查不出来。",
			"The checkpoint file (%s) is empty: a history that was cut off together with its rows cannot be noticed.", path)
	}
	return all, nil
}

type bundleCmd struct {
	List  bundleListCmd  `cmd:"" help:"谁在用哪个版本 / Who uses which set of definitions."`
	Adopt bundleAdoptCmd `cmd:"" help:"让社区采用本程序（加 --workflows）的流程定义；进行中的项目不变 / Let the community take up the program's definitions, with --workflows; what runs stays as it is."`
}

type bundleListCmd struct {
	dataFlags
	setFlags
}

// Run lists who uses which set of definitions.
func (c *bundleListCmd) Run(s *session) error {
	b, err := loadDefinitions(c.Workflows)
	if err != nil {
		return err
	}
	return s.reading(c.dataFlags, func(d *desk) error {
		d.say("%s  本程序", "%s  this program", b.Hash)
		communities, err := d.communities(d.ctx, d.community)
		if err != nil {
			return err
		}
		for _, c := range communities {
			if err := d.bundlesOf(c); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *desk) bundlesOf(community string) error {
	registry, err := d.root(d.ctx, community, community)
	if err != nil {
		return err
	}
	current, _ := registry.at().Body.Data["bundle"].(string)
	if current == "" {
		current = registry.head.Bundle
	}
	d.say("%s  社区 %s：新项目", "%s  community %s: new programmes", current, community)
	heads, err := d.store.Roots(d.ctx, community)
	if err != nil {
		return err
	}
	for _, h := range heads {
		if h.Root != community && !h.Live() {
			continue
		}
		name := h.Code
		if h.Root == community {
			name = d.words("登记册", "registry")
		}
		d.line("%s    %s", h.Bundle, name)
	}
	return nil
}

type bundleAdoptCmd struct {
	dataFlags
	setFlags
	actorFlags
}

// Run stores the program's definitions and makes them those of the community's new programmes.
func (c *bundleAdoptCmd) Run(s *session) error {
	b, err := loadDefinitions(c.Workflows)
	if err != nil {
		return err
	}
	return s.writing(c.dataFlags, func(d *desk) error {
		communities, err := d.communities(d.ctx, d.community)
		if err != nil {
			return err
		}
		if len(communities) != 1 {
			return fault.NewInvalid("community", "community_missing", "请用 --community 指明社区："+strings.Join(communities, "、"),
				"say which community with --community: "+strings.Join(communities, ", "))
		}
		p, err := d.goTo(communities[0])
		if err != nil {
			return err
		}
		if err := d.commands.AddBundle(d.ctx, b); err != nil {
			return fmt.Errorf("store the definitions: %w", err)
		}
		req := engine.Request{
			Command: workflow.Command{Community: p.head.Community, Root: p.head.Root, Target: p.at().ID, Kind: workflow.KindEdit},
			Values:  map[string]any{"bundle": b.Hash},
		}
		if err := d.people(&req, p, c.actorFlags); err != nil {
			return err
		}
		if err := d.carryOut(p, req); err != nil {
			return err
		}
		d.say("今后的新项目使用 %s", "New programmes use %s from now on", b.Hash)
		return nil
	})
}
