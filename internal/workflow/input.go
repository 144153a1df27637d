package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of what a person may type into one field.
const (
	maxText = 10_000 // characters
	maxKey  = 200
	maxList = 1_000
)

// NormaliseInput checks raw values against an event's form and returns them in the Go types that Value names, with a reason for
// every field that does not fit. Absent inputs stay absent: whether they are required is decided where the event fires.
// A nil value means "clear this field". Sealed values pass through: they were checked before they were sealed.
func NormaliseInput(form *Event, raw Values) (Values, []Reason) {
	out := make(Values, len(raw))
	var bad []Reason
	for _, name := range sortedKeys(raw) {
		in := form.input(name)
		if in == nil {
			bad = append(bad, unknownInputReason(form, name))
			continue
		}
		v, err := normalise(&in.Field, raw[name])
		if err != nil {
			bad = append(bad, fieldReason(&in.Field, err))
			continue
		}
		out[name] = v
	}
	return out, bad
}

func (e *Event) input(name string) *Input {
	for _, in := range e.Input {
		if in.Name == name {
			return in
		}
	}
	return nil
}

// fieldError says in both languages what is wrong with a value.
type fieldError struct{ Text }

func (e fieldError) Error() string { return e.EN }

func wrong(zh, en string) error { return fieldError{Text{zh, en}} }

func normalise(f *Field, v any) (Value, error) {
	switch t := v.(type) {
	case nil:
		return nil, nil //nolint:nilnil // nil is the unknown value
	case Sealed:
		if !f.Privacy.Sealed() {
			return nil, wrong("此字段不加密", "this field is not sealed")
		}
		return t, nil
	}
	if !f.List {
		return normaliseOne(f, v)
	}
	var parts []any
	switch l := v.(type) {
	case []string:
		for _, s := range l {
			parts = append(parts, s)
		}
	case []any:
		parts = l
	case string:
		parts = []any{l}
	default:
		return nil, wrong("请给出列表", "give a list")
	}
	if len(parts) > maxList {
		return nil, wrong(fmt.Sprintf("最多 %d 项", maxList), fmt.Sprintf("at most %d entries", maxList))
	}
	out := make([]string, 0, len(parts))
	for _, p := range parts {
		n, err := normaliseOne(f, p)
		if err != nil {
			return nil, err
		}
		s, ok := n.(string)
		if !ok || s == "" {
			return nil, wrong("列表里有空值", "the list holds an empty value")
		}
		out = append(out, s)
	}
	return out, nil
}

func normaliseOne(f *Field, v any) (Value, error) {
	switch f.Type {
	case TypeInt, TypeMoney:
		n, err := wholeNumber(v)
		if err == nil && f.Min != nil && n < *f.Min {
			t := atLeast(*f.Min)
			return nil, wrong("必须"+t.ZH, "must be "+t.EN)
		}
		return n, err
	case TypeBool:
		if b, ok := v.(bool); ok {
			return b, nil
		}
		return nil, wrong("请填 true 或 false", "give true or false")
	case TypeEvidence:
		return evidence(v)
	default:
		s, ok := v.(string)
		if !ok {
			return nil, wrong("请填文字", "give a text")
		}
		if r := badText(f.Name, s, maxText); r != nil {
			return nil, fieldError{r.Text}
		}
		return text(f, s)
	}
}

// text checks the forms that strings take. An empty text is no value.
func text(f *Field, s string) (Value, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil //nolint:nilnil // an empty text is the unknown value
	}
	switch f.Type {
	case TypeDate:
		if _, err := time.Parse("2006-01-02", s); err != nil {
			return nil, wrong("请填日期，如 2023-06-14", "give a date such as 2023-06-14")
		}
	case TypeHalfDay:
		day, part, ok := strings.Cut(s, "/")
		_, err := time.Parse("2006-01-02", day)
		if _, known := dayParts[part]; err != nil || !ok || !known {
			return nil, wrong("请填半天，如 2023-06-14/morning（afternoon、evening）", "give a half-day such as 2023-06-14/morning (afternoon, evening)")
		}
	case TypeTime:
		t, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			return nil, wrong("请填时间，如 2023-06-14T09:00:00+08:00", "give a time such as 2023-06-14T09:00:00+08:00")
		}
		return t.UTC().Format(TimeLayout), nil
	case TypeEnum:
		if !slices.ContainsFunc(f.Values, func(e EnumValue) bool { return e.Name == s }) {
			names := make([]string, len(f.Values))
			for n, e := range f.Values {
				names[n] = e.Name
			}
			list := strings.Join(names, ", ")
			return nil, wrong("只能是："+list, "must be one of: "+list)
		}
	default: // any text, or a reference that is looked up later
	}
	return s, nil
}

// maxNumber bounds every number that is typed: a quadrillion, ten trillion yuan in fen. Sums of as many rows as fit a programme stay exact.
const maxNumber = 1_000_000_000_000_000

func wholeNumber(v any) (int64, error) {
	n, ok := int64(0), false
	switch t := v.(type) {
	case int:
		n, ok = int64(t), true
	case int64:
		n, ok = t, true
	case uint64:
		n, ok = int64(min(t, maxNumber+1)), true
	case float64:
		if ok = t == math.Trunc(t); ok {
			n = int64(max(min(t, maxNumber+1), -maxNumber-1))
		}
	case json.Number:
		i, err := t.Int64()
		n, ok = i, err == nil || errors.Is(err, strconv.ErrRange) // then the nearest that there is
	}
	if !ok {
		return 0, wrong("请填整数（金额以分为单位）", "give a whole number (money in fen)")
	}
	if n > maxNumber || n < -maxNumber {
		return 0, wrong("数字太大", "the number is too large")
	}
	return n, nil
}

// atLeast says what a bound asks for, as people say it: of 1, more than 0.
func atLeast(n int64) Text {
	if n == 1 {
		return Text{"大于 0", "more than 0"}
	}
	return Text{fmt.Sprintf("不小于 %d", n), fmt.Sprintf("%d or more", n)}
}

func evidence(v any) (Value, error) {
	switch e := v.(type) {
	case Evidence:
		return checkEvidence(e)
	case string:
		if e == "none" {
			return Evidence{None: true}, nil
		}
		return checkEvidence(Evidence{Value: e})
	case map[string]any:
		var out Evidence
		for k, p := range e {
			s, isText := p.(string)
			b, isBool := p.(bool)
			switch {
			case k == "value" && isText:
				out.Value = s
			case k == "unrecorded" && isText:
				out.Unrecorded = s
			case k == "none" && isBool:
				out.None = b
			default:
				return nil, wrong("请填内容、none（无）或 unrecorded（未记录，写明原因）", "give value, none, or unrecorded with the reason")
			}
		}
		return checkEvidence(out)
	default:
		return nil, wrong("请填内容、none（无）或 unrecorded（未记录，写明原因）", "give value, none, or unrecorded with the reason")
	}
}

func checkEvidence(e Evidence) (Value, error) {
	n := 0
	for _, given := range []bool{e.Value != "", e.None, e.Unrecorded != ""} {
		if given {
			n++
		}
	}
	if n != 1 {
		return nil, wrong("内容、无、未记录三者选一，未记录要写原因", "give exactly one of value, none, and unrecorded with a reason")
	}
	for _, s := range []string{e.Value, e.Unrecorded} {
		if r := badText("", s, maxText); r != nil {
			return nil, fieldError{r.Text}
		}
	}
	return e, nil
}

// badText refuses what no database and no page can hold: U+0000, broken UTF-8, and too much.
func badText(name, s string, limit int) *Reason {
	var t Text
	switch {
	case strings.ContainsRune(s, 0):
		t = Text{"含有不可见字符 U+0000，请删去后再提交", "holds the character U+0000; remove it and try again"}
	case !utf8.ValidString(s):
		t = Text{"不是有效的 UTF-8 文字，请重新输入", "is not valid UTF-8; type it again"}
	case utf8.RuneCountInString(s) > limit:
		t = Text{fmt.Sprintf("太长，最多 %d 字", limit), fmt.Sprintf("is too long: at most %d characters", limit)}
	default:
		return nil
	}
	return &Reason{Code: ReasonField, Name: name, Text: t}
}

// checkReferences looks up the instances that reference inputs name.
func (x *tx) checkReferences(form []*Input, data Values) error {
	for _, in := range form {
		want := in.Of
		if in.Type != TypeRef {
			want = string(in.Type)
		}
		if !in.Type.Reference() {
			continue
		}
		for _, id := range idsOf(data[in.Name]) {
			if id == "" {
				continue
			}
			i, err := x.get(id)
			if err != nil {
				continue // noted; the other references are asked for in the same round
			}
			if i == nil || i.Workflow != want || i.Root != x.cmd.Root && i.Root != x.cmd.Community {
				x.refuse(noSuchReferenceReason(&in.Field, x.Bundle.Definition(want)))
			}
		}
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	return nil
}

// CheckTexts returns a reason for every free text of a command that cannot be stored.
func (c Command) CheckTexts() []Reason {
	var out []Reason
	note := func(name, s string) {
		if r := badText(name, s, maxText); r != nil {
			r.Text = Text{name + "：" + r.Text.ZH, name + " " + r.Text.EN}
			out = append(out, *r)
		}
	}
	for name, s := range map[string]string{
		"id": c.ID, "community": c.Community, "root": c.Root, "target": c.Target, "event": c.Event, "state": c.State, "need": c.Need,
		"of": c.Of, "workflow": c.Workflow, "slot": c.Slot, "key": c.Key, "reason": c.Reason, "note": c.Note, "actor": c.Actor.Person,
	} {
		note(name, s)
	}
	if c.OnBehalf != nil {
		note("on_behalf.person", c.OnBehalf.Person)
		note("on_behalf.evidence", c.OnBehalf.Evidence)
	}
	for g, k := range c.Confirm {
		note("confirm."+g, g+k.Second+k.Reason)
	}
	for f := range c.Input {
		note("input", f)
	}
	slices.SortFunc(out, func(a, b Reason) int { return strings.Compare(a.Name, b.Name) })
	return out
}
