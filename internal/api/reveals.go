package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// workflowReveal is the definition of the records of who looked at what.
const workflowReveal = "reveal"

// revealRoles may look at sealed values, each time on record: personal ones whoever works with the people or receives their money,
// sensitive ones only those who visit (PIPL 28: a specific purpose and sufficient necessity).
func revealRoles(p workflow.Privacy) []string {
	if p == workflow.Sensitive {
		return []string{"lead", "worker"}
	}
	return []string{"lead", "worker", "block", "finance"}
}

type revealInput struct {
	InstancePath
	Body struct {
		Fields  []string `json:"fields,omitempty" maxItems:"50" doc:"Which sealed fields; all of them that the caller may see, if left out."`
		Purpose string   `json:"purpose" minLength:"2" maxLength:"1000" doc:"What for; it is recorded with who looked, at what, and when." example:"电话确认探访时间"`
	}
}

type revealed struct {
	Body struct {
		Record string         `json:"record" doc:"Id of the record of this request."`
		Values map[string]any `json:"values" doc:"By field. What was erased stays away."`
	}
}

// Reveal is a record of somebody having looked at sealed values.
type Reveal struct {
	ID      string    `json:"id"`
	Person  string    `json:"person" doc:"Id of the person who looked."`
	Target  string    `json:"target" doc:"Id of the instance."`
	Of      string    `json:"of" doc:"Its workflow."`
	Names   []string  `json:"fields"`
	Purpose string    `json:"purpose"`
	At      time.Time `json:"at"`
}

type revealListInput struct {
	CommunityPath
	Paging
	Target string `query:"target" maxLength:"200" doc:"Only those of this instance."`
}

// revealRoutes are the only way to personal and sensitive values.
func (s *server) revealRoutes() {
	register(s, operation{
		id: "reveal", method: http.MethodPost, path: "/communities/{community}/instances/{id}/reveal", tag: tagRegistry,
		summary: "Show sealed values of an instance, on record",
		about:   "The request is recorded before anything is shown: who, what, when and what for. Everybody may see her own.",
	}, s.reveal)
	register(s, operation{
		id: "list-reveals", method: http.MethodGet, path: "/communities/{community}/reveals", tag: tagRegistry,
		summary: "List who looked at sealed values", about: "Lead, administrator and auditor see all; anybody else what she looked at herself.",
	}, s.listReveals)
}

func (s *server) reveal(ctx context.Context, in *revealInput) (*revealed, error) {
	i, def, see, err := s.instance(ctx, in.Community, in.ID)
	if err != nil {
		return nil, err
	}
	if def == nil || see != sightAll {
		return nil, unknownInstance()
	}
	c := from(ctx)
	names, err := s.revealable(c, i, def, in.Body.Fields)
	if err != nil {
		return nil, err
	}
	record, err := s.record(ctx, i, names, in.Body.Purpose)
	if err != nil {
		return nil, err
	}
	values, err := s.Engine.Reveal(ctx, i)
	if err != nil {
		return nil, err
	}
	out := &revealed{}
	out.Body.Record, out.Body.Values = record, map[string]any{}
	for _, name := range names {
		if v, ok := values[name]; ok {
			out.Body.Values[name] = v
		}
	}
	return out, nil
}

// revealable are the sealed fields of those asked for, or of all, that the caller may look at.
func (s *server) revealable(c *caller, i *workflow.Instance, def *workflow.Definition, asked []string) ([]string, error) {
	own := concerns(i, def, c.person)
	var names []string
	for _, f := range def.Fields {
		wanted := slices.Contains(asked, f.Name)
		if !f.Privacy.Sealed() || len(asked) > 0 && !wanted {
			continue
		}
		roles := revealRoles(f.Privacy)
		may := own || c.holds(i.Root, roles...) || i.Root == c.community && c.anywhere(roles...)
		if !may {
			if wanted {
				return nil, fault.New(fault.Forbidden, "not_for_you", "您的身份不能查看这一项；请找社工主任", "your role may not see this; ask the lead").
					WithField("body.fields")
			}
			continue
		}
		if _, sealed := i.Body.Data[f.Name].(workflow.Sealed); sealed || wanted {
			names = append(names, f.Name)
		}
	}
	for _, name := range asked {
		if !slices.Contains(names, name) {
			return nil, fault.NewInvalid("body.fields", "not_sealed", "其中有的不是加密字段；sealed 里列出了可查看的", "one of these is no sealed field; see the list in sealed")
		}
	}
	if len(names) == 0 {
		return nil, fault.New(fault.Forbidden, "nothing_to_show", "这里没有您可查看的加密内容", "there is nothing sealed here that you may see")
	}
	return names, nil
}

// record writes down that somebody looks. Its key keeps the list in the order of time.
func (s *server) record(ctx context.Context, i *workflow.Instance, names []string, purpose string) (string, error) {
	c := from(ctx)
	req := engine.Request{
		Command: workflow.Command{
			Kind: workflow.KindCreate, Root: i.Community, Target: i.Community, Workflow: workflowReveal,
			Key: s.Now().UTC().Format(workflow.TimeLayout) + "/" + rand.Text()[:8],
		},
		Values: map[string]any{"person": c.person, "target": i.ID, "of": i.Workflow, "names": names, "purpose": purpose},
	}
	if i.Root != i.Community {
		req.Values["programme"] = i.Root
	}
	s.sign(ctx, &req)
	req.OwnAccount = true // whoever may look may record it; what she may look at is decided above
	res, err := s.Engine.Do(ctx, req)
	return res.Instance, err
}

func (s *server) listReveals(ctx context.Context, in *revealListInput) (*listed[Reveal], error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	after, err := decodeCursor(in.Cursor, 2)
	if err != nil {
		return nil, err
	}
	c := from(ctx)
	all := c.holds(in.Community, mayOversee(workflowReveal)...)
	rows, last, more, err := s.scan(ctx, in.Community, workflowReveal, after, in.Limit, func(i *workflow.Instance) bool {
		return (all || text(i, "person") == c.person) && (in.Target == "" || text(i, "target") == in.Target)
	})
	if err != nil {
		return nil, err
	}
	out := make([]Reveal, len(rows))
	for n, i := range rows {
		out[n] = Reveal{ID: i.ID, Person: text(i, "person"), Target: text(i, "target"), Of: text(i, "of"), Purpose: text(i, "purpose"), At: i.Body.Entered}
		out[n].Names, _ = i.Body.Data["names"].([]string)
	}
	return newPage(out, more, func() string { return encodeCursor(last.Key, last.ID) }), nil
}
