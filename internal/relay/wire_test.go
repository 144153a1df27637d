package relay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// occurred compares times of events, whose parts are not visible outside their package.
func occurred() cmp.Option {
	return cmp.Comparer(func(a, b workflow.Occurred) bool {
		x, errX := json.Marshal(a)
		y, errY := json.Marshal(b)
		return errX == nil && errY == nil && bytes.Equal(x, y)
	})
}

// requests compares the fields of a request that are sent; what the engine keeps for itself is not.
func requests() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool {
		f, ok := p.Last().(cmp.StructField)
		return ok && p.Index(-2).Type() == reflect.TypeFor[engine.Request]() && f.Name()[0] >= 'a'
	}, cmp.Ignore())
}

func sent(t *testing.T, r engine.Request) engine.Request {
	t.Helper()
	b, err := json.Marshal(newRequest(r))
	if err != nil {
		t.Fatal(err)
	}
	var out request
	if err := decode(bytes.NewReader(b), &out); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out.engine()
}

func TestValuesKeepTheirTypes(t *testing.T) {
	zone := time.FixedZone("", 8*3600)
	for name, v := range map[string]any{
		"nothing": nil, "text": "左邻右舍 <&>\u2028", "empty text": "", "not UTF-8": "a\xffb", "true": true, "false": false,
		"int": 7, "money": int64(77890), "largest": int64(math.MaxInt64), "smallest": int64(math.MinInt64),
		"unsigned": uint64(math.MaxUint64), "fraction": 1.1, "large fraction": 1e300, "number as text": json.Number("9007199254740993"),
		"time": time.Date(2023, 6, 14, 9, 0, 0, 123456000, zone), "zero time": time.Time{},
		"evidence": workflow.Evidence{Value: "账本"}, "no evidence": workflow.Evidence{None: true},
		"unrecorded": workflow.Evidence{Unrecorded: "未留存"}, "sealed": workflow.Sealed{Subject: "p", Box: []byte{0, 1, 255}},
		"list": []string{"a", "b"}, "empty list": []string{}, "nil list": []string(nil), "mixed list": []any{"a", int64(1), nil, []any{true}},
		"group": map[string]any{"unrecorded": "原因", "none": false, "n": int64(3)}, "empty group": map[string]any{},
	} {
		t.Run(name, func(t *testing.T) {
			got := sent(t, engine.Request{Values: map[string]any{"f": v}, Command: workflow.Command{Input: workflow.Values{"f": v}}})
			if diff := cmp.Diff(v, got.Values["f"]); diff != "" {
				t.Errorf("as a value: %s", diff)
			}
			if diff := cmp.Diff(v, got.Input["f"]); diff != "" {
				t.Errorf("as an input: %s", diff)
			}
		})
	}
	t.Run("a list that is not UTF-8 arrives as single values", func(t *testing.T) {
		got := sent(t, engine.Request{Values: map[string]any{"f": []string{"a", "\xff"}}})
		if diff := cmp.Diff([]any{"a", "\xff"}, got.Values["f"]); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("what nobody sends is an error, not something else", func(t *testing.T) {
		for _, v := range []any{math.NaN(), struct{}{}, make(chan int), []int{1}} {
			if _, err := json.Marshal(newRequest(engine.Request{Values: map[string]any{"f": v}})); err == nil {
				t.Errorf("%T was encoded", v)
			}
		}
	})
}

// fill sets everything that can be set to something that is not zero, so that a field that is added later is tried too.
func fill(t *testing.T, v reflect.Value, depth int) {
	t.Helper()
	switch x := v.Addr().Interface().(type) {
	case *workflow.Occurred:
		*x = workflow.OccurredAt(time.Date(2023, 6, 14, 1, 2, 3, 4000, time.UTC))
		return
	case *time.Time:
		*x = time.Date(2023, 6, 14, 9, 0, 0, 5000, time.FixedZone("", 8*3600))
		return
	case *map[string]any:
		*x = map[string]any{"f": int64(1)}
		return
	case *workflow.Values:
		*x = workflow.Values{"f": int64(1)}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d", depth))
	case reflect.Int64, reflect.Int:
		v.SetInt(int64(depth) + 7)
	case reflect.Uint8:
		v.SetUint(7)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), depth+1)
	case reflect.Map:
		e := reflect.New(v.Type().Elem()).Elem()
		fill(t, e, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("name").Convert(v.Type().Key()), e)
	case reflect.Struct:
		for n := range v.NumField() {
			if v.Type().Field(n).IsExported() {
				fill(t, v.Field(n), depth+n)
			}
		}
	default:
		t.Fatalf("a field of the kind %s: say here how to fill it, and see that it is sent", v.Kind())
	}
}

func TestRequestsArriveWhole(t *testing.T) {
	var full engine.Request
	fill(t, reflect.ValueOf(&full).Elem(), 0)
	day, err := workflow.ParseOccurred("2023-06-14/afternoon", time.FixedZone("", 8*3600))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]engine.Request{
		"every field set": full,
		"nothing set":     {},
		"empty, which is not nothing": {Values: map[string]any{}, Command: workflow.Command{
			Only: []string{}, Input: workflow.Values{}, OnBehalf: &workflow.OnBehalf{}, Confirm: map[string]workflow.Confirmation{},
		}},
		"half a day": {Command: workflow.Command{Occurred: day, OnBehalf: &workflow.OnBehalf{Person: "p", Via: "paper", Decided: day}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, sent(t, want), occurred(), requests()); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a field that only a newer program knows is refused", func(t *testing.T) {
		if err := decode(strings.NewReader(`{"ID":"a","Tomorrow":1}`), &request{}); err == nil {
			t.Error("it was passed over")
		}
	})
}

func TestResultsArriveWhole(t *testing.T) {
	var full engine.Result
	fill(t, reflect.ValueOf(&full).Elem(), 0)
	for name, want := range map[string]engine.Result{"every field set": full, "nothing set": {}} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(newResult(want))
			if err != nil {
				t.Fatal(err)
			}
			var got result
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.engine(), occurred()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestErrorsArriveAsTheyWere(t *testing.T) {
	var refusal workflow.Refusal
	fill(t, reflect.ValueOf(&refusal).Elem(), 0)
	conflict := fmt.Errorf("timer 7: %w", engine.ErrConflict)
	wrapped := fault.Wrap(errors.New("disk full"), fault.Unavailable, "busy", "忙", "busy").WithField("field")
	arrived := func(err error) error {
		b, merr := json.Marshal(newFailure(err))
		if merr != nil {
			t.Fatal(merr)
		}
		var f *failure
		if merr := json.Unmarshal(b, &f); merr != nil {
			t.Fatal(merr)
		}
		return f.error()
	}
	t.Run("none is none", func(t *testing.T) {
		if err := arrived(nil); err != nil {
			t.Error(err)
		}
	})
	t.Run("a refusal with its reasons and who can help", func(t *testing.T) {
		for _, err := range []error{&refusal, fmt.Errorf("step 1: %w", &refusal)} {
			got := arrived(err)
			var r *workflow.Refusal
			if !errors.As(got, &r) || got.Error() != err.Error() {
				t.Fatalf("got %v", got)
			}
			if diff := cmp.Diff(&refusal, r); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("every kind of fault", func(t *testing.T) {
		for k := fault.Internal; k <= fault.Key; k++ {
			want := fault.New(k, "code", "中", "en")
			if diff := cmp.Diff(error(want), arrived(want)); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("a fault with field and cause, wrapped", func(t *testing.T) {
		err := fmt.Errorf("store the definitions: %w", wrapped)
		got := arrived(err)
		var f *fault.Error
		if !errors.As(got, &f) || f.Kind != fault.Unavailable || f.Code != "busy" || f.Field != "field" || f.Text != wrapped.Text || f.Err == nil || got.Error() != err.Error() {
			t.Errorf("got %#v", got)
		}
	})
	t.Run("the engine's own values, several at once", func(t *testing.T) {
		got := arrived(errors.Join(conflict, wrapped))
		if !errors.Is(got, engine.ErrConflict) || fault.KindOf(got) != fault.Unavailable || errors.Is(got, engine.ErrUnstorable) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a broken definition", func(t *testing.T) {
		var b *workflow.BrokenError
		if got := arrived(&workflow.BrokenError{Workflow: "visit", Place: "guard", Err: errors.New("no")}); !errors.As(got, &b) || b.Workflow != "visit" || b.Place != "guard" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("any other keeps its words", func(t *testing.T) {
		if got := arrived(errors.New("out of memory")); got.Error() != "out of memory" || fault.KindOf(got) != fault.Internal {
			t.Errorf("got %v", got)
		}
	})
}
