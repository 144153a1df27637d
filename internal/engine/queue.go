package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// The bounds of one slice, of the rounds of loading for one command, and of the patience with others' commits.
const (
	maxSlice        = 64
	maxAttempts     = 50
	defaultPatience = 30 * time.Second
)

type queueKey struct{ community, root string }

// queue holds the waiting commands of one root. While it exists, exactly one goroutine works on it.
type queue struct{ jobs []*job }

// job is one request on its way through.
type job struct {
	req   Request
	timer *TimerRow // the due timer that this job fires, if any
	// lookup: its idempotency key may have been used, so that the database is asked before anything is decided.
	lookup bool
	// unknown: it was lost sight of while it was being committed, and may have been carried out.
	unknown bool
	done    chan answer
}

type answer struct {
	result Result
	err    error
}

func (j *job) answer(r Result, err error) {
	if j.done != nil {
		j.done <- answer{r, err}
	}
}

// enqueue puts a job behind those of the same root and waits for its answer.
func (e *Engine) enqueue(ctx context.Context, j *job) (Result, error) {
	if err := e.hand(ctx, j); err != nil {
		return Result{}, err
	}
	return j.wait(ctx)
}

// hand puts jobs behind those of the same roots, all at once.
func (e *Engine) hand(ctx context.Context, jobs ...*job) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return fault.New(fault.Unavailable, "stopping", "系统正在停止，请稍后重试", "the system is stopping; try again shortly")
	}
	for _, j := range jobs {
		k := queueKey{j.req.Community, j.req.root()}
		j.lookup = j.req.IdempotencyKey != "" && e.keysUsed.seen(&j.req)
		q := e.queues[k]
		if q == nil {
			q = &queue{}
			e.queues[k] = q
			go e.work(context.WithoutCancel(ctx), k, q)
		}
		q.jobs = append(q.jobs, j)
	}
	return nil
}

// wait returns the answer, or an error when ctx ends first.
func (j *job) wait(ctx context.Context) (Result, error) {
	select {
	case a := <-j.done:
		return a.result, a.err
	case <-ctx.Done():
		return Result{}, fmt.Errorf("waiting for the outcome of command %s: %w", j.req.ID, ctx.Err())
	}
}

// root is the chain that a request writes: for a new programme, the id that it will get.
func (r *Request) root() string {
	if r.Kind == workflow.KindCreate && r.Root == "" {
		return workflow.InstanceID(r.Community, "", r.ID, 1)
	}
	return r.Root
}

// work empties one queue, a slice at a time, and removes it.
func (e *Engine) work(ctx context.Context, k queueKey, q *queue) {
	for {
		e.mu.Lock()
		if len(q.jobs) == 0 {
			delete(e.queues, k)
			e.idle.Broadcast()
			e.mu.Unlock()
			return
		}
		n := min(len(q.jobs), maxSlice)
		jobs := q.jobs[:n:n]
		q.jobs = q.jobs[n:]
		e.mu.Unlock()
		e.runJobs(ctx, k, jobs)
	}
}

// runJobs carries a slice of jobs through load, apply and commit until every one has its answer.
func (e *Engine) runJobs(ctx context.Context, k queueKey, jobs []*job) {
	p := &patience{limit: e.patience}
	defer p.stop()
	var err error
	for {
		var tried []TimerRow
		if jobs, tried = e.fireDueTimers(ctx, k, jobs); len(jobs) == 0 {
			return
		}
		jobs, err = e.attempts(ctx, k, jobs, tried, p)
		if !errors.Is(err, errDue) {
			break
		}
	}
	switch {
	case err == nil:
	case len(jobs) > 1 && !e.away(err):
		// The database refused the slice for a reason of its own: one command is poisoned, so each goes alone.
		for _, j := range jobs {
			e.runJobs(ctx, k, []*job{j})
		}
	default:
		for _, j := range jobs {
			failure := e.failure(j, err)
			e.log.Error("command failed", "command", j.req.ID, "kind", j.req.Kind, "err", failure)
			j.answer(Result{}, failure)
		}
	}
}

// errDue says that timers fell due while a slice was tried: they go first.
var errDue = errors.New("timers fell due")

// attempts prepares and commits a slice, again and again while others are faster, for as long as the engine's patience lasts. It
// returns the jobs that have no answer yet, with the reason.
func (e *Engine) attempts(ctx context.Context, k queueKey, jobs []*job, tried []TimerRow, p *patience) ([]*job, error) {
	registry := &turn{engine: e, community: k.community}
	defer registry.leave()
	if k.root == k.community || e.mayRegister(jobs) {
		registry.take()
	}
	for attempt := 0; ; attempt++ {
		if attempt > 0 && e.fellDue(ctx, k, jobs) {
			return jobs, errDue
		}
		b, err := e.prepare(ctx, k, jobs)
		if err == nil && b.registers() && registry.take() {
			e.registering(jobs)
			e.cache.forget(k)
			continue // what was prepared outside its turn may be old by now
		}
		if err == nil && len(jobs) > 1 && b.overlaps() {
			err = errOverlap
		}
		if err == nil && !b.empty() {
			b.slice.Tried = tried
			err = e.commit(ctx, b.work)
		}
		if err == nil {
			b.keep()
			b.answerAll(nil)
			return nil, nil
		}
		e.cache.forget(k)
		switch {
		case errors.Is(err, ErrUnknownOutcome):
			e.settle(ctx, b.work, p)
			if jobs = b.open(); len(jobs) == 0 {
				return nil, nil
			}
		case !errors.Is(err, ErrConflict):
			return jobs, err
		}
		for _, j := range jobs {
			j.lookup = true // perhaps it was the idempotency key
		}
		if p.over() {
			return jobs, err
		}
		backoff(attempt)
	}
}

// patience bounds how long something is tried again, from the first time that it failed. It belongs to one goroutine.
type patience struct {
	limit time.Duration
	timer *time.Timer
	ended bool
}

func (p *patience) over() bool {
	if p.timer == nil {
		p.timer = time.NewTimer(p.limit)
	}
	select {
	case <-p.timer.C:
		p.ended = true
	default:
	}
	return p.ended
}

func (p *patience) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
}

// backoff waits a little, with jitter, so that replicas that collide do not collide again.
func backoff(attempt int) {
	limit := time.Millisecond << min(attempt, 6)
	time.Sleep(rand.N(limit) + limit/4) //nolint:gosec // jitter needs no secret
}
