package engine

import (
	"context"
	"errors"

	"github.com/linli/linli/internal/workflow"
)

// submission is one slice waiting for the committer.
type submission struct {
	ctx   context.Context //nolint:containedctx // a message between goroutines, not a long-lived value
	slice Slice
	done  chan error
}

// maxBatch bounds what one transaction writes.
const maxBatch = 128

// commit hands a slice in and waits until it is durable or refused. Whoever finds a slot free commits everything that is ready by then,
// for all who wait; nobody waits for more to come: while one batch is written, the next gets ready. A lone command is so committed where it
// was decided, without a word to another goroutine.
func (e *Engine) commit(ctx context.Context, w *work) error {
	s := submission{ctx: ctx, slice: w.slice, done: make(chan error, 1)}
	e.commits <- s
	for {
		select {
		case err := <-s.done:
			return err
		case e.slots <- struct{}{}:
			if batch := e.ready(); len(batch) > 0 {
				e.commitBatch(batch)
			}
			<-e.slots
		}
	}
}

// ready takes what is waiting to be committed.
func (e *Engine) ready() []submission {
	var batch []submission
	for len(batch) < maxBatch {
		select {
		case s := <-e.commits:
			batch = append(batch, s)
		default:
			return batch
		}
	}
	return batch
}

// commitBatch commits a batch, each slice of which gets its own outcome.
func (e *Engine) commitBatch(batch []submission) {
	p := &patience{limit: e.patience}
	defer p.stop()
	e.bisect(batch, p)
}

// bisect commits a batch, and in halves if the database will have none of it: one poisoned slice harms no other. The store has told
// apart already what it could; where everything fails, it stops with the engine's patience.
func (e *Engine) bisect(batch []submission, p *patience) {
	slices := make([]Slice, len(batch))
	for n, s := range batch {
		slices[n] = s.slice
	}
	errs, err := e.store.Commit(batch[0].ctx, slices)
	unknown := errors.Is(err, ErrUnknownOutcome)
	if err == nil || unknown {
		e.grew(slices, errs)
	}
	if err != nil && !unknown && len(batch) > 1 && !p.over() {
		e.bisect(batch[:len(batch)/2], p)
		e.bisect(batch[len(batch)/2:], p)
		return
	}
	for n, s := range batch {
		if err != nil {
			s.done <- err
		} else {
			s.done <- errs[n]
		}
	}
}

// explained adds to every reason who holds the roles that can help.
func (e *Engine) explained(ctx context.Context, b *build, err error) error {
	var r *workflow.Refusal
	if !errors.As(err, &r) {
		return err
	}
	if herr := b.helpers(ctx, r.Reasons); herr != nil {
		e.log.Warn("who holds a role is not known", "err", herr)
	}
	return r
}
