package workflow

// checkFiredBySystem notes events that only the system may fire although nothing makes it do so. Whether something does can only be
// told in a set that has the community's registry, whose changes fire events too.
func (c *checker) checkFiredBySystem(drafts []*draft) {
	fired := c.firedEvents()
	if fired == nil {
		return
	}
	for _, d := range drafts {
		for _, e := range d.def.Events {
			if len(e.By) != 1 || e.By[0] != "system" || fired[d.def.Name+"."+e.Name] || fired["."+e.Name] {
				continue
			}
			c.problems.add(d.at("event", e.Name, "by"), codeNobody,
				phrase("事件“%s”只能由系统触发，但这套定义里没有触发它的定时、提醒或效果",
					"only the system may fire event %s, but no timer, reminder or effect of this set does", e.Name),
				Text{"请在 `by:` 中加一个角色，或加一个触发它的定时或效果", "add a role to `by:`, or a timer or effect that fires it"})
		}
	}
}

// firedEvents lists what timers, reminders and effects fire as WORKFLOW.EVENT, and what changes in the registry fire as .EVENT; nil
// without a registry.
func (c *checker) firedEvents() map[string]bool {
	fired := map[string]bool{}
	registry := false
	for _, d := range c.bundle.definitions {
		registry = registry || d.Level == LevelCommunity
		for _, t := range d.Timers {
			fired[d.Name+"."+t.Fire] = true
		}
		for _, r := range d.Reminders {
			fired[d.Name+"."+r.Then] = true
		}
		for _, s := range d.States {
			fired["."+d.Name+"_"+s.Name] = true
		}
		for _, e := range d.Events {
			for _, eff := range e.Effects {
				if eff.Kind != EffectFire {
					continue
				}
				targets, _ := effectTargets(c.bundle, d, eff)
				for _, t := range targets {
					fired[t.Name+"."+eff.Event] = true
				}
			}
		}
	}
	if !registry || c.unread {
		return nil
	}
	return fired
}
