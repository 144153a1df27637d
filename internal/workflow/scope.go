package workflow

import (
	"time"

	"github.com/linli/linli/internal/calendar"
)

// Resolver finds what an expression names beyond the instance itself. Its errors come back from the evaluation
// unchanged (errors.Is), so that a row that is not loaded yet can be told from a mistake.
type Resolver interface {
	// Instance returns the instance with that id, or nil if there is none.
	Instance(id string) (*Instance, error)
	// Participation returns the data of a person's participation row, or nil if the person has none.
	Participation(person string) (Values, error)
	// Consent returns given, withdrawn, refused, unrecorded, or none.
	Consent(subject, kind string) (string, error)
	// Distinct returns the values of a distinct aggregate, sorted.
	Distinct(instance, aggregate string) ([]string, error)
}

// Scope is what an expression sees. Fields that an expression's place does not offer stay nil.
type Scope struct {
	Resolver Resolver
	Self     *Instance
	Input    Values // of the event in hand
	Item     *Instance
	Sibling  *Instance
	Each     string
	Actor    string
	Decider  string
	Now      time.Time
	Zone     *time.Location
	Office   calendar.OfficeHours // of `starts`; zero: the usual hours
	Occurred Occurred
}
