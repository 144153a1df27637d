package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// The bounds of one pass over what is due, and of the tries for a timer whose command the database refuses.
const (
	dueBatch      = 200    // timers read at a time
	maxFirings    = 10_000 // timers ended
	maxUnstorable = 3
)

// fireDueTimers fires the timers of a root that are due by the jobs' time, ahead of them: a pledge that lapsed at noon has
// lapsed when somebody acts at one. It returns the jobs that are left: those that were to fire one of these timers have their
// answer. Trouble with a timer never stops the jobs; it stays due, is taken again, and is among those returned.
func (e *Engine) fireDueTimers(ctx context.Context, k queueKey, jobs []*job) ([]*job, []TimerRow) {
	if !slices.ContainsFunc(jobs, func(j *job) bool { return j.timer == nil }) {
		return jobs, nil
	}
	now, due, err := e.dueBy(ctx, k, jobs)
	if err == nil && !due {
		return jobs, nil
	}
	next := func(after TimerRow) ([]TimerRow, error) {
		return e.store.DueTimers(ctx, k.community, k.root, now, after, dueBatch)
	}
	var tried []TimerRow
	fire := func(t TimerRow) error {
		j := timerJob(t)
		e.runJobs(ctx, k, []*job{j})
		a := <-j.done
		jobs = slices.DeleteFunc(slices.Clone(jobs), func(o *job) bool {
			if o.timer == nil || o.req.ID != j.req.ID {
				return false
			}
			o.answer(a.result, a.err)
			return true
		})
		err := e.settleTimer(ctx, t, a)
		if err != nil {
			tried = append(tried, t)
		}
		return err
	}
	if err == nil {
		_, err = pass(true, next, fire)
	}
	if err != nil {
		e.log.Warn("due timers could not be fired", "err", err)
	}
	e.cache.forget(k) // when the next one is due is read anew
	return jobs, tried
}

// dueBy is the time by which timers must have fired before the jobs, and whether one may be due by then. That of a replayed programme
// moves with its commands alone.
func (e *Engine) dueBy(ctx context.Context, k queueKey, jobs []*job) (time.Time, bool, error) {
	head, due, known := e.cache.peek(k)
	if !known {
		v, err := e.view(ctx, k)
		if err != nil {
			e.cache.forget(k)
			return time.Time{}, false, err
		}
		head, due = v.heads[k.root], v.due
		e.cache.giveBack(v)
	}
	now := head.Frozen
	if now.IsZero() {
		now = e.now()
	}
	if now.Before(head.Recorded) {
		now = head.Recorded // another process's clock is ahead, and no command is recorded before the last
	}
	for _, j := range jobs {
		if j.req.At.After(now) {
			now = j.req.At
		}
	}
	return now, !due.IsZero() && !due.After(now), nil
}

// fellDue reports whether a timer may be due before the jobs.
func (e *Engine) fellDue(ctx context.Context, k queueKey, jobs []*job) bool {
	if !slices.ContainsFunc(jobs, func(j *job) bool { return j.timer == nil }) {
		return false
	}
	_, due, err := e.dueBy(ctx, k, jobs)
	return err == nil && due
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

// settleTimer sees to it that a timer whose command has been tried does not wait any more, unless it is worth another try.
func (e *Engine) settleTimer(ctx context.Context, t TimerRow, a answer) error {
	if a.err != nil {
		return e.skip(ctx, t, a.err)
	}
	if !a.result.Replayed {
		return nil
	}
	t.Status, t.Reason, t.Ended = TimerFired, a.result.Command, e.now()
	if err := e.store.EndTimer(ctx, t); !errors.Is(err, ErrConflict) {
		return err
	}
	return nil // its own commit ended it
}

// hopeless reports whether a timer's command can never be carried out: its programme or definition is broken, its id was used for
// something else, or the database itself has refused the command several times.
func (e *Engine) hopeless(t TimerRow, cause error) bool {
	var broken *workflow.BrokenError
	var f *fault.Error
	switch {
	case errors.As(cause, &broken):
		return true
	case errors.Is(cause, ErrUnstorable):
		id := timerJob(t).req.ID
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.unstorable[id]++; e.unstorable[id] < maxUnstorable {
			return false
		}
		delete(e.unstorable, id)
		return true
	case errors.As(cause, &f):
		return f.Kind == fault.NotFound && f.Code != codeBundleMissing || f.Kind == fault.Mismatch
	}
	return false
}

// skip ends a timer whose event was refused, or can never be carried out because its programme or definition is broken, with the
// reasons. Any other failure (a database that does not answer) is returned and leaves the timer due.
func (e *Engine) skip(ctx context.Context, t TimerRow, cause error) error {
	var r *workflow.Refusal
	if !errors.As(cause, &r) {
		if !e.hopeless(t, cause) {
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
	next := func(after TimerRow) ([]TimerRow, error) {
		return e.store.DueTimers(ctx, community, root, now, after, dueBatch)
	}
	return pass(root != "", next, func(t TimerRow) error {
		result, err := e.enqueue(ctx, timerJob(t))
		return e.settleTimer(ctx, t, answer{result, err})
	})
}

// NextDue returns when the next timer of a programme without a clock of its own is due, later than a time; zero if none waits. With
// a zero time it is the earliest of all.
func (e *Engine) NextDue(ctx context.Context, after time.Time) (time.Time, error) {
	far := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	var from TimerRow
	if !after.IsZero() {
		from.Due = after.Add(time.Microsecond)
	}
	rows, err := e.store.DueTimers(ctx, "", "", far, from, 1)
	if err != nil || len(rows) == 0 {
		return time.Time{}, err
	}
	return rows[0].Due, nil
}
