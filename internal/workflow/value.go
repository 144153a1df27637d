package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Value is a field's value: nil (unknown, never 0), string, int64, bool, []string, Evidence or Sealed.
// Times are RFC 3339 strings in UTC with microseconds, so that values compare and sort as stored.
type Value = any

// Evidence answers a question about proof: a value, 无 (there is none) or 未记录 (not recorded, with the reason).
type Evidence struct {
	Value      string `json:"value,omitempty"`
	None       bool   `json:"none,omitempty"`
	Unrecorded string `json:"unrecorded,omitempty"`
}

// Answered reports whether the question was answered in any of the three ways.
func (e Evidence) Answered() bool { return e.Value != "" || e.None || e.Unrecorded != "" }

// Sealed is a personal or sensitive value under its subject's key. Destroying that key erases the value everywhere,
// in rows and in history, without changing a byte that the history chain covers.
type Sealed struct {
	Subject string `json:"subject"` // whose key
	Box     []byte `json:"sealed"`  // nonce and AES-256-GCM ciphertext of the JSON value
}

// Values holds fields by name. A missing name and a nil value mean the same: unknown.
type Values map[string]Value

// UnmarshalJSON restores the Go types that Value names.
func (vs *Values) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	out := make(Values, len(raw))
	for k, r := range raw {
		v, err := decodeValue(r)
		if err != nil {
			return fmt.Errorf("value %q: %w", k, err)
		}
		out[k] = v
	}
	*vs = out
	return nil
}

func decodeValue(r json.RawMessage) (Value, error) {
	r = bytes.TrimSpace(r)
	if len(r) == 0 {
		return nil, fmt.Errorf("empty value")
	}
	switch r[0] {
	case 'n':
		return nil, nil //nolint:nilnil // JSON null is the unknown value
	case '"':
		return decodeText(r)
	case 't', 'f':
		return r[0] == 't', nil
	case '[':
		return decodeAs[[]string](r)
	case '{':
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(r, &keys); err != nil {
			return nil, err
		}
		if _, ok := keys["sealed"]; ok {
			return decodeAs[Sealed](r)
		}
		return decodeAs[Evidence](r)
	default:
		if n, err := strconv.ParseInt(string(r), 10, 64); err == nil {
			return n, nil
		}
		return decodeAs[int64](r)
	}
}

// decodeText reads a string: nearly all stand in JSON as they are, and need no decoder.
func decodeText(r json.RawMessage) (Value, error) {
	if s := string(r[1 : len(r)-1]); plainText(s) {
		return s, nil
	}
	return decodeAs[string](r)
}

func decodeAs[T any](r json.RawMessage) (Value, error) {
	var v T
	dec := json.NewDecoder(bytes.NewReader(r))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return v, nil
}

// Equal reports whether two values are the same.
func Equal(a, b Value) bool {
	switch x := a.(type) {
	case []string:
		y, ok := b.([]string)
		return ok && slices.Equal(x, y)
	case Sealed:
		y, ok := b.(Sealed)
		return ok && x.Subject == y.Subject && bytes.Equal(x.Box, y.Box)
	default:
		switch b.(type) {
		case []string, Sealed:
			return false
		}
		return a == b
	}
}

// Pair is a value before and after a change.
type Pair [2]Value

// UnmarshalJSON restores the Go types that Value names.
func (p *Pair) UnmarshalJSON(b []byte) error {
	var raw [2]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	for i, r := range raw {
		v, err := decodeValue(r)
		if err != nil {
			return err
		}
		p[i] = v
	}
	return nil
}
