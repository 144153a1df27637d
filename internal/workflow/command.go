package workflow

import "time"

// Kind is what a command asks for.
type Kind string

// The kinds of command. All but Fire and Create are the engine's own, with options per workflow.
const (
	KindFire     Kind = "fire"
	KindCreate   Kind = "create"
	KindEdit     Kind = "edit"
	KindCancel   Kind = "cancel"
	KindReopen   Kind = "reopen"
	KindSkip     Kind = "skip"
	KindWaive    Kind = "waive"
	KindBackfill Kind = "backfill"
	KindUndo     Kind = "undo"
)

// Command is one request to one root. Inputs are normalised and, where private, sealed before Apply sees them.
type Command struct {
	ID        string // unique for ever within the root; ids of created instances derive from it
	Community string
	Root      string
	Target    string // instance; for KindCreate the parent ("" creates a root)
	Kind      Kind

	Event    string // KindFire
	State    string // KindBackfill: the state to reach
	Need     string // KindWaive
	Of       string // KindUndo: id of the command to undo
	Workflow string // KindCreate
	Slot     string // KindCreate of an activity
	Key      string // KindCreate

	Input    Values
	Actor    Actor
	OnBehalf *OnBehalf
	Occurred Occurred
	Reason   string
	Note     string                  // KindWaive: public note
	Confirm  map[string]Confirmation // guard → why it is passed all the same
	// IfVersion refuses the command unless the target has this version; 0 means any.
	IfVersion int64
	Timer     *TimerRef // the timer that fires this command
	// Only lists the roles that the actor's token is limited to; nil: every role that the person holds, and an empty list: none.
	// It takes away and never gives: a role that is not granted stays missing. Neither "self", which is no grant, nor the roles of
	// somebody else on whose behalf is recorded are narrowed. Neither the history keeps it nor the fingerprint of a request: it says
	// how somebody was let in, not what was asked and decided.
	Only []string `json:"-"`
}

// Actor is who types: a person, or the system.
type Actor struct {
	Person string `json:"person,omitempty"`
	System bool   `json:"system,omitempty"`
}

// OnBehalf says that somebody else decided, and where that is written down (代录).
type OnBehalf struct {
	Person   string   `json:"person"`
	Via      string   `json:"via"` // paper, phone, wechat, in_person
	Evidence string   `json:"evidence,omitempty"`
	Decided  Occurred `json:"decided"`
}

// Confirmation lets a `confirm` guard pass: a second person who holds a role for the event, or a reason.
type Confirmation struct {
	Second string `json:"second,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// TimerRef names one occurrence of a timer.
type TimerRef struct {
	Instance   string `json:"instance"`
	Rule       string `json:"rule"`
	Generation int64  `json:"generation"`
}

// Entry is what the history keeps of one command in one chain. Its exact JSON bytes are hashed and stored.
type Entry struct {
	Format    int                     `json:"format"` // 1
	Community string                  `json:"community"`
	Root      string                  `json:"root"`
	Seq       int64                   `json:"seq"`
	Command   string                  `json:"command"`
	Kind      Kind                    `json:"kind"`
	Event     string                  `json:"event,omitempty"`
	Target    string                  `json:"target"`
	Workflow  string                  `json:"workflow,omitempty"`
	Bundle    string                  `json:"bundle"`
	Actor     Actor                   `json:"actor"`
	OnBehalf  *OnBehalf               `json:"on_behalf,omitempty"`
	Recorded  time.Time               `json:"recorded_at"`
	Frozen    bool                    `json:"frozen,omitempty"` // of a creation: the new root has a clock of its own, which commands alone move
	Occurred  Occurred                `json:"occurred_at"`
	Reason    string                  `json:"reason,omitempty"`
	Note      string                  `json:"note,omitempty"`
	Input     Values                  `json:"input,omitempty"`
	Confirm   map[string]Confirmation `json:"confirm,omitempty"`
	Warnings  []Reason                `json:"warnings,omitempty"`
	Waived    []string                `json:"waived,omitempty"` // needs passed by waiver
	Messages  []Text                  `json:"messages,omitempty"`
	Timer     *TimerRef               `json:"timer,omitempty"`
	Undoes    string                  `json:"undoes,omitempty"`
	Changes   []Change                `json:"changes,omitempty"`
}

// Change is what a command did to one instance, with what was there before: enough to undo it, and enough to
// rebuild the row from the history alone.
type Change struct {
	ID        string              `json:"id"`
	Created   *Identity           `json:"created,omitempty"` // the instance came into being
	Deleted   *Identity           `json:"deleted,omitempty"` // an undo took a creation back
	State     *[2]string          `json:"state,omitempty"`
	Version   [2]int64            `json:"version"`
	Touched   [2]int64            `json:"touched"`
	Data      map[string]Pair     `json:"data,omitempty"` // before, after
	Aggregate map[string][2]int64 `json:"agg,omitempty"`
	Distinct  []DistinctChange    `json:"distinct,omitempty"`
	Rest      *[2]Rest            `json:"rest,omitempty"`
}

// Identity is the part of an instance that never changes.
type Identity struct {
	Parent   string `json:"parent,omitempty"`
	Workflow string `json:"workflow"`
	Slot     string `json:"slot,omitempty"`
	Key      string `json:"key,omitempty"`
}

// Rest is the engine's own bookkeeping of an instance.
type Rest struct {
	Milestones map[string]Milestone `json:"milestones,omitempty"`
	By         map[string]string    `json:"by,omitempty"`
	Waived     map[string]Waiver    `json:"waived,omitempty"`
	Uses       []Use                `json:"uses,omitempty"`
	Timers     map[string]Due       `json:"timers,omitempty"`
	Flags      []string             `json:"flags,omitempty"`
	Entered    time.Time            `json:"entered"`
	LastChild  int64                `json:"last_child,omitempty"`
}

// DistinctChange moves the number of items that hold one value of a distinct aggregate.
type DistinctChange struct {
	Aggregate string   `json:"aggregate"`
	Value     string   `json:"value"`
	N         [2]int64 `json:"n"`
}
