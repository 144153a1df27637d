package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// yuan is an amount of fen as people write it: 160000 is "1600.00元" or "CNY 1600.00".
func (c console) yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return c.words(fmt.Sprintf("%s%d.%02d元", sign, fen/100, fen%100), fmt.Sprintf("CNY %s%d.%02d", sign, fen/100, fen%100))
}

// parts of the day as offices write them.
func (c console) halfDay(s string) string {
	day, part, ok := strings.Cut(s, "/")
	if !ok {
		return s
	}
	names := map[string][2]string{"morning": {"上午", "morning"}, "afternoon": {"下午", "afternoon"}, "evening": {"晚", "evening"}}
	return day + " " + c.words(names[part][0], names[part][1])
}

func (c console) yesNo(b bool) string {
	if b {
		return c.words("是", "yes")
	}
	return c.words("否", "no")
}

func (c console) evidence(e workflow.Evidence) string {
	switch {
	case e.None:
		return c.words("无", "none")
	case e.Unrecorded != "":
		return c.words("未记录（"+e.Unrecorded+"）", "not recorded ("+e.Unrecorded+")")
	default:
		return e.Value
	}
}

// instant is a time in the community's zone, to the minute.
func instant(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format("2006-01-02 15:04")
}

// occurred is a time as the actor stated it; unknown is "".
func (c console) occurred(o workflow.Occurred, zone *time.Location) string {
	if t, err := time.Parse(workflow.TimeLayout, o.String()); err == nil {
		return instant(t, zone)
	}
	return c.halfDay(o.String())
}

// labels turns ids into what people call the things.
type labels interface {
	label(ctx context.Context, id string) string
}

// value is a field's value for a reader who may see it. Sealed values must be replaced before, or stay covered.
func (c console) value(ctx context.Context, f *workflow.Field, v workflow.Value, ids labels, zone *time.Location) string {
	switch v := v.(type) {
	case nil:
		return c.words("（未填）", "(empty)")
	case []string:
		parts := make([]string, len(v))
		for n, s := range v {
			parts[n] = c.one(ctx, f, s, ids, zone)
		}
		return c.list(parts)
	case []any:
		parts := make([]string, len(v))
		for n, s := range v {
			parts[n] = c.one(ctx, f, fmt.Sprint(s), ids, zone)
		}
		return c.list(parts)
	case string:
		return c.one(ctx, f, v, ids, zone)
	case int64:
		if f.Type == workflow.TypeMoney {
			return c.yuan(v)
		}
		return strconv.FormatInt(v, 10)
	case bool:
		return c.yesNo(v)
	case workflow.Evidence:
		return c.evidence(v)
	case workflow.Sealed:
		return c.words("（已加密）", "(sealed)")
	default:
		return fmt.Sprint(v)
	}
}

func (c console) one(ctx context.Context, f *workflow.Field, s string, ids labels, zone *time.Location) string {
	switch {
	case f.Type.Reference():
		return ids.label(ctx, s)
	case f.Type == workflow.TypeEnum:
		for _, e := range f.Values {
			if e.Name == s {
				return c.text(e.Title)
			}
		}
	case f.Type == workflow.TypeHalfDay:
		return c.halfDay(s)
	case f.Type == workflow.TypeTime:
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return instant(t, zone)
		}
	}
	return s
}
