package engine

import (
	"context"
	"fmt"

	"github.com/linli/linli/internal/workflow"
)

// Why answers "why not?" for an instance: every event, allowed or with all the reasons against it, as the person sees it.
// It reads and writes nothing else. At a replayed programme the time is its own.
func (e *Engine) Why(ctx context.Context, community, root, target, person string) ([]workflow.Option, error) {
	req := Request{fresh: true, Command: workflow.Command{
		Community: community, Root: root, Target: target, Kind: workflow.KindFire, Actor: workflow.Actor{Person: person, System: person == ""},
	}}
	j := &job{req: req}
	heads, err := e.store.Heads(ctx, community, []string{root, community})
	if err != nil {
		return nil, err
	}
	b := &build{
		work: &work{key: queueKey{community, root}}, e: e, snap: workflow.NewSnapshot(), heads: heads,
		subj: newSubjects(e, community),
	}
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
				if err := e.holders(ctx, community, root, options[n].Reasons); err != nil {
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
