package app

import (
	"fmt"
	"io"
	"strings"

	"github.com/linli/linli/internal/workflow"
)

// The languages of the command line's output.
const (
	langZH = "zh"
	langEN = "en"
)

// pickLang chooses the output language: what was asked for, else what the environment's locale says, else Chinese.
func pickLang(asked string, getenv func(string) string) string {
	if asked != "" {
		return asked
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		locale := strings.ToLower(getenv(name))
		switch {
		case locale == "":
			continue
		case strings.HasPrefix(locale, langEN):
			return langEN
		default:
			return langZH
		}
	}
	return langZH
}

// console writes for people, in one language: results to out, everything about the work itself to err.
type console struct {
	out, err io.Writer
	lang     string
}

// words chooses between the two forms of a text.
func (c console) words(zh, en string) string {
	if c.lang == langEN {
		return en
	}
	return zh
}

func (c console) text(t workflow.Text) string { return t.In(c.lang) }

// say writes a line of the result. Both forms take the same arguments in the same order.
func (c console) say(zh, en string, args ...any) {
	_, _ = fmt.Fprintf(c.out, c.words(zh, en)+"\n", args...)
}

// line writes a line of the result that is the same in both languages.
func (c console) line(format string, args ...any) {
	_, _ = fmt.Fprintf(c.out, format+"\n", args...)
}

// note writes a line about the work itself: progress, settings, mistakes.
func (c console) note(zh, en string, args ...any) {
	_, _ = fmt.Fprintf(c.err, c.words(zh, en)+"\n", args...)
}

// titled is a name with its title: "reconcile（对账）".
func (c console) titled(title workflow.Text, name string) string {
	t := c.text(title)
	if t == "" || t == name {
		return name
	}
	return c.words(t+"（"+name+"）", t+" ("+name+")")
}

// colon joins a label and a value as the language does.
func (c console) colon(label, value string) string {
	return c.words(label+"："+value, label+": "+value)
}

// list joins names as the language does.
func (c console) list(names []string) string { return strings.Join(names, c.words("、", ", ")) }
