package engine

import (
	"hash/maphash"
)

// maxUsed bounds how many idempotency keys are remembered; twice as many are for a moment.
const maxUsed = 1 << 15

// usedKeys remembers which idempotency keys came by lately, so that a repeated one is looked up before anything is decided: the insert
// that comes with every commit would find it as well, but then the whole slice is decided twice. It may take one key for another, which
// costs a look. The engine's lock guards it.
type usedKeys struct {
	seed         maphash.Seed
	newer, older map[uint64]struct{}
}

func newUsedKeys() usedKeys {
	return usedKeys{seed: maphash.MakeSeed(), newer: map[uint64]struct{}{}}
}

// seen reports whether a request's key came by before, and remembers it.
func (u *usedKeys) seen(r *Request) bool {
	var h maphash.Hash
	h.SetSeed(u.seed)
	for _, s := range []string{r.Community, r.Actor.Person, r.IdempotencyKey} {
		_, _ = h.WriteString(s) // never fails
		_ = h.WriteByte(0)      // as above
	}
	sum := h.Sum64()
	if _, ok := u.newer[sum]; ok {
		return true
	}
	_, ok := u.older[sum]
	if len(u.newer) >= maxUsed {
		u.newer, u.older = map[uint64]struct{}{}, u.newer
	}
	u.newer[sum] = struct{}{}
	return ok
}

// habit names a kind of command by what its requests have in common.
type habit struct{ kind, workflow, event string }

func (r *Request) habit() habit { return habit{string(r.Kind), r.Workflow, r.Event} }

// mayRegister reports whether one of the jobs is of a kind that has written its community's registry before: it takes its turn at once,
// or everything would be prepared twice.
func (e *Engine) mayRegister(jobs []*job) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, j := range jobs {
		if e.registrars[j.req.habit()] {
			return true
		}
	}
	return false
}

// registering notes that one of the jobs wrote the registry.
func (e *Engine) registering(jobs []*job) {
	if len(jobs) > 1 {
		return // it is not known which
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.registrars[jobs[0].req.habit()] = true
}
