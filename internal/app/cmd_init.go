package app

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// firstTokenDays is how long the token of a community's first administrator is good for.
const firstTokenDays = 90

// initToken is the id of the command that makes it, the last of all.
const initToken = "init/token"

// communityID is what the id of a new community looks like: it stands in addresses, in tokens and on command lines.
var communityID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)

type initCmd struct {
	dataFlags
	setFlags

	Name        string   `required:"" placeholder:"NAME" help:"社区名称 / Name of the community."`
	Admin       string   `required:"" placeholder:"NAME" help:"第一位管理员的姓名 / Name of the first administrator."`
	Role        []string `placeholder:"ROLE" help:"管理员另有的身份，可重复：lead、worker、finance、approver…… / Further roles of hers; may be repeated."`
	Zone        string   `default:"Asia/Shanghai" placeholder:"ZONE" help:"时区 / Time zone."`
	SmallOffice bool     `help:"小型办公室（三人左右）：经办与复核为同一人时改为由第二人确认并说明原因；管理员兼社工主任和社工 / A small office of about three: where one person does and checks the same thing, a second one confirms it and a reason is given; the administrator is lead and worker, too."`
}

// Help says what the command leaves to others.
func (c *initCmd) Help() string {
	return "其他人员与身份由管理员通过接口登记，或由运维登记 / Everybody else is registered by the administrator over HTTP, or by the operator:\n" +
		"  linli fire ID create --workflow person --as system name=王芳 staff=true\n" +
		"  linli fire ID create --workflow grant --as system person=王芳 role=worker scope=ID\n" +
		"  linli token create --person 王芳"
}

// Run makes a community with its first administrator and her token. A run that was interrupted carries on; a finished one is not repeated.
func (c *initCmd) Run(s *session) error {
	if !communityID.MatchString(c.Community) {
		return fault.NewInvalid("community", "community_id", "请用 --community 给社区起一个编号：字母、数字、- 或 _，最多 63 个，如 lg",
			"give the community an id with --community: at most 63 letters, digits, - or _, such as lg")
	}
	b, err := loadDefinitions(c.Workflows)
	if err != nil {
		return err
	}
	roles, err := c.roles(b)
	if err != nil {
		return err
	}
	return s.writing(c.dataFlags, func(d *desk) error { return c.found(d, b, roles) })
}

// found makes everything that is not there yet.
func (c *initCmd) found(d *desk, b *workflow.Bundle, roles []string) error {
	if err := d.commands.AddBundle(d.ctx, b); err != nil {
		return err
	}
	missing, err := c.make(d, b)
	if err != nil {
		return d.known(err)
	}
	text := ""
	if missing {
		if text, err = c.staff(d, roles); err != nil {
			return d.known(err)
		}
	}
	if text == "" {
		d.note("社区 %s 已经建立，什么都没有改变。要再发一个凭证，请运行 %s",
			"The community %s is there already; nothing was changed. For another token run %s", c.Community, c.another(d))
		return errFound
	}
	c.tell(d, text)
	return nil
}

// roles are the administrator's, each of which the definitions must know before anything is written.
func (c *initCmd) roles(b *workflow.Bundle) ([]string, error) {
	roles := append([]string{"admin"}, c.Role...)
	if c.SmallOffice {
		roles = append(roles, "lead", "worker")
	}
	slices.Sort(roles)
	roles = slices.Compact(roles)
	def := b.Definition("grant")
	if def == nil || def.Field("role") == nil {
		return nil, fault.NewInvalid("workflows", "no_grants", "流程定义里没有身份授权（grant）；请补上", "the definitions have no grant; add it")
	}
	var known []string
	for _, v := range def.Field("role").Values {
		known = append(known, v.Name)
	}
	for _, role := range roles {
		if !slices.Contains(known, role) {
			return nil, fault.NewInvalid("role", "unknown_role", fmt.Sprintf("没有身份“%s”；可以是：%s", role, strings.Join(known, "、")),
				fmt.Sprintf("there is no role %q; it is one of: %s", role, strings.Join(known, ", ")))
		}
	}
	return roles, nil
}

// make makes the community, and reports false if there is nothing left to do: an earlier run of this command came to its end, or the
// community was made by other means, such as a data file.
func (c *initCmd) make(d *desk, b *workflow.Bundle) (bool, error) {
	values := map[string]any{"name": c.Name, "zone": c.Zone, "bundle": b.Hash, "small_office": c.SmallOffice}
	if c.SmallOffice {
		values["strictness"] = confirmed(b)
	}
	res, err := d.commands.Do(d.ctx, engine.Request{
		Command: workflow.Command{
			ID: "init/community", Community: c.Community, Root: c.Community, Kind: workflow.KindCreate, Workflow: "community",
			Actor: workflow.Actor{System: true},
		},
		Values: values,
	})
	switch {
	case err == nil && !res.Replayed:
		return true, nil
	case err != nil && refusalOf(err) == nil:
		return false, err
	}
	mark := workflow.InstanceID(c.Community, c.Community, initToken, 1)
	if err != nil {
		mark = c.Community
	}
	there, serr := d.store.Instance(d.ctx, c.Community, mark)
	if serr != nil {
		return false, serr
	}
	if there == nil {
		return err == nil, err
	}
	return false, nil
}

// confirmed are the choices of a small office: every separation of duties that is not hard asks for a second name and a reason
// instead of refusing.
func confirmed(b *workflow.Bundle) []string {
	choices := []string{}
	for _, def := range b.Definitions() {
		for _, ev := range def.Events {
			if ev.Checks != "" && ev.Separation == workflow.Block && !ev.HardSeparation {
				choices = append(choices, fmt.Sprintf("%s.%s.separation=%s", def.Name, ev.Name, workflow.Confirm))
			}
		}
	}
	return choices
}

// staff makes the administrator, her grants and her token, whose text it returns; "" if an earlier run made it.
func (c *initCmd) staff(d *desk, roles []string) (string, error) {
	admin, err := d.commands.Do(d.ctx, operator("init/admin", c.Community, "person", map[string]any{"name": c.Admin, "staff": true}))
	if err != nil {
		return "", err
	}
	for _, role := range roles {
		req := operator("init/grant/"+role, c.Community, "grant", map[string]any{"person": admin.Instance, "role": role, "scope": c.Community})
		req.Key = admin.Instance + "/" + role + "/" + c.Community // as the definition derives it: a repeated run is known by it
		if _, err := d.commands.Do(d.ctx, req); err != nil {
			return "", err
		}
	}
	text, _, err := mint{
		command: initToken, community: c.Community, person: admin.Instance, label: "linli init",
		expires: d.sys.Now().Add(firstTokenDays * 24 * time.Hour),
	}.make(d.ctx, d.commands.Do)
	return text, err
}

// known puts a refusal on the terminal with ids for names: nobody is registered yet.
func (d *desk) known(err error) error {
	if r := refusalOf(err); r != nil {
		d.refusal(r, nil)
		return errFound
	}
	return err
}

// another is the command line that makes another token.
func (c *initCmd) another(d *desk) string {
	return fmt.Sprintf("%s token create%s --community %s --person %s", d.sys.Program, d.where(c.dataFlags), c.Community, d.words("姓名", "NAME"))
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
