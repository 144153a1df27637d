package engine

import (
	"slices"
	"strings"

	"github.com/linli/linli/internal/workflow"
)

// registry is what is known of one community's registry: answers that many roots share, and what this process's own commits changed,
// so that every view can follow.
type registry struct {
	head    Head
	deltas  []delta // the last one made the head
	answers map[workflow.Key]workflow.Answer
	lists   map[[2]string][]workflow.Key // parent and workflow → the list keys among the answers
	held    holders                      // nil: not asked for since a grant changed
}

// delta is what one commit changed in the registry, between two seqs.
type delta struct {
	from int64
	head Head
	out  workflow.Outcome // rows and distinct values only
}

// catchUp makes a view follow the registry. It reports false if it cannot.
func (r *registry) catchUp(v *view) bool {
	at := v.seq[v.of.community]
	if at >= r.head.Seq {
		return true // what is newer will be known here in a moment
	}
	n := slices.IndexFunc(r.deltas, func(d delta) bool { return d.from == at })
	if n < 0 {
		return false
	}
	for _, d := range r.deltas[n:] {
		v.snap.Absorb(&d.out)
		v.size += len(d.out.Rows)
	}
	v.setHead(r.head)
	return true
}

func (v *view) setHead(h Head) {
	v.heads[h.Root] = h
	v.seq[h.Root] = h.Seq
}

// begin starts anew at a head, knowing nothing.
func (c *cache) begin(community string, h Head) {
	c.registries[community] = &registry{head: h, answers: map[workflow.Key]workflow.Answer{}, lists: map[[2]string][]workflow.Key{}}
}

// sawRegistry hears of the registry's head in the database. A newer one than is known is somebody else's, unless this process is
// writing the registry just now and will tell.
func (c *cache) sawRegistry(community string, h Head, writing bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.registries[community]; r == nil || r.head.Seq < h.Seq && !writing {
		c.begin(community, h)
	}
}

// registryGrew hears of a commit of this process. whole says that the outcome holds everything that changed.
func (c *cache) registryGrew(community string, from int64, h Head, out workflow.Outcome, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.registries[community]
	if r == nil || r.head.Seq != from || !whole {
		c.begin(community, h)
		return
	}
	r.head = h
	if len(r.deltas) == maxDeltas {
		r.deltas = slices.Delete(r.deltas, 0, maxDeltas/2)
	}
	r.deltas = append(r.deltas, delta{from: from, head: h, out: out})
	for _, row := range out.Rows {
		r.outdate(row.Instance)
	}
}

// outdate forgets the answers that a changed row is part of, or is not any more.
func (r *registry) outdate(i *workflow.Instance) {
	delete(r.answers, workflow.Key{Kind: workflow.KeyInstance, A: i.ID})
	if i.Workflow == workflowGrant {
		r.held = nil
	}
	under := [2]string{i.Parent, i.Workflow}
	r.lists[under] = slices.DeleteFunc(r.lists[under], func(k workflow.Key) bool {
		if k.Kind == workflow.KeyPrefix && !strings.HasPrefix(i.Key, k.C) || k.Kind == workflow.KeyByKey && i.Key != k.C {
			return false
		}
		delete(r.answers, k)
		return true
	})
	if len(r.lists[under]) == 0 {
		delete(r.lists, under)
	}
}

// known answers keys from what other roots asked of the registry, for a view at the same seq, and returns the other keys.
func (c *cache) known(v *view, keys []workflow.Key) []workflow.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.registries[v.of.community]
	if r == nil || r.head.Seq != v.seq[v.of.community] || v.of.root == v.of.community {
		return keys
	}
	return slices.DeleteFunc(keys, func(k workflow.Key) bool {
		a, ok := r.answers[k]
		if ok {
			v.put(k, a)
		}
		return ok
	})
}

// share keeps what a view at the registry's seq was answered.
func (c *cache) share(v *view, keys []workflow.Key, answers []workflow.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.registries[v.of.community]
	if r == nil || r.head.Seq != v.seq[v.of.community] {
		return
	}
	if len(r.answers) >= maxAnswers {
		clear(r.answers)
		clear(r.lists)
	}
	for n, k := range keys {
		if !ofRegistry(v.of.community, k, answers[n]) {
			continue
		}
		if _, ok := r.answers[k]; !ok && k.Kind != workflow.KeyInstance {
			r.lists[[2]string{k.A, k.B}] = append(r.lists[[2]string{k.A, k.B}], k)
		}
		r.answers[k] = answers[n]
	}
}

// ofRegistry reports whether an answer consists of registry rows and can only change with the registry.
func ofRegistry(community string, k workflow.Key, a workflow.Answer) bool {
	switch k.Kind {
	case workflow.KeyInstance, workflow.KeyByKey, workflow.KeyPrefix, workflow.KeyChildren:
	default:
		return false
	}
	if len(a.Instances) == 0 {
		return k.A == community && k.Kind != workflow.KeyInstance
	}
	return !slices.ContainsFunc(a.Instances, func(i *workflow.Instance) bool { return i.Root != community })
}

// put takes an answer into the view.
func (v *view) put(k workflow.Key, a workflow.Answer) {
	v.snap.Put(k, a)
	v.size += len(a.Instances) + 1
	v.passing = v.passing || !v.vouched(k, a)
}

// vouched reports whether an answer can only change together with one of the view's heads.
func (v *view) vouched(k workflow.Key, a workflow.Answer) bool {
	own := func(i *workflow.Instance) bool {
		return i != nil && (i.Root == v.of.root || i.Root == v.of.community)
	}
	for _, i := range a.Instances {
		if !own(i) {
			return false
		}
	}
	switch k.Kind {
	case workflow.KeyReferrers:
		return false
	case workflow.KeyInstance:
		return len(a.Instances) > 0
	case workflow.KeyEntry:
		return k.A == v.of.root
	default: // a list under an instance, or the values of one
		return len(a.Instances) > 0 || k.A == v.of.root || k.A == v.of.community || own(v.snap.Instance(k.A))
	}
}
