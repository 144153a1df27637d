package casefile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// changed compares a step with what the history says was carried out under its name, and names what differs. Private values
// are compared in the clear, but never kept or shown; those of an erased person cannot be read any more and count as unchanged.
func (r *run) changed(ctx context.Context, s *Step, req engine.Request) ([]string, error) {
	root := req.Root
	if root == "" {
		root = r.programme
	}
	stored, err := r.Store.Committed(ctx, r.f.Community, root, req.ID)
	if err != nil || stored == nil {
		return nil, err
	}
	var was workflow.Entry
	if err := json.Unmarshal(stored.Body, &was); err != nil {
		return nil, fmt.Errorf("read the history entry of %s: %w", req.ID, err)
	}
	var out []string
	differ := func(what string, differs bool) {
		if differs {
			out = append(out, what)
		}
	}
	differ("do", was.Kind != req.Kind)
	differ("event", was.Event != req.Event)
	differ("on", req.Kind != workflow.KindCreate && was.Target != req.Target)
	differ("by", was.Actor != req.Actor)
	differ("on_behalf", !sameJSON(was.OnBehalf, req.OnBehalf))
	differ("reason", was.Reason != req.Reason)
	differ("note", was.Note != req.Note)
	differ("confirm", !sameJSON(was.Confirm, req.Confirm))
	differ("occurred", s.Occurred != "" && was.Occurred.String() != req.Occurred.String())
	differ("at", !req.At.IsZero() && was.Recorded.Before(req.At))
	differ("to", s.State != "" && lastState(was) != s.State)
	differ("of", was.Undoes != req.Of)
	differ("workflow", !samePlace(was, req))
	inputs, err := r.changedInputs(ctx, s, req, was)
	return append(out, inputs...), err
}

// sameJSON compares two optional parts of a command as they are stored.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil {
		return false
	}
	return string(x) == string(y) || empty(x) && empty(y)
}

func empty(b []byte) bool { return string(b) == "null" || string(b) == "{}" }

// samePlace compares what a creation made, and where.
func samePlace(was workflow.Entry, req engine.Request) bool {
	for _, c := range was.Changes {
		if c.ID == was.Target && c.Created != nil {
			return c.Created.Workflow == req.Workflow && c.Created.Slot == req.Slot && c.Created.Parent == req.Target && (req.Key == "" || c.Created.Key == req.Key)
		}
	}
	return req.Kind != workflow.KindCreate
}

// lastState is the state that a command left its target in.
func lastState(e workflow.Entry) string {
	for _, c := range e.Changes {
		if c.ID == e.Target && c.State != nil {
			return c.State[1]
		}
	}
	return ""
}

// changedInputs compares the values of the form, both sides brought into the form that the definition gives them.
func (r *run) changedInputs(ctx context.Context, s *Step, req engine.Request, was workflow.Entry) ([]string, error) {
	form := r.f.form(r.bundle, s)
	if form == nil {
		return nil, nil
	}
	sealed, err := r.Engine.Reveal(ctx, &workflow.Instance{ID: was.Target, Community: r.f.Community, Body: workflow.Body{Data: was.Input}})
	if err != nil {
		return nil, fmt.Errorf("read what %s recorded: %w", req.ID, err)
	}
	before := workflow.Values{}
	erased := map[string]bool{}
	for k, v := range was.Input {
		if _, isSealed := v.(workflow.Sealed); isSealed {
			plain, ok := sealed[k]
			erased[k] = !ok
			v = plain
		}
		before[k] = v
	}
	before, _ = workflow.NormaliseInput(form, before)
	after, _ := workflow.NormaliseInput(form, workflow.Values(req.Values))
	var out []string
	for _, in := range form.Input {
		if !erased[in.Name] && !workflow.Equal(before[in.Name], after[in.Name]) && !r.ownValue(s, in.Name) {
			out = append(out, in.Name)
		}
	}
	slices.Sort(out)
	return out, nil
}

// ownValue reports whether a value was put there by the player and not by the file: the definitions that a community began with.
func (r *run) ownValue(s *Step, field string) bool {
	return s.section == nameCommunity && field == "bundle" && !hasInput(s.Input, field)
}

// mustBeThere refuses to carry out a step that stands before others which an earlier run carried out: it was added or renamed
// since, and carried out now it would be done in the wrong order, or twice.
func (r *run) mustBeThere(ctx context.Context, s *Step, e *Entry) error {
	done, err := r.Store.Committed(ctx, r.f.Community, r.rootOf(s), r.f.commandID(s))
	if err != nil {
		return fmt.Errorf("look for step %s: %w", s.Name, err)
	}
	if done == nil {
		e.Outcome, e.Because = Changed, r.f.Steps[r.reached]
	}
	return nil
}
