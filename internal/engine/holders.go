package engine

import (
	"context"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// maxWho is how many people one reason names who can help: nobody asks more of them, and a large community has thousands.
const maxWho = 20

const workflowGrant = "grant"

// holders says who holds which role where: role → scope (a root, or the community for all of it) → persons.
type holders map[string]map[string][]string

// helpers adds to every reason who holds the roles that can help: at most maxWho persons of each, by id. The grants of the community are
// looked through once for the slice, and not at all while the registry's are known from before.
func (b *build) helpers(ctx context.Context, reasons []workflow.Reason) error {
	if !slices.ContainsFunc(reasons, func(r workflow.Reason) bool { return len(r.Roles) > 0 }) {
		return nil
	}
	if b.held == nil {
		held, err := b.e.holders(ctx, b.view)
		if err != nil {
			return err
		}
		b.held = held
	}
	for n := range reasons {
		r := &reasons[n]
		for _, role := range r.Roles {
			r.Who = append(r.Who, b.held[role][b.key.community]...)
			if b.key.root != b.key.community {
				r.Who = append(r.Who, b.held[role][b.key.root]...)
			}
		}
		slices.Sort(r.Who)
		r.Who = slices.Compact(r.Who)
		r.Who = slices.Clip(r.Who[:min(len(r.Who), maxWho)])
	}
	return nil
}

// holders returns who holds what in the community of a view, as its registry is known here or, failing that, as the database says. It is
// shared and must not be changed.
func (e *Engine) holders(ctx context.Context, v *view) (holders, error) {
	if held := e.cache.holders(v); held != nil {
		return held, nil
	}
	community := v.of.community
	answers, err := e.store.Load(ctx, community, []workflow.Key{{Kind: workflow.KeyPrefix, A: community, B: workflowGrant}})
	if err != nil {
		return nil, err
	}
	held := holders{}
	for _, g := range answers[0].Instances {
		role, _ := g.Body.Data["role"].(string)
		person, _ := g.Body.Data["person"].(string)
		scope, _ := g.Body.Data["scope"].(string)
		if g.State != "active" {
			continue
		}
		if held[role] == nil {
			held[role] = map[string][]string{}
		}
		held[role][scope] = append(held[role][scope], person)
	}
	for _, scopes := range held {
		for scope, persons := range scopes { // the first of each are enough, whatever is asked
			slices.Sort(persons)
			persons = slices.Compact(persons)
			scopes[scope] = slices.Clone(persons[:min(len(persons), maxWho)])
		}
	}
	e.cache.keepHolders(v, held)
	return held, nil
}

// holders returns who holds what, if that is known for a view at the registry's seq.
func (c *cache) holders(v *view) holders {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.registries[v.of.community]; r != nil && r.head.Seq == v.seq[v.of.community] {
		return r.held
	}
	return nil
}

// keepHolders keeps what a view at the registry's seq was told, until a grant changes.
func (c *cache) keepHolders(v *view, held holders) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.registries[v.of.community]; r != nil && r.head.Seq == v.seq[v.of.community] {
		r.held = held
	}
}
