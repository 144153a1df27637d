package casefile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/linli/linli/internal/workflow"
)

// Problem is one mistake in a data file: what is wrong there, and what to write instead.
type Problem struct {
	Pos  workflow.Pos
	What workflow.Text
	Do   workflow.Text
}

// In is "file:line:column: what; do" in a language, "zh" or "en".
func (p Problem) In(lang string) string {
	if lang == "zh" {
		return fmt.Sprintf("%s：%s；%s", p.Pos, p.What.ZH, p.Do.ZH)
	}
	return fmt.Sprintf("%s: %s; %s", p.Pos, p.What.EN, p.Do.EN)
}

// String is the English form.
func (p Problem) String() string { return p.In("en") }

// Problems are all the mistakes of one file in reading order. It is an error when it is not empty.
type Problems []Problem

// Error lists every mistake in English, one a line.
func (ps Problems) Error() string { return ps.In("en") }

// In lists every mistake in a language, one a line.
func (ps Problems) In(lang string) string {
	lines := make([]string, len(ps))
	for n, p := range ps {
		lines[n] = p.In(lang)
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems as an error, or nil if there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

// sorted puts the mistakes in reading order and drops repetitions, as a template used for many rows makes them.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column), cmp.Compare(a.What.EN, b.What.EN))
	})
	return slices.Compact(ps)
}

// text is one sentence in both languages with the same arguments.
func text(zh, en string, args ...any) workflow.Text {
	if len(args) == 0 {
		return workflow.Text{ZH: zh, EN: en}
	}
	return workflow.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
}
