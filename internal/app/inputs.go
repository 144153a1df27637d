package app

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// reference finds the id of what a person calls by a name: a person, a block, an activity.
type reference func(ctx context.Context, f *workflow.Field, name string) (string, error)

// parseInputs turns "name=value" into what the form's fields want. A list is separated by commas; money is in fen, or in
// yuan with 元 behind it; evidence is a text, none (无), or unrecorded:REASON (未记录:原因). An empty value clears.
// What the form does not know is passed on: the rules name every mistake at once.
func parseInputs(ctx context.Context, form *workflow.Event, pairs []string, find reference) (map[string]any, error) {
	out := map[string]any{}
	for _, p := range pairs {
		name, text, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, fault.NewInvalid("input", "input_form", fmt.Sprintf("“%s”应写成 名称=值", p), fmt.Sprintf("write %q as name=value", p))
		}
		v, err := parseInput(ctx, inputOf(form, name), text, find)
		if err != nil {
			return nil, err
		}
		out[name] = v
	}
	return out, nil
}

func inputOf(form *workflow.Event, name string) *workflow.Field {
	if form == nil {
		return nil
	}
	for _, in := range form.Input {
		if in.Name == name {
			return &in.Field
		}
	}
	return nil
}

func parseInput(ctx context.Context, f *workflow.Field, text string, find reference) (any, error) {
	switch {
	case f == nil:
		return text, nil
	case text == "":
		return nil, nil //nolint:nilnil // an empty value clears the field
	case f.List:
		var out []string
		for _, s := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '，' || r == '、' }) {
			v, err := parseInput(ctx, single(f), strings.TrimSpace(s), find)
			if err != nil {
				return nil, err
			}
			s, _ := v.(string)
			out = append(out, s)
		}
		return out, nil
	case f.Type.Reference():
		return find(ctx, f, text)
	}
	switch f.Type {
	case workflow.TypeInt:
		return number(f.Name, text)
	case workflow.TypeMoney:
		return fen(f.Name, text)
	case workflow.TypeBool:
		return truth(f.Name, text)
	case workflow.TypeEvidence:
		return evidenceInput(text), nil
	default:
		return text, nil
	}
}

// single is the field of one member of a list.
func single(f *workflow.Field) *workflow.Field {
	c := *f
	c.List = false
	return &c
}

func number(name, text string) (any, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, fault.NewInvalid(name, "not_a_number", fmt.Sprintf("“%s”不是整数", text), fmt.Sprintf("%q is not a whole number", text))
	}
	return n, nil
}

// amount is an amount in yuan: at most two decimals, so that nothing has to be rounded.
var amount = regexp.MustCompile(`^([0-9]{1,13})(?:\.([0-9]{1,2}))?\s*(?:元|yuan)$`)

func fen(name, text string) (any, error) {
	m := amount.FindStringSubmatch(text)
	if m == nil {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fault.NewInvalid(name, "not_an_amount",
				fmt.Sprintf("“%s”不是金额：请写分（77890），或写元（778.9元）", text),
				fmt.Sprintf("%q is not an amount: give fen (77890) or yuan (778.9yuan)", text))
		}
		return n, nil
	}
	whole, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read the amount %q: %w", text, err)
	}
	part, err := strconv.ParseInt((m[2] + "00")[:2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read the amount %q: %w", text, err)
	}
	return whole*100 + part, nil
}

func truth(name, text string) (any, error) {
	switch strings.ToLower(text) {
	case "true", "yes", "是":
		return true, nil
	case "false", "no", "否":
		return false, nil
	default:
		return nil, fault.NewInvalid(name, "not_yes_or_no", fmt.Sprintf("“%s”应为 true 或 false", text), fmt.Sprintf("%q should be true or false", text))
	}
}

func evidenceInput(text string) any {
	switch text {
	case "none", "无":
		return workflow.Evidence{None: true}
	}
	for _, mark := range []string{"unrecorded:", "未记录:", "未记录："} {
		if reason, ok := strings.CutPrefix(text, mark); ok {
			return workflow.Evidence{Unrecorded: strings.TrimSpace(reason)}
		}
	}
	return workflow.Evidence{Value: text}
}
