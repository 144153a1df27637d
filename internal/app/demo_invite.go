package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// Tokens of the demonstration.
const (
	demoLabel = "linli demo"
	demoFor   = 24 * time.Hour
)

// visitor is somebody of the example in whose name a demonstration is tried.
type visitor struct{ role, person, name, token string }

// visitorRoles are the roles that a demonstration gives a token for. Where the example has nobody in a role, the demonstration puts
// somebody into it: as by key who is registered already, else an invented newcomer called name.
func visitorRoles() []struct{ role, as, name string } {
	return []struct{ role, as, name string }{
		{"lead", "zhangjie", ""},
		{"worker", "worker_1", ""},
		{"finance", "finance", ""},
		{"approver", "approver", ""},
		{"block", "v02", ""},
		{"volunteer", "v01", ""},
		{"auditor", "", "示例监督员01"},
		{"admin", "", "示例管理员01"},
	}
}

// invite says where the demonstration is served, with a token for every role and three commands to try.
func (w *web) invite(d *desk, file *casefile.File, programme string) error {
	if err := d.revokeVisitors(file.Community); err != nil {
		return err
	}
	p, err := d.goTo(file.Code + "/fund_wishes")
	if err != nil {
		return err
	}
	visitors, err := d.visitors(file.Community, p.names)
	if err != nil {
		return err
	}
	d.say("\n现在可以使用：%s（接口说明 %s/api/docs）。各身份的凭证，%d 小时内有效：", "\nServing on %s (the API is described at %s/api/docs). A token for each role, good for %d hours:",
		w.public(), w.public(), int(demoFor/time.Hour))
	for _, v := range visitors {
		d.line("  %-9s  %s  %s", v.role, v.token, d.words(v.name+"，"+workflow.RoleTitle(v.role).ZH, v.name+", "+workflow.RoleTitle(v.role).EN))
	}
	d.say("\n试一试（可整行复制）：", "\nTry (each is one line to paste):")
	return w.tries(d, programme, p, visitors)
}

// tries prints the commands: one that reads, one that is refused with its reasons, and one that is carried out. Which event of the
// wishes' fund can be fired depends on what was tried before.
func (w *web) tries(d *desk, programme string, p *place, visitors []visitor) error {
	token := func(role string) visitor {
		return visitors[slices.IndexFunc(visitors, func(v visitor) bool { return v.role == role })]
	}
	finance, fund := token("finance"), p.at()
	base := w.url() + "/api/v1/communities/" + fund.Community
	options, err := d.app.Engine.Why(d.ctx, fund.Community, programme, fund.ID, finance.person)
	if err != nil {
		return err
	}
	d.say("  # 项目有哪些活动，现在等谁", "  # which activities there are, and whose turn it is")
	d.line("  %s", w.curl(d, token("worker"), base+"/programmes/"+p.head.Code+"/activities", ""))
	event := base + "/instances/" + fund.ID + "/events/"
	if o := refusedOption(options); o != nil {
		d.say("  # 会被拒绝：%s；回答里列出所有原因", "  # will be refused: %s; the answer lists every reason", d.titled(o.Title, o.Event))
		d.line("  %s", w.curl(d, finance, event+o.Event, "demo-refused"))
	}
	if o := allowedOption(p.definition(), options); o != nil {
		d.say("  # 会成功：%s；重复执行得到同一个回答", "  # will be carried out: %s; repeating it answers the same", d.titled(o.Title, o.Event))
		d.line("  %s", w.curl(d, finance, event+o.Event, "demo-"+o.Event))
	} else {
		d.say("  # 这项活动现在能做什么，不能做的差什么", "  # what can be done with this activity now, and what the rest lacks")
		d.line("  %s", w.curl(d, finance, base+"/instances/"+fund.ID+"/options", ""))
	}
	return nil
}

// curl is a command line that reads or, with an idempotency key, fires.
func (w *web) curl(d *desk, v visitor, url, key string) string {
	flags := "-s"
	if w.secure && w.flags.PublicURL == "" {
		flags = "-sk" // the certificate need not name this machine's address
	}
	parts := []string{"curl", flags, quoted(url), "-H", quoted("Authorization: Bearer " + v.token), "-H", quoted("Accept-Language: " + d.lang)}
	if key != "" {
		parts = append(parts, "-H", quoted("Idempotency-Key: "+key), "-H", quoted("Content-Type: application/json"), "-d", quoted("{}"))
	}
	return strings.Join(parts, " ")
}

// refusedOption is the event that the most reasons stand against, the person's roles not being among them.
func refusedOption(options []workflow.Option) *workflow.Option {
	var best *workflow.Option
	for n, o := range options {
		role := slices.ContainsFunc(o.Reasons, func(r workflow.Reason) bool { return r.Code == workflow.ReasonRole })
		if o.Kind == workflow.KindFire && !o.Allowed && !role && (best == nil || len(o.Reasons) > len(best.Reasons)) {
			best = &options[n]
		}
	}
	return best
}

// allowedOption is an event that can be fired without filling in anything.
func allowedOption(def *workflow.Definition, options []workflow.Option) *workflow.Option {
	for n, o := range options {
		if e := def.Event(o.Event); e == nil || e.Reason {
			continue
		}
		needs := slices.ContainsFunc(o.Asks, func(in *workflow.Input) bool { return in.Required })
		if o.Kind == workflow.KindFire && o.Allowed && !needs {
			return &options[n]
		}
	}
	return nil
}

// visitors finds somebody for every role, and makes her a token.
func (d *desk) visitors(community string, names *namer) ([]visitor, error) {
	grants, err := d.store.Children(d.ctx, community, community, "grant")
	if err != nil {
		return nil, err
	}
	var out []visitor
	for _, r := range visitorRoles() {
		v := visitor{role: r.role, person: holder(grants, r.role)}
		if v.person == "" {
			if v.person, err = d.cast(community, r.role, r.as, r.name); err != nil {
				return nil, err
			}
		}
		v.name = names.label(d.ctx, v.person)
		v.token, _, err = mint{community: community, person: v.person, label: demoLabel, expires: d.sys.Now().Add(demoFor)}.make(d.ctx, d.commands.Do)
		if err != nil {
			return nil, d.known(err)
		}
		out = append(out, v)
	}
	return out, nil
}

// holder is a person with an active grant of a role, "" if there is none.
func holder(grants []*workflow.Instance, role string) string {
	for _, g := range grants {
		person, _ := g.Body.Data["person"].(string)
		if got, _ := g.Body.Data["role"].(string); got == role && g.State == "active" {
			return person
		}
	}
	return ""
}

// cast puts somebody of the example, or an invented newcomer, into a role.
func (d *desk) cast(community, role, as, name string) (string, error) {
	var person string
	var err error
	if as != "" {
		person, err = d.person(d.ctx, community, as)
	} else {
		var res engine.Result
		res, err = d.commands.Do(d.ctx, operator("demo/person/"+role, community, "person", map[string]any{"name": name, "staff": true, "invented": true}))
		person = res.Instance
	}
	if err != nil {
		return "", err
	}
	_, err = d.commands.Do(d.ctx, operator("demo/grant/"+role, community, "grant", map[string]any{"person": person, "role": role, "scope": community}))
	return person, err
}

// revokeVisitors takes back the tokens of the demonstration before this one.
func (d *desk) revokeVisitors(community string) error {
	tokens, err := d.store.Children(d.ctx, community, community, "token")
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if label, _ := t.Body.Data["label"].(string); label != demoLabel || t.State != "active" {
			continue
		}
		if _, err := d.commands.Do(context.WithoutCancel(d.ctx), engine.Request{Command: workflow.Command{
			Community: community, Root: community, Target: t.ID, Kind: workflow.KindFire, Event: "revoke", Actor: workflow.Actor{System: true},
		}}); err != nil {
			return fmt.Errorf("revoke a token of an earlier demonstration: %w", err)
		}
	}
	return nil
}
