package api

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/sync/singleflight"

	"github.com/linli/linli/internal/report"
)

// ProgrammePath names a programme in a path.
type ProgrammePath struct {
	Community string `path:"community" maxLength:"200" doc:"Id of the community."`
	Programme string `path:"programme" maxLength:"200" doc:"Id or code of the programme."`
}

type reportInput struct {
	ProgrammePath
	Format string `query:"format" enum:"json,markdown,md" default:"json"`
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

// The ages that a report may have: whoever works on a programme sees what she has just done; the public does not, and cannot make a
// busy programme's report be built again with every change of it or of the registry.
const (
	ageNow    time.Duration = 0
	agePublic               = 5 * time.Second
)

// reportCache remembers reports for as long as neither their programme nor the registry has moved, and builds one report of a
// programme at a time. It is safe for concurrent use.
type reportCache struct {
	flights singleflight.Group // by programme

	mu    sync.Mutex
	built map[rootPlace]builtReport
}

// builtReport is a report with the heads that were read before its rows: it says at least what had happened until then.
type builtReport struct {
	seq, registry int64
	at            time.Time // when the heads were last found to be these, or were read
	report        *report.Report
}

func newReportCache() *reportCache { return &reportCache{built: map[rootPlace]builtReport{}} }

func (c *reportCache) get(at rootPlace) (builtReport, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.built[at]
	return b, ok
}

func (c *reportCache) put(at rootPlace, b builtReport) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.built[at]; !known && len(c.built) >= maxReports {
		oldest := at
		for p, o := range c.built {
			if oldest == at || o.at.Before(c.built[oldest].at) {
				oldest = p
			}
		}
		delete(c.built, oldest)
	}
	c.built[at] = b
}

// built returns the report of a programme as it is now, or was no longer ago than age. Callers must not change it.
func (s *server) built(ctx context.Context, community, root string, age time.Duration) (*report.Report, error) {
	at := rootPlace{community, root}
	for {
		now := s.Now()
		b, ok := s.reports.get(at)
		if ok && age > 0 && now.Sub(b.at) < age {
			return b.report, nil
		}
		seq, registry, err := s.headsOf(ctx, at)
		if err != nil {
			return nil, err
		}
		if ok && b.seq >= seq && b.registry >= registry {
			if age > 0 {
				b.at = now
				s.reports.put(at, b)
			}
			return b.report, nil
		}
		b, err = s.flight(ctx, at)
		if err != nil {
			return nil, err
		}
		// A flight that was under way may have read its rows before what this caller has seen done.
		if age > 0 || b.seq >= seq && b.registry >= registry {
			return b.report, nil
		}
	}
}

func (s *server) headsOf(ctx context.Context, at rootPlace) (seq, registry int64, err error) {
	heads, err := s.Store.Heads(ctx, at.community, []string{at.root, at.community})
	return heads[at.root].Seq, heads[at.community].Seq, err
}

// flight builds a report, or waits for the one that is being built. Whoever began it may leave: the others wait on.
func (s *server) flight(ctx context.Context, at rootPlace) (builtReport, error) {
	done := s.reports.flights.DoChan(at.community+"\x00"+at.root, func() (built any, err error) {
		defer func() {
			if broken := recover(); broken != nil { // else it ends the process: no request's own guard is around this goroutine
				err = fmt.Errorf("building the report of programme %s broke: %T\n%s", at.root, broken, debug.Stack())
			}
		}()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Limits.Time)
		defer cancel()
		b := builtReport{at: s.Now()}
		if b.seq, b.registry, err = s.headsOf(ctx, at); err != nil { // before the rows: a later change is noticed next time
			return nil, err
		}
		if b.report, err = report.Build(ctx, s.Store, at.community, at.root); err != nil {
			return nil, err
		}
		s.reports.put(at, b)
		return b, nil
	})
	select {
	case <-ctx.Done():
		return builtReport{}, ctx.Err()
	case r := <-done:
		b, _ := r.Val.(builtReport)
		return b, r.Err
	}
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
		return s.report(ctx, in, root, ageNow)
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

// report builds a programme's report, no older than age, in the form asked for.
func (s *server) report(ctx context.Context, in *reportInput, root string, age time.Duration) (*document, error) {
	r, err := s.built(ctx, in.Community, root, age)
	if err != nil {
		return nil, err
	}
	if in.Format != "json" {
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
