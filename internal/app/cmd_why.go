package app

import (
	"maps"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

type whyCmd struct {
	dataFlags

	Path string `arg:"" optional:"" help:"项目[/活动[/事项]] / PROGRAMME[/ACTIVITY[/ITEM]]."`
	As   string `placeholder:"PERSON" help:"从谁的角度看；不写则不看身份 / Whose view; without it, roles are left aside."`
}

// Run says for every event whether it is possible now, and if not, everything that stands against it.
func (c *whyCmd) Run(s *session) error {
	return s.reading(c.dataFlags, func(d *desk) error {
		p, err := d.goTo(c.Path)
		if err != nil {
			return err
		}
		person := ""
		if c.As != "" && c.As != systemPerson {
			if person, err = d.person(d.ctx, p.head.Community, c.As); err != nil {
				return err
			}
		}
		options, err := d.app.Engine.Why(d.ctx, p.head.Community, p.head.Root, p.at().ID, person)
		if err != nil {
			return err
		}
		w := &viewer{desk: d, place: p}
		w.line("%s  %s", w.heading(), w.state(p.definition(), p.at()))
		w.options(options, c.As == "")
		return nil
	})
}

// options writes what can be done first, then what cannot. anybody leaves aside who asks, and says who may instead.
func (v *viewer) options(options []workflow.Option, anybody bool) {
	var no []workflow.Option
	for _, o := range options {
		if anybody {
			o.Reasons = slices.DeleteFunc(slices.Clone(o.Reasons), func(r workflow.Reason) bool { return r.Code == workflow.ReasonRole })
			o.Allowed = len(o.Reasons) == 0
		}
		if !o.Allowed {
			no = append(no, o)
			continue
		}
		v.allowed(o, anybody)
	}
	for _, o := range no {
		v.line("✗ %s", v.titled(o.Title, optionName(o)))
		for _, line := range v.reasons(o.Reasons, func(id string) string { return v.names.label(v.ctx, id) }) {
			v.line("    %s", line)
		}
	}
}

func optionName(o workflow.Option) string {
	if o.Kind == workflow.KindFire {
		return o.Event
	}
	return string(o.Kind)
}

// allowed writes one event that can be fired, with what its form asks for.
func (v *viewer) allowed(o workflow.Option, anybody bool) {
	line := "✓ " + v.titled(o.Title, optionName(o))
	if ev := v.definition().Event(o.Event); anybody && o.Kind == workflow.KindFire && ev != nil {
		roles := make([]string, len(ev.By))
		for n, r := range ev.By {
			roles[n] = v.text(workflow.RoleTitle(r))
		}
		line += v.words("，由", ", by ") + v.list(roles)
	}
	v.line("%s", line)
	var asks []string
	for _, in := range o.Asks {
		name := v.titled(in.Title, in.Name)
		if in.Required {
			name += "*"
		}
		asks = append(asks, name)
	}
	if len(asks) > 0 {
		v.say("    要填（* 必填）：%s", "    asks for (* required): %s", v.list(asks))
	}
	for _, line := range v.warnings(o.Warnings) {
		v.say("    提醒：%s", "    warning: %s", line)
	}
}
