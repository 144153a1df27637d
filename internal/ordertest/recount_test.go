package ordertest

import (
	"fmt"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// recount computes every aggregate of an image anew from its items, and names the first that is kept otherwise.
func recount(b *workflow.Bundle, im *image) error {
	sums := map[[2]string]int64{}
	values := map[workflow.Key]int64{}
	r := onlyItems{im}
	for _, item := range im.Rows {
		for _, f := range b.Feeds(item.Workflow) {
			owner := item.Parent
			if f.Aggregate.Via != "" {
				owner, _ = item.Body.Data[f.Aggregate.Via].(string)
			}
			if row, there := im.Rows[owner]; !there || row.Workflow != f.Owner.Name {
				continue
			}
			share, ok, err := workflow.Contribution(f.Aggregate, &item, r)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", f.Aggregate.Name, f.Owner.Name, err)
			}
			if !ok {
				continue
			}
			at := [2]string{owner, f.Aggregate.Name}
			sums[at] += share.N
			for _, v := range share.Values { // a list that names a value twice holds it twice
				k := workflow.Key{Kind: workflow.KeyDistinct, A: owner, B: f.Aggregate.Name, C: v}
				if values[k]++; values[k] == 1 {
					sums[at]++
				}
			}
		}
	}
	for id, row := range im.Rows {
		for _, a := range b.Definition(row.Workflow).Aggregates {
			if got, want := row.Body.Aggregates[a.Name], sums[[2]string{id, a.Name}]; got != want {
				return fmt.Errorf("%s of a %s is kept as %d and recounted as %d", a.Name, row.Workflow, got, want)
			}
		}
	}
	for k, n := range values {
		if im.Distinct[k] != n {
			return fmt.Errorf("%q in %s is kept %d times and recounted %d times", k.C, k.B, im.Distinct[k], n)
		}
	}
	for k := range im.Distinct {
		if values[k] == 0 {
			return fmt.Errorf("%q in %s is kept %d times, and nothing holds it", k.C, k.B, im.Distinct[k])
		}
	}
	return nil
}

// onlyItems answers what an aggregate may ask beyond its item: other rows of the same root.
type onlyItems struct{ im *image }

func (o onlyItems) Instance(id string) (*workflow.Instance, error) {
	if i, ok := o.im.Rows[id]; ok {
		return &i, nil
	}
	return nil, nil
}

func (onlyItems) Participation(string) (workflow.Values, error) { return nil, nil }
func (onlyItems) Consent(string, string) (string, error)        { return "none", nil }

func (o onlyItems) Distinct(instance, aggregate string) ([]string, error) {
	var out []string
	for k, n := range o.im.Distinct {
		if k.A == instance && k.B == aggregate && n > 0 {
			out = append(out, k.C)
		}
	}
	slices.Sort(out)
	return out, nil
}
