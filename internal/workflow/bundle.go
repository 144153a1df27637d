package workflow

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// Bundle is a set of definitions that were checked together. It is immutable and safe for concurrent use; callers must
// not change what it hands out. A programme and everything under it runs on one bundle.
type Bundle struct {
	Hash     string            // names the content: the same files give the same hash wherever they lie
	Language int               // version of the definition language
	Files    map[string][]byte // NAME/NAME.yaml → content; Load reads it back into an equal bundle

	definitions []*Definition
	byName      map[string]*Definition
	parents     map[string][]string
	feeds       map[string][]Feed
}

// Feed is an aggregate that the items of some workflow contribute to. Aggregate.Via tells whether to the item's parent
// or to the instance that a reference field of the item names.
type Feed struct {
	Owner     *Definition
	Aggregate *Aggregate
}

// Definition returns the named definition, or nil.
func (b *Bundle) Definition(name string) *Definition { return b.byName[name] }

// Definitions returns all definitions, sorted by name.
func (b *Bundle) Definitions() []*Definition { return b.definitions }

// Feeds returns the aggregates that instances of a workflow contribute to, sorted by owner and in file order.
func (b *Bundle) Feeds(itemWorkflow string) []Feed { return b.feeds[itemWorkflow] }

// Parents returns the workflows under whose instances one of this workflow may live, sorted: those that name it among
// their items, and programmes that have a slot for it.
func (b *Bundle) Parents(workflow string) []string { return b.parents[workflow] }

// NeedsOf returns the needs of a programme on an event of one slot's activities, or with slot "" of the programme itself.
func (d *Definition) NeedsOf(slot, event string) []*Need {
	return d.index.needs[[2]string{slot, event}]
}

// newBundle indexes definitions that may still be wrong; the checks look things up in it too.
func newBundle(drafts []*draft, files map[string][]byte) *Bundle {
	b := &Bundle{
		Language: languageVersion, Files: map[string][]byte{}, byName: map[string]*Definition{},
		parents: map[string][]string{}, feeds: map[string][]Feed{},
	}
	for _, d := range drafts {
		if b.byName[d.name] != nil {
			continue // a duplicate, noted by the checks
		}
		d.def.link()
		b.byName[d.name] = d.def
		b.definitions = append(b.definitions, d.def)
		b.Files[d.name+"/"+d.name+".yaml"] = files[d.file]
	}
	slices.SortFunc(b.definitions, func(x, y *Definition) int { return strings.Compare(x.Name, y.Name) })
	for _, d := range b.definitions {
		for _, child := range d.children() {
			if !slices.Contains(b.parents[child], d.Name) {
				b.parents[child] = append(b.parents[child], d.Name)
			}
		}
		for _, a := range d.Aggregates {
			b.feeds[a.Of] = append(b.feeds[a.Of], Feed{Owner: d, Aggregate: a})
		}
	}
	b.Hash = hashFiles(b.Files)
	return b
}

// hashFiles is the SHA-256 over paths and contents in path order, each preceded by its length in bytes.
func hashFiles(files map[string][]byte) string {
	h := sha256.New()
	put := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		put([]byte(p))
		put(files[p])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// children lists the workflows that may live directly under an instance of this one.
func (d *Definition) children() []string {
	out := slices.Clone(d.Items)
	for _, s := range d.Slots {
		if !slices.Contains(out, s.Workflow) {
			out = append(out, s.Workflow)
		}
	}
	return out
}

// definitionIndex holds what link computes once so that Apply looks names up without scanning.
type definitionIndex struct {
	fields     map[string]*Field
	states     map[string]*State
	events     map[string]*Event
	aggregates map[string]*Aggregate
	slots      map[string]*Slot
	timers     map[string]*Timer
	needs      map[[2]string][]*Need // by slot and event
	table      transitionTable
	create     *Event // the forms of creating and of editing an instance
	edit       *Event
}

// link adds the engine's own states and computes the index.
func (d *Definition) link() {
	if d.Cancel != nil {
		d.States = append(d.States, engineState(StateCancelled, d.Cancel.Pos, Text{"已取消", "Cancelled"}))
	}
	if d.Skip != nil {
		d.States = append(d.States, engineState(StateSkipped, d.Skip.Pos, Text{"不适用", "Not applicable"}))
	}
	d.index = definitionIndex{
		fields: byName(d.Fields, func(f *Field) string { return f.Name }),
		states: byName(d.States, func(s *State) string { return s.Name }),
		events: byName(d.Events, func(e *Event) string { return e.Name }),
		slots:  byName(d.Slots, func(s *Slot) string { return s.Name }),
		timers: byName(d.Timers, func(t *Timer) string { return t.Name }),
		needs:  map[[2]string][]*Need{},
		table:  newTable(d),
		create: newFieldForm(d, true),
		edit:   newFieldForm(d, false),

		aggregates: byName(d.Aggregates, func(a *Aggregate) string { return a.Name }),
	}
	for _, n := range d.Needs {
		k := [2]string{n.Slot, n.Event}
		d.index.needs[k] = append(d.index.needs[k], n)
	}
}

func engineState(name string, pos Pos, title Text) *State {
	return &State{Pos: pos, Name: name, Title: title, Final: true}
}

func byName[T any](list []T, name func(T) string) map[string]T {
	out := make(map[string]T, len(list))
	for _, v := range list {
		out[name(v)] = v
	}
	return out
}

// target is the workflow that a reference field points to, or "".
func (f *Field) target() string {
	switch {
	case f.Type == TypeRef:
		return f.Of
	case f.Type.Reference():
		return string(f.Type)
	default:
		return ""
	}
}

// rootsOf returns the possible roots of a workflow: programmes, and the community for entries of the registry. Sorted.
func (b *Bundle) rootsOf(workflow string) []string {
	seen := map[string]bool{}
	var out []string
	var climb func(string)
	climb = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		d := b.byName[name]
		if d != nil && (d.Level == LevelProgramme || d.Level == LevelCommunity) {
			out = append(out, name)
			return
		}
		for _, p := range b.parents[name] {
			climb(p)
		}
	}
	climb(workflow)
	slices.Sort(out)
	return out
}
