package workflow

import (
	"errors"
	"strings"
)

// deriveKey gives a new instance the key that its definition asks for, where none was given, and refuses one that is taken: a person is
// in a team once, and a consent is found by its kind.
func (x *tx) deriveKey(def *Definition, i *Instance) error {
	if def.Key == nil || i.Key != "" {
		return nil
	}
	key, err := x.keyOf(def, i)
	if err != nil {
		return err
	}
	there, err := x.byKey(i.Parent, def.Name, key)
	if err != nil {
		return err
	}
	if there != nil {
		x.refuse(keyTakenReason(def, key))
		return errRefused
	}
	i.Key = key
	return nil
}

// keyOf is the key that the fields of an instance call for.
func (x *tx) keyOf(def *Definition, i *Instance) (string, error) {
	v, err := def.Key.Value(x.scope(step{inst: i, input: Values{}}))
	if err != nil {
		if errors.Is(err, errMissing) {
			return "", err
		}
		return "", x.broken(def, "key", err)
	}
	key, _ := v.(string)
	return key, nil
}

// checkKeys refuses an instance whose key says something else than its fields: guards, rights and rosters look it up by the key, while
// people are shown the fields. One that was at odds before may stay so, for nothing else could be done with it.
func (x *tx) checkKeys() error {
	for _, r := range x.order {
		i, was := r.now, r.orig
		def := x.definition(i)
		if def.Key == nil || r.deleted || was != nil && (!r.direct || !def.Key.moved(was, i)) {
			continue
		}
		key, err := x.keyOf(def, i)
		if err != nil {
			return err
		}
		if was != nil {
			before, err := x.keyOf(def, was)
			if err != nil || before == key {
				continue
			}
		}
		if i.Key != key {
			x.refuse(keyReason(def, key))
		}
		if i.Workflow == workflowGrant {
			if role, _ := i.Body.Data["role"].(string); strings.Contains(role, "/") {
				x.refuse(keyReason(def, key))
			}
		}
	}
	return nil
}
