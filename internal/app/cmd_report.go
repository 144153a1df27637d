package app

import (
	"io"
	"strings"

	"github.com/linli/linli/internal/report"
)

type reportCmd struct {
	dataFlags

	Programme string `arg:"" optional:"" help:"项目编号 / Code of the programme."`
	Format    string `enum:"md,json" default:"md" help:"md 或 json / md or json."`
}

// Run prints the closing report: public figures and texts, in one language or as data.
func (c *reportCmd) Run(s *session) error {
	return s.reading(c.dataFlags, func(d *desk) error {
		p, err := d.goTo(c.Programme)
		if err != nil {
			return err
		}
		head := p.head
		if head.Root == head.Community { // the community was named: its only programme is meant
			only, err := d.only(d.ctx, head.Community)
			if err != nil {
				return err
			}
			head = only.head
		}
		r, err := report.Build(d.ctx, d.app.Store, head.Community, head.Root)
		if err != nil {
			return err
		}
		if c.Format == "json" {
			content, err := report.JSON(r)
			if err != nil {
				return err
			}
			return d.write(string(content))
		}
		return d.write(report.Markdown(r, d.lang))
	})
}

// write writes a whole document, with one line break at its end.
func (c console) write(text string) error {
	_, err := io.WriteString(c.out, strings.TrimRight(text, "\n")+"\n")
	return err
}
