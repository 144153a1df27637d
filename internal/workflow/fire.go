package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// step is one event being fired on one instance: by the command itself, by an effect, or on the path of a backfill.
type step struct {
	inst   *Instance
	def    *Definition
	event  *Event
	input  Values
	nested bool // by an effect: roles, reasons and separation were decided by the command that caused it
}

func (x *tx) runFire(inst *Instance, def *Definition) error {
	ev := def.Event(x.cmd.Event)
	if ev == nil {
		x.refuse(unknownEventReason(def, x.cmd.Event))
		return errRefused
	}
	if x.cmd.Timer != nil {
		if err := x.takeTimer(inst, def); err != nil {
			return err
		}
	}
	input, bad := NormaliseInput(ev, x.cmd.Input)
	x.reasons = append(x.reasons, bad...)
	if err := x.checkReferences(ev.Input, input); err != nil {
		return err
	}
	x.cmd.Input = input
	return x.fire(step{inst: inst, def: def, event: ev, input: input})
}

// fire checks one step with every reason at once and, if nothing stands against it, carries it out.
func (x *tx) fire(s step) error {
	before := len(x.reasons)
	if s.input == nil {
		s.input = Values{}
	}
	if err := x.store(&s); err != nil {
		return err
	}
	if err := x.check(s); err != nil {
		return err
	}
	uses, err := x.checkNeeds(s)
	if err != nil {
		return err
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	if len(x.reasons) > before {
		return errRefused
	}
	if len(x.reasons) > 0 { // refused before this step, e.g. by the form or the version
		return errRefused
	}
	return x.transit(s, uses)
}

// store puts the inputs that are fields into the instance: guards see them there.
func (x *tx) store(s *step) error {
	set := storedInputs(s.event, s.input)
	if len(set) == 0 {
		return nil
	}
	if bad := clearedFields(s.def, set); len(bad) > 0 {
		x.reasons = append(x.reasons, bad...)
		return nil
	}
	err := x.modify(s.inst.ID, true, func(i *Instance) { i.set(set) })
	if err != nil {
		return err
	}
	s.inst, err = x.get(s.inst.ID)
	return err
}

// storedInputs are the inputs that go into fields of the same name; nil if there are none.
func storedInputs(form *Event, input Values) Values {
	if len(input) == 0 {
		return nil
	}
	set := make(Values, len(input))
	for _, in := range form.Input {
		if v, ok := input[in.Name]; ok && in.Store {
			set[in.Name] = v
		}
	}
	return set
}

// check collects every reason that stands against a step, except its needs.
func (x *tx) check(s step) error {
	if !x.consequence(s.def) { // a withdrawn consent is carried out below a cancelled visit, too
		if err := x.checkAncestors(s.inst); err != nil {
			return err
		}
	}
	if !s.nested {
		if err := x.checkRunning(s.inst); err != nil {
			return err
		}
	}
	wrongState := s.def.Next(s.inst.State, s.event.Name) == nil
	if wrongState {
		x.refuse(stateReason(s.def, s.inst, s.event))
	}
	if !s.nested && !x.backfill {
		if err := x.checkActor(s.def, s.inst, s.event.By, s.event.Title); err != nil {
			return err
		}
		if s.event.Reason && x.cmd.Reason == "" {
			x.refuse(reasonRequired(s.event.Title))
		}
	}
	for _, in := range s.event.Input {
		if v, ok := s.input[in.Name]; in.Required && (!x.backfill || s.event.effectsRead(in.Name)) && (!ok || v == nil) && !x.stored(s, in) && !x.unfit(in.Name) {
			x.refuse(fieldRequired(&in.Field))
		}
	}
	if err := x.checkSeparation(s); err != nil {
		return err
	}
	return x.checkGuards(s, wrongState)
}

// effectsRead reports whether an effect needs an input: then even a backfill must give it.
func (e *Event) effectsRead(input string) bool {
	reads := func(x *Expr) bool { return x != nil && slices.Contains(x.Inputs, input) }
	for _, eff := range e.Effects {
		for _, x := range []*Expr{eff.If, eff.Each, eff.Key, eff.Person} {
			if reads(x) {
				return true
			}
		}
		for _, m := range []map[string]*Expr{eff.Set, eff.Add, eff.Remove} {
			for _, x := range m {
				if reads(x) {
					return true
				}
			}
		}
	}
	return false
}

// unfit reports whether a value of this name was given that does not fit: then it is not missing.
func (x *tx) unfit(field string) bool {
	return slices.ContainsFunc(x.reasons, func(r Reason) bool { return r.Code == ReasonField && r.Name == field })
}

// stored reports whether an effect or an earlier event already filled a required input's field; a person must still
// state the inputs of the form in hand, so this only helps nested steps.
func (x *tx) stored(s step, in *Input) bool {
	return s.nested && in.Store && s.inst.Body.Data[in.Name] != nil
}

// checkAncestors refuses work below something that was cancelled or skipped.
func (x *tx) checkAncestors(inst *Instance) error {
	for id := inst.Parent; id != ""; {
		p, err := x.get(id)
		if err != nil {
			return err
		}
		if p == nil {
			return nil
		}
		if p.Dead() {
			x.refuse(ancestorReason(x.definition(p), p))
			return nil
		}
		id = p.Parent
	}
	return nil
}

// checkRunning refuses people's work inside a programme or an activity that has come to its end: its figures were accepted or published.
// What ended may itself be reopened; timers, and what the registry sets off, such as an erasure, go on. The end of an item closes nothing:
// who missed a training is made up after its attendance was signed. What is fixed is not changed once its parent has gone on.
func (x *tx) checkRunning(inst *Instance) error {
	if x.cmd.Actor.System || inst.Root == x.cmd.Community {
		return nil
	}
	if err := x.checkFixed(inst); err != nil {
		return err
	}
	for id := inst.Parent; id != ""; {
		p, err := x.get(id)
		if err != nil || p == nil {
			return err
		}
		def := x.definition(p)
		st := def.State(p.State)
		if def.Level != LevelItem && st != nil && st.Final && !p.Dead() { // what is dead is refused as an ancestor
			x.refuse(ancestorReason(def, p))
			return nil
		}
		id = p.Parent
	}
	return nil
}

// transit moves the machine and carries out what follows.
func (x *tx) transit(s step, uses []Use) error {
	choice, err := x.choose(s)
	if err != nil {
		return err
	}
	to, err := s.def.Fire(context.Background(), s.inst.State, s.event.Name, choice)
	if err != nil {
		return x.broken(s.def, s.event.Name, err)
	}
	err = x.modify(s.inst.ID, true, func(i *Instance) {
		x.enter(i, s.def, to)
		if d := x.decider(); d != "" && !s.nested {
			i.Body.By = put(i.Body.By, s.event.Name, d)
		}
		for _, u := range uses {
			i.Body.Uses = grown(i.Body.Uses, u)
		}
	})
	if err != nil {
		return err
	}
	for _, m := range s.event.Clears {
		if err := x.clear(s.inst, m); err != nil {
			return err
		}
	}
	s.inst, err = x.get(s.inst.ID)
	if err != nil {
		return err
	}
	return x.effects(s)
}

// choose finds which of an event's destinations applies.
func (x *tx) choose(s step) (int, error) {
	next := s.def.Next(s.inst.State, s.event.Name)
	for n, d := range next {
		if d.When == nil {
			return n, nil
		}
		ok, err := d.When.Bool(x.scope(s))
		if errors.Is(err, errMissing) {
			return 0, err
		}
		if err != nil {
			return 0, x.broken(s.def, s.event.Name+".to", err)
		}
		if ok {
			return n, nil
		}
	}
	return 0, x.broken(s.def, s.event.Name, fmt.Errorf("no destination from %s", s.inst.State))
}

// enter puts an instance into a state: the time of entering and, the first time, the milestone. What it was built on for an event
// that is now to come again is free: the event will look for it afresh. The same is true of what was ended altogether.
func (x *tx) enter(i *Instance, def *Definition, state string) {
	if i.State != state {
		i.State = state
		i.Body.Entered = x.Now
		i.Body.Uses = slices.DeleteFunc(slices.Clone(i.Body.Uses), func(u Use) bool { return i.Dead() || def.Next(state, u.Event) != nil })
	}
	st := def.State(state)
	if _, latched := i.Body.Milestones[state]; st != nil && st.Milestone && !latched {
		i.Body.Milestones = put(i.Body.Milestones, state, Milestone{Occurred: x.cmd.Occurred, Seq: x.seqAfter(i.Root)})
	}
}

// clear takes a milestone back. One that others were built on stays, and they are flagged (依据已变更).
func (x *tx) clear(inst *Instance, milestone string) error {
	if _, latched := inst.Body.Milestones[milestone]; !latched {
		return nil
	}
	users, err := x.usersOf(inst, milestone)
	if err != nil {
		return err
	}
	if len(users) == 0 {
		return x.modify(inst.ID, true, func(i *Instance) { i.Body.Milestones = drop(i.Body.Milestones, milestone) })
	}
	for _, u := range users {
		err := x.modify(u.ID, true, func(i *Instance) { i.Body.Flags = grown(i.Body.Flags, FlagBasisChanged) })
		if err != nil {
			return err
		}
	}
	return nil
}

// usersOf returns the activities (and the programme) that were built on a milestone of inst.
func (x *tx) usersOf(inst *Instance, milestone string) ([]*Instance, error) {
	all, err := x.list(Key{Kind: KeySlot, A: inst.Root})
	if err != nil {
		return nil, err
	}
	root, err := x.get(inst.Root)
	if err != nil {
		return nil, err
	}
	if root != nil {
		all = append(all, root)
	}
	var out []*Instance
	for _, a := range all {
		for _, u := range a.Body.Uses {
			if u.Instance == inst.ID && u.Milestone == milestone {
				out = append(out, a)
				break
			}
		}
	}
	return out, nil
}
