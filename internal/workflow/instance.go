package workflow

import (
	"maps"
	"slices"
	"time"
)

// Instance is one row: a programme, an activity, an item, or an entry of the community registry.
// Apply never changes an Instance it was given; it works on clones.
type Instance struct {
	ID        string // globally unique
	Community string
	Root      string // the programme, or the community itself for the registry
	Parent    string // "" for a root
	Workflow  string
	Slot      string // for activities
	Key       string // unique under (Parent, Workflow) unless ""
	State     string
	Version   int64 // rises with every change made to the instance itself (not by aggregates alone); the ETag
	Touched   int64 // seq of the last entry, in its root's chain, that changed the instance itself
	Body      Body
}

// Body is the part of an instance that is stored as one JSON document.
type Body struct {
	Data       Values               `json:"data,omitempty"`
	Aggregates map[string]int64     `json:"agg,omitempty"`
	Milestones map[string]Milestone `json:"milestones,omitempty"`
	By         map[string]string    `json:"by,omitempty"`         // event → person who last decided it here
	Waived     map[string]Waiver    `json:"waived,omitempty"`     // need → waiver
	Uses       []Use                `json:"uses,omitempty"`       // milestones of others that this instance was built on
	Timers     map[string]Due       `json:"timers,omitempty"`     // rule → what is armed
	Flags      []string             `json:"flags,omitempty"`      // e.g. basis_changed (依据已变更), backfilled (补录)
	Entered    time.Time            `json:"entered"`              // when the present state was entered
	LastChild  int64                `json:"last_child,omitempty"` // seq at which the youngest instance under this one was created
}

// Milestone is latched when its state is first entered.
type Milestone struct {
	Occurred Occurred `json:"occurred"`
	Seq      int64    `json:"seq"`
}

// Waiver records that an approver let an event pass without a need (特批).
type Waiver struct {
	By     string `json:"by"`
	Reason string `json:"reason"`         // internal
	Note   string `json:"note,omitempty"` // public
}

// Use says that an event relied on a milestone of another instance.
type Use struct {
	Instance  string `json:"instance"`
	Milestone string `json:"milestone"`
	Event     string `json:"event"`
}

// Due is an armed timer. A changed due time raises the generation, which the timer's row and its firing carry.
type Due struct {
	Generation int64     `json:"gen"`
	At         time.Time `json:"at"`
	Fired      time.Time `json:"fired,omitzero"` // the due time for which it fired last: it comes back only when the anchor moves
}

// The flags that the engine sets.
const (
	FlagBackfilled   = "backfilled"
	FlagBasisChanged = "basis_changed"
)

func (i *Instance) clone() *Instance {
	c := *i
	c.Body.Data = i.Body.Data.clone()
	c.Body.Aggregates = cloneMap(i.Body.Aggregates)
	c.Body.Milestones = cloneMap(i.Body.Milestones)
	c.Body.By = cloneMap(i.Body.By)
	c.Body.Waived = cloneMap(i.Body.Waived)
	c.Body.Timers = cloneMap(i.Body.Timers)
	c.Body.Uses = slices.Clone(i.Body.Uses)
	c.Body.Flags = slices.Clone(i.Body.Flags)
	return &c
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return maps.Clone(m)
}

// Dead reports whether the engine ended the instance from outside its machine.
func (i *Instance) Dead() bool { return i.State == StateCancelled || i.State == StateSkipped }

// Armed reports whether a row waits for this timer.
func (d Due) Armed() bool { return !d.At.IsZero() && !d.At.Equal(d.Fired) }

func (d Due) same(o Due) bool {
	return d.Generation == o.Generation && d.At.Equal(o.At) && d.Fired.Equal(o.Fired)
}
