package workflow

import (
	"maps"
	"reflect"
	"slices"
	"time"
)

// Instance is one row: a programme, an activity, an item, or an entry of the community registry.
// Apply never changes an Instance it was given; it works on copies. They share the maps and slices of the body that did not change:
// nobody changes one in place, and whoever changes an entry makes a new map with set, put, drop or grown.
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
	return &c
}

// set stores values; nil clears a field.
func (i *Instance) set(vs Values) {
	if len(vs) == 0 {
		return
	}
	data := make(Values, len(i.Body.Data)+len(vs))
	maps.Copy(data, i.Body.Data)
	for k, v := range vs {
		if v == nil {
			delete(data, k)
			continue
		}
		data[k] = v
	}
	i.Body.Data = data
}

// put is the map with one entry changed or added.
func put[K comparable, V any](m map[K]V, k K, v V) map[K]V {
	out := make(map[K]V, len(m)+1)
	maps.Copy(out, m)
	out[k] = v
	return out
}

// drop is the map without one entry.
func drop[K comparable, V any](m map[K]V, k K) map[K]V {
	if _, ok := m[k]; !ok {
		return m
	}
	out := maps.Clone(m)
	delete(out, k)
	return out
}

// grown is the list with one more entry at its end, unless it is there already.
func grown[T comparable](l []T, v T) []T {
	if slices.Contains(l, v) {
		return l
	}
	return append(slices.Clip(l), v)
}

// sameMap reports whether two maps are one and the same, and so have the same entries: quicker than comparing them.
func sameMap[K comparable, V any](a, b map[K]V) bool {
	return reflect.ValueOf(a).UnsafePointer() == reflect.ValueOf(b).UnsafePointer()
}

// Dead reports whether the engine ended the instance from outside its machine.
func (i *Instance) Dead() bool { return i.State == StateCancelled || i.State == StateSkipped }

// Armed reports whether a row waits for this timer.
func (d Due) Armed() bool { return !d.At.IsZero() && !d.At.Equal(d.Fired) }

func (m Milestone) same(o Milestone) bool {
	return m.Seq == o.Seq && m.Occurred.text == o.Occurred.text && m.Occurred.from.Equal(o.Occurred.from) && m.Occurred.to.Equal(o.Occurred.to)
}

func (d Due) same(o Due) bool {
	return d.Generation == o.Generation && d.At.Equal(o.At) && d.Fired.Equal(o.Fired)
}
