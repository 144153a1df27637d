// Package casefile reads a programme's data file (docs/data-file.md) and plays it through the engine, command by
// command, on a clock that stands where the file says.
//
// It knows the form of the file and how its names become ids; it knows no activity, no field and no rule. What may be
// done is decided by the engine alone, so a file can only do what a person could do by hand, in the same order, and
// what it does is recorded in the same history.
package casefile

import (
	"time"

	"github.com/linli/linli/internal/workflow"
)

// File is one data file that was read without a mistake. It is not changed afterwards and may be played more than once.
type File struct {
	Name      string // as given to Load; stands in front of every line number
	Community string // id of the community
	Code      string // the programme's code
	Zone      *time.Location
	// Steps are the commands in order: the community, its registry, the programme, then what the file lists under `steps`,
	// with every `each` written out.
	Steps []*Step

	names map[string]*name
}

// Step is one command of the file.
type Step struct {
	Pos     workflow.Pos // of the entry or step
	Row     workflow.Pos // of the table's row that this step was made from; zero if there is none
	Name    string       // unique in the file; the command's id derives from it, so a step keeps its id when others are added
	As      string       // what later steps call the instance that this one creates or acts on
	Kind    workflow.Kind
	On      Ref       // the target; for a creation the parent. Empty for the community and the programme
	At      time.Time // zero: the clock of the process
	By      string    // a person's name in this file, or "system"
	Refused []string  // what the engine must answer: codes of reasons, names of guards or needs, or parts of their texts

	Event    string
	State    string
	Need     string
	Of       string // undo: name of the step that is taken back
	Workflow string
	Slot     string
	Key      *Value
	Scope    string // a grant: "programme" or "" for the whole community

	Input    []Input
	Occurred string
	OnBehalf *OnBehalf
	Confirm  []Confirm
	Reason   string
	Note     string

	section      string // the registry section it comes from; "" for a step
	onPos, byPos workflow.Pos
}

// Input is one value of a step's form, with its place in the file.
type Input struct {
	Pos   workflow.Pos
	Name  string
	Value Value
}

// OnBehalf says that somebody else decided what a step records.
type OnBehalf struct {
	Person   string
	Via      string
	Evidence string
	Decided  string
}

// Confirm passes a guard that asks for confirmation.
type Confirm struct {
	Guard  string
	Second string // a person's name in this file
	Reason string
}

// Where is the step's place for messages: the row of a table if it comes from one.
func (s *Step) Where() workflow.Pos {
	if s.Row.Line > 0 {
		return s.Row
	}
	return s.Pos
}

// the names that stand in every file without being declared.
const (
	nameCommunity = "community"
	nameProgramme = "programme"
	nameSystem    = "system"
)

// name is what is known of one symbolic name before anything is played.
type name struct {
	pos      workflow.Pos
	step     int    // index of the step that brings it into being
	workflow string // "" if unknown
}

// Step returns the step with that name, or nil.
func (f *File) Step(name string) *Step {
	for _, s := range f.Steps {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// WorkflowOf returns the workflow of the instance that the file calls name, or "" if the file does not say.
func (f *File) WorkflowOf(name string) string {
	if n := f.names[name]; n != nil {
		return n.workflow
	}
	return ""
}
