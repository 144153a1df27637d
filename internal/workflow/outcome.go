package workflow

import (
	"time"

	"github.com/linli/linli/internal/calendar"
)

// Env is everything but the command and the loaded rows that Apply depends on.
type Env struct {
	Bundle *Bundle
	Snap   *Snapshot
	Now    time.Time        // recorded_at; never before the last entry's
	Zone   *time.Location   // of the community
	Seq    map[string]int64 // root → seq of its last entry (0: the root is new)

	Holidays calendar.Holidays
	Office   calendar.OfficeHours
}

// RowOp is what happened to a row.
type RowOp int

// The row operations.
const (
	RowInsert RowOp = iota + 1
	RowUpdate
	RowDelete
)

// RowChange is one changed row, as it is afterwards (as it was before, for a deletion).
type RowChange struct {
	Op       RowOp
	Instance *Instance
}

// TimerChange arms or ends one occurrence of a timer.
type TimerChange struct {
	Arm         bool
	Root        string
	Ref         TimerRef
	Due         time.Time // when armed
	Event       string
	Fired       bool // ended by firing; otherwise superseded
	Consequence bool // armed by a change in the registry, without a rule of the definition
}

// Outcome is what one command does. Exactly one of Missing and Entries is filled.
type Outcome struct {
	Missing  []Key // load these and apply again
	Entries  []Entry
	Rows     []RowChange
	Distinct map[Key]int64 // KeyDistinct → items that now hold the value
	Timers   []TimerChange
	Reads    map[string]int64 // registry rows that were read → version
	Absent   bool             // a decision relied on a registry row that is not there
	Target   *Instance        // the target afterwards; nil if an undo removed it
	Warnings []Reason
}
