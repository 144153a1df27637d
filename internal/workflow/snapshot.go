package workflow

import (
	"slices"
	"strings"
)

// Key names something that Apply may need to see. The engine loads missing keys and applies again.
type Key struct {
	Kind KeyKind
	A    string // instance id, or parent id
	B    string // workflow, aggregate, or command id
	C    string // key, prefix, slot or distinct value
}

// KeyKind says what a Key names.
type KeyKind string

// The kinds of key and their parts.
const (
	KeyInstance  KeyKind = "instance"  // A: id
	KeyByKey     KeyKind = "by_key"    // A: parent, B: workflow, C: key
	KeyPrefix    KeyKind = "prefix"    // A: parent, B: workflow, C: prefix of the key
	KeyChildren  KeyKind = "children"  // A: parent, B: workflow
	KeySlot      KeyKind = "slot"      // A: root; B, C empty: every activity of the root
	KeyDistinct  KeyKind = "distinct"  // A: instance, B: aggregate, C: value ("" for all values)
	KeyEntry     KeyKind = "entry"     // A: root, B: command id
	KeyReferrers KeyKind = "referrers" // A: instance pointed to by a reference field, B: workflow of the instances that point (any root of the community)
)

// Answer is what the store says about one Key.
type Answer struct {
	Instances []*Instance      // KeyInstance, KeyByKey, KeyPrefix, KeyChildren, KeySlot
	Distinct  map[string]int64 // KeyDistinct: value → items holding it; absent means 0
	Entry     *Entry           // KeyEntry; nil when there is none
}

// Snapshot is what has been loaded of one root and of the community registry, plus what commands applied earlier in the
// same slice did to it. It is not safe for concurrent use.
type Snapshot struct {
	instances map[string]*Instance // nil value: known to be absent
	lists     map[Key][]string     // ids known to match a list key, sorted
	distinct  map[Key]int64
	whole     map[Key]bool // distinct aggregates of which every value is loaded
	entries   map[Key]*Entry
}

// NewSnapshot returns a snapshot in which nothing is loaded yet.
func NewSnapshot() *Snapshot {
	return &Snapshot{
		instances: map[string]*Instance{}, lists: map[Key][]string{}, distinct: map[Key]int64{},
		whole: map[Key]bool{}, entries: map[Key]*Entry{},
	}
}

// Has reports whether the answer to k is already loaded.
func (s *Snapshot) Has(k Key) bool {
	switch k.Kind {
	case KeyInstance:
		_, ok := s.instances[k.A]
		return ok
	case KeyDistinct:
		if s.whole[Key{KeyDistinct, k.A, k.B, ""}] {
			return true
		}
		_, ok := s.distinct[k]
		return ok && k.C != ""
	case KeyEntry:
		_, ok := s.entries[k]
		return ok
	default:
		_, ok := s.lists[k]
		return ok
	}
}

// Put records the store's answer to k. Rows that the snapshot already holds are kept: they may be newer
// than the store because of an earlier command in the same slice.
func (s *Snapshot) Put(k Key, a Answer) {
	switch k.Kind {
	case KeyDistinct:
		if k.C == "" {
			s.whole[k] = true
			for v, n := range a.Distinct {
				s.putDistinct(Key{KeyDistinct, k.A, k.B, v}, n)
			}
			return
		}
		s.putDistinct(k, a.Distinct[k.C])
	case KeyEntry:
		s.entries[k] = a.Entry
	default:
		ids := make([]string, 0, len(a.Instances))
		for _, i := range a.Instances {
			if _, ok := s.instances[i.ID]; !ok {
				s.instances[i.ID] = i
			}
			ids = append(ids, i.ID)
		}
		if k.Kind == KeyInstance {
			if len(ids) == 0 {
				if _, ok := s.instances[k.A]; !ok {
					s.instances[k.A] = nil
				}
			}
			return
		}
		for _, i := range s.instances { // created earlier in this slice
			if i != nil && k.matches(i) && !slices.Contains(ids, i.ID) {
				ids = append(ids, i.ID)
			}
		}
		slices.Sort(ids)
		s.lists[k] = ids
	}
}

func (s *Snapshot) putDistinct(k Key, n int64) {
	if _, ok := s.distinct[k]; !ok {
		s.distinct[k] = n
	}
}

// matches reports whether an instance belongs in the list that the key names.
func (k Key) matches(i *Instance) bool {
	switch k.Kind {
	case KeyByKey:
		return i.Parent == k.A && i.Workflow == k.B && i.Key == k.C
	case KeyPrefix:
		return i.Parent == k.A && i.Workflow == k.B && strings.HasPrefix(i.Key, k.C)
	case KeyChildren:
		return i.Parent == k.A && i.Workflow == k.B
	case KeySlot:
		return i.Parent == k.A && i.Slot != ""
	default:
		return false
	}
}

// Absorb makes the outcome of a command visible to the next one of the same slice.
func (s *Snapshot) Absorb(o *Outcome) {
	for _, r := range o.Rows {
		i := r.Instance
		if r.Op == RowDelete {
			s.instances[i.ID] = nil
			continue
		}
		s.instances[i.ID] = i
		if r.Op != RowInsert {
			continue
		}
		for k, ids := range s.lists {
			if !k.matches(i) {
				continue
			}
			if at, there := slices.BinarySearch(ids, i.ID); !there {
				s.lists[k] = slices.Insert(ids, at, i.ID)
			}
		}
	}
	for k, n := range o.Distinct {
		s.distinct[k] = n
	}
	for i := range o.Entries {
		e := &o.Entries[i]
		s.entries[Key{KeyEntry, e.Root, e.Command, ""}] = e
	}
}

// Instance returns a loaded instance, or nil if there is none or it is not loaded.
func (s *Snapshot) Instance(id string) *Instance { return s.instances[id] }

// Entry returns a loaded history entry, or nil if there is none or it is not loaded.
func (s *Snapshot) Entry(root, command string) *Entry {
	return s.entries[Key{Kind: KeyEntry, A: root, B: command}]
}
