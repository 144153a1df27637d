package workflow

import (
	"fmt"
)

// Expr is a compiled CEL expression. It is immutable and safe for concurrent use.
type Expr struct {
	Source string
	Pos    Pos
	Inputs []string // the inputs it reads, sorted: a guard is left out of an explanation while they are missing

	origin  origin
	key     Pos // of the field that a `set` writes
	program *program
	wrap    bool // a string result stands for evidence
}

// Message is a bilingual text with CEL expressions between braces.
// It is immutable and safe for concurrent use.
type Message struct {
	Source Text
	Pos    Pos

	zh, en []part
}

// Bool evaluates an expression whose type is bool. The error of a Resolver comes back so that errors.Is finds it.
func (e *Expr) Bool(s *Scope) (bool, error) {
	v, err := e.Value(s)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, fmt.Errorf("%s: %q gave %T, not true or false", e.Pos, e.Source, v)
	}
	return b, nil
}

// Strings evaluates an expression whose type is a list of strings.
func (e *Expr) Strings(s *Scope) ([]string, error) {
	v, err := e.Value(s)
	if err != nil {
		return nil, err
	}
	l, ok := v.([]string)
	if !ok {
		return nil, fmt.Errorf("%s: %q gave %T, not a list", e.Pos, e.Source, v)
	}
	return l, nil
}

// Value evaluates an expression and returns one of the Go types that Value names: nil, string, int64, bool, []string or
// Evidence. A timestamp comes back as a string in TimeLayout, an optional as its value or nil.
func (e *Expr) Value(s *Scope) (Value, error) {
	out, err := e.eval(s)
	if err != nil {
		return nil, err
	}
	v, err := goValue(out)
	if err != nil {
		return nil, fmt.Errorf("%s: %q: %w", e.Pos, e.Source, err)
	}
	if str, ok := v.(string); ok && e.wrap {
		if str == "" {
			return nil, nil //nolint:nilnil // an empty text is no answer
		}
		return Evidence{Value: str}, nil
	}
	return v, nil
}
