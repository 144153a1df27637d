package workflow

// effectTargets returns the definitions whose instances an effect may write, create or fire on, and what is wrong if that
// cannot be told.
func effectTargets(b *Bundle, d *Definition, e *Effect) ([]*Definition, string) {
	switch e.Kind {
	case EffectParticipation:
		if p := b.byName[workflowParticipation]; p != nil {
			return []*Definition{p}, ""
		}
		return nil, "this set has no workflow participation"
	case EffectCreate, EffectRegister:
		if w := b.byName[e.Of]; w != nil {
			return []*Definition{w}, ""
		}
		return nil, ""
	case EffectFire:
		if e.On == "items" {
			if w := b.byName[e.Of]; w != nil {
				return []*Definition{w}, ""
			}
			return nil, ""
		}
	case EffectSet, EffectLatch, EffectMessage:
	}
	return placeTargets(b, d, e.On)
}

// placeTargets resolves self, parent, root or a reference field.
func placeTargets(b *Bundle, d *Definition, on string) ([]*Definition, string) {
	switch on {
	case "", "self":
		return []*Definition{d}, ""
	case "parent":
		return known(b, b.parents[d.Name]), missingIf(len(b.parents[d.Name]) == 0, d.Name+" lives under no workflow of this set")
	case "root":
		roots := b.rootsOf(d.Name)
		return known(b, roots), missingIf(len(roots) == 0, d.Name+" belongs to no programme of this set")
	default:
		f := d.Field(on)
		if f == nil || !f.Type.Reference() {
			return nil, d.Name + " has no reference field " + on
		}
		w := b.byName[f.target()]
		if w == nil {
			return nil, "this set has no workflow " + f.target()
		}
		return []*Definition{w}, ""
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

func missingIf(missing bool, why string) string {
	if missing {
		return why
	}
	return ""
}
