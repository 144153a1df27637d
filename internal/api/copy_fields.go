package api

import (
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// fieldWhenText says in words when something was, for want of a date: words cannot be moved by days.
const fieldWhenText = "when_text"

// whyLeft are the reasons for which a field is not copied.
type whyLeft int

const (
	leftNot      whyLeft = iota
	leftPrivate          // personal or sensitive
	leftEvidence         // proof of what was
	leftMoney
	leftPeople    // people are invited again
	leftElsewhere // points into the old programme
	leftResult    // came of the work
	leftDate      // nobody said by how much dates move
	leftWords     // a date in words
	leftUnknown   // the new definitions do not have it
)

func (w whyLeft) text() workflow.Text {
	switch w {
	case leftPrivate:
		return workflow.Text{ZH: "个人信息不复制", EN: "personal data is never copied"}
	case leftEvidence:
		return workflow.Text{ZH: "凭据只属于原项目，请重新登记", EN: "evidence belongs to the old programme; record it anew"}
	case leftMoney:
		return workflow.Text{ZH: "金额不复制", EN: "money is never copied"}
	case leftPeople:
		return workflow.Text{ZH: "人员须重新邀请或指定", EN: "people are invited or named again"}
	case leftElsewhere:
		return workflow.Text{ZH: "指向原项目里的内容", EN: "it points into the old programme"}
	case leftResult:
		return workflow.Text{ZH: "这是原项目工作中产生的内容", EN: "it came of the work on the old programme"}
	case leftDate:
		return workflow.Text{ZH: "没有写明日期顺延几天（shift_days 或 start）", EN: "nothing said by how much dates move (shift_days or start)"}
	case leftWords:
		return workflow.Text{ZH: "用文字写的时间无法顺延", EN: "a time in words cannot be moved"}
	case leftUnknown:
		return workflow.Text{ZH: "现在的流程定义没有这一项", EN: "the present definitions do not have it"}
	default:
		return workflow.Text{}
	}
}

// results are the fields of a definition that come of the work and are no part of the plan: those that effects set, and those that are
// asked for only by events that the initial state does not allow, or that look back on something (they compare with the present).
func results(def *workflow.Definition) map[string]bool {
	early, late, made := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, ev := range def.Events {
		into := late
		looksBack := slices.ContainsFunc(ev.Require, func(g *workflow.Guard) bool { return g.Clock })
		if slices.Contains(ev.From, def.Initial) && !looksBack {
			into = early
		}
		for _, in := range ev.Input {
			if in.Store {
				into[in.Name] = true
			}
		}
		for _, e := range ev.Effects {
			if e.Kind == workflow.EffectSet && (e.On == "" || e.On == roleSelf) {
				for name := range e.Set {
					made[name] = true
				}
			}
		}
	}
	for name := range late {
		if !early[name] {
			made[name] = true
		}
	}
	return made
}

// shift moves dates.
type shift struct {
	days  int
	given bool // false: dates are left out
	zone  *time.Location
}

// copyable says whether a field goes into the copy, and as what.
func (m shift) copyable(f *workflow.Field, v workflow.Value, result bool) (workflow.Value, whyLeft) {
	_, box := v.(workflow.Sealed)
	switch {
	case box, f.Privacy.Sealed():
		return nil, leftPrivate
	case f.Type == workflow.TypeEvidence:
		return nil, leftEvidence
	case f.Type == workflow.TypeMoney:
		return nil, leftMoney
	case f.Type == workflow.TypePerson, f.Type == workflow.TypeHousehold:
		return nil, leftPeople
	case f.Type == workflow.TypeRef:
		return nil, leftElsewhere
	case result:
		return nil, leftResult
	case f.Name == fieldWhenText:
		return nil, leftWords
	case f.Type == workflow.TypeDate, f.Type == workflow.TypeHalfDay, f.Type == workflow.TypeTime:
		if !m.given {
			return nil, leftDate
		}
		return m.moved(f.Type, v), leftNot
	default:
		return v, leftNot
	}
}

func (m shift) moved(t workflow.Type, v workflow.Value) workflow.Value {
	switch v := v.(type) {
	case string:
		return m.movedText(t, v)
	case []string:
		out := make([]string, len(v))
		for n, s := range v {
			out[n] = m.movedText(t, s)
		}
		return out
	default:
		return v
	}
}

// movedText moves one date, part of a day, or instant. The time of day stays what it is in the community's zone.
func (m shift) movedText(t workflow.Type, s string) string {
	if t == workflow.TypeTime {
		at, err := time.Parse(workflow.TimeLayout, s)
		if err != nil {
			return s
		}
		return at.In(m.zone).AddDate(0, 0, m.days).UTC().Format(workflow.TimeLayout)
	}
	day, rest, half := strings.Cut(s, "/")
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return s
	}
	if day = d.AddDate(0, 0, m.days).Format(time.DateOnly); half {
		day += "/" + rest
	}
	return day
}
