package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// dueBatch is how many due timers are taken at a time.
const dueBatch = 200

// fireDueTimers fires the timers of a root that are due by the jobs' time, ahead of them: a pledge that lapsed at noon has
// lapsed when somebody acts at one. Trouble with a timer never stops the jobs; it stays due and is taken again.
func (e *Engine) fireDueTimers(ctx context.Context, k queueKey, jobs []*job) {
	if jobs[0].timer != nil {
		return
	}
	var now time.Time
	for _, j := range jobs {
		t := j.req.At
		if t.IsZero() {
			t = e.now()
		}
		if t.After(now) {
			now = t
		}
	}
	rows, err := e.store.DueTimers(ctx, k.community, k.root, now, dueBatch)
	if err == nil && len(rows) > 0 {
		rows, err = e.atItsClock(ctx, k, jobs, rows)
	}
	if err != nil {
		e.log.Warn("due timers could not be read", "err", err)
		return
	}
	for _, t := range rows {
		j := timerJob(t)
		e.runJobs(ctx, k, []*job{j})
		if a := <-j.done; a.err != nil {
			if err := e.skip(ctx, t, a.err); err != nil {
				e.log.Warn("a timer could not be fired", "rule", t.Rule, "err", err)
			}
		}
	}
}

// atItsClock leaves out the timers that lie in the future of a replayed programme, whose clock moves with its commands alone.
func (e *Engine) atItsClock(ctx context.Context, k queueKey, jobs []*job, rows []TimerRow) ([]TimerRow, error) {
	heads, err := e.store.Heads(ctx, k.community, []string{k.root})
	if err != nil {
		return nil, err
	}
	now := heads[k.root].Frozen
	if now.IsZero() {
		return rows, nil
	}
	for _, j := range jobs {
		if j.req.At.After(now) {
			now = j.req.At
		}
	}
	for n, t := range rows {
		if t.Due.After(now) {
			return rows[:n], nil
		}
	}
	return rows, nil
}

// timerJob is the command that a due timer fires, by the system.
func timerJob(t TimerRow) *job {
	return &job{
		timer: &t, done: make(chan answer, 1),
		req: Request{Command: workflow.Command{
			ID:        fmt.Sprintf("%s%s/%s/%d", timerPrefix, t.Instance, t.Rule, t.Generation),
			Community: t.Community, Root: t.Root, Target: t.Instance, Kind: workflow.KindFire, Event: t.Event,
			Actor: workflow.Actor{System: true},
			Timer: &workflow.TimerRef{Instance: t.Instance, Rule: t.Rule, Generation: t.Generation},
		}},
	}
}

// skip ends a timer whose event was refused, or can never be carried out because its programme or definition is broken, with the
// reasons. Any other failure (a database that does not answer) is returned and leaves the timer due.
func (e *Engine) skip(ctx context.Context, t TimerRow, cause error) error {
	var r *workflow.Refusal
	if !errors.As(cause, &r) {
		var broken *workflow.BrokenError
		if !errors.As(cause, &broken) && fault.KindOf(cause) != fault.NotFound {
			return cause
		}
		r = &workflow.Refusal{Reasons: []workflow.Reason{{Text: workflow.Text{ZH: "无法执行：" + cause.Error(), EN: "it cannot be carried out: " + cause.Error()}}}}
	}
	t.Status = TimerSkipped
	if r.Has(workflow.ReasonTimer) {
		t.Status = TimerSuperseded
	}
	texts := make([]string, len(r.Reasons))
	for n, x := range r.Reasons {
		texts[n] = x.Text.ZH + " / " + x.Text.EN
	}
	t.Reason = strings.Join(texts, "; ")
	if err := e.endTimer(ctx, t); !errors.Is(err, ErrConflict) {
		return err
	}
	return nil // somebody else ended it
}

// FireDue fires what is due at now in every programme without a clock of its own, and returns how many timers it ended.
func (e *Engine) FireDue(ctx context.Context) (int, error) {
	return e.fireDue(ctx, "", "", e.now())
}

// Advance moves the clock of a replayed programme to a time: what falls due by then fires, in order, at its own time.
func (e *Engine) Advance(ctx context.Context, community, root string, to time.Time) (int, error) {
	heads, err := e.store.Heads(ctx, community, []string{root})
	if err != nil {
		return 0, err
	}
	if heads[root].Frozen.IsZero() {
		return 0, fault.NewInvalid("programme", "clock_not_frozen", "只有重演的项目才能拨动时钟", "only a replayed programme has a clock that can be moved")
	}
	return e.fireDue(ctx, community, root, to)
}

func (e *Engine) fireDue(ctx context.Context, community, root string, now time.Time) (int, error) {
	total := 0
	for {
		rows, err := e.store.DueTimers(ctx, community, root, now, dueBatch)
		if err != nil || len(rows) == 0 {
			return total, err
		}
		ended := 0
		var last error
		for _, t := range rows {
			_, err := e.enqueue(ctx, timerJob(t))
			if err != nil {
				err = e.skip(ctx, t, err)
			}
			if err != nil {
				last = err
				continue
			}
			ended++
		}
		total += ended
		if ended == 0 {
			return total, last
		}
	}
}

// NextDue returns when the next timer of a programme without a clock of its own is due; zero if none waits.
func (e *Engine) NextDue(ctx context.Context) (time.Time, error) {
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	rows, err := e.store.DueTimers(ctx, "", "", far, 1)
	if err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	return rows[0].Due, nil
}
