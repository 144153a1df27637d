package casefile

import (
	"fmt"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// Outcome is how one step went.
type Outcome int

// The outcomes. The last four mean that the step did not go as the file says.
const (
	Done       Outcome = iota + 1 // carried out now
	Replayed                      // carried out by an earlier run
	Found                         // a registry entry that was there already
	Refused                       // refused, as the file expects
	Attempted                     // expected to be refused, and tried by an earlier run
	Skipped                       // not possible because of an earlier refused step
	Unexpected                    // refused
	NotRefused                    // carried out although the file expects a refusal
	Changed                       // carried out by an earlier run, but the file says something else now
)

// Trouble reports whether the step did not go as the file says.
func (o Outcome) Trouble() bool { return o >= Skipped }

// String is a word for logs.
func (o Outcome) String() string {
	return [...]string{"?", "done", "replayed", "found", "refused as expected", "attempted before", "skipped", "refused", "not refused", "changed"}[o]
}

// Entry is what became of one step.
type Entry struct {
	Step    *Step
	Outcome Outcome
	Result  engine.Result
	Reasons []workflow.Reason // of a refusal, expected or not
	Missing []string          // what the file expects of the refusal and it does not say
	Differs []string          // Changed: the parts and fields that differ
	Because *Step             // Skipped: the refused step; Changed: the later step that was carried out already
}

// Log is what became of every step, in order.
type Log struct {
	Programme string // id of the programme
	Entries   []Entry
}

// Count returns how many steps had the outcome.
func (l Log) Count(o Outcome) int {
	n := 0
	for _, e := range l.Entries {
		if e.Outcome == o {
			n++
		}
	}
	return n
}

// err is a *PlayError with all entries that went wrong, or nil.
func (l Log) err() error {
	var bad []Entry
	for _, e := range l.Entries {
		if e.Outcome.Trouble() {
			bad = append(bad, e)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &PlayError{Entries: bad}
}

// PlayError says which steps did not go as the file says: one, or in a dry run all of them.
type PlayError struct{ Entries []Entry }

// Error lists the steps with every reason, in both languages.
func (e *PlayError) Error() string {
	var b strings.Builder
	for n, x := range e.Entries {
		if n > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(x.In("en"))
		b.WriteByte('\n')
		b.WriteString(x.In("zh"))
	}
	return b.String()
}

// In lists the steps with every reason, in a language, "zh" or "en".
func (e *PlayError) In(lang string) string {
	lines := make([]string, len(e.Entries))
	for n, x := range e.Entries {
		lines[n] = x.In(lang)
	}
	return strings.Join(lines, "\n")
}

// In says what became of a step, with its place in the file and every reason on a line of its own.
func (e Entry) In(lang string) string {
	t := e.sentence()
	lines := []string{fmt.Sprintf("%s: %s: %s", e.Step.Where(), e.Step.Name, t.In(lang))}
	if e.Outcome == Unexpected || e.Outcome == Refused {
		for _, r := range e.Reasons {
			lines = append(lines, "    - "+r.Text.In(lang))
		}
	}
	return strings.Join(lines, "\n")
}

// sentence is the outcome in words.
func (e Entry) sentence() workflow.Text {
	switch e.Outcome {
	case Done:
		return text("已完成", "done")
	case Replayed:
		return text("以前已完成", "was carried out earlier")
	case Found:
		return text("登记册里已有", "is in the registry already")
	case Refused:
		return text("如预期被拒绝", "refused, as expected")
	case Attempted:
		return text("以前已试过", "was tried earlier")
	case Skipped:
		return text("跳过：取决于第 %d 行未能进行的步骤 %s", "skipped: it depends on line %d, %s, which was refused", e.Because.Where().Line, e.Because.Name)
	case NotRefused:
		return text("本应被拒绝，却通过了；请核对这一步的位置，或删去 refused", "was expected to be refused, but was carried out; check its place, or remove `refused`")
	case Changed:
		return e.changedSentence()
	case Unexpected:
		if len(e.Missing) > 0 {
			return text("被拒绝，但理由里没有 %q：", "refused, but not for %q:", strings.Join(e.Missing, ", "))
		}
		return text("被拒绝：", "refused:")
	}
	return text("未知", "unknown")
}

func (e Entry) changedSentence() workflow.Text {
	if e.Because != nil {
		return text("这一步是后来加上或改名的：它后面的第 %d 行 %s 以前已完成；请恢复原名，或把新的步骤放到最后",
			"this step was added or renamed since: line %d behind it, %s, was carried out earlier; restore its name, or put new steps at the end",
			e.Because.Where().Line, e.Because.Name)
	}
	return text("以前已完成，但文件后来改了（%s）；已记录的事不能这样改：请恢复原样，另加一步更正，或换一个项目编号重新载入",
		"was carried out earlier, but the file was changed since (%s); what is recorded cannot be changed like this: restore it, add a step that corrects it, or load the file under another programme code",
		strings.Join(e.Differs, ", "))
}
