package workflow

import "slices"

// runBackfill takes an instance along the path that the definition names for a state (补录): needs and hard guards of every
// event on it count, clock guards do not, and its milestones are latched with the time the command says, if any.
func (x *tx) runBackfill(inst *Instance, def *Definition) error {
	what := Text{"补录", "back-filling"}
	if def.Backfill == nil || def.Backfill.Paths[x.cmd.State] == nil {
		x.refuse(backfillReason(def, x.cmd.State))
		return errRefused
	}
	path := def.Backfill.Paths[x.cmd.State]
	if err := x.checkActor(def, inst, def.Backfill.By, what); err != nil {
		return err
	}
	if x.cmd.Reason == "" {
		x.refuse(reasonRequired(what))
	}
	path = x.rest(def, inst, path)
	if path == nil {
		x.refuse(stateReason(def, inst, def.Event(def.Backfill.Paths[x.cmd.State][0])))
	}
	form := BackfillForm(def, x.cmd.State)
	data, bad := NormaliseInput(form, x.cmd.Input)
	x.reasons = append(x.reasons, bad...)
	x.reasons = append(x.reasons, clearedFields(def, data)...)
	if err := x.checkReferences(form.Input, data); err != nil {
		return err
	}
	if len(x.reasons) > 0 {
		return errRefused
	}
	x.cmd.Input = data
	err := x.modify(inst.ID, true, func(i *Instance) {
		i.set(storedInputs(form, data))
		i.Body.Flags = grown(i.Body.Flags, FlagBackfilled)
	})
	if err != nil {
		return err
	}
	x.backfill = true
	for _, name := range path {
		if inst, err = x.get(inst.ID); err != nil {
			return err
		}
		ev := def.Event(name)
		if err := x.fire(step{inst: inst, def: def, event: ev, input: onlyInputs(ev, data)}); err != nil {
			return err
		}
	}
	return nil
}

// rest is the part of a backfill path that is still ahead of the instance; nil if the instance is not on the path.
func (x *tx) rest(def *Definition, inst *Instance, path []string) []string {
	state := def.Initial
	for n, name := range path {
		if state == inst.State {
			return path[n:]
		}
		next := def.Next(state, name)
		if len(next) == 0 {
			return nil
		}
		state = next[len(next)-1].State
	}
	return nil
}

// BackfillForm is one form for the whole path to a state: every field, and the inputs of its events, none of them required.
// It is nil if the state cannot be back-filled.
func BackfillForm(def *Definition, state string) *Event {
	if def.Backfill == nil || def.Backfill.Paths[state] == nil {
		return nil
	}
	path := def.Backfill.Paths[state]
	form := &Event{Name: string(KindBackfill), Title: Text{"补录", "back-fill"}, Input: slices.Clone(FieldForm(def, false).Input)}
	for _, name := range path {
		for _, in := range def.Event(name).Input {
			if def.Field(in.Name) == nil {
				c := *in
				c.Required = false
				form.Input = append(form.Input, &c)
			}
		}
	}
	return form
}

func onlyInputs(ev *Event, data Values) Values {
	out := Values{}
	for _, in := range ev.Input {
		if v, ok := data[in.Name]; ok {
			out[in.Name] = v
		}
	}
	return out
}
