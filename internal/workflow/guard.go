package workflow

import (
	"errors"
	"slices"
)

// checkSeparation holds maker and checker apart by person: those who decided, not those who typed.
func (x *tx) checkSeparation(s step) error {
	maker := s.inst.Body.By[s.event.Checks]
	if s.event.Checks == "" || s.nested || x.backfill || maker == "" || maker != x.decider() {
		return nil
	}
	level, err := x.strictness(s.def, s.event, "separation", s.event.Separation, s.event.HardSeparation)
	if err != nil {
		return err
	}
	r := separationReason(s.def.Event(s.event.Checks), s.event)
	return x.apply(level, "separation", r, s)
}

// apply turns a failed condition into a refusal, a demand for confirmation or a warning.
func (x *tx) apply(level Strictness, name string, r Reason, s step) error {
	switch level {
	case Warn:
		x.warn(name, r, s)
	case Confirm:
		ok, err := x.confirmed(name, s)
		if err != nil {
			return err
		}
		if ok {
			x.warn(name, r, s)
			return nil
		}
		x.refuse(confirmReason(name, r))
	case Block:
		x.refuse(r)
	default:
		x.refuse(r)
	}
	return nil
}

// warn notes what was passed all the same. That two people must decide would be wrong then: it says what happened.
func (x *tx) warn(name string, r Reason, s step) {
	if name == "separation" {
		r = samePersonReason(s.def.Event(s.event.Checks), s.event)
	}
	x.warnings = append(x.warnings, r)
}

// confirmed reports whether the command passes a `confirm` guard: with a reason, or with a second person who may fire
// the event. Separation of duties asks for both (PRACTICE: 小型办公室).
func (x *tx) confirmed(name string, s step) (bool, error) {
	c, ok := x.cmd.Confirm[name]
	if !ok {
		return false, nil
	}
	second := c.Second != "" && c.Second != x.decider() && c.Second != s.inst.Body.By[s.event.Checks]
	if second {
		held, err := x.roles(c.Second)
		if err != nil {
			return false, err
		}
		second = slices.ContainsFunc(held, func(role string) bool { return slices.Contains(s.event.By, role) })
	}
	if name == "separation" {
		return second && c.Reason != "", nil
	}
	return second || c.Reason != "", nil
}

// strictness is a guard's level after the community's choice.
func (x *tx) strictness(def *Definition, ev *Event, name string, level Strictness, hard bool) (Strictness, error) {
	if hard {
		return Block, nil
	}
	if x.backfill {
		return Warn, nil
	}
	if level == "" {
		level = Block
	}
	community, err := x.get(x.cmd.Community)
	if err != nil || community == nil {
		return level, err
	}
	choices, _ := community.Body.Data["strictness"].([]string)
	prefix := def.Name + "." + ev.Name + "." + name + "="
	for _, c := range choices {
		if len(c) <= len(prefix) || c[:len(prefix)] != prefix {
			continue
		}
		switch chosen := Strictness(c[len(prefix):]); chosen {
		case Block, Confirm, Warn:
			level = chosen
		}
	}
	return level, nil
}

// checkGuards evaluates every guard of a step.
func (x *tx) checkGuards(s step, wrongState bool) error {
	if len(s.event.Require) == 0 {
		return nil
	}
	sc := x.scope(s)
	for _, g := range s.event.Require {
		if x.backfill && g.Clock || guardWaits(g, s) {
			continue
		}
		ok, err := g.That.Bool(sc)
		if errors.Is(err, errMissing) {
			continue
		}
		if err != nil {
			if !wrongState {
				x.refuse(expressionReason(s.def, g.Name, err))
			}
			continue
		}
		if ok {
			continue
		}
		if err := x.guardFails(s, g, sc); err != nil && !errors.Is(err, errMissing) {
			return err
		}
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	return nil
}

func (x *tx) guardFails(s step, g *Guard, sc *Scope) error {
	text, err := g.Else.Render(sc)
	if errors.Is(err, errMissing) {
		return err
	}
	if err != nil {
		return x.broken(s.def, s.event.Name+"."+g.Name, err)
	}
	level, err := x.strictness(s.def, s.event, g.Name, g.Strictness, g.Hard)
	if err != nil {
		return err
	}
	return x.apply(level, g.Name, Reason{Code: ReasonGuard, Name: g.Name, Text: text, Roles: askable(s.event.By)}, s)
}

// guardWaits reports whether a guard reads a required input that is not there: the missing field is the reason then.
func guardWaits(g *Guard, s step) bool {
	for _, name := range g.That.Inputs {
		for _, in := range s.event.Input {
			if in.Name == name && in.Required && s.input[name] == nil {
				return true
			}
		}
	}
	return false
}

// scope is what the guards and effects of a step see.
func (x *tx) scope(s step) *Scope {
	return &Scope{
		Resolver: x, Self: s.inst, Input: s.input, Actor: x.cmd.Actor.Person, Decider: x.decider(),
		Now: x.Now, Zone: x.Zone, Office: x.Office, Occurred: x.cmd.Occurred,
	}
}
