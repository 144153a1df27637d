package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// Option is one thing that can be asked of an instance, and everything that stands against it now.
type Option struct {
	Kind     string        `json:"kind" enum:"fire,edit,cancel,skip,reopen,waive,backfill"`
	Event    string        `json:"event,omitempty" doc:"To fire: the name of the event."`
	Need     string        `json:"need,omitempty" doc:"To waive: the name of the need."`
	State    string        `json:"state,omitempty" doc:"To backfill: the state to reach."`
	Title    workflow.Text `json:"title"`
	Allowed  bool          `json:"allowed" doc:"Whether the caller could do it now."`
	Reasons  []Reason      `json:"reasons,omitempty" doc:"Everything that stands against it, with who can help, in the language asked for."`
	Warnings []Reason      `json:"warnings,omitempty" doc:"What would be noted without standing in the way."`
	Roles    []string      `json:"roles,omitempty" doc:"Who may; self is the person concerned, system timers and effects."`
	Request  string        `json:"request" doc:"Method and path of the command." example:"POST /api/v1/communities/zhangxi/instances/4f…/events/publish"`
	Explain  bool          `json:"reason_required,omitempty" doc:"It asks for a reason."`
	Form     []FormField   `json:"form,omitempty" doc:"What input takes."`
}

// FormField is one value that a command takes.
type FormField struct {
	Name     string        `json:"name"`
	Title    workflow.Text `json:"title"`
	Type     string        `json:"type" enum:"text,int,money,bool,date,half_day,time,enum,person,organisation,block,household,ref,evidence" doc:"money is in fen; a half_day is 2023-06-14/morning (afternoon, evening); person, organisation, block, household and ref take ids; evidence is {\"value\": \"…\"}, {\"none\": true} (无) or {\"unrecorded\": \"why\"} (未记录)."`
	List     bool          `json:"list,omitempty"`
	Required bool          `json:"required,omitempty"`
	Privacy  string        `json:"privacy" enum:"public,internal,personal,sensitive" doc:"personal and sensitive values are kept encrypted and shown only on record."`
	Stored   bool          `json:"stored,omitempty" doc:"Kept as a field of the instance; otherwise only in the history."`
	Min      *int64        `json:"min,omitempty" doc:"Of an int or money: no less may be given."`
	Values   []FormValue   `json:"values,omitempty" doc:"Of an enum: what it may be."`
	Of       string        `json:"of,omitempty" doc:"Of a ref: the workflow of what it points to."`
}

// FormValue is one value of an enum.
type FormValue struct {
	Value string        `json:"value"`
	Title workflow.Text `json:"title"`
}

// Creatable is a kind of instance that may stand under this one.
type Creatable struct {
	Workflow string        `json:"workflow"`
	Slot     string        `json:"slot,omitempty" doc:"Of an activity."`
	Title    workflow.Text `json:"title"`
	Allowed  bool          `json:"allowed" doc:"Whether the caller could make it now, with the right form."`
	Reasons  []Reason      `json:"reasons,omitempty" doc:"What stands against it, whatever the form says: the caller's role, the states of this one and of all that it stands under, a full slot; in the language asked for."`
	Roles    []string      `json:"roles"`
	Request  string        `json:"request" doc:"Method and path of the command."`
	Form     []FormField   `json:"form,omitempty"`
}

type optionsOutput struct {
	ETag string `header:"ETag"`
	Body struct {
		Instance string      `json:"instance"`
		State    string      `json:"state"`
		Version  int64       `json:"version"`
		Options  []Option    `json:"options" doc:"Events in the order of the definition, then edit, cancel, skip, reopen, waive and backfill where there are."`
		Creates  []Creatable `json:"creates,omitempty" doc:"What can be made under it."`
	}
}

// optionRoutes answer "why not?".
func (s *server) optionRoutes() {
	register(s, operation{
		id: "options", method: http.MethodGet, path: "/communities/{community}/instances/{id}/options", tag: tagInstances,
		summary: "What can be done with an instance, and why not?",
		about: "Every event and every other kind of command, each allowed or with all the reasons against it at once: what is missing, who can help, and the form " +
			"to fill in. What a form would supply is not held against an event. It looks with the caller's own roles, as far as the token lets her use them.",
	}, s.options)
}

func (s *server) options(ctx context.Context, in *InstancePath) (*optionsOutput, error) {
	i, def, see, err := s.instance(ctx, in.Community, in.ID)
	if err != nil {
		return nil, err
	}
	out := &optionsOutput{ETag: etag(i.Version)}
	out.Body.Instance, out.Body.State, out.Body.Version, out.Body.Options = i.ID, i.State, i.Version, []Option{}
	if def == nil || see != sightAll {
		return out, nil
	}
	c := from(ctx)
	found, err := s.Engine.Why(ctx, in.Community, i.Root, i.ID, c.person, c.only...)
	if err != nil {
		return nil, err
	}
	for _, o := range found {
		out.Body.Options = append(out.Body.Options, s.option(ctx, i, def, o))
	}
	more, err := s.tried(ctx, i, def)
	if err != nil {
		return nil, err
	}
	out.Body.Options = append(out.Body.Options, more...)
	if !c.within(i.Root) {
		forbidAll(lang(ctx), out.Body.Options)
	}
	b, err := s.bundleOf(ctx, in.Community, i.Root)
	if err != nil {
		return nil, err
	}
	if out.Body.Creates, err = s.creatable(ctx, i, def, b); err != nil {
		return nil, err
	}
	return out, nil
}

// forbidAll says that a token for one programme changes nothing in the registry.
func forbidAll(lang string, options []Option) {
	for n := range options {
		options[n].Allowed = false
		options[n].Reasons = append(options[n].Reasons, Reason{Code: "token_scope", Text: tokenScope().Text.In(lang)})
	}
}

func tokenScope() *fault.Error {
	return fault.New(fault.Forbidden, "token_scope", "您的凭证只用于一个项目；请使用全社区的凭证", "your token is for one programme; use one for the whole community")
}

// option shows what the engine says about one event, or about cancelling, skipping or reopening.
func (s *server) option(ctx context.Context, i *workflow.Instance, def *workflow.Definition, o workflow.Option) Option {
	v := Option{Kind: string(o.Kind), Event: o.Event, Title: o.Title, Allowed: o.Allowed, Request: "POST " + instanceURL(i) + "/" + string(o.Kind)}
	if len(o.Reasons) > 0 {
		v.Reasons = reasonsIn(lang(ctx), o.Reasons)
	}
	if len(o.Warnings) > 0 {
		v.Warnings = reasonsIn(lang(ctx), o.Warnings)
	}
	switch o.Kind {
	case workflow.KindFire:
		ev := def.Event(o.Event)
		v.Request = "POST " + instanceURL(i) + "/events/" + o.Event
		v.Roles, v.Explain, v.Form = ev.By, ev.Reason, formOf(o.Asks)
	case workflow.KindCancel:
		v.Roles, v.Explain = def.Cancel.By, true
	case workflow.KindSkip:
		v.Roles, v.Explain = def.Skip.By, true
	case workflow.KindReopen:
		v.Roles, v.Explain = def.Reopen.By, true
	default: // the engine explains no others
	}
	return v
}

func instanceURL(i *workflow.Instance) string {
	return Prefix + "/communities/" + i.Community + "/instances/" + i.ID
}

// tried are the kinds of command that the engine does not explain: each is decided as it would be now with an empty form, and
// nothing is written.
func (s *server) tried(ctx context.Context, i *workflow.Instance, def *workflow.Definition) ([]Option, error) {
	var out []Option
	try := func(v Option, cmd workflow.Command) error {
		cmd.Target, cmd.Root = i.ID, i.Root
		req := engine.Request{Command: cmd}
		s.sign(ctx, &req)
		res := s.Engine.Preview(ctx, []engine.Request{req})[0]
		var refusal *workflow.Refusal
		switch {
		case res.Err == nil:
			v.Allowed = true
			if len(res.Result.Warnings) > 0 {
				v.Warnings = reasonsIn(lang(ctx), res.Result.Warnings)
			}
		case errors.As(res.Err, &refusal):
			v.Reasons = reasonsIn(lang(ctx), refusal.Reasons)
		case fault.KindOf(res.Err) == fault.Forbidden:
			v.Reasons = []Reason{} // forbidAll says why
		default:
			return res.Err
		}
		out = append(out, v)
		return nil
	}
	edit := Option{
		Kind: string(workflow.KindEdit), Title: workflow.Text{ZH: "修改", EN: "Edit"}, Roles: def.Edit.By, Request: "PATCH " + instanceURL(i),
		Form: formOf(workflow.FieldForm(def, false).Input),
	}
	if err := try(edit, workflow.Command{Kind: workflow.KindEdit}); err != nil {
		return nil, err
	}
	needs, err := s.needsOf(ctx, i)
	if err != nil {
		return nil, err
	}
	for _, n := range needs {
		waive := Option{
			Kind: string(workflow.KindWaive), Need: n.Name, Title: waiveTitle(n), Roles: def.Waive.By, Explain: true,
			Request: "POST " + instanceURL(i) + "/waive",
		}
		if err := try(waive, workflow.Command{Kind: workflow.KindWaive, Need: n.Name, Reason: "?"}); err != nil {
			return nil, err
		}
	}
	if def.Backfill == nil {
		return out, nil
	}
	for _, state := range sortedKeys(def.Backfill.Paths) {
		back := Option{
			Kind: string(workflow.KindBackfill), State: state, Title: backfillTitle(def, state), Roles: def.Backfill.By, Explain: true,
			Request: "POST " + instanceURL(i) + "/backfill", Form: formOf(workflow.BackfillForm(def, state).Input),
		}
		if err := try(back, workflow.Command{Kind: workflow.KindBackfill, State: state, Reason: "?"}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// needsOf are the needs of a programme or an activity that may be waived and have not been.
func (s *server) needsOf(ctx context.Context, i *workflow.Instance) ([]*workflow.Need, error) {
	if i.Slot == "" && i.Parent != "" || i.Root == i.Community {
		return nil, nil
	}
	root := i
	if i.ID != i.Root {
		var err error
		if root, err = s.Store.Instance(ctx, i.Community, i.Root); err != nil || root == nil {
			return nil, err
		}
	}
	def, err := s.definitionOf(ctx, root)
	if err != nil || def == nil {
		return nil, err
	}
	var out []*workflow.Need
	for _, n := range def.Needs {
		if _, waived := i.Body.Waived[n.Name]; n.Slot == i.Slot && n.Waivable && !waived {
			out = append(out, n)
		}
	}
	return out, nil
}

func waiveTitle(n *workflow.Need) workflow.Text {
	return workflow.Text{ZH: "特批：" + n.Name, EN: "Waive " + n.Name}
}

func backfillTitle(def *workflow.Definition, state string) workflow.Text {
	t := workflow.Text{ZH: state, EN: state}
	if st := def.State(state); st != nil {
		t = st.Title
	}
	return workflow.Text{ZH: "补录到「" + t.ZH + "」", EN: `Back-fill to "` + t.EN + `"`}
}

// formOf shows a form.
func formOf(inputs []*workflow.Input) []FormField {
	out := make([]FormField, 0, len(inputs))
	for _, in := range inputs {
		f := FormField{
			Name: in.Name, Title: in.Title, Type: string(in.Type), List: in.List, Required: in.Required, Privacy: string(in.Privacy),
			Stored: in.Store, Of: in.Of, Min: in.Min,
		}
		if f.Privacy == "" {
			f.Privacy = string(workflow.Internal)
		}
		for _, v := range in.Values {
			f.Values = append(f.Values, FormValue{Value: v.Name, Title: v.Title})
		}
		out = append(out, f)
	}
	return out
}

// creatable is what people may make under an instance. Each is decided as it would be now with an empty form, and nothing is written; what
// the form would supply is not held against it.
func (s *server) creatable(ctx context.Context, i *workflow.Instance, def *workflow.Definition, b *workflow.Bundle) ([]Creatable, error) {
	if st := def.State(i.State); st != nil && st.Final {
		return nil, nil
	}
	var out []Creatable
	var reqs []engine.Request
	add := func(of, slot, request string) {
		d := b.Definition(of)
		if d == nil || of == workflowToken || of == workflowReveal { // these have ways of their own
			return
		}
		by := slices.DeleteFunc(slices.Clone(d.Create.By), func(r string) bool { return r == "system" })
		if len(by) == 0 {
			return
		}
		req := engine.Request{Command: workflow.Command{Kind: workflow.KindCreate, Root: i.Root, Target: i.ID, Workflow: of, Slot: slot}}
		s.sign(ctx, &req)
		reqs = append(reqs, req)
		out = append(out, Creatable{
			Workflow: of, Slot: slot, Title: d.Title, Roles: by, Request: request, Form: formOf(workflow.FieldForm(d, true).Input),
		})
	}
	for _, slot := range def.Slots {
		add(slot.Workflow, slot.Name, "POST "+Prefix+"/communities/"+i.Community+"/programmes/"+i.ID+"/activities")
	}
	for _, of := range def.Items {
		add(of, "", "POST "+instanceURL(i)+"/items")
	}
	for n, res := range s.Engine.Preview(ctx, reqs) {
		var refusal *workflow.Refusal
		switch {
		case res.Err == nil:
		case errors.As(res.Err, &refusal):
			out[n].Reasons = reasonsIn(lang(ctx), slices.DeleteFunc(slices.Clone(refusal.Reasons), ofTheForm))
		case fault.KindOf(res.Err) == fault.Forbidden:
			out[n].Reasons = []Reason{{Code: "token_scope", Text: tokenScope().Text.In(lang(ctx))}}
		default:
			return nil, res.Err
		}
		out[n].Allowed = len(out[n].Reasons) == 0
	}
	return out, nil
}

// ofTheForm reports whether a reason against an empty form may go away when the form is filled in.
func ofTheForm(r workflow.Reason) bool {
	switch r.Code {
	case workflow.ReasonRole, workflow.ReasonState, workflow.ReasonClosed, workflow.ReasonLimit:
		return false
	default:
		return true
	}
}
