// Package workflow is the pure core of Linli: what a workflow is (Definition, Bundle), and what one
// command does to the instances of a programme (Apply).
//
// It knows nothing of databases, clocks, networks or randomness. Whatever a decision needs is handed in
// as a Snapshot; whatever follows from it is handed out as an Outcome. The same functions therefore serve
// the running system, explanations ("why not?"), dry runs and tests.
package workflow

import "slices"

// Level says where in the tree an instance of a workflow lives.
type Level string

// The four levels, from the registry root down.
const (
	LevelCommunity Level = "community" // the registry root of one community
	LevelProgramme Level = "programme" // a root: one order of transitions, one history chain
	LevelActivity  Level = "activity"  // in a slot of a programme
	LevelItem      Level = "item"      // under a programme, an activity, an item or the community
)

// Pos is a place in a definition file; Line and Column count from 1.
type Pos struct {
	File   string
	Line   int
	Column int
}

// Strictness says what a guard that does not hold does to the command.
type Strictness string

// The strictness of a guard, strongest first (ARCHITECTURE: "Strictness is a setting").
const (
	Block   Strictness = "block"   // the command is refused
	Confirm Strictness = "confirm" // refused unless a second person or a reason is given for this guard
	Warn    Strictness = "warn"    // the command is carried out and the warning recorded
)

// Privacy says who may see a field's value, and how it is stored.
type Privacy string

// Personal and sensitive values are stored only sealed; public ones may appear in published reports.
const (
	Public    Privacy = "public"
	Internal  Privacy = "internal"
	Personal  Privacy = "personal"
	Sensitive Privacy = "sensitive"
)

// Sealed reports whether values of this privacy are stored only under the subject's key.
func (p Privacy) Sealed() bool { return p == Personal || p == Sensitive }

// Type is the type of a field or an input.
type Type string

// The field types. Dates are "2006-01-02", half-days "2006-01-02/morning|afternoon|evening", times RFC 3339
// instants; money is integer fen. Person, organisation, block, household and ref hold instance ids.
const (
	TypeText         Type = "text"
	TypeInt          Type = "int"
	TypeMoney        Type = "money"
	TypeBool         Type = "bool"
	TypeDate         Type = "date"
	TypeHalfDay      Type = "half_day"
	TypeTime         Type = "time"
	TypeEnum         Type = "enum"
	TypePerson       Type = "person"
	TypeOrganisation Type = "organisation"
	TypeBlock        Type = "block"
	TypeHousehold    Type = "household"
	TypeRef          Type = "ref"
	TypeEvidence     Type = "evidence"
)

// Reference reports whether values of this type are ids of other instances.
func (t Type) Reference() bool {
	switch t {
	case TypePerson, TypeOrganisation, TypeBlock, TypeHousehold, TypeRef:
		return true
	default:
		return false
	}
}

// Definition is one workflow: a state machine with typed fields.
// It is immutable once it is part of a Bundle and safe for concurrent use.
type Definition struct {
	Pos        Pos
	Name       string
	Level      Level
	Title      Text
	About      Text
	Key        *Expr  // what the key of an instance must be, over its fields; nil: anything
	Subject    string // name of the person or household field the instance is about; "" if none
	Fields     []*Field
	Items      []string // workflows that may be created under an instance of this one
	Sections   []*Section
	Slots      []*Slot
	Needs      []*Need
	Aggregates []*Aggregate
	Always     []*Guard // hold after every command, whatever it was: an edit, an undo, a change of an item
	Fixed      bool     // people change an instance only while it could be added: see CreateOption.In
	Initial    string
	States     []*State
	Events     []*Event
	Timers     []*Timer
	Reminders  []*Reminder

	Create   CreateOption
	Edit     EditOption
	Cancel   *Rights // nil: cannot be cancelled
	Skip     *Rights // nil: cannot be skipped
	Waive    Rights
	Undo     Rights
	Reopen   *ReopenOption
	Backfill *BackfillOption

	index definitionIndex
}

// Field returns the named field, or nil.
func (d *Definition) Field(name string) *Field { return d.index.fields[name] }

// State returns the named state, or nil. The engine's own states cancelled and skipped are included
// where the definition allows them.
func (d *Definition) State(name string) *State { return d.index.states[name] }

// Event returns the named event, or nil.
func (d *Definition) Event(name string) *Event { return d.index.events[name] }

// Aggregate returns the named aggregate, or nil.
func (d *Definition) Aggregate(name string) *Aggregate { return d.index.aggregates[name] }

// Slot returns the named slot, or nil.
func (d *Definition) Slot(name string) *Slot { return d.index.slots[name] }

// Timer returns the named timer, or nil.
func (d *Definition) Timer(name string) *Timer { return d.index.timers[name] }

// Field is a typed value of an instance.
type Field struct {
	Pos      Pos
	Name     string
	Type     Type
	List     bool
	Required bool // needed when the instance is created
	Privacy  Privacy
	Title    Text
	Values   []EnumValue // for TypeEnum
	Of       string      // for TypeRef: the workflow referred to
	Default  any         // a normalised Value, or nil
	Min      *int64      // of an int or money: no less may be typed; nil: any number
	Search   bool        // a personal text that staff may search by (names, labels)
	Untyped  bool        // only effects set it: it stands in no form
}

// Plain reports whether a guard may read the field without asking first whether it has a value.
func (f *Field) Plain() bool {
	return f.Required || f.List || f.Default != nil || f.Type == TypeEvidence || f.Privacy.Sealed()
}

// Value is what an instance has in the field, or else the field's default: what guards see, too. It is nil if there is neither.
func (f *Field) Value(i *Instance) Value { return f.orDefault(i.Body.Data[f.Name]) }

func (f *Field) orDefault(v Value) Value {
	if v == nil {
		return f.Default
	}
	return v
}

// EnumValue is one allowed value of an enum field.
type EnumValue struct {
	Name  string
	Title Text
}

// Section is a part of the programme's report.
type Section struct {
	Pos   Pos
	Name  string
	Title Text
}

// Slot is a named place for activities in a programme.
type Slot struct {
	Pos      Pos
	Name     string
	Workflow string
	Min      int // activities created with the programme
	Max      int // 0: any number
	Title    Text
}

// Which says how many of a slot's activities a need asks for.
type Which string

// All ignores cancelled and skipped activities; Named reads the ids from a field of the instance that fires.
const (
	WhichAll   Which = "all"
	WhichAny   Which = "any"
	WhichNamed Which = "named"
)

// Need is a prerequisite of an event of one slot's activities on a milestone of another slot.
type Need struct {
	Pos       Pos
	Name      string
	Slot      string // the slot whose activities' event has the need; "" for the programme itself
	Event     string
	On        string // the slot asked
	Milestone string
	Which     Which
	Field     string // for WhichNamed
	Where     *Expr  // over `sibling` and `input`; nil: every activity of the slot
	Else      Text   // optional own words
	Waivable  bool
}

// Aggregate is a figure over items, kept in the same commit as the items themselves.
type Aggregate struct {
	Pos   Pos
	Name  string
	Kind  AggregateKind
	Value *Expr  // over `item`; nil for AggregateCount
	Of    string // the item workflow
	Via   string // a ref field of the item that points here; "" means the items whose parent this is
	Where *Expr  // over `item`; nil: every item
	In    []string
	Title Text
}

// AggregateKind says how an aggregate combines its items.
type AggregateKind string

// A sum over no rows is 0. Distinct counts different strings (or members of string lists).
const (
	AggregateCount    AggregateKind = "count"
	AggregateSum      AggregateKind = "sum"
	AggregateDistinct AggregateKind = "distinct"
)

// State is a state of the machine.
type State struct {
	Pos       Pos
	Name      string
	Title     Text
	WaitsFor  string // the role that acts next; "" if nobody in particular
	Milestone bool
	Final     bool
}

// The states that the engine itself adds to workflows that may be cancelled or skipped.
const (
	StateCancelled = "cancelled"
	StateSkipped   = "skipped"
)

// Event is a transition that can be asked for.
type Event struct {
	Pos            Pos
	Name           string
	Title          Text
	From           []string
	To             []Destination // one without When, or several of which only the last has none
	By             []string      // roles; "self" is the instance's subject, "system" timers and effects
	Input          []*Input
	Reason         bool // a reason must be given
	Require        []*Guard
	Checks         string     // maker ≠ checker: the decider must differ from that event's last decider here
	Separation     Strictness // strictness of Checks
	HardSeparation bool       // no community may relax it
	Effects        []*Effect
	Clears         []string // milestones that this event takes back if nobody has used them
}

// Destination is one possible target of an event.
type Destination struct {
	Pos   Pos
	State string
	When  *Expr // nil: always
}

// Input is one entry of an event's form. If it names a field of the definition, Field is set and the value is stored.
type Input struct {
	Field    // name, type, list, privacy, title of the value
	Required bool
	Store    bool // the value goes into the instance's field of the same name
}

// Plain reports whether a guard may read the input without asking first whether it was given.
func (i *Input) Plain() bool {
	return i.Required || i.List || i.Type == TypeEvidence || i.Privacy.Sealed()
}

// Guard is a named condition with its own explanation.
type Guard struct {
	Pos        Pos
	Name       string
	That       *Expr
	Else       *Message
	Strictness Strictness
	Hard       bool // a community cannot relax it (order, money arithmetic, consent, law)
	Clock      bool // compares with the present; backfill leaves it out
}

// EffectKind is what an effect does.
type EffectKind string

// The effects of an event, carried out in file order, each seeing the earlier ones.
const (
	EffectSet           EffectKind = "set"
	EffectCreate        EffectKind = "create"
	EffectFire          EffectKind = "fire"
	EffectParticipation EffectKind = "participation"
	EffectRegister      EffectKind = "register"
	EffectLatch         EffectKind = "latch"
	EffectMessage       EffectKind = "message"
)

// Effect is one consequence of an event.
type Effect struct {
	Pos     Pos
	Kind    EffectKind
	If      *Expr
	On      string           // "self", "parent", "root", "items", or a reference field; for create and register: the parent
	Of      string           // workflow of the items fired on, or created
	In      []string         // item states for On "items"; empty: those the event leaves from
	Event   string           // EffectFire
	Each    *Expr            // EffectCreate: one item for each element of this list (bound to `each`)
	Key     *Expr            // key of the created instance
	Person  *Expr            // EffectParticipation
	Set     map[string]*Expr // field → value
	Add     map[string]*Expr // list field → string to add once
	Remove  map[string]*Expr // list field → string to remove
	Latch   string           // EffectLatch: milestone
	Message *Message         // EffectMessage
	To      []string         // EffectMessage: roles
}

// Timer is a durable row that fires an event when its time comes.
type Timer struct {
	Pos         Pos
	Name        string
	In          []string
	Anchor      string // "entered" or a date, half_day or time field of this workflow
	After       string // signed ISO 8601 duration, "" for none
	WorkingDays int    // working days added to the anchor
	At          string // local wall-clock time "HH:MM", "" for the anchor's own
	Fire        string
}

// Reminder is a rule for messages to people. Parsed and checked here; deliveries are made by the outbox.
type Reminder struct {
	Pos              Pos
	Name             string
	In               []string
	Anchor           string // "entered", a field, "parent.FIELD", "root.FIELD" or "cron"
	Cron             string
	After            string
	WorkingDays      int
	At               string
	Repeat           *Repeat
	To               []string
	Channels         []string
	Text             *Message
	Grace            string
	NeverAfterAnchor bool
	Immediate        bool
	Then             string // event fired after the last repetition
}

// Repeat says how a reminder comes again.
type Repeat struct {
	Every string // ISO 8601 duration
	Cron  string
	Max   int
	Until string // a date field
}

// Rights names the roles that may do something.
type Rights struct {
	Pos Pos
	By  []string
}

// CreateOption says who may create an instance, and in which states of its parent (empty: in every one that is not final).
type CreateOption struct {
	Rights
	In []string
}

// Under reports whether an instance may be added under a parent in this state, or taken away again.
func (o CreateOption) Under(state string) bool { return len(o.In) == 0 || slices.Contains(o.In, state) }

// EditOption says who may edit fields, and in which states (empty: every state that is not final).
type EditOption struct {
	Rights
	In []string
}

// ReopenOption maps final or late states back; milestones latched since are cleared if unused.
type ReopenOption struct {
	Rights
	To map[string]string // from state → to state
}

// BackfillOption names, for each state that may be back-filled, the events that would have led there from the initial state.
type BackfillOption struct {
	Rights
	Paths map[string][]string
}
