package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/report"
	"github.com/linli/linli/internal/store"
)

// milestoneAccepted is what makes a programme's report public: the office that ordered it has accepted it (验收).
const milestoneAccepted = "accepted"

// disclosure is what a programme's published funds took in and spent (慈善法 §73: income and use are made public).
type disclosure struct {
	Body struct {
		Programme string         `json:"programme"`
		Code      string         `json:"code"`
		Funds     []*report.Fund `json:"funds" doc:"Those whose statement is published; amounts in fen."`
	}
}

// publicRoutes need no token. They show what was published and nothing else.
func (s *server) publicRoutes() {
	register(s, operation{
		id: "public-report", method: http.MethodGet, path: "/public/communities/{community}/programmes/{programme}/report", tag: tagPublic, public: true,
		summary: "The report of a programme that was accepted", responses: reportResponses(),
	}, func(ctx context.Context, in *reportInput) (*document, error) {
		root, err := s.published(ctx, in.Community, in.Programme, true)
		if err != nil {
			return nil, err
		}
		return s.report(ctx, in, root, agePublic)
	})
	register(s, operation{
		id: "public-disclosure", method: http.MethodGet, path: "/public/communities/{community}/programmes/{programme}/disclosure", tag: tagPublic, public: true,
		summary: "Income and use of the funds whose statement was published",
	}, func(ctx context.Context, in *ProgrammePath) (*disclosure, error) {
		root, err := s.published(ctx, in.Community, in.Programme, false)
		if err != nil {
			return nil, err
		}
		funds, err := s.publishedFunds(ctx, in.Community, root)
		if err != nil {
			return nil, err
		}
		if len(funds) == 0 { // before anything is built: anybody can ask, about any programme
			return nil, notPublished()
		}
		r, err := s.built(ctx, in.Community, root, agePublic)
		if err != nil {
			return nil, err
		}
		out := &disclosure{}
		out.Body.Programme, out.Body.Code, out.Body.Funds = r.Programme.Title, r.Programme.Code, []*report.Fund{}
		for _, f := range r.Funds {
			if funds[f.ID] && slices.Contains(disclosed(), f.State) {
				out.Body.Funds = append(out.Body.Funds, f)
			}
		}
		if len(out.Body.Funds) == 0 {
			return nil, notPublished()
		}
		return out, nil
	})
}

// workflowFundraise is the workflow of funds.
const workflowFundraise = "fundraise"

// disclosed are the states of a fund whose statement is public.
func disclosed() []string { return []string{"published", "archived"} }

// publishedFunds are the ids of a programme's funds whose statement is public now.
func (s *server) publishedFunds(ctx context.Context, community, root string) (map[string]bool, error) {
	out := map[string]bool{}
	q := store.ListQuery{Root: root, Workflow: workflowFundraise, States: disclosed(), Limit: 200}
	for {
		rows, err := s.Store.List(ctx, community, q)
		if err != nil {
			return nil, err
		}
		for _, i := range rows {
			out[i.ID] = true
		}
		if len(rows) < q.Limit {
			return out, nil
		}
		q.After = store.CursorOf(rows[len(rows)-1])
	}
}

// published finds a programme for somebody without a token. With accepted it must have been accepted.
func (s *server) published(ctx context.Context, community, named string, accepted bool) (string, error) {
	ctx = context.WithValue(ctx, callerKey{}, &caller{community: community, scope: community})
	root, err := s.programme(ctx, community, named)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return "", notPublished()
	}
	if err != nil {
		return "", err
	}
	row, err := s.Store.Instance(ctx, community, root)
	if err != nil {
		return "", err
	}
	if row == nil {
		return "", notPublished()
	}
	if _, latched := row.Body.Milestones[milestoneAccepted]; accepted && !latched {
		return "", notPublished()
	}
	return root, nil
}

// notPublished does not say whether there is such a programme.
func notPublished() error {
	return fault.New(fault.NotFound, "not_published", "没有公开的内容；项目验收、善款公示之后才会公开", "nothing is published here; it will be once the programme is accepted or the fund's statement is published")
}
