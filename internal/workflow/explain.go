package workflow

import "errors"

// Option is one thing that could be asked of an instance, and everything that stands against it now.
type Option struct {
	Kind    Kind     `json:"kind"`
	Event   string   `json:"event,omitempty"`
	Title   Text     `json:"title"`
	Allowed bool     `json:"allowed"`
	Asks    []*Input `json:"-"` // what the form asks for
	Reasons []Reason `json:"reasons,omitempty"`
	// Warnings do not stand in the way; they will be recorded.
	Warnings []Reason `json:"warnings,omitempty"`
}

// Explain answers "why not?": every event of the target, and cancel, skip and reopen, each allowed or with all reasons.
// cmd names the target and the actor; its kind and inputs are ignored. Missing keys are to be loaded as with Apply.
func Explain(env Env, cmd Command) ([]Option, []Key, error) {
	cmd.Input, cmd.Confirm, cmd.Timer, cmd.IfVersion = nil, nil, nil, 0
	first := newTx(env, cmd)
	inst, def, err := first.targetInstance()
	if len(first.missing) > 0 {
		return nil, first.missing, nil
	}
	if err != nil {
		return nil, nil, &Refusal{Target: cmd.Target, Reasons: first.reasons}
	}
	var out []Option
	var missing []Key
	for _, ev := range def.Events {
		c := cmd
		c.Kind, c.Event, c.Reason = KindFire, ev.Name, "?"
		x := newTx(env, c)
		x.explaining = true
		s := step{inst: inst, def: def, event: explained(ev), input: Values{}}
		err := x.check(s)
		if err == nil {
			_, err = x.checkNeeds(s)
		}
		if err != nil && !errors.Is(err, errMissing) && !errors.Is(err, errRefused) {
			return nil, nil, err
		}
		missing = append(missing, x.missing...)
		out = append(out, Option{KindFire, ev.Name, ev.Title, len(x.reasons) == 0, ev.Input, x.reasons, x.warnings})
	}
	for _, k := range []Kind{KindCancel, KindSkip, KindReopen} {
		o, m, err := explainMove(env, cmd, inst, def, k)
		if err != nil {
			return nil, nil, err
		}
		missing = append(missing, m...)
		if o != nil {
			out = append(out, *o)
		}
	}
	return out, missing, nil
}

// explained is the event as an explanation checks it: what the form asks for is not a reason against, and guards that read
// a required input wait for it.
func explained(ev *Event) *Event {
	c := *ev
	c.Require = nil
	for _, g := range ev.Require {
		if !guardWaits(g, step{event: ev, input: Values{}}) {
			c.Require = append(c.Require, g)
		}
	}
	c.Input = nil
	for _, in := range ev.Input {
		i := *in
		i.Required = false
		c.Input = append(c.Input, &i)
	}
	return &c
}

func explainMove(env Env, cmd Command, inst *Instance, def *Definition, k Kind) (*Option, []Key, error) {
	if k == KindCancel && def.Cancel == nil || k == KindSkip && def.Skip == nil || k == KindReopen && def.Reopen == nil {
		return nil, nil, nil
	}
	cmd.Kind, cmd.Reason = k, "?"
	x := newTx(env, cmd)
	err := x.runMove(inst, def)
	if err == nil && len(x.reasons)+len(x.missing) == 0 {
		err = x.checkAlways()
	}
	if len(x.missing) > 0 {
		return nil, x.missing, nil
	}
	if err != nil && !errors.Is(err, errRefused) {
		return nil, nil, err
	}
	_, _, what := x.way(inst, def)
	return &Option{Kind: k, Title: what, Allowed: len(x.reasons) == 0, Reasons: x.reasons}, nil, nil
}
