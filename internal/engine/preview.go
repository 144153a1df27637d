package engine

import (
	"context"
	"fmt"

	"github.com/linli/linli/internal/workflow"
)

// Preview decides requests as DoAll would at this moment, each seeing the ones before it on the same root, and writes nothing. Due
// timers of their roots fire first, as they would. It reads afresh what it decides on.
func (e *Engine) Preview(ctx context.Context, reqs []Request) []Outcome {
	out := make([]Outcome, len(reqs))
	builds := map[queueKey]*build{}
	for n := range reqs {
		r := reqs[n]
		if out[n].Err = e.accept(ctx, &r); out[n].Err != nil {
			continue
		}
		k := queueKey{r.Community, r.root()}
		b := builds[k]
		if b == nil {
			if b, out[n].Err = e.previewBuild(ctx, k, &r); out[n].Err != nil {
				continue
			}
			builds[k] = b
		}
		p := &part{job: &job{req: r, lookup: true}}
		if err := b.one(ctx, p); err != nil {
			out[n].Err = e.explained(ctx, b, err)
			continue
		}
		out[n].Result = p.result
	}
	return out
}

// previewBuild reads a root and fires, for itself alone, what is due there.
func (e *Engine) previewBuild(ctx context.Context, k queueKey, r *Request) (*build, error) {
	v, err := e.newView(ctx, k)
	if err != nil {
		return nil, err
	}
	b := e.newBuild(v)
	now := e.now()
	if r.At.After(now) {
		now = r.At
	}
	rows, err := e.store.DueTimers(ctx, k.community, k.root, now, TimerRow{}, dueBatch)
	if err != nil {
		return nil, fmt.Errorf("look for due timers: %w", err)
	}
	for _, t := range rows {
		if frozen := v.heads[k.root].Frozen; !frozen.IsZero() && t.Due.After(frozen) && t.Due.After(r.At) {
			break // its clock moves with its commands alone
		}
		if err := b.one(ctx, &part{job: timerJob(t)}); err != nil && !refusing(err) {
			return nil, err
		}
	}
	return b, nil
}

// Why answers "why not?" for an instance: every event, allowed or with all the reasons against it, as the person sees it.
// It reads and writes nothing else. At a replayed programme the time is its own. only are the roles that the person's token is
// limited to; none means every role that she holds.
func (e *Engine) Why(ctx context.Context, community, root, target, person string, only ...string) ([]workflow.Option, error) {
	req := Request{fresh: true, Command: workflow.Command{
		Community: community, Root: root, Target: target, Kind: workflow.KindFire, Actor: workflow.Actor{Person: person, System: person == ""},
		Only: only,
	}}
	if err := e.locate(ctx, &req); err != nil {
		return nil, err
	}
	j := &job{req: req}
	v, err := e.newView(ctx, queueKey{community, req.Root})
	if err != nil {
		return nil, err
	}
	b := e.newBuild(v)
	if err := b.load(ctx, b.prefetch(j)); err != nil {
		return nil, err
	}
	env, err := b.env(ctx, j)
	if err != nil {
		return nil, err
	}
	cmd := req.Command
	cmd.Occurred = workflow.OccurredAt(env.Now)
	for range maxAttempts {
		options, missing, err := workflow.Explain(env, cmd)
		if err != nil {
			return nil, err
		}
		if len(missing) == 0 {
			for n := range options {
				if err := b.helpers(ctx, options[n].Reasons); err != nil {
					return nil, err
				}
			}
			return options, nil
		}
		if err := b.load(ctx, missing); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("explaining %s asks for rows without end", target)
}
