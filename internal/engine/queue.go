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

// The bounds of one slice and of the patience with others' commits.
const (
	maxSlice    = 64
	maxAttempts = 50
)

type queueKey struct{ community, root string }

// queue holds the waiting commands of one root. While it exists, exactly one goroutine works on it.
type queue struct{ jobs []*job }

// job is one request on its way through.
type job struct {
	req   Request
	timer *TimerRow // the due timer that this job fires, if any
	done  chan answer
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
	k := queueKey{j.req.Community, j.req.root()}
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return Result{}, fault.New(fault.Unavailable, "stopping", "系统正在停止，请稍后重试", "the system is stopping; try again shortly")
	}
	q := e.queues[k]
	if q == nil {
		q = &queue{}
		e.queues[k] = q
		go e.work(context.WithoutCancel(ctx), k, q)
	}
	q.jobs = append(q.jobs, j)
	e.mu.Unlock()
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
	e.fireDueTimers(ctx, k, jobs)
	for attempt := 0; ; attempt++ {
		s, err := e.prepare(ctx, k, jobs)
		if err == nil && s.empty() {
			s.answerAll(nil)
			return
		}
		if err == nil {
			err = e.commit(ctx, s)
		}
		switch {
		case err == nil:
			s.answerAll(nil)
			return
		case errors.Is(err, ErrConflict) && attempt < maxAttempts:
			backoff(attempt)
		case errors.Is(err, ErrUnknownOutcome) && attempt < maxAttempts:
			e.settle(ctx, s)
			if jobs = s.open(); len(jobs) == 0 {
				return
			}
			backoff(attempt)
		case len(jobs) > 1:
			// The database refused the slice for a reason of its own: one command is poisoned, so each goes alone.
			for _, j := range jobs {
				e.runJobs(ctx, k, []*job{j})
			}
			return
		default:
			e.log.Error("command failed", "command", jobs[0].req.ID, "kind", jobs[0].req.Kind, "err", err)
			jobs[0].answer(Result{}, err)
			return
		}
	}
}

// backoff waits a little, with jitter, so that replicas that collide do not collide again.
func backoff(attempt int) {
	limit := time.Millisecond << min(attempt, 6)
	time.Sleep(rand.N(limit) + limit/4) //nolint:gosec // jitter needs no secret
}

// settle asks the history, after a lost connection, which commands of a slice were committed, and answers those.
func (e *Engine) settle(ctx context.Context, s *work) {
	for _, p := range s.parts {
		if p.answered || p.refusal != nil {
			continue
		}
		p.job.req.fresh = false // from now on its id may be in the chain
		for try := range maxAttempts {
			got, err := e.store.Committed(ctx, s.key.community, s.key.root, p.job.req.ID)
			if err != nil {
				backoff(try)
				continue
			}
			if got != nil {
				p.answered = true
				p.job.answer(p.result, nil)
			}
			break
		}
	}
}
