package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// roleSelf is the role of whoever an instance is about.
const roleSelf = "self"

// Task is something that waits for the caller.
type Task struct {
	Instance       string         `json:"instance" doc:"Id of what waits."`
	Workflow       string         `json:"workflow"`
	WorkflowTitle  workflow.Text  `json:"workflow_title"`
	Title          string         `json:"title,omitempty" doc:"What it is called; absent where that is a personal name."`
	State          string         `json:"state"`
	StateTitle     *workflow.Text `json:"state_title,omitempty"`
	WaitsFor       string         `json:"waits_for" doc:"The caller's role that acts next; self if it is about her."`
	Since          *time.Time     `json:"since,omitempty" doc:"When it came to this state."`
	Version        int64          `json:"version"`
	Activity       string         `json:"activity,omitempty" doc:"Id of the activity that it is, or is part of."`
	ActivityTitle  string         `json:"activity_title,omitempty"`
	Programme      string         `json:"programme,omitempty" doc:"Id of the programme; absent for the registry."`
	ProgrammeCode  string         `json:"programme_code,omitempty"`
	ProgrammeTitle string         `json:"programme_title,omitempty"`
	Options        string         `json:"options" doc:"What can be done with it: GET this path."`
}

type tasksInput struct {
	CommunityPath
	Paging
	Programme string `query:"programme" maxLength:"200" doc:"Only in this programme: its id or code."`
	Role      string `query:"role" enum:"lead,worker,block,finance,approver,volunteer,auditor,admin,self" doc:"Only what waits for this role of the caller."`
}

// taskRoutes say whose turn it is.
func (s *server) taskRoutes() {
	register(s, operation{
		id: "list-tasks", method: http.MethodGet, path: "/communities/{community}/tasks", tag: tagMe,
		summary: "List what waits for me",
		about: "Across all programmes, and in the registry: first what waits for the caller herself, then what waits for one of her roles there. A page may hold " +
			"fewer than limit, or none: go on while there is a next_cursor.",
	}, s.tasks)
}

// The parts of the list of tasks, in their order.
const (
	partSelf = "self" // what is about the caller
	partAll  = "all"  // what waits for a role that she has in the whole community
	partRoot = "root" // what waits for a role that she has in one programme
)

// taskList is one request for tasks.
type taskList struct {
	s         *server
	caller    *caller
	programme string // id; "" for all
	role      string // "" for all
	limit     int
	places    *taskPlaces
	waits     map[store.StateOf][]string // the roles that a state waits for, over the bundles in use
	part      string
	out       []Task
}

func (s *server) tasks(ctx context.Context, in *tasksInput) (*listed[Task], error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	l := &taskList{s: s, caller: from(ctx), role: in.Role, limit: in.Limit}
	after, err := decodeCursor(in.Cursor, 4)
	if err != nil {
		return nil, err
	}
	if in.Programme != "" {
		if l.programme, err = s.programme(ctx, in.Community, in.Programme); err != nil {
			return nil, err
		}
	} else if l.caller.scope != in.Community {
		l.programme = l.caller.scope
	}
	l.places = newTaskPlaces(s, in.Community)
	if l.waits, err = s.waiting(ctx, in.Community, l.programme); err != nil {
		return nil, err
	}
	next, err := l.page(ctx, after)
	if err != nil {
		return nil, err
	}
	return newPage(l.out, next != nil, func() string { return encodeCursor(next...) }), nil
}

// page fills a page and says where the next one begins; nil if there is none.
func (l *taskList) page(ctx context.Context, after []string) ([]string, error) {
	parts := []string{partSelf, partAll, partRoot}
	lists := map[string]func(context.Context, []string) ([]string, error){partSelf: l.own, partAll: l.everywhere, partRoot: l.within}
	for _, l.part = range parts[max(slices.Index(parts, after[0]), 0):] {
		next, err := lists[l.part](ctx, after)
		if err != nil || next != nil {
			return next, err
		}
		after = make([]string, 4)
	}
	return nil, nil
}

// waiting are the states that wait for somebody, with the roles, in the definitions that apply in a programme, or with "" in any of the
// community's and in its registry.
func (s *server) waiting(ctx context.Context, community, programme string) (map[store.StateOf][]string, error) {
	hashes, err := s.bundlesFor(ctx, community, programme)
	if err != nil {
		return nil, err
	}
	out := map[store.StateOf][]string{}
	for _, hash := range hashes {
		b, err := s.Engine.Bundle(ctx, hash)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil { // one that nobody can read must not hide what waits in all the others
			s.Log.WarnContext(ctx, "a stored bundle cannot be read", "bundle", hash, "err", err)
			continue
		}
		for _, d := range b.Definitions() {
			for _, st := range d.States {
				at := store.StateOf{Workflow: d.Name, State: st.Name}
				if st.WaitsFor != "" && !slices.Contains(out[at], st.WaitsFor) {
					out[at] = append(out[at], st.WaitsFor)
				}
			}
		}
	}
	return out, nil
}

// states are those that wait for one of the given roles.
func (l *taskList) states(roles ...string) []store.StateOf {
	var out []store.StateOf
	for at, waits := range l.waits {
		if slices.ContainsFunc(waits, func(r string) bool { return slices.Contains(roles, r) && (l.role == "" || l.role == r) }) {
			out = append(out, at)
		}
	}
	slices.SortFunc(out, func(a, b store.StateOf) int {
		if c := strings.Compare(a.Workflow, b.Workflow); c != 0 {
			return c
		}
		return strings.Compare(a.State, b.State)
	})
	return out
}

// own lists what is about the caller and waits for her: little, because it is found by her.
func (l *taskList) own(ctx context.Context, after []string) ([]string, error) {
	var keys []workflow.Key
	for _, at := range l.states(roleSelf) {
		k := workflow.Key{Kind: workflow.KeyReferrers, A: l.caller.person, B: at.Workflow}
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	answers, err := l.s.Store.Load(ctx, l.caller.community, keys)
	if err != nil {
		return nil, err
	}
	var rows []*workflow.Instance
	for _, a := range answers {
		for _, i := range a.Instances {
			if i.ID > after[3] && slices.Contains(l.waits[store.StateOf{Workflow: i.Workflow, State: i.State}], roleSelf) {
				rows = append(rows, i)
			}
		}
	}
	slices.SortFunc(rows, func(a, b *workflow.Instance) int { return strings.Compare(a.ID, b.ID) })
	last, full, err := l.take(ctx, rows)
	if err != nil || !full {
		return nil, err
	}
	return []string{partSelf, "", "", last}, nil
}

// everywhereRoles are the caller's roles in the whole community, if it is the whole community that is asked for.
func (l *taskList) everywhereRoles() []string {
	if l.programme != "" {
		return nil
	}
	return l.caller.rolesFor(l.caller.community)
}

// rootRoles are the caller's roles in one programme, without those that everywhereRoles has.
func (l *taskList) rootRoles(root string) []string {
	all := l.everywhereRoles()
	return slices.DeleteFunc(l.caller.rolesFor(root), func(r string) bool { return slices.Contains(all, r) })
}

// roots are the programmes to look through one by one.
func (l *taskList) roots() []string {
	if l.programme != "" {
		return []string{l.programme}
	}
	var out []string
	for _, g := range l.caller.grants {
		if g.scope != l.caller.community && len(l.rootRoles(g.scope)) > 0 {
			out = append(out, g.scope)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// everywhere lists by state across all programmes.
func (l *taskList) everywhere(ctx context.Context, at []string) ([]string, error) {
	in, after := l.states(l.everywhereRoles()...), at[3]
	if len(in) == 0 {
		return nil, nil
	}
	for seen := 0; ; {
		rows, err := l.s.Store.Waiting(ctx, l.caller.community, in, after, min(max(l.limit-len(l.out)+1, 50), 200))
		if err != nil {
			return nil, err
		}
		last, full, err := l.take(ctx, rows)
		if err != nil {
			return nil, err
		}
		if last != "" {
			after = last
		}
		seen += len(rows)
		switch {
		case full || seen >= scanned:
			return []string{partAll, "", "", after}, nil
		case len(rows) == 0:
			return nil, nil
		}
	}
}

// within lists programme by programme, and within one by workflow: somebody who has a role in a few of a thousand programmes does not
// wait for all the others to be looked at.
func (l *taskList) within(ctx context.Context, after []string) ([]string, error) {
	at := walkPlace{workflow: after[2], id: after[3]}
	for _, root := range l.roots() {
		if root < after[1] {
			continue
		}
		kinds := l.kinds(root)
		if root > after[1] || !slices.Contains(kinds, at.workflow) {
			at = walkPlace{}
		}
		w := walk{query: store.ListQuery{Root: root}, workflows: kinds, after: at, limit: l.limit - len(l.out), fits: func(i *workflow.Instance) bool {
			return l.turn(i) != ""
		}}
		rows, last, more, err := w.page(ctx, l.s, l.caller.community)
		if err != nil {
			return nil, err
		}
		if _, _, err := l.take(ctx, rows); err != nil {
			return nil, err
		}
		if more || len(l.out) == l.limit {
			return []string{partRoot, root, last.workflow, last.id}, nil
		}
	}
	return nil, nil
}

// kinds are the workflows that wait for the caller's roles in a programme, sorted.
func (l *taskList) kinds(root string) []string {
	var out []string
	for _, at := range l.states(l.rootRoles(root)...) {
		if !slices.Contains(out, at.Workflow) {
			out = append(out, at.Workflow)
		}
	}
	return out
}

// turn is the caller's role that an instance waits for, of those that the present part is about: "" if it is not her turn.
func (l *taskList) turn(i *workflow.Instance) string {
	var mine []string
	switch {
	case l.programme != "" && l.programme != i.Root, !l.caller.within(i.Root):
	case l.part == partSelf:
		mine = []string{roleSelf}
	case l.part == partAll:
		mine = l.everywhereRoles()
	default:
		mine = l.rootRoles(i.Root)
	}
	for _, role := range l.waits[store.StateOf{Workflow: i.Workflow, State: i.State}] {
		if (l.role == "" || l.role == role) && slices.Contains(mine, role) {
			return role
		}
	}
	return ""
}

// take adds rows to the page, as long as it is not full, and returns the id of the last one that it looked at. Rows of programmes,
// activities or items that have come to their end wait for nobody.
func (l *taskList) take(ctx context.Context, rows []*workflow.Instance) (last string, full bool, err error) {
	if err := l.places.learn(ctx, rows); err != nil {
		return "", false, err
	}
	for _, i := range rows {
		if len(l.out) == l.limit {
			return last, true, nil
		}
		last = i.ID
		t, err := l.task(ctx, i)
		if err != nil {
			return "", false, err
		}
		if t != nil {
			l.out = append(l.out, *t)
		}
	}
	return last, false, nil
}

// task shows what waits; nil if it is not the caller's turn.
func (l *taskList) task(ctx context.Context, i *workflow.Instance) (*Task, error) {
	role := l.turn(i)
	if role == "" {
		return nil, nil //nolint:nilnil // it is somebody else's turn
	}
	b, err := l.places.bundle(ctx, i.Root)
	if err != nil {
		return nil, err
	}
	def := b.Definition(i.Workflow)
	if def == nil || def.State(i.State) == nil || def.State(i.State).WaitsFor != role || role == roleSelf && !concerns(i, def, l.caller.person) {
		return nil, nil //nolint:nilnil // another bundle's state of this name waits for somebody else
	}
	above, over := l.places.above(i, b)
	if over {
		return nil, nil //nolint:nilnil // it is closed with what it is part of
	}
	st := def.State(i.State)
	t := &Task{
		Instance: i.ID, Workflow: i.Workflow, WorkflowTitle: def.Title, Title: plainTitle(i, def), State: i.State, StateTitle: &st.Title, WaitsFor: role,
		Version: i.Version, Options: instanceURL(i) + "/options",
	}
	if !i.Body.Entered.IsZero() {
		t.Since = &i.Body.Entered
	}
	for _, a := range above {
		switch {
		case a.Slot != "":
			t.Activity, t.ActivityTitle = a.ID, plainTitle(a, b.Definition(a.Workflow))
		case a.ID == a.Root && a.ID != a.Community:
			t.Programme, t.ProgrammeCode, t.ProgrammeTitle = a.ID, a.Key, plainTitle(a, b.Definition(a.Workflow))
		}
	}
	return t, nil
}
