package workflow

import (
	"slices"
	"strings"
)

// runEdit changes fields without moving the machine: the right to edit is not the right to fire.
func (x *tx) runEdit(inst *Instance, def *Definition) error {
	if err := x.checkAncestors(inst); err != nil {
		return err
	}
	if err := x.checkRunning(inst); err != nil {
		return err
	}
	st := def.State(inst.State)
	if len(def.Edit.In) > 0 && !slices.Contains(def.Edit.In, inst.State) || len(def.Edit.In) == 0 && st != nil && st.Final {
		x.refuse(editStateReason(x.Bundle, def, inst))
	}
	if err := x.checkActor(def, inst, def.Edit.By, Text{"修改", "editing"}); err != nil {
		return err
	}
	form := FieldForm(def, false)
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
	return x.modify(inst.ID, true, func(i *Instance) { i.set(data) })
}

// runMove cancels, skips or reopens.
func (x *tx) runMove(inst *Instance, def *Definition) error {
	to, rights, what := x.way(inst, def)
	if err := x.checkAncestors(inst); err != nil {
		return err
	}
	if err := x.checkRunning(inst); err != nil {
		return err
	}
	if to == "" {
		x.refuse(moveReason(def, inst, x.cmd.Kind))
	}
	if len(rights) > 0 { // nobody could help where the definition knows no such way
		if err := x.checkActor(def, inst, rights, what); err != nil {
			return err
		}
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
			i.Body.Milestones = drop(i.Body.Milestones, m)
		}
		if d := x.decider(); d != "" {
			i.Body.By = put(i.Body.By, string(x.cmd.Kind), d)
		}
	})
}

// way says where cancel, skip or reopen leads from here ("" if nowhere), who may, and what it is called.
func (x *tx) way(inst *Instance, def *Definition) (to string, by []string, what Text) {
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
		if x.cmd.Kind == KindReopen && m != inst.State && inst.Body.Milestones[m].Seq <= inst.Body.Milestones[inst.State].Seq {
			continue // latched before, or on the same back-filled path
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

// unknownNeedReason lists the requirements that there are.
func unknownNeedReason(d *Definition, name string, names []string) Reason {
	if len(names) == 0 {
		return both(ReasonUnknown, name, "「%s」没有可以特批的前提", `"%s" has no requirement to waive`, d.Title)
	}
	return both(ReasonUnknown, name, "「%s」没有这个前提；可用：%s", `"%s" has no such requirement; there are: %s`,
		d.Title, same(strings.Join(names, ", ")))
}

// runWaive lets one event pass without one need (特批).
func (x *tx) runWaive(inst *Instance, def *Definition) error {
	if err := x.checkAncestors(inst); err != nil {
		return err
	}
	if err := x.checkRunning(inst); err != nil {
		return err
	}
	if st := def.State(inst.State); st != nil && st.Final {
		x.refuse(endedReason(def, inst))
	}
	root, err := x.get(inst.Root)
	if err != nil {
		return err
	}
	var need *Need
	var names []string
	if root != nil && (inst.Slot != "" || inst.Parent == "") {
		for _, n := range x.definition(root).Needs {
			if n.Slot != inst.Slot {
				continue
			}
			if names = append(names, n.Name); n.Name == x.cmd.Need {
				need = n
			}
		}
	}
	what := Text{"特批", "waiving a requirement"}
	switch {
	case need == nil:
		x.refuse(unknownNeedReason(def, x.cmd.Need, names))
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
	return x.modify(inst.ID, true, func(i *Instance) { i.Body.Waived = put(i.Body.Waived, need.Name, w) })
}
