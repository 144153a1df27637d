package api

import (
	"context"

	"github.com/linli/linli/internal/workflow"
)

// plainTitle is what an instance is called by its own fields that are not sealed; its key, where that says nothing personal.
func plainTitle(i *workflow.Instance, def *workflow.Definition) string {
	for _, name := range []string{"title", "name", "label", "topic", "purpose", "items", "text"} {
		if f := def.Field(name); f != nil && !f.Privacy.Sealed() {
			if v := text(i, name); v != "" {
				return v
			}
		}
	}
	if i.Slot != "" {
		return i.Key
	}
	return ""
}

// maxAbove is how many levels up a task looks: an item of an item of an activity of a programme.
const maxAbove = 6

// taskPlaces learns where instances stand: what is above them, page by page, and which definitions apply.
type taskPlaces struct {
	s         *server
	community string
	rows      map[string]*workflow.Instance
	bundles   map[string]*workflow.Bundle // by root
}

func newTaskPlaces(s *server, community string) *taskPlaces {
	return &taskPlaces{s: s, community: community, rows: map[string]*workflow.Instance{}, bundles: map[string]*workflow.Bundle{}}
}

func (p *taskPlaces) bundle(ctx context.Context, root string) (*workflow.Bundle, error) {
	if b := p.bundles[root]; b != nil {
		return b, nil
	}
	b, err := p.s.bundleOf(ctx, p.community, root)
	if err == nil {
		p.bundles[root] = b
	}
	return b, err
}

// learn reads what stands above instances, one level of all of them at a time.
func (p *taskPlaces) learn(ctx context.Context, rows []*workflow.Instance) error {
	for range maxAbove {
		ask := map[string]bool{}
		for _, i := range rows {
			if i.Parent != "" && p.rows[i.Parent] == nil {
				ask[i.Parent] = true
			}
		}
		if len(ask) == 0 {
			return nil
		}
		found, err := p.s.Store.Instances(ctx, p.community, sortedKeys(ask))
		if err != nil {
			return err
		}
		for _, i := range found {
			p.rows[i.ID] = i
		}
		rows = found
	}
	return nil
}

// above are an instance itself and all that it is part of, and whether one of those has come to its end.
func (p *taskPlaces) above(i *workflow.Instance, b *workflow.Bundle) (out []*workflow.Instance, over bool) {
	for at := i; at != nil && len(out) <= maxAbove; at = p.rows[at.Parent] {
		out = append(out, at)
		if d := b.Definition(at.Workflow); d != nil && d.State(at.State) != nil && d.State(at.State).Final {
			over = true
		}
		over = over || at.Dead()
	}
	return out, over
}
