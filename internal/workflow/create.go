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
	if err := x.checkActor(def, &Instance{Body: Body{Data: x.cmd.Input}}, def.Create.By, Text{"新建「" + def.Title.ZH + "」", "creating " + def.Title.EN}); err != nil {
		return err
	}
	form := FieldForm(def, true)
	data, bad := NormaliseInput(form, x.cmd.Input)
	x.reasons = append(x.reasons, bad...)
	lacking := missingFields(def, data)
	x.reasons = append(x.reasons, slices.DeleteFunc(lacking, func(r Reason) bool { return x.unfit(r.Name) })...)
	if err := x.checkReferences(form.Input, data); err != nil {
		return err
	}
	if len(x.missing) > 0 {
		return errMissing
	}
	if len(x.reasons) > 0 {
		return errRefused
	}
	x.cmd.Input = data
	i := x.newInstance(def, parent, x.cmd.Slot, x.cmd.Key, data)
	if err := x.deriveKey(def, i); err != nil {
		return err
	}
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
		i.Body.By = put(i.Body.By, "create", d)
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
	} else if slices.Contains(pd.children(), def.Name) {
		x.checkParentState(def, parent)
	}
	if err := x.checkAncestors(parent); err != nil {
		return err
	}
	if err := x.checkRunning(parent); err != nil {
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
		if x.checkParentState(rd, community); len(x.reasons) > 0 {
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

// FieldForm is the form of creating (or editing) an instance: every field that people type. It belongs to the definition.
func FieldForm(def *Definition, create bool) *Event {
	if create {
		return def.index.create
	}
	return def.index.edit
}

func newFieldForm(def *Definition, create bool) *Event {
	ev := &Event{Name: string(KindEdit), Title: Text{"修改", "edit"}}
	if create {
		ev = &Event{Name: string(KindCreate), Title: Text{"新建", "create"}}
	}
	for _, f := range def.Fields {
		if f.Untyped {
			continue
		}
		ev.Input = append(ev.Input, &Input{Field: *f, Store: true, Required: create && f.Required})
	}
	return ev
}

// clearedFields names the fields that an instance needs and that these values would take away.
func clearedFields(def *Definition, data Values) []Reason {
	var out []Reason
	for _, f := range def.Fields {
		if v, given := data[f.Name]; given && v == nil && f.Required {
			out = append(out, fieldRequired(f))
		}
	}
	return out
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
