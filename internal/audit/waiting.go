package audit

import (
	"context"
	"maps"
	"slices"

	"github.com/linli/linli/internal/engine"
)

// takeMisplaced reads for all of a community what waits in other states than it is in.
func (a *auditor) takeMisplaced(ctx context.Context, community string) error {
	rows, err := a.src.MisplacedWaits(ctx, community)
	if err != nil {
		return err
	}
	a.astray = map[string][]engine.WaitRow{}
	for _, w := range rows {
		a.astray[w.Root] = append(a.astray[w.Root], w)
	}
	return nil
}

// checkWaiting holds the table of what waits for somebody against the rows: whoever looks for her tasks finds them by it. What
// stands in it under a state that waits for nobody is left alone: nobody asks for it, and what was there before the table was
// filled in whatever its state.
func (c *chain) checkWaiting(ctx context.Context) (*wrong, error) {
	registry := c.registry == nil
	for _, w := range c.astray[c.head.Root] {
		if engine.Waits(c.bundle.Bundle, registry, w.Workflow, w.State) {
			return misplacedWait(w), nil
		}
	}
	rows, err := c.src.WaitRows(ctx, c.head.Community, c.head.Root)
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(rows))
	for _, w := range rows {
		there[w.Instance] = true
	}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		if there[id] {
			continue
		}
		i := c.rows[id]
		b, err := c.auditor.bundle(ctx, c.entered[id]) // by which the row came to its state
		if err != nil {
			return nil, err
		}
		if b.wrong == nil && engine.Waits(b.Bundle, registry, i.Workflow, i.State) {
			return missingWait(id, i.State), nil
		}
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}
