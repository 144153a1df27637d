package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

func refusalOf(err error) *workflow.Refusal {
	var r *workflow.Refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// called names people by their ids; nil leaves the ids.
type called func(id string) string

// refusal says that the rules refused a command, with every reason and who can help.
func (c console) refusal(r *workflow.Refusal, who called) {
	c.note("未能执行，什么都没有改变。原因：", "Refused; nothing was changed. The reasons:")
	for _, line := range c.reasons(r.Reasons, who) {
		_, _ = fmt.Fprintln(c.err, "  · "+line)
	}
}

// reasons writes each reason in a line, with its name where a flag takes it, and who can help.
func (c console) reasons(rs []workflow.Reason, who called) []string {
	var out []string
	for _, r := range rs {
		line := c.text(r.Text)
		for _, more := range []string{c.handle(r), c.help(r, who)} {
			if more != "" {
				line += c.words("（"+more+"）", " ("+more+")")
			}
		}
		if !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// warnings writes each warning in a line. Nothing stands in the way any more, so that nobody need be asked.
func (c console) warnings(rs []workflow.Reason) []string {
	var out []string
	for _, r := range rs {
		if line := c.text(r.Text); !slices.Contains(out, line) {
			out = append(out, line)
		}
	}
	return out
}

// handle is what the command line calls a reason that can be waived or confirmed; "" for any other.
func (c console) handle(r workflow.Reason) string {
	switch {
	case r.Name == "":
		return ""
	case r.Code == workflow.ReasonNeed:
		return c.words("前提 ", "need ") + r.Name
	case r.Code == workflow.ReasonConfirm:
		return c.words("可用 --confirm ", "--confirm ") + r.Name
	default:
		return ""
	}
}

// help says who can do something about a reason: the people who hold a role for it, else the roles.
func (c console) help(r workflow.Reason, who called) string {
	var names []string
	for _, id := range r.Who {
		name := id
		if who != nil {
			name = who(id)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var roles []string
	for _, role := range r.Roles {
		if role == systemPerson || role == "self" {
			continue // nobody can be given these
		}
		if title := c.text(workflow.RoleTitle(role)); !slices.Contains(roles, title) {
			roles = append(roles, title)
		}
	}
	switch {
	case len(names) > maxNamed:
		return c.words("可找", "ask ") + c.list(append(names[:maxNamed:maxNamed], "…"))
	case len(names) > 0:
		return c.words("可找", "ask ") + c.list(names)
	case len(roles) > 0:
		return c.words("现在无人有此身份：", "nobody holds this role now: ") + c.list(roles)
	default:
		return ""
	}
}

// tell explains an error of a command on a spot with the names of people, and marks it as explained.
func (s *session) tell(ctx context.Context, err error, names *namer) error {
	if r := refusalOf(err); r != nil {
		s.refusal(r, func(id string) string { return names.label(ctx, id) })
		return errFound
	}
	return err
}
