package api

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// Instance is one programme, activity, item or registry entry.
type Instance struct {
	ID         string               `json:"id" doc:"Unique in the community."`
	Community  string               `json:"community"`
	Root       string               `json:"root" doc:"Id of the programme, or of the community for entries of the registry."`
	Parent     string               `json:"parent,omitempty" doc:"Id of the instance it stands under."`
	Workflow   string               `json:"workflow" doc:"Name of its definition."`
	Slot       string               `json:"slot,omitempty" doc:"The place in the programme, for activities."`
	Key        string               `json:"key,omitempty" doc:"A name that is unique among its siblings."`
	Title      *workflow.Text       `json:"title,omitempty" doc:"What the workflow is called."`
	State      string               `json:"state"`
	StateTitle *workflow.Text       `json:"state_title,omitempty" doc:"What the state is called."`
	WaitsFor   string               `json:"waits_for,omitempty" doc:"The role that acts next."`
	Final      bool                 `json:"final,omitempty" doc:"Nothing can be done here any more."`
	Version    int64                `json:"version" doc:"Rises with every change; also the ETag."`
	Fields     map[string]any       `json:"fields,omitempty" doc:"The values that are known and that the caller may read."`
	Sealed     []string             `json:"sealed,omitempty" doc:"Fields with personal or sensitive values: POST …/reveal shows them."`
	Aggregates map[string]int64     `json:"aggregates,omitempty" doc:"Figures over the items below."`
	Milestones map[string]milestone `json:"milestones,omitempty" doc:"What was reached, and when as far as is known."`
	Waived     map[string]waived    `json:"waived,omitempty" doc:"Needs that were waived."`
	Flags      []string             `json:"flags,omitempty" doc:"backfilled, basis_changed."`
	Entered    *time.Time           `json:"entered,omitempty" doc:"When the present state was entered."`
}

type milestone struct {
	Occurred string `json:"occurred,omitempty" doc:"A time, a day, a part of a day; absent if unknown."`
}

type waived struct {
	By     string `json:"by" doc:"Id of the person."`
	Reason string `json:"reason,omitempty"`
	Note   string `json:"note,omitempty" doc:"What is said in public."`
}

// hiddenFields are never shown, by workflow.
func hiddenFields(of string) []string {
	if of == "token" {
		return []string{"hash"}
	}
	return nil
}

// view shows an instance to a caller: everything that is not sealed to whoever works for its root, and otherwise what is public.
// want limits the fields shown; nil means all.
func (s *server) view(ctx context.Context, i *workflow.Instance, want []string) (*Instance, error) {
	def, err := s.definitionOf(ctx, i)
	if err != nil {
		return nil, err
	}
	return show(i, def, s.sees(ctx, i, def), want), nil
}

// sight is how much of an instance somebody may read.
type sight int

const (
	sightNone   sight = iota
	sightPublic       // fields that are public
	sightAll          // everything but what is sealed
)

// sees says how much of an instance the caller may read (DOMAIN.md, roles): staff everything; others what is about themselves; of
// programmes, activities, blocks and organisations everybody in the community what is public.
func (s *server) sees(ctx context.Context, i *workflow.Instance, def *workflow.Definition) sight {
	c := from(ctx)
	switch {
	case c.community != i.Community || !c.within(i.Root) && i.Root != i.Community:
		return sightNone
	case i.Workflow == workflowToken, i.Workflow == workflowReveal:
		if c.holds(i.Community, mayOversee(i.Workflow)...) || text(i, "person") == c.person {
			return sightAll
		}
		return sightNone
	case c.staff(i.Root), c.person != "" && concerns(i, def, c.person):
		return sightAll
	case def == nil:
		return sightNone
	case def.Level == workflow.LevelProgramme, def.Level == workflow.LevelActivity, def.Level == workflow.LevelCommunity,
		i.Workflow == "block", i.Workflow == "organisation":
		return sightPublic
	default:
		return sightNone
	}
}

// mayOversee are the roles that see other people's tokens, or who looked at sealed values.
func mayOversee(of string) []string {
	if of == workflowToken {
		return []string{"admin"}
	}
	return []string{"lead", "admin", "auditor"}
}

// concerns reports whether an instance is about a person: her own registry entry, or one whose subject she is.
func concerns(i *workflow.Instance, def *workflow.Definition, person string) bool {
	if i.ID == person || i.Parent == person {
		return true
	}
	if def == nil || def.Subject == "" {
		return false
	}
	subject, _ := i.Body.Data[def.Subject].(string)
	return subject == person
}

func show(i *workflow.Instance, def *workflow.Definition, see sight, want []string) *Instance {
	v := &Instance{
		ID: i.ID, Community: i.Community, Root: i.Root, Parent: i.Parent, Workflow: i.Workflow, Slot: i.Slot, Key: i.Key,
		State: i.State, Version: i.Version,
	}
	if def != nil {
		v.Title = &def.Title
		if st := def.State(i.State); st != nil {
			v.StateTitle, v.WaitsFor, v.Final = &st.Title, st.WaitsFor, st.Final
		}
	}
	v.Fields, v.Sealed = readable(i, def, see, want)
	if see != sightAll {
		return v
	}
	v.Aggregates, v.Flags = i.Body.Aggregates, i.Body.Flags
	if !i.Body.Entered.IsZero() {
		v.Entered = &i.Body.Entered
	}
	for name, m := range i.Body.Milestones {
		if v.Milestones == nil {
			v.Milestones = map[string]milestone{}
		}
		v.Milestones[name] = milestone{Occurred: m.Occurred.String()}
	}
	for name, w := range i.Body.Waived {
		if v.Waived == nil {
			v.Waived = map[string]waived{}
		}
		v.Waived[name] = waived(w)
	}
	return v
}

// readable are the values that may be seen, and the names of those that are sealed.
func readable(i *workflow.Instance, def *workflow.Definition, see sight, want []string) (map[string]any, []string) {
	out := map[string]any{}
	var sealed []string
	hidden := hiddenFields(i.Workflow)
	for _, name := range slices.Sorted(maps.Keys(i.Body.Data)) {
		v := i.Body.Data[name]
		if v == nil || slices.Contains(hidden, name) || want != nil && !slices.Contains(want, name) {
			continue
		}
		var f *workflow.Field
		if def != nil {
			f = def.Field(name)
		}
		public := f != nil && f.Privacy == workflow.Public
		_, box := v.(workflow.Sealed)
		switch {
		case box && see == sightAll:
			sealed = append(sealed, name)
		case box || f != nil && f.Privacy.Sealed():
		case see == sightAll || see == sightPublic && public:
			out[name] = v
		}
	}
	return out, sealed
}

// etag is the entity tag of a version.
func etag(version int64) string {
	if version == 0 {
		return ""
	}
	return `"` + strconv.FormatInt(version, 10) + `"`
}

// definitionOf is the definition that an instance runs on; nil if its bundle does not know it any more.
func (s *server) definitionOf(ctx context.Context, i *workflow.Instance) (*workflow.Definition, error) {
	b, err := s.bundleOf(ctx, i.Community, i.Root)
	if err != nil {
		return nil, err
	}
	return b.Definition(i.Workflow), nil
}
