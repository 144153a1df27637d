package audit

import (
	"context"
	"maps"
	"slices"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

type occurrence struct {
	instance, rule string
	generation     int64
}

// checkTimers holds the timers' table against what the rows say is armed.
func (c *chain) checkTimers(ctx context.Context) (*wrong, error) {
	rows, err := c.src.AllTimers(ctx, c.head.Community, c.head.Root)
	if err != nil {
		return nil, err
	}
	have := make(map[occurrence]engine.TimerRow, len(rows))
	for _, t := range rows {
		if w, err := c.checkTimer(ctx, t); w != nil || err != nil {
			return w, err
		}
		have[occurrence{t.Instance, t.Rule, t.Generation}] = t
	}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		armed := c.rows[id].Body.Timers
		for _, rule := range slices.Sorted(maps.Keys(armed)) {
			d := armed[rule]
			if d.At.IsZero() {
				continue
			}
			if _, there := have[occurrence{id, rule, d.Generation}]; !there {
				t := engine.TimerRow{Instance: id, Rule: rule, Generation: d.Generation}
				return badTimer(t, "不在定时表里", "is not in the table of timers"), nil
			}
		}
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}

// checkTimer checks one row of the table.
func (c *chain) checkTimer(ctx context.Context, t engine.TimerRow) (*wrong, error) {
	if w, err := c.checkEnd(t); w != nil || err != nil {
		return w, err
	}
	inst := c.rows[t.Instance]
	if inst == nil {
		if t.Status == engine.TimerWaiting {
			return badTimer(t, "在等待，但所属记录不存在", "is waiting, but its row does not exist"), nil
		}
		return nil, nil //nolint:nilnil // a timer that outlived its row
	}
	def := c.bundle.Definition(inst.Workflow)
	if def == nil {
		return nil, nil //nolint:nilnil // nothing to hold it against
	}
	if rule := def.Timer(t.Rule); rule != nil {
		return checkRule(t, rule, inst.Body.Timers[t.Rule]), nil
	}
	return c.checkConsequence(ctx, t, def)
}

// checkEnd asks for the evidence of how a timer ended: an entry that it fired, or the mark of the engine that skipped it. A timer is
// superseded by an entry about its row, which checkRule looks at; without a rule of the definition it takes the mark too.
func (c *chain) checkEnd(t engine.TimerRow) (*wrong, error) {
	fired := c.fired[occurrence{t.Instance, t.Rule, t.Generation}]
	switch t.Status {
	case engine.TimerWaiting:
		if fired {
			return badTimer(t, "仍在等待，但早已结束", "is still waiting, but it has ended"), nil
		}
	case engine.TimerFired:
		if !fired {
			return badTimer(t, "没有任何历史条目触发过它", "was fired by no entry of the history"), nil
		}
	case engine.TimerSkipped:
		return c.checkMark(t)
	case engine.TimerSuperseded:
		if inst := c.rows[t.Instance]; inst != nil {
			if def := c.bundle.Definition(inst.Workflow); def != nil && def.Timer(t.Rule) == nil {
				return c.checkMark(t)
			}
		}
	default:
		return badTimer(t, "的状态无人认识", "has a status that nobody knows"), nil
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}

// checkMark checks that it was the engine that ended a timer without an entry.
func (c *chain) checkMark(t engine.TimerRow) (*wrong, error) {
	end, err := t.End()
	if err != nil {
		return nil, err
	}
	if c.keys.TimerMark(end) != t.Mark {
		return badTimer(t, "被结束，但没有系统的校验码，或内容被改动", "was ended without the MAC of the system, or was changed since"), nil
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}

// checkRule holds a timer of the definition against what its row says is armed.
func checkRule(t engine.TimerRow, rule *workflow.Timer, armed workflow.Due) *wrong {
	switch {
	case t.Event != rule.Fire:
		return badTimer(t, "触发的事件不是定义所说的", "fires another event than its definition says")
	case t.Generation > armed.Generation:
		return badTimer(t, "没有被任何历史条目设置", "was set by no entry of the history")
	case t.Generation < armed.Generation || !armed.Armed():
		if t.Status == engine.TimerWaiting {
			return badTimer(t, "仍在等待，但早已结束", "is still waiting, but it has ended")
		}
		if t.Generation == armed.Generation && t.Due.Equal(armed.Fired) && t.Status != engine.TimerFired {
			return badTimer(t, "的状态与记录不符", "does not have the status that its row says")
		}
	case !t.Due.Equal(armed.At):
		return badTimer(t, "到期时间被改动", "is due at another time than its row says")
	case t.Status == engine.TimerFired, t.Status == engine.TimerSuperseded:
		return badTimer(t, "的状态与记录不符", "does not have the status that its row says")
	}
	return nil
}

// checkConsequence checks a timer that a change in the registry armed: it carries the seq of that change.
func (c *chain) checkConsequence(ctx context.Context, t engine.TimerRow, def *workflow.Definition) (*wrong, error) {
	registry := c.registry
	if registry == nil {
		registry = c
	}
	ok := def.Event(t.Rule) != nil && t.Event == t.Rule
	switch {
	case !ok:
	case t.Generation <= registry.head.Seq:
		ok = registry.moved[t.Generation]
	default: // armed since the registry was read, or by nobody
		now, err := c.src.Heads(ctx, c.head.Community, []string{c.head.Community})
		if err != nil {
			return nil, err
		}
		ok = t.Generation <= now[c.head.Community].Seq
	}
	if !ok {
		return badTimer(t, "没有被登记册的任何变更设置", "was set by no change in the registry"), nil
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}
