package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// templateProgramme is the workflow of a new programme that names none.
const templateProgramme = "neighbourhood"

// Programme is a programme with what is particular to one.
type Programme struct {
	Instance

	Code       string     `json:"code" doc:"Its short name, unique in the community; paths take it in place of the id."`
	Bundle     string     `json:"bundle" doc:"Hash of the definitions that it runs on, which never change under it."`
	Seq        int64      `json:"seq" doc:"How many entries its history has: where a stream or a list of the history can go on from."`
	Replayed   *time.Time `json:"replayed,omitempty" doc:"Of one with a clock of its own, what that says."`
	Slots      []SlotView `json:"slots,omitempty" doc:"Only when one programme is read: its activities by their place."`
	Needs      []NeedView `json:"needs,omitempty" doc:"Only when one programme is read: what waits for what, the order of the work."`
	Activities int        `json:"activities,omitempty" doc:"Only when one programme is read: how many activities stand under slots."`
}

// SlotView is a place for activities in a programme.
type SlotView struct {
	Slot       string        `json:"slot"`
	Title      workflow.Text `json:"title"`
	Workflow   string        `json:"workflow" doc:"What its activities are."`
	Min        int           `json:"min" doc:"How many the programme begins with."`
	Max        int           `json:"max,omitempty" doc:"How many there may be; absent: any number."`
	Activities []Activity    `json:"activities"`
	More       bool          `json:"more,omitempty" doc:"There are more than these: GET …/activities?slot=."`
}

// Activity is an activity in short.
type Activity struct {
	ID         string         `json:"id"`
	Key        string         `json:"key,omitempty"`
	Title      string         `json:"title,omitempty" doc:"What this one is called."`
	State      string         `json:"state"`
	StateTitle *workflow.Text `json:"state_title,omitempty"`
	WaitsFor   string         `json:"waits_for,omitempty" doc:"The role that acts next."`
	Version    int64          `json:"version"`
}

// NeedView is a prerequisite of an event.
type NeedView struct {
	Name      string `json:"name" doc:"What a waiver names."`
	Slot      string `json:"slot,omitempty" doc:"The slot whose activities have the need; absent: the programme itself."`
	Event     string `json:"event" doc:"The event that waits."`
	On        string `json:"on" doc:"The slot that it waits for."`
	Milestone string `json:"milestone" doc:"The state that must have been reached there."`
	Which     string `json:"which" enum:"all,any,named" doc:"By all activities of that slot that are neither cancelled nor skipped, by any, or by those that field names."`
	Field     string `json:"field,omitempty"`
	Waivable  bool   `json:"waivable" doc:"Whether an approver may let an activity pass without it (特批)."`
	Text      string `json:"text,omitempty" doc:"What a refusal says, in the language asked for."`
	Met       *bool  `json:"met,omitempty" doc:"Whether it is met now; absent where that depends on the activity that asks: see its options."`
}

type listProgrammesInput struct {
	CommunityPath
	Paging
	Sparse
	State []string `query:"state" maxItems:"20" doc:"Only in these states, separated by commas." example:"running"`
}

type createProgrammeInput struct {
	CommunityPath
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first one did; kept for 72 hours."`
	Body struct {
		CommandBody
		Workflow string `json:"workflow,omitempty" maxLength:"100" default:"neighbourhood" doc:"Its template: a definition of the level programme."`
		Code     string `json:"code" minLength:"1" maxLength:"60" pattern:"^[\\p{L}\\p{N}][\\p{L}\\p{N}._-]*$" patternDescription:"letters, digits, dots, hyphens and underscores" doc:"A short name of your own, unique in the community." example:"ZX-2023-01"`
	}
}

type programmeOutput struct {
	ETag string `header:"ETag"`
	Body Programme
}

// programmeRoutes list, read and make programmes.
func (s *server) programmeRoutes() {
	const path = "/communities/{community}/programmes"
	register(s, operation{
		id: "list-programmes", method: http.MethodGet, path: path, tag: tagProgrammes,
		summary: "List the programmes of a community",
		about:   "By code. A token for one programme sees that one. Who does not work for a programme sees what is public of it.",
	}, s.listProgrammes)
	register(s, operation{
		id: "create-programme", method: http.MethodPost, path: path, tag: tagProgrammes, status: http.StatusCreated,
		summary: "Begin a programme from a template",
		about: "The activities that its template begins with are made with it. input needs at least a title. Next: GET …/programmes/{programme} for its activities, " +
			"and GET …/instances/{id}/options of the programme for what can be done: an approver approves it, a lead starts it.",
	}, s.createProgramme)
	register(s, operation{
		id: "get-programme", method: http.MethodGet, path: path + "/{programme}", tag: tagProgrammes,
		summary: "Read a programme with its activities and the order of its work",
		about:   "What stands in each slot and what waits for what. Figures over everything below are in aggregates.",
	}, s.getProgramme)
}

func (s *server) listProgrammes(ctx context.Context, in *listProgrammesInput) (*listed[Programme], error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	after, err := decodeCursor(in.Cursor, 1)
	if err != nil {
		return nil, err
	}
	out := []Programme{}
	for code, seen := after[0], 0; ; {
		heads, err := s.headsAfter(ctx, in.Community, code, min(max(in.Limit-len(out)+1, 50), 200))
		if err != nil {
			return nil, err
		}
		views, err := s.programmes(ctx, in.Community, heads, in.want())
		if err != nil {
			return nil, err
		}
		for n, h := range heads {
			if len(out) == in.Limit {
				return newPage(out, true, func() string { return encodeCursor(code) }), nil
			}
			code = h.Code
			if v := views[n]; v != nil && (len(in.State) == 0 || slices.Contains(in.State, v.State)) {
				out = append(out, *v)
			}
		}
		if seen += len(heads); len(heads) == 0 {
			return newPage(out, false, nil), nil
		}
		if seen >= scanned {
			return newPage(out, true, func() string { return encodeCursor(code) }), nil
		}
	}
}

// headsAfter are the programmes behind a code that the caller's token is good for.
func (s *server) headsAfter(ctx context.Context, community, code string, limit int) ([]engine.Head, error) {
	c := from(ctx)
	if c.scope == community {
		return s.Store.Programmes(ctx, community, code, limit)
	}
	heads, err := s.Store.Heads(ctx, community, []string{c.scope})
	if err != nil {
		return nil, err
	}
	if h, ok := heads[c.scope]; ok && h.Live() && h.Code > code {
		return []engine.Head{h}, nil
	}
	return nil, nil
}

// programmes shows programmes in the order of their heads; nil for those that the caller may not see.
func (s *server) programmes(ctx context.Context, community string, heads []engine.Head, want []string) ([]*Programme, error) {
	ids := make([]string, len(heads))
	for n, h := range heads {
		ids[n] = h.Root
	}
	rows, err := s.Store.Instances(ctx, community, ids)
	if err != nil {
		return nil, err
	}
	out := make([]*Programme, len(heads))
	for n, h := range heads {
		at := slices.IndexFunc(rows, func(i *workflow.Instance) bool { return i.ID == h.Root })
		if at < 0 {
			continue
		}
		b, err := s.Engine.Bundle(ctx, h.Bundle)
		if err != nil {
			return nil, err
		}
		def := b.Definition(rows[at].Workflow)
		see := s.sees(ctx, rows[at], def)
		if see == sightNone {
			continue
		}
		out[n] = programmeView(h, show(rows[at], def, see, want))
	}
	return out, nil
}

func programmeView(h engine.Head, i *Instance) *Programme {
	p := &Programme{Instance: *i, Code: h.Code, Bundle: h.Bundle, Seq: h.Seq}
	if !h.Frozen.IsZero() {
		p.Replayed = &h.Frozen
	}
	return p
}

func (s *server) createProgramme(ctx context.Context, in *createProgrammeInput) (*answered, error) {
	if err := s.wholeCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	of := in.Body.Workflow
	if of == "" {
		of = templateProgramme
	}
	b, err := s.bundleOf(ctx, in.Community, in.Community)
	if err != nil {
		return nil, err
	}
	if def := b.Definition(of); def == nil || def.Level != workflow.LevelProgramme {
		_, err := oneOf("body.workflow", of, templates(b))
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{Kind: workflow.KindCreate, Workflow: of, Key: in.Body.Code}}
	if err := s.fill(ctx, &req, Preconditions{Key: in.Key}, &in.Body.CommandBody); err != nil {
		return nil, err
	}
	if req.Values == nil {
		req.Values = map[string]any{}
	}
	req.Values["code"] = in.Body.Code
	return s.do(ctx, req)
}

// wholeCommunity refuses a token that is good for one programme only.
func (s *server) wholeCommunity(ctx context.Context, community string) error {
	if err := inCommunity(ctx, community); err != nil {
		return err
	}
	if from(ctx).within(community) {
		return nil
	}
	return tokenScope()
}

// templates are the workflows that a programme can be made of.
func templates(b *workflow.Bundle) []string {
	var out []string
	for _, d := range b.Definitions() {
		if d.Level == workflow.LevelProgramme {
			out = append(out, d.Name)
		}
	}
	return out
}

// shownActivities is how many activities of one workflow stand in the view of a programme.
const shownActivities = 100

func (s *server) getProgramme(ctx context.Context, in *ProgrammePath) (*programmeOutput, error) {
	root, def, b, err := s.programmeDefinition(ctx, in.Community, in.Programme)
	if err != nil {
		return nil, err
	}
	heads, err := s.Store.Heads(ctx, in.Community, []string{root})
	if err != nil {
		return nil, err
	}
	views, err := s.programmes(ctx, in.Community, []engine.Head{heads[root]}, nil)
	if err != nil {
		return nil, err
	}
	p := views[0]
	if p == nil {
		return nil, unknownProgramme()
	}
	byWorkflow := map[string][]*workflow.Instance{}
	for _, of := range slotWorkflows(def, "") {
		rows, err := s.Store.List(ctx, in.Community, store.ListQuery{Root: root, Parent: root, Workflow: of, Limit: shownActivities + 1})
		if err != nil {
			return nil, err
		}
		byWorkflow[of] = rows
	}
	for _, slot := range def.Slots {
		v := s.slotView(ctx, slot, b, byWorkflow[slot.Workflow])
		p.Slots, p.Activities = append(p.Slots, v), p.Activities+len(v.Activities)
	}
	for _, n := range def.Needs {
		p.Needs = append(p.Needs, needView(lang(ctx), def, n, byWorkflow[def.Slot(n.On).Workflow]))
	}
	return &programmeOutput{ETag: etag(p.Version), Body: *p}, nil
}

func (s *server) slotView(ctx context.Context, slot *workflow.Slot, b *workflow.Bundle, rows []*workflow.Instance) SlotView {
	v := SlotView{Slot: slot.Name, Title: slot.Title, Workflow: slot.Workflow, Min: slot.Min, Max: slot.Max, Activities: []Activity{}}
	def := b.Definition(slot.Workflow)
	if len(rows) > shownActivities {
		rows, v.More = rows[:shownActivities], true
	}
	for _, i := range rows {
		see := s.sees(ctx, i, def)
		if i.Slot != slot.Name || see == sightNone {
			continue
		}
		shown := show(i, def, see, []string{"title"})
		a := Activity{ID: i.ID, Key: i.Key, State: i.State, StateTitle: shown.StateTitle, WaitsFor: shown.WaitsFor, Version: i.Version}
		a.Title, _ = shown.Fields["title"].(string)
		v.Activities = append(v.Activities, a)
	}
	return v
}

// needView shows a need, and whether it is met as far as that is the same for everybody who asks.
func needView(lang string, def *workflow.Definition, n *workflow.Need, rows []*workflow.Instance) NeedView {
	v := NeedView{
		Name: n.Name, Slot: n.Slot, Event: n.Event, On: n.On, Milestone: n.Milestone, Which: string(n.Which), Field: n.Field,
		Waivable: n.Waivable, Text: n.Else.In(lang),
	}
	if n.Which == workflow.WhichNamed || n.Where != nil || len(rows) > shownActivities {
		return v
	}
	living, reached, skipped := 0, 0, false
	for _, i := range rows {
		if i.Slot != n.On {
			continue
		}
		skipped = skipped || i.State == workflow.StateSkipped
		if i.Dead() {
			continue
		}
		living++
		if _, ok := i.Body.Milestones[n.Milestone]; ok {
			reached++
		}
	}
	met := reached > 0
	if n.Which == workflow.WhichAll {
		met = reached == living && (living > 0 || skipped || def.Slot(n.On).Min == 0)
	}
	v.Met = &met
	return v
}
