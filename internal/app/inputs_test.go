package app

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

func form() *workflow.Event {
	ev := &workflow.Event{}
	add := func(name string, kind workflow.Type, list bool) {
		ev.Input = append(ev.Input, &workflow.Input{Field: workflow.Field{Name: name, Type: kind, List: list}})
	}
	add("text", workflow.TypeText, false)
	add("n", workflow.TypeInt, false)
	add("amount", workflow.TypeMoney, false)
	add("yes", workflow.TypeBool, false)
	add("proof", workflow.TypeEvidence, false)
	add("pair", workflow.TypePerson, true)
	add("words", workflow.TypeText, true)
	return ev
}

func find(_ context.Context, f *workflow.Field, name string) (string, error) {
	return string(f.Type) + "/" + name, nil
}

func TestParseInputs(t *testing.T) {
	for _, c := range []struct {
		pair string
		want any
	}{
		{"text=a=b", "a=b"},
		{"text=", nil},
		{"n=25", int64(25)},
		{"amount=77890", int64(77890)},
		{"amount=778.9元", int64(77890)},
		{"amount=778.90 元", int64(77890)},
		{"amount=1600yuan", int64(160000)},
		{"amount=0.01元", int64(1)},
		{"yes=是", true},
		{"yes=false", false},
		{"proof=无", workflow.Evidence{None: true}},
		{"proof=none", workflow.Evidence{None: true}},
		{"proof=未记录：原文未写", workflow.Evidence{Unrecorded: "原文未写"}},
		{"proof=unrecorded: not written", workflow.Evidence{Unrecorded: "not written"}},
		{"proof=签到表第3号", workflow.Evidence{Value: "签到表第3号"}},
		{"pair=张三、李四", []string{"person/张三", "person/李四"}},
		{"words=a, b，c", []string{"a", "b", "c"}},
		{"stranger=1", "1"},
	} {
		t.Run(c.pair, func(t *testing.T) {
			got, err := parseInputs(t.Context(), form(), []string{c.pair}, find)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range got {
				if diff := cmp.Diff(c.want, v); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			if len(got) != 1 {
				t.Errorf("got %v, want one value", got)
			}
		})
	}
}

func TestParseInputsRefusesWhatItCannotRead(t *testing.T) {
	for _, pair := range []string{"text", "=x", "n=many", "amount=778.9", "amount=7.789元", "amount=-1元", "yes=perhaps"} {
		t.Run(pair, func(t *testing.T) {
			got, err := parseInputs(t.Context(), form(), []string{pair}, find)
			if fault.KindOf(err) != fault.Invalid || err == nil {
				t.Fatalf("got %v, %v; want an invalid input", got, err)
			}
			if text, _ := fault.TextOf(err); text.ZH == "" || text.EN == "" {
				t.Errorf("the message lacks a language: %+v", text)
			}
		})
	}
}
