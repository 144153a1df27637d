package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

func TestPickLang(t *testing.T) {
	for _, c := range []struct {
		name  string
		asked string
		env   map[string]string
		want  string
	}{
		{"Chinese when nothing is said", "", nil, "zh"},
		{"what was asked for comes first", "en", map[string]string{"LANG": "zh_CN.UTF-8"}, "en"},
		{"the locale otherwise", "", map[string]string{"LANG": "en_US.UTF-8"}, "en"},
		{"LC_ALL before LANG", "", map[string]string{"LC_ALL": "zh_CN.UTF-8", "LANG": "en_US.UTF-8"}, "zh"},
		{"Chinese for the C locale", "", map[string]string{"LANG": "C.UTF-8"}, "zh"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pickLang(c.asked, func(name string) string { return c.env[name] }); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nothing wrong", nil, ExitOK},
		{"refused by the rules", fmt.Errorf("fire: %w", &workflow.Refusal{}), ExitRefused},
		{"mistakes printed", errFound, ExitRefused},
		{"unknown programme", fault.New(fault.NotFound, "x", "", ""), ExitRefused},
		{"a value that cannot be read", fault.NewInvalid("at", "x", "", ""), ExitUsage},
		{"the directory is locked", fault.New(fault.Locked, "x", "", ""), ExitData},
		{"a wrong key", fault.New(fault.Key, "x", "", ""), ExitData},
		{"the database is away", fault.New(fault.Unavailable, "x", "", ""), ExitData},
		{"a defect", errors.New("boom"), ExitData},
		{"interrupted", fmt.Errorf("waiting: %w", context.Canceled), ExitInterrupted},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := status(c.err); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// ids are labels that show ids as they are.
type ids struct{}

func (ids) label(_ context.Context, id string) string { return "<" + id + ">" }

func TestValueInBothLanguages(t *testing.T) {
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	enum := &workflow.Field{Type: workflow.TypeEnum, Values: []workflow.EnumValue{{Name: "elder", Title: workflow.Text{ZH: "高龄老人", EN: "Elder"}}}}
	for _, c := range []struct {
		name  string
		field *workflow.Field
		value workflow.Value
		want  [2]string
	}{
		{"money", &workflow.Field{Type: workflow.TypeMoney}, int64(77890), [2]string{"778.90元", "CNY 778.90"}},
		{"negative money", &workflow.Field{Type: workflow.TypeMoney}, int64(-5), [2]string{"-0.05元", "CNY -0.05"}},
		{"a number", &workflow.Field{Type: workflow.TypeInt}, int64(40), [2]string{"40", "40"}},
		{"a half-day", &workflow.Field{Type: workflow.TypeHalfDay}, "2023-06-14/morning", [2]string{"2023-06-14 上午", "2023-06-14 morning"}},
		{"a choice", enum, "elder", [2]string{"高龄老人", "Elder"}},
		{"yes", &workflow.Field{Type: workflow.TypeBool}, true, [2]string{"是", "yes"}},
		{"unknown", &workflow.Field{Type: workflow.TypeInt}, nil, [2]string{"（未填）", "(empty)"}},
		{"none", &workflow.Field{Type: workflow.TypeEvidence}, workflow.Evidence{None: true}, [2]string{"无", "none"}},
		{
			"not recorded", &workflow.Field{Type: workflow.TypeEvidence},
			workflow.Evidence{Unrecorded: "原文未写"},
			[2]string{"未记录（原文未写）", "not recorded (原文未写)"},
		},
		{"sealed", &workflow.Field{Type: workflow.TypeText}, workflow.Sealed{Subject: "p"}, [2]string{"（已加密）", "(sealed)"}},
		{"people", &workflow.Field{Type: workflow.TypePerson, List: true}, []string{"a", "b"}, [2]string{"<a>、<b>", "<a>, <b>"}},
		{"a time", &workflow.Field{Type: workflow.TypeTime}, "2023-06-14T01:00:00.000000Z", [2]string{"2023-06-14 09:00", "2023-06-14 09:00"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got [2]string
			for n, lang := range []string{langZH, langEN} {
				got[n] = console{out: io.Discard, err: io.Discard, lang: lang}.value(t.Context(), c.field, c.value, ids{}, zone)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReasonsSayWhoCanHelp(t *testing.T) {
	text := workflow.Text{ZH: "还差 2 人", EN: "2 short"}
	for _, c := range []struct {
		name   string
		reason workflow.Reason
		want   string
	}{
		{"nobody in particular", workflow.Reason{Text: text}, "还差 2 人"},
		{"the people who hold the role", workflow.Reason{Text: text, Roles: []string{"lead"}, Who: []string{"a", "b", "a"}}, "还差 2 人（可找A、B）"},
		{"a role that nobody holds", workflow.Reason{Text: text, Roles: []string{"finance"}}, "还差 2 人（现在无人有此身份：财务）"},
		{"the system is nobody", workflow.Reason{Text: text, Roles: []string{"system"}}, "还差 2 人"},
	} {
		t.Run(c.name, func(t *testing.T) {
			names := map[string]string{"a": "A", "b": "B"}
			got := console{lang: langZH}.reasons([]workflow.Reason{c.reason, c.reason}, func(id string) string { return names[id] })
			if diff := cmp.Diff([]string{c.want}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAdoptingDefinitionsSaysWhatWasAdopted(t *testing.T) {
	t.Parallel()
	got := tell(t, small(t), "bundle", "adopt", "--workflows", "own", "--as", "lead", "--lang", "en")
	if got.Status != 0 || !strings.Contains(got.Out, "Stored: version ") || !strings.Contains(got.Out, "New programmes use ") || strings.Contains(got.Out, "Open") {
		t.Errorf("%+v", got)
	}
}
