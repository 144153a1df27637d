package workflow

import (
	"errors"
	"slices"
)

// checkNeeds looks for the milestones that a step rests on. It returns the uses to record, and refuses for each need that is not met.
func (x *tx) checkNeeds(s step) ([]Use, error) {
	if s.inst.Slot == "" && s.inst.Parent != "" {
		return nil, nil
	}
	root, err := x.get(s.inst.Root)
	if err != nil || root == nil {
		return nil, err
	}
	programme := x.definition(root)
	needs := programme.NeedsOf(s.inst.Slot, s.event.Name)
	if len(needs) == 0 {
		return nil, nil
	}
	siblings, err := x.list(Key{Kind: KeySlot, A: root.ID})
	if err != nil {
		return nil, err
	}
	var uses []Use
	for _, n := range needs {
		if _, ok := s.inst.Body.Waived[n.Name]; ok {
			x.waived = append(x.waived, n.Name)
			continue
		}
		lacking := n.lacks(s.input)
		if len(lacking) > 0 && x.asksFor(s, lacking) {
			continue // the missing input is the reason
		}
		met, used, open, err := x.need(s, programme, n, siblings, len(lacking) == 0)
		if err != nil {
			return nil, err
		}
		if !met {
			x.refuse(needReason(x.Bundle, programme, n, open))
			continue
		}
		uses = append(uses, used...)
	}
	return uses, nil
}

// lacks lists the inputs that the need's condition reads and that have no value.
func (n *Need) lacks(input Values) []string {
	if n.Where == nil {
		return nil
	}
	var out []string
	for _, name := range n.Where.Inputs {
		if input[name] == nil {
			out = append(out, name)
		}
	}
	return out
}

// asksFor reports whether the command will be told that one of these inputs is missing, or is only being explained. A back-fill
// leaves inputs out without being told.
func (x *tx) asksFor(s step, names []string) bool {
	return x.explaining || slices.ContainsFunc(s.event.Input, func(in *Input) bool {
		return in.Required && !x.backfill && slices.Contains(names, in.Name) && !x.stored(s, in)
	})
}

// need reports whether one need is met, by which milestones, and which activities are still open. With narrowed false, its
// `where` cannot be told for want of an input, so that every activity counts.
func (x *tx) need(s step, programme *Definition, n *Need, siblings []*Instance, narrowed bool) (bool, []Use, []*Instance, error) {
	var uses []Use
	var open []*Instance
	alive, skipped := 0, false
	var named map[string]bool
	if n.Which == WhichNamed {
		named = map[string]bool{}
		for _, id := range idsOf(s.inst.Body.Data[n.Field]) {
			named[id] = true
		}
	}
	for _, a := range siblings {
		if a.Slot != n.On || a.ID == s.inst.ID || n.Which == WhichNamed && !named[a.ID] {
			continue
		}
		skipped = skipped || a.State == StateSkipped
		if a.Dead() && n.Which != WhichNamed {
			continue
		}
		if narrowed {
			if ok, err := x.needWhere(s, n, a); err != nil {
				return false, nil, nil, err
			} else if !ok {
				continue
			}
		}
		alive++
		m, latched := a.Body.Milestones[n.Milestone]
		if latched && !m.Occurred.ProvablyAfter(x.cmd.Occurred) {
			uses = append(uses, Use{Instance: a.ID, Milestone: n.Milestone, Event: s.event.Name})
		} else {
			open = append(open, a)
		}
	}
	switch n.Which {
	case WhichAny:
		return len(uses) > 0, uses, open, nil
	case WhichNamed:
		return len(uses) == len(named), uses, open, nil
	case WhichAll:
		fallthrough
	default:
		slot := programme.Slot(n.On)
		met := len(open) == 0 && (alive > 0 || skipped || slot.Min == 0 || n.Where != nil)
		return met, uses, open, nil
	}
}

func (x *tx) needWhere(s step, n *Need, a *Instance) (bool, error) {
	if n.Where == nil {
		return true, nil
	}
	sc := x.scope(s)
	sc.Sibling = a
	ok, err := n.Where.Bool(sc)
	if err != nil && !errors.Is(err, errMissing) {
		return false, x.broken(s.def, "need "+n.Name, err)
	}
	return ok, err
}

// idsOf reads a reference field, single or list.
func idsOf(v Value) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	default:
		return nil
	}
}
