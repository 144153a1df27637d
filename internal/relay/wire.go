package relay

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// request is an engine.Request as it is sent. Fields that the engine's request gains later travel by themselves; only those are
// spelled out that JSON would lose: the Go types of values, and what is kept out of a request's fingerprint.
type request struct {
	engine.Request
	Values map[string]value
	Input  map[string]value
	Only   []string
}

func newRequest(r engine.Request) request {
	out := request{Request: r, Values: wrap(r.Values), Input: wrap(r.Input), Only: r.Only}
	out.Request.Values, out.Request.Input = nil, nil
	return out
}

// engine is the request as it was before it was sent.
func (r request) engine() engine.Request {
	out := r.Request
	out.Values = unwrap[map[string]any](r.Values)
	out.Input = unwrap[workflow.Values](r.Input)
	out.Only = r.Only
	return out
}

func wrap(vs map[string]any) map[string]value {
	if vs == nil {
		return nil // is not the same as empty: a request's fingerprint tells them apart
	}
	out := make(map[string]value, len(vs))
	for name, v := range vs {
		out[name] = value{v}
	}
	return out
}

func unwrap[M ~map[string]any](vs map[string]value) M {
	if vs == nil {
		return nil
	}
	out := make(M, len(vs))
	for name, v := range vs {
		out[name] = v.v
	}
	return out
}

// value is an input of any of the types that the rules take, with its type.
type value struct{ v any }

// tagged is a value as it is sent.
type tagged struct {
	Type  string          `json:"t"`
	Value json.RawMessage `json:"v,omitempty"`
}

// The names of the types.
const (
	typeNil      = "nil"
	typeString   = "string"
	typeBytes    = "bytes" // a string that is not UTF-8, which JSON would mend; the rules are to refuse it
	typeBool     = "bool"
	typeInt      = "int"
	typeInt64    = "int64"
	typeUint64   = "uint64"
	typeFloat64  = "float64"
	typeNumber   = "number"
	typeTime     = "time"
	typeEvidence = "evidence"
	typeSealed   = "sealed"
	typeStrings  = "strings"
	typeList     = "list"
	typeMap      = "map"
)

// MarshalJSON writes the value with the name of its type.
func (x value) MarshalJSON() ([]byte, error) {
	name, body, err := tag(x.v)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encode a value: %w", err)
	}
	return json.Marshal(tagged{name, raw})
}

// tag names the type of a value and returns it in a form that JSON keeps.
func tag(v any) (name string, body any, err error) {
	switch t := v.(type) {
	case nil:
		return typeNil, nil, nil
	case string:
		if !utf8.ValidString(t) {
			return typeBytes, []byte(t), nil
		}
		return typeString, t, nil
	case bool:
		return typeBool, t, nil
	case int:
		return typeInt, t, nil
	case int64:
		return typeInt64, t, nil
	case uint64:
		return typeUint64, t, nil
	case float64:
		return typeFloat64, t, nil
	case json.Number:
		return typeNumber, t.String(), nil
	case time.Time:
		return typeTime, t, nil
	case workflow.Evidence:
		return typeEvidence, t, nil
	case workflow.Sealed:
		return typeSealed, t, nil
	case []string:
		return tagStrings(t)
	case []any:
		out := make([]value, len(t))
		for n, e := range t {
			out[n] = value{e}
		}
		return typeList, out, nil
	case map[string]any:
		return typeMap, wrap(t), nil
	default:
		return "", nil, fmt.Errorf("a value of the type %T cannot be sent", v)
	}
}

// tagStrings sends a list of texts. One that is not all UTF-8 goes as a list of single values, which the rules refuse as well.
func tagStrings(list []string) (string, any, error) {
	for _, s := range list {
		if !utf8.ValidString(s) {
			out := make([]value, len(list))
			for n, e := range list {
				out[n] = value{e}
			}
			return typeList, out, nil
		}
	}
	return typeStrings, list, nil
}

// UnmarshalJSON reads what MarshalJSON writes, and nothing else.
func (x *value) UnmarshalJSON(b []byte) error {
	var t tagged
	if err := json.Unmarshal(b, &t); err != nil {
		return fmt.Errorf("decode a value: %w", err)
	}
	v, err := untag(t)
	if err != nil {
		return fmt.Errorf("decode a value of the type %s: %w", strconv.Quote(t.Type), err)
	}
	x.v = v
	return nil
}

func untag(t tagged) (any, error) {
	switch t.Type {
	case typeNil:
		return nil, nil //nolint:nilnil // nil is a value: it clears a field
	case typeString:
		return as[string](t.Value)
	case typeBytes:
		b, err := as[[]byte](t.Value)
		return string(b), err
	case typeBool:
		return as[bool](t.Value)
	case typeInt:
		return as[int](t.Value)
	case typeInt64:
		return as[int64](t.Value)
	case typeUint64:
		return as[uint64](t.Value)
	case typeFloat64:
		return as[float64](t.Value)
	case typeNumber:
		s, err := as[string](t.Value)
		return json.Number(s), err
	case typeTime:
		return as[time.Time](t.Value)
	case typeEvidence:
		return as[workflow.Evidence](t.Value)
	case typeSealed:
		return as[workflow.Sealed](t.Value)
	case typeStrings:
		return as[[]string](t.Value)
	case typeList:
		list, err := as[[]value](t.Value)
		out := make([]any, len(list))
		for n, e := range list {
			out[n] = e.v
		}
		return out, err
	case typeMap:
		m, err := as[map[string]value](t.Value)
		return unwrap[map[string]any](m), err
	default:
		return nil, fmt.Errorf("there is no such type")
	}
}

func as[T any](raw json.RawMessage) (T, error) {
	var out T
	err := json.Unmarshal(raw, &out)
	return out, err
}

// result is an engine.Result as it is sent, with what its JSON form for people leaves out.
type result struct {
	engine.Result
	Replayed bool               `json:"replayed,omitempty"`
	Target   *workflow.Instance `json:"target,omitempty"`
}

func newResult(r engine.Result) result {
	return result{Result: r, Replayed: r.Replayed, Target: r.Target}
}

func (r result) engine() engine.Result {
	out := r.Result
	out.Replayed, out.Target = r.Replayed, r.Target
	return out
}

// bundle is a set of definitions as it is sent.
type bundle struct {
	Hash  string            `json:"hash"`
	Files map[string][]byte `json:"files"`
}

// advance asks for a replayed programme's clock to be moved.
type advance struct {
	Community string    `json:"community"`
	Root      string    `json:"root"`
	To        time.Time `json:"to"`
}

// greeting says who listens.
type greeting struct {
	Protocol int `json:"protocol"`
}

// nothing is sent where there is nothing to say.
type nothing struct{}

// reply is the answer to every operation: what came of it, and the error if there was one. Both may be there.
type reply[T any] struct {
	Result T        `json:"result"`
	Error  *failure `json:"error,omitempty"`
}
