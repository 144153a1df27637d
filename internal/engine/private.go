package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/workflow"
)

// subjects holds the data keys that a slice uses, those it makes and those it destroys.
type subjects struct {
	e         *Engine
	community string
	open      map[string]seal.DataKey
	stored    map[string]SubjectKey
	changed   []string        // drawn or destroyed here
	used      map[string]bool // of those, the ones that something which is written needs
}

func newSubjects(e *Engine, community string) *subjects {
	return &subjects{e: e, community: community}
}

// begin makes room: most slices need none.
func (s *subjects) begin() {
	if s.open == nil {
		s.open, s.stored, s.used = map[string]seal.DataKey{}, map[string]SubjectKey{}, map[string]bool{}
	}
}

// existing returns a subject's data key and whether there is one. That of an erased subject is gone for good.
func (s *subjects) existing(ctx context.Context, subject string) (seal.DataKey, bool, error) {
	if k, ok := s.open[subject]; ok {
		return k, true, nil
	}
	stored, known := s.stored[subject]
	if !known {
		all, err := s.e.store.SubjectKeys(ctx, s.community, []string{subject})
		if err != nil {
			return seal.DataKey{}, false, err
		}
		stored, known = all[subject]
	}
	if !known {
		return seal.DataKey{}, false, nil
	}
	if len(stored.Wrapped) == 0 {
		return seal.DataKey{}, false, fault.New(fault.Refused, "erased", "此人的资料已按要求删除，不能再登记个人信息",
			"this person's data was erased on request; no personal data can be recorded any more")
	}
	k, err := s.e.keys.Unwrap(s.community, subject, seal.Wrapped{KeyID: stored.KeyID, Box: stored.Wrapped})
	if err == nil {
		s.begin()
		s.open[subject] = k
	}
	return k, err == nil, err
}

// key returns a subject's data key, making one for a subject that has none. It is stored only if it comes to be used.
func (s *subjects) key(ctx context.Context, subject string) (seal.DataKey, error) {
	k, ok, err := s.existing(ctx, subject)
	if ok || err != nil {
		return k, err
	}
	k, w, err := s.e.keys.NewSubjectKey(s.community, subject)
	if err != nil {
		return seal.DataKey{}, fmt.Errorf("new data key: %w", err)
	}
	s.begin()
	s.open[subject], s.stored[subject] = k, SubjectKey{Subject: subject, KeyID: w.KeyID, Wrapped: w.Box}
	s.changed = append(s.changed, subject)
	return k, nil
}

// use notes whose keys the private values of an accepted command need. A refused one leaves none behind, whatever ids it named.
func (s *subjects) use(values workflow.Values) {
	for _, v := range values {
		if box, ok := v.(workflow.Sealed); ok {
			s.begin()
			s.used[box.Subject] = true
		}
	}
}

func (s *subjects) destroy(subject string, at time.Time) {
	s.begin()
	delete(s.open, subject)
	s.used[subject] = true
	s.stored[subject] = SubjectKey{Subject: subject, KeyID: s.e.keys.Current(), Destroyed: at}
	if !slices.Contains(s.changed, subject) {
		s.changed = append(s.changed, subject)
	}
}

func (s *subjects) writes() []SubjectKey {
	var out []SubjectKey
	for _, id := range s.changed {
		if s.used[id] {
			out = append(out, s.stored[id])
		}
	}
	return out
}

// private checks the inputs in the clear and seals those that are personal or sensitive. Inputs that do not fit stay as they
// are: the core refuses them together with everything else that is wrong.
func (b *build) private(ctx context.Context, cmd *workflow.Command, plain map[string]any, bundle *workflow.Bundle) error {
	cmd.Input = workflow.Values{}
	for k, v := range plain {
		cmd.Input[k] = v
	}
	form, def, target := b.form(cmd, bundle)
	if form == nil {
		return nil
	}
	values, _ := workflow.NormaliseInput(form, cmd.Input)
	for _, in := range form.Input {
		v := values[in.Name]
		if in.Privacy.Sealed() {
			if _, done := v.(workflow.Sealed); v == nil || done {
				continue
			}
			box, err := b.seal(ctx, b.subject(def, target, values), target, in.Name, v)
			if err != nil {
				return err
			}
			cmd.Input[in.Name] = box
		}
	}
	return nil
}

// form finds the form that a command fills in, and the instance whose fields it fills.
func (b *build) form(cmd *workflow.Command, bundle *workflow.Bundle) (*workflow.Event, *workflow.Definition, string) {
	if cmd.Kind == workflow.KindCreate {
		d := bundle.Definition(cmd.Workflow)
		if d == nil {
			return nil, nil, ""
		}
		id := workflow.InstanceID(cmd.Community, cmd.Root, cmd.ID, 1)
		if d.Level == workflow.LevelCommunity {
			id = cmd.Community
		}
		return workflow.FieldForm(d, true), d, id
	}
	i := b.snap.Instance(cmd.Target)
	if i == nil {
		return nil, nil, ""
	}
	d := bundle.Definition(i.Workflow)
	if d == nil {
		return nil, nil, ""
	}
	switch cmd.Kind {
	case workflow.KindFire:
		return d.Event(cmd.Event), d, i.ID
	case workflow.KindEdit:
		return workflow.FieldForm(d, false), d, i.ID
	case workflow.KindBackfill:
		return workflow.BackfillForm(d, cmd.State), d, i.ID
	default:
		return nil, nil, ""
	}
}

// subject says whose key seals the private values of an instance: the person or household it is about, or its own.
func (b *build) subject(d *workflow.Definition, target string, values workflow.Values) string {
	if d.Subject != "" {
		if s, ok := values[d.Subject].(string); ok && s != "" {
			return s
		}
		if i := b.snap.Instance(target); i != nil {
			if s, ok := i.Body.Data[d.Subject].(string); ok && s != "" {
				return s
			}
		}
	}
	return target
}

// place is where a box belongs: moved anywhere else, it does not open.
func place(community, row, column string) seal.Place {
	return seal.Place{Community: community, Table: "instances", Column: column, Row: row}
}

func (b *build) seal(ctx context.Context, subject, row, column string, v workflow.Value) (workflow.Sealed, error) {
	key, err := b.subj.key(ctx, subject)
	if err != nil {
		return workflow.Sealed{}, err
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return workflow.Sealed{}, fmt.Errorf("encode %s: %w", column, err)
	}
	box, err := b.e.keys.Seal(key, place(b.key.community, row, column), plain)
	if err != nil {
		return workflow.Sealed{}, fmt.Errorf("seal %s: %w", column, err)
	}
	return workflow.Sealed{Subject: subject, Box: box}, nil
}

// Reveal opens the sealed values of an instance. A value whose subject was erased stays away. The caller decides who may see.
func (e *Engine) Reveal(ctx context.Context, i *workflow.Instance) (map[string]any, error) {
	out := map[string]any{}
	subj := newSubjects(e, i.Community)
	for name, v := range i.Body.Data {
		box, ok := v.(workflow.Sealed)
		if !ok {
			continue
		}
		key, err := subj.key(ctx, box.Subject)
		if fault.KindOf(err) == fault.Refused && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		plain, err := e.keys.Open(key, place(i.Community, i.ID, name), box.Box)
		if err != nil {
			return nil, fmt.Errorf("open %s of %s: %w", name, i.ID, err)
		}
		var value any
		if err := json.Unmarshal(plain, &value); err != nil {
			return nil, fmt.Errorf("decode %s of %s: %w", name, i.ID, err)
		}
		out[name] = value
	}
	return out, nil
}
