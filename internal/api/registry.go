package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// The workflows of the registry that have resources of their own.
const (
	workflowPerson    = "person"
	workflowHousehold = "household"
	workflowGrant     = "grant"
	workflowConsent   = "consent"
)

// registryKind is one collection of the registry.
type registryKind struct {
	path, of    string // in the path; the workflow
	one, many   string // in summaries
	about, form string
}

func registryKinds() []registryKind {
	return []registryKind{
		{
			"people", workflowPerson, "a person", "people", "Names, mobile numbers and other personal values are sealed: the list shows which there are, and " +
				"POST …/instances/{id}/reveal shows them, on record. To find somebody: POST …/people/search. Who does not work for the community sees herself.",
			"Of personal values only the name is required; all of them are kept encrypted under the person's own key.",
		},
		{"organisations", "organisation", "an organisation", "organisations", "Partners: merchants, enterprises, property companies, kindergartens, self-governance groups. Who does not work " +
			"for the community sees what is public.", "input needs name and kind."},
		{"blocks", "block", "a block", "blocks", "The neighbourhood's blocks (街区), with their aliases.", "input needs a name."},
		{
			"households", workflowHousehold, "a household", "households", "The households that are visited; for staff only. Addresses and circumstances are sealed.",
			"A block lead or a worker proposes it; a lead approves it, with the event approve. input needs kind: elder or child.",
		},
	}
}

type listRegistryInput struct {
	CommunityPath
	Paging
	Sparse
	State []string `query:"state" maxItems:"20" doc:"Only in these states, separated by commas." example:"active"`
}

type registerInput struct {
	CommunityPath
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first one did; kept for 72 hours."`
	Body           registerBody
}

type registerBody struct {
	CommandBody
	Key string `json:"key,omitempty" maxLength:"200" doc:"A name of your own for it, unique among its kind. Do not put a person's name into it: keys are not encrypted."`
}

type listGrantsInput struct {
	CommunityPath
	Paging
	Person string   `query:"person" maxLength:"200" doc:"Only those of this person."`
	Role   string   `query:"role" enum:"lead,worker,block,finance,approver,volunteer,auditor,admin" doc:"Only those of this role."`
	State  []string `query:"state" maxItems:"20" doc:"Only in these states: active, revoked, ended."`
}

type grantInput struct {
	CommunityPath
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first one did; kept for 72 hours."`
	Body           struct {
		Person string `json:"person" minLength:"1" maxLength:"200" doc:"Id of the person."`
		Role   string `json:"role" enum:"lead,worker,block,finance,approver,volunteer,auditor,admin"`
		Scope  string `json:"scope,omitempty" maxLength:"200" doc:"Id or code of one programme; the whole community, if left out."`
		Reason string `json:"reason,omitempty" maxLength:"10000"`
	}
}

type consentsInput struct {
	InstancePath
	Paging
}

type giveConsentInput struct {
	InstancePath
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"Makes a repeated request answer as the first one did; kept for 72 hours."`
	Body           CommandBody
}

type searchInput struct {
	CommunityPath
	Body struct {
		Name   string `json:"name,omitempty" maxLength:"100" doc:"A part of the name; capitals and spaces do not matter."`
		Mobile string `json:"mobile,omitempty" maxLength:"50" doc:"The whole mobile number; spaces and hyphens do not matter. Families may share one."`
		Limit  int    `json:"limit,omitempty" minimum:"1" maximum:"100" default:"20"`
	}
}

type searchOutput struct {
	Body struct {
		Items []Instance `json:"items"`
	}
}

// registryRoutes are about who and what a community knows: everything that outlives a programme.
func (s *server) registryRoutes() {
	for _, k := range registryKinds() {
		path := "/communities/{community}/" + k.path
		register(s, operation{
			id: "list-" + k.path, method: http.MethodGet, path: path, tag: tagRegistry, summary: "List " + k.many, about: k.about,
		}, func(ctx context.Context, in *listRegistryInput) (*listed[Instance], error) {
			return s.listRegistry(ctx, k.of, in)
		})
		register(s, operation{
			id: "register-" + k.of, method: http.MethodPost, path: path, tag: tagRegistry, status: http.StatusCreated,
			summary: "Register " + k.one, about: k.form,
		}, func(ctx context.Context, in *registerInput) (*answered, error) { return s.registerEntry(ctx, k.of, in) })
	}
	register(s, operation{
		id: "search-people", method: http.MethodPost, path: "/communities/{community}/people/search", tag: tagRegistry,
		summary: "Find people by name or mobile number",
		about:   "For staff. What is looked for goes into the body, for names and numbers are personal; give one of the two. The answer shows no sealed values.",
	}, s.searchPeople)
	register(s, operation{
		id: "list-grants", method: http.MethodGet, path: "/communities/{community}/grants", tag: tagRegistry,
		summary: "List who holds which role where", about: "Staff see all, others their own.",
	}, s.listGrants)
	register(s, operation{
		id: "grant-role", method: http.MethodPost, path: "/communities/{community}/grants", tag: tagRegistry, status: http.StatusCreated,
		summary: "Give a person a role", about: "For administrators. To take it back, fire revoke at the grant. Tokens for it: POST …/tokens.",
	}, s.grantRole)
	for _, k := range registryKinds() {
		if k.of != workflowPerson && k.of != workflowHousehold {
			continue
		}
		path := "/communities/{community}/" + k.path + "/{id}/consents"
		register(s, operation{
			id: "list-consents-of-" + k.of, method: http.MethodGet, path: path, tag: tagRegistry, summary: "List the consents of " + k.one,
			about: "One for each kind: record, photo, publish, share, guardian; given, refused, withdrawn or not recorded.",
		}, func(ctx context.Context, in *consentsInput) (*listed[Instance], error) {
			return s.listConsents(ctx, k.of, in)
		})
		register(s, operation{
			id: "record-consent-of-" + k.of, method: http.MethodPost, path: path, tag: tagRegistry, status: http.StatusCreated,
			summary: "Record a consent of " + k.one,
			about: "input needs kind; way, given_by, witness and evidence say how it was given. It is made as given: then fire refuse or mark_unrecorded if the answer " +
				"was another one, and withdraw whenever it is taken back.",
		}, func(ctx context.Context, in *giveConsentInput) (*answered, error) {
			return s.recordConsent(ctx, k.of, in)
		})
	}
}

// listRegistry lists entries of one workflow in the order of their ids: keys may tell names, and a cursor stands in a URL.
func (s *server) listRegistry(ctx context.Context, of string, in *listRegistryInput) (*listed[Instance], error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	if of == workflowPerson && !from(ctx).staff(in.Community) {
		return s.onlyMe(ctx, in)
	}
	if of == workflowHousehold {
		if err := needStaff(ctx, in.Community); err != nil {
			return nil, err
		}
	}
	return s.registryPage(ctx, in.Community, of, in.Paging, in.want(), func(i *workflow.Instance) bool { return inStates(i, in.State) })
}

// registryPage is one page of registry entries, by id.
func (s *server) registryPage(ctx context.Context, community, of string, p Paging, want []string, fits func(*workflow.Instance) bool) (*listed[Instance], error) {
	b, err := s.bundleOf(ctx, community, community)
	if err != nil {
		return nil, err
	}
	after, err := placeOf(p.Cursor, []string{of})
	if err != nil {
		return nil, err
	}
	def := b.Definition(of)
	w := walk{query: store.ListQuery{Root: community}, workflows: []string{of}, after: after, limit: p.Limit, fits: fits}
	rows, last, more, err := w.page(ctx, s, community)
	if err != nil {
		return nil, err
	}
	out := make([]Instance, 0, len(rows))
	for _, i := range rows {
		if see := s.sees(ctx, i, def); see != sightNone {
			out = append(out, *show(i, def, see, want))
		}
	}
	return newPage(out, more, last.cursor), nil
}

// onlyMe is the registry of people for somebody who works for nobody: herself.
func (s *server) onlyMe(ctx context.Context, in *listRegistryInput) (*listed[Instance], error) {
	if _, err := placeOf(in.Cursor, []string{workflowPerson}); err != nil {
		return nil, err
	}
	i, err := s.Store.Instance(ctx, in.Community, from(ctx).person)
	if err != nil {
		return nil, err
	}
	if i == nil || !inStates(i, in.State) || in.Cursor != "" {
		return newPage[Instance](nil, false, nil), nil
	}
	v, err := s.view(ctx, i, in.want())
	if err != nil {
		return nil, err
	}
	return newPage([]Instance{*v}, false, nil), nil
}

// registerEntry makes an entry directly under the community.
func (s *server) registerEntry(ctx context.Context, of string, in *registerInput) (*answered, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{
		Kind: workflow.KindCreate, Root: in.Community, Target: in.Community, Workflow: of, Key: in.Body.Key,
	}}
	if err := s.fill(ctx, &req, Preconditions{Key: in.IdempotencyKey}, &in.Body.CommandBody); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}

func (s *server) listGrants(ctx context.Context, in *listGrantsInput) (*listed[Instance], error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	c, person := from(ctx), in.Person
	if !c.staff(in.Community) {
		if person != "" && person != c.person {
			return nil, needStaff(ctx, in.Community)
		}
		person = c.person
	}
	fits := func(i *workflow.Instance) bool {
		return inStates(i, in.State) && (in.Role == "" || text(i, "role") == in.Role) && (person == "" || text(i, "person") == person)
	}
	if person != "" {
		return s.grantsOfOne(ctx, in, person, fits)
	}
	return s.registryPage(ctx, in.Community, workflowGrant, in.Paging, nil, fits)
}

// grantsOfOne lists the grants of one person, who has few: all in one page.
func (s *server) grantsOfOne(ctx context.Context, in *listGrantsInput, person string, fits func(*workflow.Instance) bool) (*listed[Instance], error) {
	if _, err := placeOf(in.Cursor, []string{workflowGrant}); err != nil {
		return nil, err
	}
	b, err := s.bundleOf(ctx, in.Community, in.Community)
	if err != nil {
		return nil, err
	}
	keys := []workflow.Key{{Kind: workflow.KeyPrefix, A: in.Community, B: workflowGrant, C: person + "/"}}
	answers, err := s.Store.Load(ctx, in.Community, keys)
	if err != nil {
		return nil, err
	}
	var out []Instance
	for _, i := range answers[0].Instances {
		if fits(i) && in.Cursor == "" {
			out = append(out, *show(i, b.Definition(workflowGrant), sightAll, nil))
		}
	}
	return newPage(out, false, nil), nil
}

func (s *server) grantRole(ctx context.Context, in *grantInput) (*answered, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	scope := in.Community
	if in.Body.Scope != "" && in.Body.Scope != in.Community {
		var err error
		if scope, err = s.programme(ctx, in.Community, in.Body.Scope); err != nil {
			return nil, fault.NewInvalid("body.scope", "unknown_programme", "找不到这个项目；请核对编号", "there is no such programme; check its code")
		}
	}
	return s.do(ctx, engine.Request{
		IdempotencyKey: in.IdempotencyKey,
		Command: workflow.Command{
			Kind: workflow.KindCreate, Root: in.Community, Target: in.Community, Workflow: workflowGrant, Reason: in.Body.Reason,
		},
		Values: map[string]any{"person": in.Body.Person, "role": in.Body.Role, "scope": scope},
	})
}

// subjectOf reads the person or household of a path, whom the caller must be allowed to read about.
func (s *server) subjectOf(ctx context.Context, of, community, id string) (*workflow.Instance, error) {
	i, _, see, err := s.instance(ctx, community, id)
	if err != nil {
		return nil, err
	}
	if i.Workflow != of || see != sightAll {
		return nil, unknownInstance()
	}
	return i, nil
}

func (s *server) listConsents(ctx context.Context, of string, in *consentsInput) (*listed[Instance], error) {
	i, err := s.subjectOf(ctx, of, in.Community, in.ID)
	if err != nil {
		return nil, err
	}
	b, err := s.bundleOf(ctx, in.Community, in.Community)
	if err != nil {
		return nil, err
	}
	after, err := placeOf(in.Cursor, []string{workflowConsent})
	if err != nil {
		return nil, err
	}
	w := walk{
		query: store.ListQuery{Root: in.Community, Parent: i.ID}, workflows: []string{workflowConsent}, after: after, limit: in.Limit,
		fits: func(*workflow.Instance) bool { return true },
	}
	rows, last, more, err := w.page(ctx, s, in.Community)
	if err != nil {
		return nil, err
	}
	out := make([]Instance, len(rows))
	for n, c := range rows {
		out[n] = *show(c, b.Definition(workflowConsent), sightAll, nil)
	}
	return newPage(out, more, last.cursor), nil
}

func (s *server) recordConsent(ctx context.Context, of string, in *giveConsentInput) (*answered, error) {
	i, err := s.subjectOf(ctx, of, in.Community, in.ID)
	if err != nil {
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{Kind: workflow.KindCreate, Root: in.Community, Target: i.ID, Workflow: workflowConsent}}
	if err := s.fill(ctx, &req, Preconditions{Key: in.IdempotencyKey}, &in.Body); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}

func (s *server) searchPeople(ctx context.Context, in *searchInput) (*searchOutput, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	if err := needStaff(ctx, in.Community); err != nil {
		return nil, err
	}
	terms, err := s.terms(ctx, in)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(terms))
	for n, t := range terms {
		ids[n] = t.Instance
	}
	rows, err := s.Store.Instances(ctx, in.Community, ids)
	if err != nil {
		return nil, err
	}
	b, err := s.bundleOf(ctx, in.Community, in.Community)
	if err != nil {
		return nil, err
	}
	out := &searchOutput{}
	out.Body.Items = []Instance{}
	for _, i := range rows {
		if def := b.Definition(i.Workflow); i.Workflow == workflowPerson && len(out.Body.Items) < searchLimit(in) {
			out.Body.Items = append(out.Body.Items, *show(i, def, s.sees(ctx, i, def), nil))
		}
	}
	return out, nil
}

func searchLimit(in *searchInput) int {
	if in.Body.Limit == 0 {
		return 20
	}
	return in.Body.Limit
}

// terms finds what people are found by: parts of names, or a whole number by its keyed hash.
func (s *server) terms(ctx context.Context, in *searchInput) ([]engine.SearchTerm, error) {
	name, mobile := engine.Fold(strings.TrimSpace(in.Body.Name)), engine.Fold(strings.TrimSpace(in.Body.Mobile))
	switch {
	case name != "" && mobile != "":
		return nil, fault.NewInvalid("body.mobile", "one_of", "请只填姓名或手机其中一项", "give either name or mobile")
	case mobile != "":
		return s.Store.Find(ctx, in.Community, "mobile", s.Secrets.LookupHash(in.Community, mobile))
	case name != "":
		return s.Store.Search(ctx, in.Community, "name", name, searchLimit(in))
	default:
		return nil, fault.NewInvalid("body.name", "missing", "请填写姓名或手机", "give name or mobile")
	}
}
