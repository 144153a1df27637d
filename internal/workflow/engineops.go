package workflow

import (
	"fmt"
	"slices"
)

// runCreate makes a community, a programme with the activities that its slots ask for, an activity, or an item.
func (x *tx) runCreate() error {
	def := x.Bundle.Definition(x.cmd.Workflow)
	if def == nil {
		x.refuse(unknownReason("workflow", x.cmd.Workflow))
		return errRefused
	}
	var parent *Instance
	if x.cmd.Target != "" {
		var err error
		if parent, err = x.get(x.cmd.Target); err != nil {
			return err
		}
		if parent == nil || parent.Root != x.cmd.Root {
			x.refuse(unknownReason("instance", x.cmd.Target))
			return errRefused
		}
	}
	if err := x.checkPlace(def, parent); err != nil {
		return err
	}
	if err := x.checkActor(def, nil, def.Create.By, Text{"新建「" + def.Title.ZH + "」", "creating " + def.Title.EN}); err != nil {
		return err
	}
	form := FieldForm(def, true)
	data, bad := NormaliseInput(form, x.cmd.Input)
	x.reasons = append(x.reasons, bad...)
	x.reasons = append(x.reasons, missingFields(def, data)...)
	if err := x.checkReferences(form.Input, data); err != nil {
		return err
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	if len(x.reasons) > 0 {
		return errRefused
	}
	i := x.newInstance(def, parent, x.cmd.Slot, x.cmd.Key, data)
	if def.Level == LevelCommunity {
		there, err := x.get(x.cmd.Community)
		if err != nil {
			return err
		}
		if there != nil {
			x.refuse(keyTakenReason(def, x.cmd.Community))
			return errRefused
		}
		i.ID, i.Root = x.cmd.Community, x.cmd.Community
	}
	if d := x.decider(); d != "" {
		i.Body.By["create"] = d
	}
	x.target = i.ID
	if parent == nil && def.Level == LevelProgramme {
		return x.createProgramme(def, i)
	}
	return x.add(i)
}

// checkPlace refuses an instance where none may be: the wrong parent, a full slot, a taken key, an ended parent.
func (x *tx) checkPlace(def *Definition, parent *Instance) error {
	if bad := badText("key", x.cmd.Key, maxKey); bad != nil {
		x.refuse(*bad)
		return errRefused
	}
	if parent == nil {
		if def.Level != LevelProgramme && def.Level != LevelCommunity {
			x.refuse(placeReason(def, nil))
		}
		return nil
	}
	pd := x.definition(parent)
	if st := pd.State(parent.State); st != nil && st.Final {
		x.refuse(ancestorReason(pd, parent))
	}
	if err := x.checkAncestors(parent); err != nil {
		return err
	}
	switch def.Level {
	case LevelActivity:
		slot := pd.Slot(x.cmd.Slot)
		if slot == nil || slot.Workflow != def.Name {
			x.refuse(placeReason(def, pd))
			return nil
		}
		if err := x.checkSlot(slot, parent); err != nil {
			return err
		}
	default:
		if x.cmd.Slot != "" || !slices.Contains(pd.Items, def.Name) {
			x.refuse(placeReason(def, pd))
			return nil
		}
	}
	if x.cmd.Key == "" {
		return nil
	}
	there, err := x.byKey(parent.ID, def.Name, x.cmd.Key)
	if err == nil && there != nil {
		x.refuse(keyTakenReason(def, x.cmd.Key))
	}
	return err
}

func (x *tx) checkSlot(slot *Slot, parent *Instance) error {
	if slot.Max == 0 {
		return nil
	}
	all, err := x.list(Key{Kind: KeySlot, A: parent.ID})
	if err != nil {
		return err
	}
	n := 0
	for _, a := range all {
		if a.Slot == slot.Name && !a.Dead() {
			n++
		}
	}
	if n >= slot.Max {
		x.refuse(slotFullReason(slot))
	}
	return nil
}

// createProgramme makes the programme, the activities its slots ask for, and its entry in the registry, which keeps its
// code unique and lets an audit notice a programme that vanished.
func (x *tx) createProgramme(def *Definition, programme *Instance) error {
	if programme.Key == "" {
		programme.Key, _ = programme.Body.Data["code"].(string)
	}
	x.cmd.Root = programme.ID
	if err := x.add(programme); err != nil {
		return err
	}
	if rd := x.Bundle.Definition(workflowRegistered); rd != nil {
		community, err := x.get(x.cmd.Community)
		if err != nil {
			return err
		}
		if community == nil {
			x.refuse(unknownReason("community", x.cmd.Community))
			return errRefused
		}
		there, err := x.byKey(community.ID, rd.Name, programme.Key)
		if err != nil {
			return err
		}
		if there != nil {
			x.refuse(keyTakenReason(def, programme.Key))
			return errRefused
		}
		row := x.newInstance(rd, community, "", programme.Key, Values{"programme": programme.ID, "code": programme.Key})
		if err := x.add(row); err != nil {
			return err
		}
	}
	for _, slot := range def.Slots {
		for n := range slot.Min {
			key := slot.Name
			if n > 0 {
				key = fmt.Sprintf("%s-%d", slot.Name, n+1)
			}
			if err := x.add(x.newInstance(x.Bundle.Definition(slot.Workflow), programme, slot.Name, key, nil)); err != nil {
				return err
			}
		}
	}
	return nil
}

// FieldForm is the form of creating (or editing) an instance: every field.
func FieldForm(def *Definition, create bool) *Event {
	ev := &Event{Name: string(KindEdit), Title: Text{"修改", "edit"}}
	if create {
		ev = &Event{Name: string(KindCreate), Title: Text{"新建", "create"}}
	}
	for _, f := range def.Fields {
		ev.Input = append(ev.Input, &Input{Field: *f, Store: true, Required: create && f.Required})
	}
	return ev
}

// missingFields names the fields that a new instance needs and does not have.
func missingFields(def *Definition, data Values) []Reason {
	var out []Reason
	for _, f := range def.Fields {
		if f.Required && data[f.Name] == nil {
			out = append(out, fieldRequired(f))
		}
	}
	return out
}

// runEdit changes fields without moving the machine: the right to edit is not the right to fire.
func (x *tx) runEdit(inst *Instance, def *Definition) error {
	if err := x.checkAncestors(inst); err != nil {
		return err
	}
	st := def.State(inst.State)
	if len(def.Edit.In) > 0 && !slices.Contains(def.Edit.In, inst.State) || len(def.Edit.In) == 0 && st != nil && st.Final {
		x.refuse(editStateReason(def, inst))
	}
	if err := x.checkActor(def, inst, def.Edit.By, Text{"修改", "editing"}); err != nil {
		return err
	}
	form := FieldForm(def, false)
	data, bad := NormaliseInput(form, x.cmd.Input)
	x.reasons = append(x.reasons, bad...)
	for _, in := range form.Input {
		if v, given := data[in.Name]; given && v == nil && in.Field.Required {
			x.refuse(fieldRequired(&in.Field))
		}
	}
	if err := x.checkReferences(form.Input, data); err != nil {
		return err
	}
	if len(x.reasons) > 0 {
		return errRefused
	}
	x.cmd.Input = data
	return x.modify(inst.ID, true, func(i *Instance) { i.set(data) })
}

// runMove cancels, skips or reopens.
func (x *tx) runMove(inst *Instance, def *Definition) error {
	to, rights, what := x.move3(inst, def)
	if x.cmd.Kind != KindReopen {
		if err := x.checkAncestors(inst); err != nil {
			return err
		}
	}
	if to == "" {
		x.refuse(moveReason(def, inst, x.cmd.Kind))
	}
	if err := x.checkActor(def, inst, rights, what); err != nil {
		return err
	}
	if x.cmd.Reason == "" {
		x.refuse(reasonRequired(what))
	}
	var clears []string
	if x.cmd.Kind == KindReopen || x.cmd.Kind == KindCancel {
		var err error
		if clears, err = x.checkUnused(inst, def); err != nil {
			return err
		}
	}
	if len(x.reasons) > 0 {
		return errRefused
	}
	return x.modify(inst.ID, true, func(i *Instance) {
		x.enter(i, def, to)
		for _, m := range clears {
			delete(i.Body.Milestones, m)
		}
		if d := x.decider(); d != "" {
			i.Body.By[string(x.cmd.Kind)] = d
		}
	})
}

// move3 says where cancel, skip or reopen leads from here ("" if nowhere), who may, and what it is called.
func (x *tx) move3(inst *Instance, def *Definition) (to string, by []string, what Text) {
	st := def.State(inst.State)
	switch x.cmd.Kind {
	case KindCancel:
		what = Text{"取消", "cancelling"}
		if def.Cancel != nil {
			by = def.Cancel.By
			if st != nil && !st.Final {
				to = StateCancelled
			}
		}
	case KindSkip:
		what = Text{"标为不适用", "marking as not applicable"}
		if def.Skip != nil {
			by = def.Skip.By
			if inst.State == def.Initial {
				to = StateSkipped
			}
		}
	default:
		what = Text{"重新打开", "reopening"}
		if def.Reopen != nil {
			by, to = def.Reopen.By, def.Reopen.To[inst.State]
		}
	}
	return to, by, what
}

// checkUnused returns the milestones that leaving this state takes back, and refuses, naming them, if others were built on one:
// reopening gives up the milestone of the state it leaves, cancelling every one.
func (x *tx) checkUnused(inst *Instance, def *Definition) ([]string, error) {
	var out []string
	for _, m := range sortedKeys(inst.Body.Milestones) {
		if x.cmd.Kind == KindReopen && inst.Body.Milestones[m].Seq < inst.Body.Milestones[inst.State].Seq {
			continue
		}
		if x.cmd.Kind == KindReopen && inst.Body.Milestones[inst.State].Seq == 0 {
			continue
		}
		users, err := x.usersOf(inst, m)
		if err != nil {
			return nil, err
		}
		if len(users) > 0 {
			x.refuse(usedReason(x.Bundle, def, m, users))
		}
		out = append(out, m)
	}
	return out, nil
}

// runWaive lets one event pass without one need (特批).
func (x *tx) runWaive(inst *Instance, def *Definition) error {
	root, err := x.get(inst.Root)
	if err != nil {
		return err
	}
	var need *Need
	if root != nil && (inst.Slot != "" || inst.Parent == "") {
		for _, n := range x.definition(root).Needs {
			if n.Name == x.cmd.Need && n.Slot == inst.Slot {
				need = n
			}
		}
	}
	what := Text{"特批", "waiving a requirement"}
	switch {
	case need == nil:
		x.refuse(unknownReason("need", x.cmd.Need))
	case !need.Waivable:
		x.refuse(notWaivableReason(need))
	}
	if err := x.checkActor(def, inst, def.Waive.By, what); err != nil {
		return err
	}
	if x.cmd.Reason == "" {
		x.refuse(reasonRequired(what))
	}
	if len(x.reasons) > 0 {
		return errRefused
	}
	w := Waiver{By: x.decider(), Reason: x.cmd.Reason, Note: x.cmd.Note}
	return x.modify(inst.ID, true, func(i *Instance) { i.Body.Waived[need.Name] = w })
}

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
	if err := x.checkReferences(form.Input, data); err != nil {
		return err
	}
	if len(x.reasons) > 0 {
		return errRefused
	}
	x.cmd.Input = data
	err := x.modify(inst.ID, true, func(i *Instance) {
		for _, in := range form.Input {
			if v, ok := data[in.Name]; ok && in.Store {
				i.set(Values{in.Name: v})
			}
		}
		if !slices.Contains(i.Body.Flags, FlagBackfilled) {
			i.Body.Flags = append(i.Body.Flags, FlagBackfilled)
		}
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
	form := FieldForm(def, false)
	form.Name, form.Title = string(KindBackfill), Text{"补录", "back-fill"}
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
