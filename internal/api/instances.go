package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// Sparse lets a client name the fields it needs.
type Sparse struct {
	Fields []string `query:"fields" maxItems:"100" doc:"Names of the fields to show, separated by commas; all of them, if left out." example:"title,when"`
}

// want is what to show: nil for everything.
func (f Sparse) want() []string {
	if len(f.Fields) == 0 {
		return nil
	}
	return f.Fields
}

type getInstanceInput struct {
	InstancePath
	Sparse
	IfNoneMatch string `header:"If-None-Match" maxLength:"1000" doc:"An ETag from before: 304 without a body if nothing has changed since." example:"\"3\""`
}

type instanceOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   Instance
}

type editInput struct {
	InstancePath
	Preconditions
	Body CommandBody
}

type listItemsInput struct {
	ProgrammePath
	Paging
	Sparse
	Workflow string   `query:"workflow" maxLength:"100" doc:"Only items of this workflow." example:"household_visit"`
	Parent   string   `query:"parent" maxLength:"200" doc:"Only what stands directly under this instance; in the order of keys."`
	State    []string `query:"state" maxItems:"20" doc:"Only in these states, separated by commas." example:"invited,accepted"`
}

type listChildrenInput struct {
	InstancePath
	Paging
	Sparse
	Workflow string   `query:"workflow" maxLength:"100" doc:"Only items of this workflow." example:"shift"`
	State    []string `query:"state" maxItems:"20" doc:"Only in these states, separated by commas."`
}

// createItemBody asks for an item.
type createItemBody struct {
	CommandBody
	Workflow string `json:"workflow" minLength:"1" maxLength:"100" doc:"Which kind of item: creates in GET …/options lists what can stand here, with its form." example:"session"`
	Key      string `json:"key,omitempty" maxLength:"200" doc:"A name of your own, unique among its siblings of that kind. Some workflows make it themselves."`
}

type createItemInput struct {
	InstancePath
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first one did; kept for 72 hours."`
	Body createItemBody
}

// instanceRoutes read and change any programme, activity, item or registry entry by its id.
func (s *server) instanceRoutes() {
	const path = "/communities/{community}/instances/{id}"
	register(s, operation{
		id: "get-instance", method: http.MethodGet, path: path, tag: tagInstances,
		summary: "Read a programme, an activity, an item or a registry entry",
		about: "Its ETag is its version: give it as If-Match with a command. If-None-Match answers 304 where nothing else than the version can have moved; " +
			"an instance with figures over its items is always answered in full, for they move without it. What can be done with it: GET …/options.",
	}, s.getInstance)
	s.notModified(Prefix + path)
	register(s, operation{
		id: "edit-instance", method: http.MethodPatch, path: path, tag: tagInstances,
		summary: "Edit the fields of an instance",
		about:   "Values that are left out of input stay as they are; null clears one. The state does not move: for that, fire an event.",
	}, s.editInstance)
	register(s, operation{
		id: "list-items-of", method: http.MethodGet, path: path + "/items", tag: tagInstances,
		summary: "List what stands directly under an instance",
		about:   "By workflow, and within one by key. A page may hold fewer than limit, or none: go on while there is a next_cursor.",
	}, s.listChildren)
	register(s, operation{
		id: "create-item", method: http.MethodPost, path: path + "/items", tag: tagInstances, status: http.StatusCreated,
		summary: "Create an item under an instance", about: "A membership under a recruit, a donation under a fundraise, a shift under a session, a note anywhere.",
	}, s.createItem)
	register(s, operation{
		id: "list-items", method: http.MethodGet, path: "/communities/{community}/programmes/{programme}/items", tag: tagInstances,
		summary: "List the items of a programme",
		about: "Everything below its activities and the programme itself: by workflow, and within one by id (by key, if parent is given). A page may hold " +
			"fewer than limit, or none: go on while there is a next_cursor.",
	}, s.listItems)
}

// notModified describes the answer without a body.
func (s *server) notModified(path string) {
	if p := s.api.OpenAPI().Paths[path]; p != nil && p.Get != nil {
		p.Get.Responses["304"] = &huma.Response{Description: "Nothing has changed since."}
	}
}

func (s *server) getInstance(ctx context.Context, in *getInstanceInput) (*instanceOutput, error) {
	i, def, see, err := s.instance(ctx, in.Community, in.ID)
	if err != nil {
		return nil, err
	}
	out := &instanceOutput{Status: http.StatusOK, ETag: etag(i.Version)}
	still := def == nil || len(def.Aggregates) == 0 || see != sightAll
	if still && matches(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	out.Body = *show(i, def, see, in.want())
	return out, nil
}

// matches reports whether an If-None-Match header (RFC 9110 §13.1.2) names an entity tag.
func matches(header, tag string) bool {
	if header = strings.TrimSpace(header); header == "*" {
		return true
	}
	for part := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(part), "W/") == tag {
			return true
		}
	}
	return false
}

func (s *server) editInstance(ctx context.Context, in *editInput) (*answered, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{Kind: workflow.KindEdit, Target: in.ID}}
	if err := s.fill(ctx, &req, in.Preconditions, &in.Body); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}

func (s *server) createItem(ctx context.Context, in *createItemInput) (*answered, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	if err := hasOwnRoute("body.workflow", in.Body.Workflow); err != nil {
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{
		Kind: workflow.KindCreate, Target: in.ID, Workflow: in.Body.Workflow, Key: in.Body.Key,
	}}
	if err := s.fill(ctx, &req, Preconditions{Key: in.Key}, &in.Body.CommandBody); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}

// hasOwnRoute refuses to make a token or a record of a look as an item like any other: a token's secret is drawn here, and its life is
// bounded; a record says who looked, which is nobody's to make up.
func hasOwnRoute(field, of string) error {
	switch of {
	case workflowToken:
		return fault.NewInvalid(field, "own_route", "凭证请用 POST …/tokens 办理", "make a token with POST …/tokens")
	case workflowReveal:
		return fault.NewInvalid(field, "own_route", "查看记录由 POST …/reveal 自动生成", "records of looks are made by POST …/reveal")
	}
	return nil
}

func (s *server) listChildren(ctx context.Context, in *listChildrenInput) (*listed[Instance], error) {
	parent, def, see, err := s.instance(ctx, in.Community, in.ID)
	if err != nil {
		return nil, err
	}
	b, err := s.bundleOf(ctx, in.Community, parent.Root)
	if err != nil {
		return nil, err
	}
	kinds := childWorkflows(def)
	if in.Workflow != "" {
		if kinds, err = oneOf("query.workflow", in.Workflow, kinds); err != nil {
			return nil, err
		}
	}
	q := itemList{
		community: in.Community, root: parent.Root, parent: parent.ID, all: see == sightAll, bundle: b, kinds: kinds, states: in.State, want: in.want(),
	}
	return s.items(ctx, q, in.Paging)
}

func (s *server) listItems(ctx context.Context, in *listItemsInput) (*listed[Instance], error) {
	root, err := s.programme(ctx, in.Community, in.Programme)
	if err != nil {
		return nil, err
	}
	b, err := s.bundleOf(ctx, in.Community, root)
	if err != nil {
		return nil, err
	}
	kinds := itemWorkflows(b)
	if in.Workflow != "" {
		if kinds, err = oneOf("query.workflow", in.Workflow, kinds); err != nil {
			return nil, err
		}
	}
	q := itemList{
		community: in.Community, root: root, parent: in.Parent, all: from(ctx).staff(root), bundle: b, kinds: kinds, states: in.State, want: in.want(),
	}
	return s.items(ctx, q, in.Paging)
}

// itemList is what to list of one root.
type itemList struct {
	community, root, parent string
	all                     bool // the caller may see everything below parent
	bundle                  *workflow.Bundle
	kinds                   []string // workflows
	states, want            []string
	fits                    func(*workflow.Instance) bool // nil: everything
}

// items lists what the caller may see. A cursor stands in a URL and holds the key of what was looked at last: so whoever may not see
// everything gets the list in the order of ids, and so does everybody that of the registry, where a person's key may tell her name.
func (s *server) items(ctx context.Context, l itemList, p Paging) (*listed[Instance], error) {
	after, err := placeOf(p.Cursor, l.kinds)
	if err != nil {
		return nil, err
	}
	q := store.ListQuery{Root: l.root, Parent: l.parent}
	if !l.all || l.parent == l.community {
		q.Parent = ""
	}
	w := walk{query: q, workflows: l.kinds, after: after, limit: p.Limit, fits: func(i *workflow.Instance) bool {
		return inStates(i, l.states) && (l.parent == "" || i.Parent == l.parent) && (l.fits == nil || l.fits(i)) &&
			s.sees(ctx, i, l.bundle.Definition(i.Workflow)) != sightNone
	}}
	rows, last, more, err := w.page(ctx, s, l.community)
	if err != nil {
		return nil, err
	}
	out := make([]Instance, len(rows))
	for n, i := range rows {
		def := l.bundle.Definition(i.Workflow)
		out[n] = *show(i, def, s.sees(ctx, i, def), l.want)
	}
	return newPage(out, more, last.cursor), nil
}

// childWorkflows are those of what may stand directly under an instance of a definition, sorted.
func childWorkflows(def *workflow.Definition) []string {
	if def == nil {
		return nil
	}
	kinds := slices.Clone(def.Items)
	for _, slot := range def.Slots {
		kinds = append(kinds, slot.Workflow)
	}
	// Tokens, and who looked at what, have lists of their own, with rights of their own.
	kinds = slices.DeleteFunc(kinds, func(of string) bool { return of == workflowToken || of == workflowReveal })
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// itemWorkflows are those of everything that may stand in a programme below its activities or itself, sorted.
func itemWorkflows(b *workflow.Bundle) []string {
	var kinds []string
	for _, d := range b.Definitions() {
		if d.Level == workflow.LevelProgramme || d.Level == workflow.LevelActivity {
			kinds = append(kinds, d.Items...)
		}
	}
	for n := 0; n < len(kinds); n++ { // what stands below those, too
		if d := b.Definition(kinds[n]); d != nil {
			for _, of := range d.Items {
				if !slices.Contains(kinds, of) {
					kinds = append(kinds, of)
				}
			}
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// oneOf narrows a list of names to one of them.
func oneOf(field, name string, names []string) ([]string, error) {
	if slices.Contains(names, name) {
		return []string{name}, nil
	}
	list := strings.Join(names, ", ")
	return nil, fault.NewInvalid(field, "unknown_name", "只能是："+list, "give one of: "+list)
}
