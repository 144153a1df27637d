package relay

import (
	"errors"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// failure is an error as it is sent: its words, and every part by which a caller tells errors apart.
type failure struct {
	Text    string            `json:"text"`
	Refusal *workflow.Refusal `json:"refusal,omitempty"`
	Fault   *faultParts       `json:"fault,omitempty"`
	Broken  *brokenParts      `json:"broken,omitempty"`
	Is      []string          `json:"is,omitempty"` // names of the engine's own error values
}

type faultParts struct {
	Kind  string     `json:"kind"`
	Code  string     `json:"code,omitempty"`
	Words fault.Text `json:"words"`
	Field string     `json:"field,omitempty"`
	Cause string     `json:"cause,omitempty"`
}

type brokenParts struct {
	Workflow string `json:"workflow"`
	Place    string `json:"place"`
	Cause    string `json:"cause"`
}

// values are the engine's error values by the names under which they are sent.
func values() map[string]error {
	return map[string]error{
		"conflict": engine.ErrConflict, "code_taken": engine.ErrCodeTaken,
		"unstorable": engine.ErrUnstorable, "unknown_outcome": engine.ErrUnknownOutcome,
	}
}

// newFailure takes an error apart; nil stays nil.
func newFailure(err error) *failure {
	if err == nil {
		return nil
	}
	out := &failure{Text: err.Error()}
	var refusal *workflow.Refusal
	if errors.As(err, &refusal) {
		out.Refusal = refusal
	}
	var f *fault.Error
	if errors.As(err, &f) {
		out.Fault = &faultParts{Kind: f.Kind.String(), Code: f.Code, Words: f.Text, Field: f.Field}
		if f.Err != nil {
			out.Fault.Cause = f.Err.Error()
		}
	}
	var broken *workflow.BrokenError
	if errors.As(err, &broken) && broken.Err != nil {
		out.Broken = &brokenParts{broken.Workflow, broken.Place, broken.Err.Error()}
	}
	for name, v := range values() {
		if errors.Is(err, v) {
			out.Is = append(out.Is, name)
		}
	}
	return out
}

// error puts the error together again. One that was of a single type is of that type again, not only within its chain.
func (f *failure) error() error {
	if f == nil {
		return nil
	}
	var parts []error
	if f.Refusal != nil {
		parts = append(parts, f.Refusal)
	}
	if f.Fault != nil {
		parts = append(parts, f.Fault.error())
	}
	if f.Broken != nil {
		parts = append(parts, &workflow.BrokenError{Workflow: f.Broken.Workflow, Place: f.Broken.Place, Err: errors.New(f.Broken.Cause)})
	}
	for _, name := range f.Is {
		if v, known := values()[name]; known {
			parts = append(parts, v)
		}
	}
	for _, p := range parts {
		if p.Error() == f.Text {
			return p
		}
	}
	return &sentError{f.Text, parts}
}

func (p *faultParts) error() error {
	out := &fault.Error{Kind: kindNamed(p.Kind), Code: p.Code, Text: p.Words, Field: p.Field}
	if p.Cause != "" {
		out.Err = errors.New(p.Cause)
	}
	return out
}

// kindNamed is the kind with a name. The kinds are numbered without a gap, and a number beyond them is called internal.
func kindNamed(name string) fault.Kind {
	for k := fault.Internal + 1; k.String() != fault.Internal.String(); k++ {
		if k.String() == name {
			return k
		}
	}
	return fault.Internal
}

// sentError is an error that wrapped others where it happened.
type sentError struct {
	text  string
	parts []error
}

// Error is what the error said where it happened.
func (e *sentError) Error() string { return e.text }

// Unwrap returns the parts by which errors are told apart.
func (e *sentError) Unwrap() []error { return e.parts }
