package workflow

// effectTargets returns the definitions whose instances an effect may write, create or fire on, and what is wrong if that
// cannot be told.
func effectTargets(b *Bundle, d *Definition, e *Effect) ([]*Definition, Text) {
	switch e.Kind {
	case EffectParticipation:
		if p := b.byName[workflowParticipation]; p != nil {
			return []*Definition{p}, Text{}
		}
		return nil, Text{"这套定义里没有 participation 流程", "this set has no workflow participation"}
	case EffectCreate, EffectRegister:
		if w := b.byName[e.Of]; w != nil {
			return []*Definition{w}, Text{}
		}
		return nil, Text{}
	case EffectFire:
		if e.On == "items" {
			if w := b.byName[e.Of]; w != nil {
				return []*Definition{w}, Text{}
			}
			return nil, Text{}
		}
	case EffectSet, EffectLatch, EffectMessage:
	}
	return placeTargets(b, d, e.On)
}

// placeTargets resolves self, parent, root or a reference field.
func placeTargets(b *Bundle, d *Definition, on string) ([]*Definition, Text) {
	switch on {
	case "", "self":
		return []*Definition{d}, Text{}
	case "parent":
		return known(b, b.parents[d.Name]), missingIf(len(b.parents[d.Name]) == 0, phrase("“%s”不属于这套定义里的任何流程", "%s lives under no workflow of this set", d.Name))
	case "root":
		roots := b.rootsOf(d.Name)
		return known(b, roots), missingIf(len(roots) == 0, phrase("“%s”不属于这套定义里的任何项目", "%s belongs to no programme of this set", d.Name))
	default:
		f := d.Field(on)
		if f == nil || !f.Type.Reference() {
			return nil, phrase("“%s”没有引用字段“%s”", "%s has no reference field %s", d.Name, on)
		}
		w := b.byName[f.target()]
		if w == nil {
			return nil, phrase("这套定义里没有流程“%s”", "this set has no workflow %s", f.target())
		}
		return []*Definition{w}, Text{}
	}
}

func known(b *Bundle, names []string) []*Definition {
	var out []*Definition
	for _, n := range names {
		if d := b.byName[n]; d != nil {
			out = append(out, d)
		}
	}
	return out
}

func missingIf(missing bool, why Text) Text {
	if missing {
		return why
	}
	return Text{}
}
