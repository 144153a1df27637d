package casefile

import (
	"context"
	"fmt"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// request turns a step into the command that a person would send.
func (r *run) request(ctx context.Context, s *Step) (engine.Request, error) {
	ids, err := r.resolver(ctx, s)
	if err != nil {
		return engine.Request{}, err
	}
	cmd := workflow.Command{
		ID: r.f.commandID(s), Community: r.f.Community, Root: r.rootOf(s), Kind: s.Kind,
		Event: s.Event, State: s.State, Need: s.Need, Workflow: s.Workflow, Slot: s.Slot, Reason: s.Reason, Note: s.Note,
		Actor: r.actor(s.By),
	}
	if s.On != "" {
		cmd.Target = ids(s.On)
	}
	if s.Key != nil {
		cmd.Key, _ = s.Key.plain(&workflow.Field{Type: workflow.TypeText}, ids).(string)
	}
	if s.section == "grants" {
		cmd.Key = r.ids[string(s.Input[0].Value.Ref)] + "/" + s.Input[1].Value.Text + "/" + r.ids[s.Scope]
	}
	if s.Of != "" {
		cmd.Of = r.f.commandID(r.f.Step(s.Of))
	}
	if err := r.people(s, &cmd); err != nil {
		return engine.Request{}, err
	}
	req := engine.Request{Command: cmd, Values: r.values(s, ids)}
	r.roots(s, &req)
	return req, nil
}

// roots gives the creations of the community and of the programme what only they have, and every command its clock.
func (r *run) roots(s *Step, req *engine.Request) {
	switch s.section {
	case nameCommunity:
		req.Root, req.Frozen = r.f.Community, r.frozen
		if _, given := req.Values["bundle"]; !given {
			req.Values["bundle"] = r.Bundle.Hash
		}
	case nameProgramme:
		req.Root, req.Frozen = "", !s.At.IsZero()
	}
	if req.Root != r.f.Community || r.frozen {
		req.At = s.At
	}
}

func (r *run) actor(by string) workflow.Actor {
	if by == nameSystem {
		return workflow.Actor{System: true}
	}
	return workflow.Actor{Person: r.ids[by]}
}

// people fills in who decided and who confirmed, and when it happened.
func (r *run) people(s *Step, cmd *workflow.Command) error {
	var err error
	if cmd.Occurred, err = workflow.ParseOccurred(s.Occurred, r.f.Zone); err != nil {
		return fmt.Errorf("occurred: %w", err)
	}
	if ob := s.OnBehalf; ob != nil {
		decided, err := workflow.ParseOccurred(ob.Decided, r.f.Zone)
		if err != nil {
			return fmt.Errorf("on_behalf.decided: %w", err)
		}
		cmd.OnBehalf = &workflow.OnBehalf{Person: r.ids[ob.Person], Via: ob.Via, Evidence: ob.Evidence, Decided: decided}
	}
	if len(s.Confirm) > 0 {
		cmd.Confirm = map[string]workflow.Confirmation{}
		for _, c := range s.Confirm {
			cmd.Confirm[c.Guard] = workflow.Confirmation{Second: r.ids[c.Second], Reason: c.Reason}
		}
	}
	return nil
}

func (r *run) values(s *Step, ids func(Ref) string) map[string]any {
	form := r.f.form(r.bundle, s)
	out := make(map[string]any, len(s.Input))
	for _, in := range s.Input {
		out[in.Name] = in.Value.plain(fieldOf(form, in.Name), ids)
	}
	return out
}

func fieldOf(form *workflow.Event, name string) *workflow.Field {
	if form == nil {
		return nil
	}
	for _, in := range form.Input {
		if in.Name == name {
			return &in.Field
		}
	}
	return nil
}

// resolver looks up every reference of a step that names something by its key, and answers what each reference stands for.
func (r *run) resolver(ctx context.Context, s *Step) (func(Ref) string, error) {
	found := map[Ref]string{}
	var err error
	look := func(ref Ref, _ workflow.Pos) {
		if _, key := ref.Path(); key == "" || err != nil {
			return
		}
		var id string
		if id, err = r.lookup(ctx, ref); err == nil {
			found[ref] = id
		}
	}
	look(s.On, s.Pos)
	for _, in := range s.Input {
		in.Value.refs(look)
	}
	if s.Key != nil {
		s.Key.refs(look)
	}
	return func(ref Ref) string {
		if id, ok := found[ref]; ok {
			return id
		}
		return r.ids[string(ref)]
	}, err
}

// lookup finds what stands under a name with a workflow and a key.
func (r *run) lookup(ctx context.Context, ref Ref) (string, error) {
	wf, key := ref.Path()
	if name, isRef := strings.CutPrefix(key, "$"); isRef {
		key = r.ids[name]
	}
	i, err := r.byKey(ctx, r.ids[ref.Name()], wf, key)
	if err != nil {
		return "", err
	}
	if i == nil {
		return "", &workflow.Refusal{Reasons: []workflow.Reason{{
			Code: workflow.ReasonUnknown, Name: string(ref),
			Text: text("这时「%s」之下还没有编号为 %s 的 %s；请核对", "there is no %[3]s with the key %[2]s under %[1]s at this point; check it", ref.Name(), key, wf),
		}}}
	}
	r.parents[i.ID] = i.Parent
	return i.ID, nil
}

func (r *run) byKey(ctx context.Context, parent, wf, key string) (*workflow.Instance, error) {
	answers, err := r.Store.Load(ctx, r.f.Community, []workflow.Key{{Kind: workflow.KeyByKey, A: parent, B: wf, C: key}})
	if err != nil {
		return nil, fmt.Errorf("look for %s %s: %w", wf, key, err)
	}
	if len(answers) == 0 || len(answers[0].Instances) == 0 {
		return nil, nil //nolint:nilnil // absence is an answer here
	}
	return answers[0].Instances[0], nil
}

// registered finds registry entries that are there already and were not made by this file: a community has one registry,
// whatever number of programmes, and a second file names the same people.
func (r *run) registered(ctx context.Context, s *Step, e *Entry) (bool, error) {
	if s.section == "" || s.section == nameProgramme {
		return false, nil
	}
	if s.section == nameCommunity && !r.exists {
		return false, nil
	}
	mine, err := r.Store.Committed(ctx, r.f.Community, r.f.Community, r.f.commandID(s))
	if err != nil || mine != nil {
		return false, err
	}
	id := r.f.Community
	if s.section != nameCommunity {
		req, err := r.request(ctx, s)
		if err != nil {
			return false, nil //nolint:nilerr // it is met again, and judged, where the step is carried out
		}
		i, err := r.byKey(ctx, r.f.Community, s.Workflow, req.Key)
		if err != nil || i == nil {
			return false, err
		}
		id = i.ID
	}
	e.Outcome, e.Result.Instance, e.Result.Root = Found, id, r.f.Community
	if s.As != "" {
		r.ids[s.As] = id
	}
	return true, nil
}
