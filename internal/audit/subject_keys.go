package audit

import (
	"context"
	"maps"
	"slices"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// stateErased is the state of the registry in which somebody's data key is destroyed, and the only one.
const stateErased = "erased"

// use is the first sealed value of a subject: what is lost without the subject's key.
type use struct{ subject, instance, field string }

// checkSubjectKeys looks whether the key of every sealed value is there. Keys are not in the history, so nothing else tells that
// one was taken away.
func (c *chain) checkSubjectKeys(ctx context.Context) (*wrong, error) {
	for some := range slices.Chunk(c.sealed(), pageSize) {
		subjects := make([]string, 0, len(some))
		for _, u := range some {
			subjects = append(subjects, u.subject)
		}
		keys, err := c.src.SubjectKeys(ctx, c.head.Community, subjects)
		if err != nil {
			return nil, err
		}
		for _, u := range some {
			k, there := keys[u.subject]
			if w, err := c.checkSubjectKey(ctx, u, k, there); w != nil || err != nil {
				return w, err
			}
		}
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}

// sealed returns every subject under whose key a row has a value, with its first one, in the order of rows and fields.
func (c *chain) sealed() []use {
	var out []use
	seen := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		data := c.rows[id].Body.Data
		for _, field := range slices.Sorted(maps.Keys(data)) {
			box, ok := data[field].(workflow.Sealed)
			if ok && !seen[box.Subject] {
				seen[box.Subject] = true
				out = append(out, use{box.Subject, id, field})
			}
		}
	}
	return out
}

// checkSubjectKey checks one key. The subject is read after its key: whoever is erased meanwhile is so in the same transaction
// that destroys the key. That the row of the registry is true is for the registry's own audit to tell.
func (c *chain) checkSubjectKey(ctx context.Context, u use, k engine.SubjectKey, there bool) (*wrong, error) {
	if !there {
		return lostKey(u.instance, u.field, u.subject), nil
	}
	if len(k.Wrapped) > 0 && k.Destroyed.IsZero() {
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	subject, err := c.src.Instance(ctx, c.head.Community, u.subject)
	switch {
	case undecodable(err):
		return unreadableRow(err), nil
	case err != nil:
		return nil, err
	case subject == nil || subject.Root == c.head.Community && subject.State == stateErased:
		return nil, nil //nolint:nilnil // erased, or its creation was undone
	default:
		return destroyedKey(u.instance, u.field, u.subject, subject.State), nil
	}
}
