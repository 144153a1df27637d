package api

import (
	"context"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linli/linli/internal/report"
)

// ProgrammePath names a programme in a path.
type ProgrammePath struct {
	Community string `path:"community" maxLength:"200" doc:"Id of the community."`
	Programme string `path:"programme" maxLength:"200" doc:"Id or code of the programme."`
}

type reportInput struct {
	ProgrammePath
	Format string `query:"format" enum:"json,markdown" default:"json"`
	Lang   string `query:"lang" enum:"zh,en" doc:"Of the text; that of Accept-Language, if left out."`
}

// document is an answer in a form of its own.
type document struct {
	Type string `header:"Content-Type"`
	Body []byte
}

// auditAnswer is what an audit found.
type auditAnswer struct {
	Body struct {
		OK       bool     `json:"ok" doc:"Nothing was found."`
		Entries  int64    `json:"entries" doc:"Entries of the history that were re-computed."`
		Rows     int64    `json:"rows" doc:"Rows that were compared with the history."`
		Findings []string `json:"findings" doc:"What is not as the history says, in the language asked for."`
	}
}

// reportResponses are the forms of a report in the OpenAPI document.
func reportResponses() map[string]*huma.Response {
	return map[string]*huma.Response{"200": {
		Description: "The report.",
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}},
			"text/markdown":    {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
}

// maxReports bounds how many built reports are remembered.
const maxReports = 64

// reportCache remembers reports for as long as neither their programme nor the registry has moved. It is safe for concurrent use.
type reportCache struct {
	mu    sync.Mutex
	built map[rootPlace]builtReport
}

type builtReport struct {
	seq, registry int64
	report        *report.Report
}

func newReportCache() *reportCache { return &reportCache{built: map[rootPlace]builtReport{}} }

// build returns the report of a programme as it is now. Callers must not change it.
func (c *reportCache) build(ctx context.Context, src Store, community, root string) (*report.Report, error) {
	heads, err := src.Heads(ctx, community, []string{root, community}) // before the rows: a later change is noticed next time
	if err != nil {
		return nil, err
	}
	at, seq, registry := rootPlace{community, root}, heads[root].Seq, heads[community].Seq
	c.mu.Lock()
	b, ok := c.built[at]
	c.mu.Unlock()
	if ok && b.seq == seq && b.registry == registry {
		return b.report, nil
	}
	r, err := report.Build(ctx, src, community, root)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.built) >= maxReports {
		clear(c.built)
	}
	c.built[at] = builtReport{seq, registry, r}
	return r, nil
}

// reportRoutes are the closing report and the check of the history.
func (s *server) reportRoutes() {
	register(s, operation{
		id: "report", method: http.MethodGet, path: "/communities/{community}/programmes/{programme}/report", tag: tagReports,
		summary: "The report of a programme, from its own rows", responses: reportResponses(),
		about: "Every figure is counted from rows or is a claim that is said to be one. It holds no personal value.",
	}, func(ctx context.Context, in *reportInput) (*document, error) {
		root, err := s.programme(ctx, in.Community, in.Programme)
		if err != nil {
			return nil, err
		}
		if err := needStaff(ctx, root); err != nil {
			return nil, err
		}
		return s.report(ctx, in, root)
	})
	register(s, operation{
		id: "audit", method: http.MethodPost, path: "/communities/{community}/programmes/{programme}/audit", tag: tagReports,
		summary: "Check that nobody has changed a programme's history or rows",
		about:   "Re-computes the chain of the history, folds its changes and compares every row and figure. For lead, approver, auditor and administrator.",
	}, func(ctx context.Context, in *ProgrammePath) (*auditAnswer, error) {
		root, err := s.programme(ctx, in.Community, in.Programme)
		if err != nil {
			return nil, err
		}
		if err := needRoles(ctx, root, "lead", "approver", "auditor", "admin"); err != nil {
			return nil, err
		}
		found, err := s.Auditor.Audit(ctx, in.Community, root)
		if err != nil {
			return nil, err
		}
		out := &auditAnswer{}
		out.Body.OK, out.Body.Entries, out.Body.Rows, out.Body.Findings = len(found.Findings) == 0, found.Entries, found.Rows, []string{}
		for _, f := range found.Findings {
			out.Body.Findings = append(out.Body.Findings, f.In(lang(ctx)))
		}
		return out, nil
	})
}

// report builds a programme's report in the form asked for.
func (s *server) report(ctx context.Context, in *reportInput, root string) (*document, error) {
	r, err := s.reports.build(ctx, s.Store, in.Community, root)
	if err != nil {
		return nil, err
	}
	if in.Format == "markdown" {
		l := in.Lang
		if l == "" {
			l = lang(ctx)
		}
		return &document{Type: "text/markdown; charset=utf-8", Body: []byte(report.Markdown(r, l))}, nil
	}
	b, err := report.JSON(r)
	if err != nil {
		return nil, err
	}
	return &document{Type: "application/json", Body: b}, nil
}
