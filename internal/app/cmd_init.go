package app

import (
	"slices"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// firstTokenDays is how long the token of a community's first administrator is good for.
const firstTokenDays = 90

type initCmd struct {
	dataFlags
	setFlags

	Name        string   `required:"" placeholder:"NAME" help:"社区名称 / Name of the community."`
	Admin       string   `required:"" placeholder:"NAME" help:"第一位管理员的姓名 / Name of the first administrator."`
	Role        []string `placeholder:"ROLE" help:"管理员另有的身份，可重复：lead、worker、finance、approver…… / Further roles of hers; may be repeated."`
	Zone        string   `default:"Asia/Shanghai" placeholder:"ZONE" help:"时区 / Time zone."`
	SmallOffice bool     `help:"小型办公室（三人左右）：职责分离改为确认 / A small office of about three: separation of duties asks for a confirmation instead."`
}

// Run makes a community with its first administrator and her token. A run that was interrupted carries on; a finished one is not repeated.
func (c *initCmd) Run(s *session) error {
	if c.Community == "" {
		return fault.NewInvalid("community", "community_missing", "请用 --community 给社区起一个编号，如 lg", "give the community an id with --community, such as lg")
	}
	b, err := loadDefinitions(c.Workflows)
	if err != nil {
		return err
	}
	return s.writing(c.dataFlags, func(d *desk) error {
		if err := d.commands.AddBundle(d.ctx, b); err != nil {
			return err
		}
		person, err := c.people(d, b.Hash)
		if err != nil {
			return d.known(err)
		}
		text, _, err := mint{
			command: "init/token", community: c.Community, person: person, label: "linli init",
			expires: s.sys.Now().Add(firstTokenDays * 24 * time.Hour),
		}.make(d.ctx, d.commands.Do)
		if err != nil {
			return err
		}
		if text == "" {
			d.note("社区 %s 已经建立，什么都没有改变。要再发一个凭证，请运行 linli token create --community %s --person 姓名。",
				"The community %s is there already; nothing was changed. For another token run linli token create --community %s --person NAME.", c.Community, c.Community)
			return errFound
		}
		c.tell(d, text)
		return nil
	})
}

// known puts a refusal on the terminal with ids for names: nobody is registered yet.
func (d *desk) known(err error) error {
	if r := refusalOf(err); r != nil {
		d.refusal(r, nil)
		return errFound
	}
	return err
}

// people makes the community, its administrator and her grants, and returns her id.
func (c *initCmd) people(d *desk, bundle string) (string, error) {
	_, err := d.commands.Do(d.ctx, engine.Request{
		Command: workflow.Command{
			ID: "init/community", Community: c.Community, Root: c.Community, Kind: workflow.KindCreate, Workflow: "community",
			Actor: workflow.Actor{System: true},
		},
		Values: map[string]any{"name": c.Name, "zone": c.Zone, "bundle": bundle, "small_office": c.SmallOffice},
	})
	if err != nil {
		return "", err
	}
	admin, err := d.commands.Do(d.ctx, operator("init/admin", c.Community, "person", map[string]any{"name": c.Admin, "staff": true}))
	if err != nil {
		return "", err
	}
	roles := append([]string{"admin"}, c.Role...)
	slices.Sort(roles)
	for _, role := range slices.Compact(roles) {
		req := operator("init/grant/"+role, c.Community, "grant", map[string]any{"person": admin.Instance, "role": role, "scope": c.Community})
		req.Key = admin.Instance + "/" + role + "/" + c.Community // as the definition derives it: a repeated run is known by it
		if _, err := d.commands.Do(d.ctx, req); err != nil {
			return "", err
		}
	}
	return admin.Instance, nil
}

// tell prints the token, once, and what to do with it.
func (c *initCmd) tell(d *desk, text string) {
	d.say("已建立社区 %s（%s），管理员 %s。", "The community %s (%s) is made; its administrator is %s.", c.Community, c.Name, c.Admin)
	d.say("管理员的凭证（只显示这一次，%d 天有效）：", "The administrator's token (shown only now, good for %d days):", firstTokenDays)
	d.line("%s", text)
	d.say("接下来：", "Next:")
	d.line("  %s serve%s", d.sys.Program, d.where(c.dataFlags))
	d.line("  curl -H 'Authorization: Bearer %s' http://127.0.0.1:8080/api/v1/me", text)
	d.say("浏览器打开 http://127.0.0.1:8080/api/docs 可查看并试用全部接口。", "Open http://127.0.0.1:8080/api/docs to see and try everything.")
}
