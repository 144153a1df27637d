package app

import (
	"strings"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"给一个人发凭证，只显示一次 / Make a token for a person; it is shown once."`
	List   tokenListCmd   `cmd:"" help:"列出凭证 / List tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"收回凭证 / Revoke a token."`
}

type tokenCreateCmd struct {
	dataFlags

	Person string   `required:"" placeholder:"PERSON" help:"姓名、编号或 id / A name, key or id."`
	Role   []string `placeholder:"ROLE" help:"只限这些身份，可重复；默认此人的全部身份 / Limit it to these roles; by default all that the person holds."`
	Scope  string   `placeholder:"PROGRAMME" help:"只限一个项目（编号或 id）；默认整个社区 / Limit it to one programme; by default the whole community."`
	Days   int      `default:"90" help:"有效天数，最多 366 / For how many days, at most 366."`
	Label  string   `help:"用途 / What it is for."`
}

// maxTokenDays bounds a token's life.
const maxTokenDays = 366

// Run makes a token as the operator.
func (c *tokenCreateCmd) Run(s *session) error {
	if c.Days < 1 || c.Days > maxTokenDays {
		return fault.NewInvalid("days", "token_days", "有效天数应为 1 到 366", "a token is good for 1 to 366 days")
	}
	return s.writing(c.dataFlags, func(d *desk) error {
		community, err := d.one(c.Community)
		if err != nil {
			return err
		}
		m := mint{community: community, roles: c.Role, label: c.Label, expires: s.sys.Now().Add(time.Duration(c.Days) * 24 * time.Hour)}
		if m.person, err = d.person(d.ctx, community, c.Person); err != nil {
			return err
		}
		if c.Scope != "" {
			p, err := d.root(d.ctx, community, c.Scope)
			if err != nil {
				return err
			}
			m.scope = p.head.Root
		}
		text, id, err := m.make(d.ctx, d.commands.Do)
		if err != nil {
			return d.known(err)
		}
		d.say("凭证（只显示这一次，%d 天有效，编号 %s）：", "The token (shown only now, good for %d days, id %s):", c.Days, id)
		d.line("%s", text)
		return nil
	})
}

// one is the community that was asked for, or the only one there is.
func (d *desk) one(community string) (string, error) {
	all, err := d.communities(d.ctx, community)
	if err != nil {
		return "", err
	}
	if len(all) > 1 {
		return "", fault.NewInvalid("community", "community_missing", "请用 --community 指定社区；现有："+strings.Join(all, "、"),
			"name the community with --community; there are: "+strings.Join(all, ", "))
	}
	return all[0], nil
}

type tokenListCmd struct{ dataFlags }

// Run lists tokens with whose they are and when they were last used; never their secrets.
func (c *tokenListCmd) Run(s *session) error {
	return s.reading(c.dataFlags, func(d *desk) error {
		community, err := d.one(c.Community)
		if err != nil {
			return err
		}
		registry, err := d.root(d.ctx, community, community)
		if err != nil {
			return err
		}
		names := newNamer(d.store, d.engine, community, registry.bundle)
		zone, err := d.zoneOf(community)
		if err != nil {
			return err
		}
		tokens, err := d.store.Children(d.ctx, community, community, "token")
		if err != nil {
			return err
		}
		ids := make([]string, len(tokens))
		for n, t := range tokens {
			ids[n] = t.ID
		}
		used, err := d.app.Store.TokenUses(d.ctx, community, ids)
		if err != nil {
			return err
		}
		for _, t := range tokens {
			d.line("%s  %s", t.ID, d.tokenLine(t, names, zone, used[t.ID]))
		}
		if len(tokens) == 0 {
			d.say("还没有凭证。", "There are no tokens yet.")
		}
		return nil
	})
}

// tokenLine is what there is to say of one token.
func (d *desk) tokenLine(t *workflow.Instance, names *namer, zone *time.Location, used time.Time) string {
	field := func(name string) string { s, _ := t.Body.Data[name].(string); return s }
	parts := []string{names.label(d.ctx, field("person"))}
	if def := names.bundle.Definition("token"); def != nil && def.State(t.State) != nil {
		parts = append(parts, d.text(def.State(t.State).Title))
	}
	if at, err := time.Parse(workflow.TimeLayout, field("expires")); err == nil {
		parts = append(parts, d.words("到期 ", "expires ")+instant(at, zone))
	}
	if used.IsZero() {
		parts = append(parts, d.words("从未使用", "never used"))
	} else {
		parts = append(parts, d.words("最近使用 ", "last used ")+instant(used, zone))
	}
	if roles, _ := t.Body.Data["roles"].([]string); len(roles) > 0 {
		parts = append(parts, d.words("限于 ", "limited to ")+strings.Join(roles, ", "))
	}
	if scope := field("scope"); scope != t.Community {
		parts = append(parts, d.words("限于项目 ", "for programme ")+names.label(d.ctx, scope))
	}
	if label := field("label"); label != "" {
		parts = append(parts, label)
	}
	return strings.Join(parts, " · ")
}

type tokenRevokeCmd struct {
	dataFlags

	ID     string `arg:"" help:"凭证编号，见 linli token list / Its id, as linli token list gives it."`
	Reason string `help:"原因 / The reason."`
}

// Run revokes a token as the operator: from its commit on, no command of it is carried out.
func (c *tokenRevokeCmd) Run(s *session) error {
	return s.writing(c.dataFlags, func(d *desk) error {
		community, err := d.one(c.Community)
		if err != nil {
			return err
		}
		_, err = d.commands.Do(d.ctx, engine.Request{Command: workflow.Command{
			Community: community, Root: community, Target: c.ID, Kind: workflow.KindFire, Event: "revoke", Reason: c.Reason,
			Actor: workflow.Actor{System: true},
		}})
		if err != nil {
			return d.known(err)
		}
		d.say("已收回 %s。", "%s is revoked.", c.ID)
		return nil
	})
}
