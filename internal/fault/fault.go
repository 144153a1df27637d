// Package fault holds the kinds of error that people and programs outside see, with their words in Chinese and
// English. It is a leaf: it knows no other package of the project.
//
// A package that meets a failure which somebody outside must act on returns a *Error. What nobody outside can act on
// stays an ordinary wrapped error, and counts as Internal at the edge. The edge (the command line now, HTTP later)
// turns a Kind into an exit status or a status code in one table of its own.
package fault

import (
	"errors"
	"strings"
)

// Kind says what sort of failure it is, and with that what the caller can do.
type Kind int

// The kinds. Internal is the zero value: what is not said to be anything else is our own fault.
const (
	Internal     Kind = iota // a defect or a failure of the machine; nothing that the caller did
	Invalid                  // the request itself is malformed; correct it
	NotFound                 // what was named does not exist, or not for this caller
	Forbidden                // the caller may not do this
	Refused                  // the rules refuse it as things stand; the reasons say what is missing
	Conflict                 // somebody else changed it first; look again and repeat
	Precondition             // the version the caller relied on is no longer the current one
	Mismatch                 // an idempotency key came back with another request
	Unavailable              // the database or another part does not answer; repeat later
	Locked                   // another process holds the data directory
	Key                      // a key is missing or is the wrong one
)

// String returns the kind's name in lower case.
func (k Kind) String() string {
	switch k {
	case Invalid:
		return "invalid"
	case NotFound:
		return "not found"
	case Forbidden:
		return "forbidden"
	case Refused:
		return "refused"
	case Conflict:
		return "conflict"
	case Precondition:
		return "precondition"
	case Mismatch:
		return "mismatch"
	case Unavailable:
		return "unavailable"
	case Locked:
		return "locked"
	case Key:
		return "key"
	case Internal:
		return "internal"
	}
	return "internal"
}

// Retryable reports whether the same request may succeed later without being changed.
func (k Kind) Retryable() bool { return k == Conflict || k == Unavailable || k == Locked }

// Text is one sentence in both languages: what happened and what to do. It contains no personal or sensitive value.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In returns the text in lang ("zh" or "en"; anything else reads as English).
func (t Text) In(lang string) string {
	if lang == "zh" && t.ZH != "" {
		return t.ZH
	}
	return t.EN
}

// Error is a failure that somebody outside can act on. Values are not changed after they are made, and so may be
// shared between goroutines.
type Error struct {
	Kind  Kind
	Code  string // stable, lower_snake_case, for programs: "unknown_programme"
	Text  Text
	Field string // the field, flag or input at fault; "" if none
	Err   error  // the cause, for logs; never shown to people outside
}

// New makes an error of a kind. The text says in Chinese and English what happened and what to do.
func New(kind Kind, code, zh, en string) *Error {
	return &Error{Kind: kind, Code: code, Text: Text{ZH: zh, EN: en}}
}

// Wrap makes an error of a kind with a cause, which errors.Is and errors.As reach.
func Wrap(err error, kind Kind, code, zh, en string) *Error {
	return &Error{Kind: kind, Code: code, Text: Text{ZH: zh, EN: en}, Err: err}
}

// NewInvalid makes an Invalid error about one field.
func NewInvalid(field, code, zh, en string) *Error {
	return New(Invalid, code, zh, en).WithField(field)
}

// WithField returns a copy that names the field at fault.
func (e *Error) WithField(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// Error returns the English text, the field in front and the cause behind.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Field != "" {
		b.WriteString(e.Field + ": ")
	}
	b.WriteString(e.Text.EN)
	if e.Text.EN == "" {
		b.WriteString(e.Kind.String())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error of the same kind and, if target names one, the same code. So a test or a
// caller may write errors.Is(err, &fault.Error{Kind: fault.NotFound}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && (t.Code == "" || t.Code == e.Code)
}

// KindOf returns the kind of the outermost *Error in err's chain; Internal if there is none. A nil err has no kind:
// ask only about failures.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// TextOf returns the words of the outermost *Error in err's chain, and false if there is none.
func TextOf(err error) (Text, bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Text, true
	}
	return Text{}, false
}
