package audit

import (
	"context"
	"maps"
	"slices"
)

// checkRefs holds the table of references against what the rows name: consequences of the registry find by it whom they concern, and
// an undo whether something still stands on what it would take away.
func (c *chain) checkRefs(ctx context.Context) (*wrong, error) {
	rows, err := c.src.RefRows(ctx, c.head.Community, c.head.Root)
	if err != nil {
		return nil, err
	}
	stored := map[string][]string{}
	for _, r := range rows {
		if i := c.rows[r.Instance]; i != nil && i.Workflow != r.Workflow {
			return changedRow(r.Instance, KindReference, "refs.workflow", i.Workflow, r.Workflow), nil
		}
		stored[r.Instance] = append(stored[r.Instance], r.Target)
	}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		i := c.rows[id]
		def := c.bundle.Definition(i.Workflow)
		if def == nil {
			continue
		}
		named, _ := def.References(i.Body.Data)
		have := stored[id]
		slices.Sort(have)
		if !slices.Equal(named, have) {
			return misreferenced(id, named, have), nil
		}
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}
