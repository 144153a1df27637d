package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// workflowClaim is the definition of stated figures.
const workflowClaim = "claim"

type listActivitiesInput struct {
	ProgrammePath
	Paging
	Sparse
	Slot  string   `query:"slot" maxLength:"100" doc:"Only those in this slot." example:"event"`
	State []string `query:"state" maxItems:"20" doc:"Only in these states, separated by commas."`
}

type createActivityInput struct {
	ProgrammePath
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first one did; kept for 72 hours."`
	Body struct {
		CommandBody
		Slot string `json:"slot" minLength:"1" maxLength:"100" doc:"The place in the programme: GET …/programmes/{programme} lists them." example:"event"`
		Key  string `json:"key,omitempty" maxLength:"200" doc:"A short name of your own, unique among the activities of that workflow." example:"clean-up-1"`
	}
}

type listClaimsInput struct {
	ProgrammePath
	Paging
	State []string `query:"state" maxItems:"20" doc:"Only in these states: stated, withdrawn."`
}

type createClaimInput struct {
	ProgrammePath
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first one did; kept for 72 hours."`
	Body struct {
		CommandBody
		On string `json:"on,omitempty" maxLength:"200" doc:"Id of the activity that the figure is about; the programme itself, if left out."`
	}
}

// activityRoutes are about the activities of a programme, and the figures that are stated about them.
func (s *server) activityRoutes() {
	const path = "/communities/{community}/programmes/{programme}"
	register(s, operation{
		id: "list-activities", method: http.MethodGet, path: path + "/activities", tag: tagProgrammes,
		summary: "List the activities of a programme", about: "By workflow, and within one by key. Go on while there is a next_cursor.",
	}, s.listActivities)
	register(s, operation{
		id: "create-activity", method: http.MethodPost, path: path + "/activities", tag: tagProgrammes, status: http.StatusCreated,
		summary: "Add an activity to a programme",
		about:   "Another training, a fundraising, a round of visits, an event. Refused if the slot is full; the form of its workflow is in GET …/options of the programme, under creates.",
	}, s.createActivity)
	register(s, operation{
		id: "list-claims", method: http.MethodGet, path: path + "/claims", tag: tagProgrammes,
		summary: "List the stated figures of a programme", about: "Exact, “more than” (余) or not counted (未统计), each with its source.",
	}, s.listClaims)
	register(s, operation{
		id: "create-claim", method: http.MethodPost, path: path + "/claims", tag: tagProgrammes, status: http.StatusCreated,
		summary: "State a figure", about: `input has metric, qualifier (exact, more_than, not_counted), n, label, source and public, as the definition "claim" says.`,
	}, s.createClaim)
}

func (s *server) listActivities(ctx context.Context, in *listActivitiesInput) (*listed[Instance], error) {
	root, def, b, err := s.programmeDefinition(ctx, in.Community, in.Programme)
	if err != nil {
		return nil, err
	}
	kinds := slotWorkflows(def, in.Slot)
	if in.Slot != "" && len(kinds) == 0 {
		return nil, unknownSlot("query.slot", def)
	}
	q := itemList{
		community: in.Community, root: root, parent: root, all: from(ctx).staff(root), bundle: b, kinds: kinds, states: in.State, want: in.want(),
		fits: func(i *workflow.Instance) bool { return i.Slot != "" && (in.Slot == "" || i.Slot == in.Slot) },
	}
	return s.items(ctx, q, in.Paging)
}

// slotWorkflows are those of the activities of a programme, or of one slot, sorted.
func slotWorkflows(def *workflow.Definition, slot string) []string {
	var kinds []string
	for _, sl := range def.Slots {
		if slot == "" || sl.Name == slot {
			kinds = append(kinds, sl.Workflow)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

func unknownSlot(field string, def *workflow.Definition) error {
	names := make([]string, len(def.Slots))
	for n, sl := range def.Slots {
		names[n] = sl.Name
	}
	_, err := oneOf(field, "", names)
	return err
}

// programmeDefinition resolves a programme in a path with what it runs on.
func (s *server) programmeDefinition(ctx context.Context, community, named string) (string, *workflow.Definition, *workflow.Bundle, error) {
	root, err := s.programme(ctx, community, named)
	if err != nil {
		return "", nil, nil, err
	}
	i, err := s.Store.Instance(ctx, community, root)
	if err != nil {
		return "", nil, nil, err
	}
	b, err := s.bundleOf(ctx, community, root)
	if err != nil {
		return "", nil, nil, err
	}
	if i == nil || b.Definition(i.Workflow) == nil {
		return "", nil, nil, unknownProgramme()
	}
	return root, b.Definition(i.Workflow), b, nil
}

func (s *server) createActivity(ctx context.Context, in *createActivityInput) (*answered, error) {
	root, def, _, err := s.programmeDefinition(ctx, in.Community, in.Programme)
	if err != nil {
		return nil, err
	}
	slot := def.Slot(in.Body.Slot)
	if slot == nil {
		return nil, unknownSlot("body.slot", def)
	}
	req := engine.Request{Command: workflow.Command{
		Kind: workflow.KindCreate, Root: root, Target: root, Workflow: slot.Workflow, Slot: slot.Name, Key: in.Body.Key,
	}}
	if err := s.fill(ctx, &req, Preconditions{Key: in.Key}, &in.Body.CommandBody); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}

func (s *server) listClaims(ctx context.Context, in *listClaimsInput) (*listed[Instance], error) {
	root, err := s.programme(ctx, in.Community, in.Programme)
	if err != nil {
		return nil, err
	}
	b, err := s.bundleOf(ctx, in.Community, root)
	if err != nil {
		return nil, err
	}
	q := itemList{community: in.Community, root: root, bundle: b, kinds: []string{workflowClaim}, states: in.State}
	return s.items(ctx, q, in.Paging)
}

func (s *server) createClaim(ctx context.Context, in *createClaimInput) (*answered, error) {
	root, err := s.programme(ctx, in.Community, in.Programme)
	if err != nil {
		return nil, err
	}
	on := root
	if in.Body.On != "" {
		i, _, _, err := s.instance(ctx, in.Community, in.Body.On)
		if err != nil || i.Root != root {
			return nil, fault.NewInvalid("body.on", "unknown_instance", "这个项目里没有这项活动；请核对编号", "there is no such activity in this programme; check its id")
		}
		on = i.ID
	}
	req := engine.Request{Command: workflow.Command{Kind: workflow.KindCreate, Root: root, Target: on, Workflow: workflowClaim}}
	if err := s.fill(ctx, &req, Preconditions{Key: in.Key}, &in.Body.CommandBody); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}
