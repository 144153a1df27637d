package engine

import (
	"errors"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// errOverlap says that one command of a slice asked who points to what another one changes: each must see the database as the other
// leaves it.
var errOverlap = errors.New("the commands of the slice change what others of it asked for")

// pointed is what the store answered to a referrers key.
func pointed(k workflow.Key, by []*workflow.Instance) Pointed {
	p := Pointed{Target: k.A, Workflow: k.B}
	for _, i := range by {
		p.Instances = append(p.Instances, i.ID)
	}
	slices.Sort(p.Instances)
	return p
}

// relyOn has the commit check again the registry rows that a programme's rows point to: if one changes state at the same time, what
// follows from that must reach them.
func (b *build) relyOn(targets []string) {
	if b.key.root == b.key.community {
		return // the registry's own chain keeps its commands apart
	}
	for _, id := range targets {
		i := b.snap.Instance(id)
		if i == nil || i.Root != b.key.community {
			continue
		}
		if _, seen := b.reads[id]; !seen {
			b.reads[id] = i.Version
		}
	}
}

// overlaps reports whether the slice changes who points to something that it asked about.
func (w *work) overlaps() bool {
	return slices.ContainsFunc(w.slice.Pointed, func(p Pointed) bool {
		return slices.ContainsFunc(w.slice.Refs, func(r RefWrite) bool {
			return slices.Contains(r.Targets, p.Target) || slices.Contains(p.Instances, r.Instance)
		})
	})
}
