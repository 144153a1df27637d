package workflow

import (
	"errors"
	"fmt"
	"slices"
)

// effects carries out a step's consequences in file order, depth first, each seeing the earlier ones.
func (x *tx) effects(s step) error {
	x.depth++
	defer func() { x.depth-- }()
	if x.depth > maxDepth {
		x.refuse(limitReason("depth", maxDepth))
		return errRefused
	}
	for n, e := range s.event.Effects {
		inst, err := x.get(s.inst.ID)
		if err != nil {
			return err
		}
		s.inst = inst
		if err := x.effect(s, e); err != nil {
			if errors.Is(err, errMissing) || errors.Is(err, errRefused) || errors.As(err, new(*BrokenError)) {
				return err
			}
			return x.broken(s.def, fmt.Sprintf("%s.effects[%d]", s.event.Name, n), err)
		}
	}
	return nil
}

func (x *tx) effect(s step, e *Effect) error {
	sc := x.scope(s)
	if e.If != nil {
		ok, err := e.If.Bool(sc)
		if err != nil || !ok {
			return err
		}
	}
	switch e.Kind {
	case EffectSet:
		return x.effectSet(s, e, sc)
	case EffectCreate:
		return x.effectCreate(s, e, sc)
	case EffectRegister:
		return x.effectRegister(s, e, sc)
	case EffectFire:
		return x.effectFire(s, e)
	case EffectParticipation:
		return x.effectParticipation(e, sc)
	case EffectLatch:
		return x.modify(s.inst.ID, true, func(i *Instance) {
			if _, ok := i.Body.Milestones[e.Latch]; !ok {
				i.Body.Milestones = put(i.Body.Milestones, e.Latch, Milestone{Occurred: x.cmd.Occurred, Seq: x.seqAfter(i.Root)})
			}
		})
	case EffectMessage:
		t, err := e.Message.Render(sc)
		if err != nil {
			return err
		}
		x.messages = append(x.messages, t)
		return nil
	default:
		return fmt.Errorf("unknown effect %q", e.Kind)
	}
}

// targets resolves an effect's `on` (or a create's `under`) to instance ids.
func (x *tx) targets(s step, on string) ([]string, error) {
	switch on {
	case "", "self":
		return []string{s.inst.ID}, nil
	case "parent":
		return []string{s.inst.Parent}, nil
	case "root":
		return []string{s.inst.Root}, nil
	default:
		f := s.def.Field(on)
		if f == nil || !f.Type.Reference() {
			return nil, fmt.Errorf("%q is not a reference field", on)
		}
		return idsOf(s.inst.Body.Data[on]), nil
	}
}

func (x *tx) effectSet(s step, e *Effect, sc *Scope) error {
	ids, err := x.targets(s, e.On)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := x.write(id, e, sc); err != nil {
			return err
		}
	}
	return nil
}

// write evaluates an effect's set, add and remove and changes one instance.
func (x *tx) write(id string, e *Effect, sc *Scope) error {
	set, err := evaluate(e.Set, sc)
	if err != nil {
		return err
	}
	add, err := evaluate(e.Add, sc)
	if err != nil {
		return err
	}
	remove, err := evaluate(e.Remove, sc)
	if err != nil {
		return err
	}
	return x.modify(id, true, func(i *Instance) {
		i.set(set)
		for _, f := range sortedKeys(add) {
			i.set(Values{f: union(i.Body.Data[f], idsOf(add[f]))})
		}
		for _, f := range sortedKeys(remove) {
			i.set(Values{f: without(i.Body.Data[f], idsOf(remove[f]))})
		}
	})
}

func evaluate(exprs map[string]*Expr, sc *Scope) (Values, error) {
	out := make(Values, len(exprs))
	for _, f := range sortedKeys(exprs) {
		v, err := exprs[f].Value(sc)
		if err != nil {
			return nil, err
		}
		out[f] = v
	}
	return out, nil
}

func union(have Value, more []string) []string {
	out := slices.Clone(idsOf(have))
	for _, s := range more {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func without(have Value, less []string) []string {
	out := []string{}
	for _, s := range idsOf(have) {
		if !slices.Contains(less, s) {
			out = append(out, s)
		}
	}
	return out
}

func (x *tx) effectCreate(s step, e *Effect, sc *Scope) error {
	parents, err := x.targets(s, e.On)
	if err != nil {
		return err
	}
	each := []string{""}
	if e.Each != nil {
		if each, err = e.Each.Strings(sc); err != nil {
			return err
		}
	}
	for _, p := range parents {
		for _, el := range each {
			one := *sc
			one.Each = el
			if err := x.spawn(p, e, &one, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// effectRegister creates an entry of the community registry in the same commit.
func (x *tx) effectRegister(s step, e *Effect, sc *Scope) error {
	parents, err := x.targets(s, e.On)
	if err != nil {
		return err
	}
	if e.On == "" || e.On == "root" {
		parents = []string{x.cmd.Community}
	}
	for _, p := range parents {
		if err := x.spawn(p, e, sc, true); err != nil {
			return err
		}
	}
	return nil
}

// spawn creates one instance for an effect. A registered key that exists is left alone.
func (x *tx) spawn(parent string, e *Effect, sc *Scope, unlessThere bool) error {
	def := x.Bundle.Definition(e.Of)
	if def == nil {
		return fmt.Errorf("unknown workflow %q", e.Of)
	}
	p, err := x.get(parent)
	if err != nil {
		return err
	}
	if p == nil {
		return unknownErr(parent)
	}
	key := ""
	if e.Key != nil {
		v, err := e.Key.Value(sc)
		if err != nil {
			return err
		}
		key, _ = v.(string)
	}
	if key != "" {
		there, err := x.byKey(parent, e.Of, key)
		if err != nil {
			return err
		}
		if there != nil && unlessThere {
			return nil
		}
		if there != nil {
			x.refuse(keyTakenReason(def, key))
			return errRefused
		}
	}
	data, err := evaluate(e.Set, sc)
	if err != nil {
		return err
	}
	if bad := missingFields(def, data); len(bad) > 0 {
		x.reasons = append(x.reasons, bad...)
		return errRefused
	}
	if x.checkParentState(def, p); len(x.reasons) > 0 {
		return errRefused
	}
	i := x.newInstance(def, p, "", key, data)
	if err := x.deriveKey(def, i); err != nil {
		return err
	}
	return x.add(i)
}

// newInstance is a fresh instance in its initial state.
func (x *tx) newInstance(def *Definition, parent *Instance, slot, key string, data Values) *Instance {
	i := &Instance{ID: x.newID(), Community: x.cmd.Community, Workflow: def.Name, Slot: slot, Key: key}
	if parent != nil {
		i.Parent, i.Root = parent.ID, parent.Root
	} else {
		i.Root = i.ID
	}
	i.set(data)
	x.enter(i, def, def.Initial)
	return i
}

func (x *tx) effectFire(s step, e *Effect) error {
	targets, err := x.fireTargets(s, e)
	if err != nil {
		return err
	}
	for _, id := range targets {
		inst, err := x.get(id)
		if err != nil {
			return err
		}
		if inst == nil {
			return unknownErr(id)
		}
		def := x.definition(inst)
		ev := def.Event(e.Event)
		if ev == nil {
			return fmt.Errorf("workflow %s has no event %q", def.Name, e.Event)
		}
		before := len(x.reasons)
		err = x.fire(step{inst: inst, def: def, event: ev, nested: true})
		for n := before; n < len(x.reasons); n++ {
			x.reasons[n] = nestedReason(def, inst, ev, x.reasons[n])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// fireTargets lists what an effect fires on; for items, those in the named states or those the event can leave from.
func (x *tx) fireTargets(s step, e *Effect) ([]string, error) {
	if e.On != "items" {
		return x.targets(s, e.On)
	}
	items, err := x.list(Key{Kind: KeyChildren, A: s.inst.ID, B: e.Of})
	if err != nil {
		return nil, err
	}
	def := x.Bundle.Definition(e.Of)
	if def == nil {
		return nil, fmt.Errorf("unknown workflow %q", e.Of)
	}
	var out []string
	for _, i := range items {
		if len(e.In) > 0 && slices.Contains(e.In, i.State) || len(e.In) == 0 && def.Next(i.State, e.Event) != nil {
			out = append(out, i.ID)
		}
	}
	return out, nil
}

// effectParticipation writes a person's row under the programme, creating it when it is missing.
func (x *tx) effectParticipation(e *Effect, sc *Scope) error {
	v, err := e.Person.Value(sc)
	if err != nil {
		return err
	}
	person, _ := v.(string)
	if person == "" {
		return nil
	}
	row, err := x.byKey(x.cmd.Root, workflowParticipation, person)
	if err != nil {
		return err
	}
	if row == nil {
		root, err := x.get(x.cmd.Root)
		if err != nil {
			return err
		}
		def := x.Bundle.Definition(workflowParticipation)
		if root == nil || def == nil {
			return fmt.Errorf("this bundle has no workflow %q", workflowParticipation)
		}
		if x.checkParentState(def, root); len(x.reasons) > 0 {
			return errRefused
		}
		row = x.newInstance(def, root, "", person, Values{"person": person})
		if err := x.add(row); err != nil {
			return err
		}
	}
	return x.write(row.ID, e, sc)
}
