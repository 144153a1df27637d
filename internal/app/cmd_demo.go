package app

import (
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/linli/linli/examples"
	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/report"
	"github.com/linli/linli/internal/workflow"
)

type demoCmd struct {
	dataFlags
	setFlags
	webFlags

	Once bool `help:"做完就打印完整的结项报告并结束，不提供服务 / Print the whole closing report at the end and stop, without serving."`
}

// Run plays the example programme, or the rest of it, says what came of it, and serves it.
func (c *demoCmd) Run(s *session) error {
	file, err := s.parse(examples.ZhangxiName, examples.Zhangxi())
	if err != nil {
		return err
	}
	b, err := loadDefinitions(c.Workflows)
	if err != nil {
		return err
	}
	if c.Once {
		return s.writing(c.dataFlags, func(d *desk) error {
			_, r, err := d.demonstrate(file, b)
			if err != nil {
				return err
			}
			return d.write(report.Markdown(r, d.lang))
		})
	}
	w, err := s.listen(c.webFlags)
	if err != nil {
		return err
	}
	defer func() { _ = w.close() }() // if it never comes to serving
	w.quiet = true
	s.log, s.committers = slog.New(slog.NewTextHandler(s.sys.Err, &slog.HandlerOptions{Level: slog.LevelWarn})), c.Committers
	return s.holding(c.dataFlags, func(d *desk) error {
		log, r, err := d.demonstrate(file, b)
		if err != nil {
			return err
		}
		if err := d.tour(c.dataFlags, file, log, r); err != nil {
			return err
		}
		if err := w.invite(d, file, log.Programme); err != nil {
			return err
		}
		debug.FreeOSMemory() // what playing took
		return w.serve(d)
	})
}

// demonstrate plays the example and makes its report.
func (d *desk) demonstrate(file *casefile.File, b *workflow.Bundle) (casefile.Log, *report.Report, error) {
	d.settings(d.app)
	d.note("重演 %s（%s）：%d 步，时钟停在当年。", "Playing %s (%s): %d steps, on the clock of that year.", file.Code, examples.ZhangxiName, len(file.Steps))
	log, err := d.play(file, b)
	if err != nil {
		return log, nil, err
	}
	r, err := report.Build(d.ctx, d.app.Store, file.Community, log.Programme)
	return log, r, err
}

// tour says what the demonstration did and how to look at it.
func (d *desk) tour(f dataFlags, file *casefile.File, log casefile.Log, r *report.Report) error {
	d.say("新完成 %d 步，以前已完成 %d 步；%d 次尝试按预期被拒绝。", "Steps carried out now: %d, earlier: %d; attempts refused as expected: %d.",
		log.Count(casefile.Done), earlier(log), log.Count(casefile.Refused)+log.Count(casefile.Attempted))
	d.line("")
	if err := d.write(summary(report.Markdown(r, d.lang))); err != nil {
		return err
	}
	d.refusedAttempts(log)
	d.say("\n接着可以看：", "\nLook around:")
	run := d.sys.Program
	at := d.where(f)
	for _, l := range []struct{ command, zh, en string }{
		{"show " + file.Code, "有哪些活动，现在等谁", "which activities there are, and whose turn it is"},
		{"show " + file.Code + "/visit", "一项活动：内容、合计、各项记录", "one activity: fields, figures, items"},
		{"why " + file.Code + "/fund_wishes", "现在能做什么，不能做的差什么、可以找谁", "what can be done now; what the rest lacks, and who can help"},
		{"history " + file.Code + " --last 20", "谁在什么时候做了什么", "who did what, and when"},
		{"report " + file.Code + " --lang zh", "结项报告", "the closing report"},
		{"report " + file.Code + " --lang en --format json", "英文或数据形式的报告", "the report in English, or as data"},
		{"audit", "核查历史与数据是否被改动", "check that nobody changed history or data"},
	} {
		d.line("  %s %s%s", run, l.command, at)
		d.say("      %s", "      %s", d.words(l.zh, l.en))
	}
	return nil
}

// refusedAttempts tells the attempts that the file expects to be refused, and why they were.
func (d *desk) refusedAttempts(log casefile.Log) {
	d.line("")
	for _, e := range log.Entries {
		if e.Outcome != casefile.Refused {
			continue
		}
		d.say("✗ %s 被拒绝：", "✗ %s was refused:", attempt(e))
		for _, r := range e.Reasons {
			d.line("    %s", d.text(r.Text))
		}
	}
}

// summary is the head of the report and its first part, which is an overview.
func summary(markdown string) string {
	parts := strings.SplitN(markdown, "\n## ", 3)
	return strings.Join(parts[:min(2, len(parts))], "\n## ")
}

// where repeats the flags that say which data, if they are neither the defaults nor in the environment anyway.
func (d *desk) where(f dataFlags) string {
	out := ""
	for _, flag := range []struct{ name, variable, value, normal string }{
		{"--db", "LINLI_DB", f.DB, ""},
		{"--data", "LINLI_DATA", f.Data, "./linli-data"},
		{"--keys", "LINLI_KEYS_FILE", f.KeysFile, ""},
	} {
		if flag.value != flag.normal && flag.value != d.sys.Getenv(flag.variable) {
			out += " " + flag.name + " " + quoted(flag.value)
		}
	}
	return out
}

// quoted makes a value safe to paste into a shell.
func quoted(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-:@") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
