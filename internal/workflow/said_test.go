package workflow

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestANumberIsTooLargeOnBothSidesOfWhatFitsAMachine(t *testing.T) {
	field := &Field{Name: "amount", Type: TypeMoney, Title: Text{"金额", "Amount"}}
	for _, v := range []any{
		json.Number("9223372036854775807"), json.Number("9223372036854775808"), json.Number("-9223372036854775809"),
		json.Number("1000000000000001"), uint64(1 << 63), 1e30, -1e30, int64(1_000_000_000_000_001),
	} {
		if _, err := normalise(field, v); err == nil || err.Error() != "the number is too large" {
			t.Errorf("%v: %v", v, err)
		}
	}
	for _, v := range []any{json.Number("1.5"), json.Number("x"), 1.5, "12", true} {
		if _, err := normalise(field, v); err == nil || !strings.HasPrefix(err.Error(), "give a whole number") {
			t.Errorf("%v: %v", v, err)
		}
	}
	for _, v := range []any{json.Number("1000000000000000"), 1e15, uint64(1e15)} {
		if got, err := normalise(field, v); err != nil || got != int64(maxNumber) {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
}

func TestNobodyIsSentToTheSystem(t *testing.T) {
	if got := roleReason(Text{"归档", "archiving"}, []string{"system", "lead"}); got.Text.EN != "archiving needs one of these roles: lead" {
		t.Error(got.Text.EN)
	}
	recruit := &Definition{Events: []*Event{
		{By: []string{"lead", "system"}, To: []Destination{{State: "formed"}}}, {By: []string{"lead", "worker"}, To: []Destination{{State: "formed"}}},
	}}
	if got := strings.Join(reachers(recruit, "formed"), " "); got != "lead worker" {
		t.Error(got)
	}
	if got := roleReason(Text{"结束", "closing"}, []string{"system"}); got.Text.EN != "closing is done only by the system" || got.Text.ZH != "结束只由系统进行" {
		t.Error(got.Text)
	}
}
