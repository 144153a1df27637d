package audit

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// tally names one aggregate of one instance.
type tally struct{ instance, aggregate string }

func (t tally) compare(o tally) int {
	return cmp.Or(cmp.Compare(t.instance, o.instance), cmp.Compare(t.aggregate, o.aggregate))
}

// recounted is what the items of a root come to.
type recounted struct {
	sums   map[tally]int64
	values map[tally]map[string]int64 // distinct: value → items
}

// recount computes every aggregate and every distinct count from the folded items.
func (c *chain) recount(ctx context.Context) (*wrong, error) {
	stored := map[tally]map[string]int64{}
	rows, err := c.src.DistinctRows(ctx, c.head.Community, c.head.Root)
	if err != nil {
		return nil, err
	}
	for _, d := range rows {
		t := tally{d.Instance, d.Aggregate}
		if stored[t] == nil {
			stored[t] = map[string]int64{}
		}
		stored[t][d.Value] = d.N
	}
	n := recounted{sums: map[tally]int64{}, values: map[tally]map[string]int64{}}
	r := &folded{chain: c, distinct: stored}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		if w := c.addShares(&n, r, c.rows[id]); w != nil {
			return w, nil
		}
	}
	if w := c.compareDistinct(n.values, stored); w != nil {
		return w, nil
	}
	return c.compareSums(n), nil
}

// addShares adds what one item contributes to its parent and to those that its reference fields name.
func (c *chain) addShares(n *recounted, r workflow.Resolver, item *workflow.Instance) *wrong {
	for _, f := range c.bundle.Feeds(item.Workflow) {
		target := item.Parent
		if f.Aggregate.Via != "" {
			target, _ = item.Body.Data[f.Aggregate.Via].(string)
		}
		owner := c.rows[target]
		if owner == nil || owner.Workflow != f.Owner.Name {
			continue
		}
		share, ok, err := workflow.Contribution(f.Aggregate, item, r)
		if err != nil {
			return uncountable(item.ID, f.Owner.Name+"."+f.Aggregate.Name, err)
		}
		if !ok {
			continue
		}
		t := tally{target, f.Aggregate.Name}
		if f.Aggregate.Kind != workflow.AggregateDistinct {
			n.sums[t] += share.N
			continue
		}
		if n.values[t] == nil {
			n.values[t] = map[string]int64{}
		}
		for _, v := range share.Values {
			n.values[t][v]++
		}
	}
	return nil
}

func (c *chain) compareDistinct(recount, stored map[tally]map[string]int64) *wrong {
	all := map[tally]bool{}
	for t := range recount {
		all[t] = true
	}
	for t := range stored {
		all[t] = true
	}
	for _, t := range slices.SortedFunc(maps.Keys(all), tally.compare) {
		for _, v := range names(recount[t], stored[t]) {
			if a, b := recount[t][v], stored[t][v]; a != b {
				return misdistinct(t.instance, t.aggregate, v, a, b)
			}
		}
	}
	return nil
}

// compareSums holds the recount against the rows, which are the folded ones by now.
func (c *chain) compareSums(n recounted) *wrong {
	for t, values := range n.values {
		n.sums[t] = int64(len(values))
	}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		def := c.bundle.Definition(c.rows[id].Workflow)
		if def == nil {
			continue
		}
		for _, a := range def.Aggregates {
			stored := c.rows[id].Body.Aggregates[a.Name]
			if sum := n.sums[tally{id, a.Name}]; sum != stored {
				return miscounted(id, a.Name, sum, stored)
			}
		}
	}
	return nil
}

// errElsewhere says that an aggregate looked outside its own root, which would make it depend on more than its items.
var errElsewhere = errors.New("it reads something outside its own chain")

// folded answers what an aggregate's expressions ask beyond the item itself, from the folded rows of the same root.
type folded struct {
	*chain
	distinct map[tally]map[string]int64
}

// Instance returns a folded row of this root.
func (f *folded) Instance(id string) (*workflow.Instance, error) { return f.rows[id], nil }

// Participation returns the data of a person's participation row.
func (f *folded) Participation(person string) (workflow.Values, error) {
	for _, i := range f.rows {
		if i.Workflow == "participation" && i.Key == person && i.Parent == f.head.Root {
			return i.Body.Data, nil
		}
	}
	return nil, nil //nolint:nilnil // nobody there: the defaults
}

// Consent is kept in the registry's chain.
func (f *folded) Consent(string, string) (string, error) { return "", errElsewhere }

// Distinct returns the values of a distinct aggregate, sorted.
func (f *folded) Distinct(instance, aggregate string) ([]string, error) {
	return slices.Sorted(maps.Keys(f.distinct[tally{instance, aggregate}])), nil
}
