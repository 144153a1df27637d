package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// The languages of a report.
const (
	Chinese = "zh"
	English = "en"
)

// voice writes figures, sums, dates and lists in one language.
type voice string

func (v voice) zh() bool { return v == Chinese }

// pick returns the text of this voice's language.
func (v voice) pick(zh, en string) string {
	if v.zh() {
		return zh
	}
	return en
}

func (v voice) text(t workflow.Text) string { return t.In(string(v)) }

// count writes a figure with its unit: 25人, 20余人, "25 people", "more than 20 people", or that it was not counted; with
// what the claim says it is of, where that adds something: 街区居民200余人, 10余个爱心商家及企业, 宝文幼儿园49位摊主.
func (v voice) count(f Figure) string {
	u, label := unitOf(f.Metric), f.label()
	if f.Qualifier == NotCounted {
		return v.pick(label+u.unknownZH, v.remark(u.unknownEN, label))
	}
	n := strconv.FormatInt(f.N, 10)
	if v.zh() {
		if f.Qualifier == MoreThan {
			n += "余"
		}
		if f.Metric == MetricDonors && label != "" {
			return n + u.counter + label
		}
		return strings.TrimSuffix(label, u.noun) + n + u.counter + u.noun
	}
	noun := u.many
	if f.N == 1 && f.Qualifier == Exact {
		noun = u.one
	}
	if f.Qualifier == MoreThan {
		n = "more than " + n
	}
	return v.remark(strings.TrimSpace(n+" "+noun), label)
}

// label is what a figure is of, for metrics whose unit does not already say it.
func (f Figure) label() string {
	switch f.Metric {
	case MetricHouseholds, MetricBlocks, MetricSelfGovernance, MetricTeam:
		return ""
	default:
		return f.Label
	}
}

// remark adds a remark in parentheses.
func (v voice) remark(s, remark string) string {
	if remark == "" {
		return s
	}
	return s + v.pick("（"+remark+"）", " ("+remark+")")
}

// minutes writes a duration: 2小时, 90分钟, "2 hours", "90 minutes".
func (v voice) minutes(n int64) string {
	switch {
	case n == 60:
		return v.pick("1小时", "1 hour")
	case n%60 == 0 && n > 0:
		return fmt.Sprintf(v.pick("%d小时", "%d hours"), n/60)
	case n == 1:
		return v.pick("1分钟", "1 minute")
	default:
		return fmt.Sprintf(v.pick("%d分钟", "%d minutes"), n)
	}
}

// money writes a sum in running text: 1600元 and 778.9元, without zeros that say nothing; "CNY 1600" and "CNY 778.90".
func (v voice) money(fen int64) string {
	plain := Yuan(fen)
	whole := strings.TrimSuffix(plain, ".00")
	if v.zh() {
		if whole != plain {
			return whole + "元"
		}
		return strings.TrimSuffix(plain, "0") + "元"
	}
	return "CNY " + whole
}

// Yuan writes fen as a plain figure with two decimals, as in tables: 1600.00.
func Yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	return fmt.Sprintf("%s%d.%02d", sign, fen/100, fen%100)
}

// when writes a date or a part of a day: 2023年6月14日上午, "14 June 2023, morning". What it cannot read it gives back.
func (v voice) when(s string) string {
	day, part, half := strings.Cut(s, "/")
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return s
	}
	out := t.Format("2 January 2006")
	if v.zh() {
		out = t.Format("2006年1月2日")
	}
	if half {
		out += v.pick("", ", ") + v.part(part)
	}
	return out
}

func (v voice) part(part string) string {
	switch part {
	case "morning":
		return v.pick("上午", "morning")
	case "afternoon":
		return v.pick("下午", "afternoon")
	case "evening":
		return v.pick("晚", "evening")
	default:
		return part
	}
}

// list joins names: A、B和C is left to prose; lists of an office read A、B、C, and "A, B and C".
func (v voice) list(items []string) string {
	if v.zh() {
		return strings.Join(items, "、")
	}
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

// partOrder sorts the parts of a day as they pass.
func partOrder(half string) int {
	switch _, part, _ := strings.Cut(half, "/"); part {
	case "morning":
		return 1
	case "afternoon":
		return 2
	case "evening":
		return 3
	default:
		return 0
	}
}

func digits(n int64) string { return strconv.FormatInt(n, 10) }
