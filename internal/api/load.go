package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linli/linli/internal/fault"
)

type loadInput struct {
	CommunityPath
	DryRun      bool   `query:"dry_run" doc:"Only list, by line, everything that would be refused; write nothing."`
	ContentType string `header:"Content-Type" hidden:"true"`
	RawBody     []byte `contentType:"application/yaml" doc:"A data file, as docs/data-file.md describes it."`
}

type loadOutput struct {
	Body struct {
		Programme string `json:"programme,omitempty" doc:"Id of the programme; absent after a dry run."`
		Code      string `json:"code"`
		DryRun    bool   `json:"dry_run" doc:"Nothing was written."`
		Done      int    `json:"done" doc:"Steps that were carried out now, or that would be."`
		Earlier   int    `json:"earlier" doc:"Steps that an earlier request with the same file had carried out."`
		Refused   int    `json:"refused" doc:"Attempts that were refused as the file expects."`
	}
}

// loadRoutes plays data files.
func (s *server) loadRoutes() {
	const path = "/communities/{community}/programmes"
	register(s, operation{
		id: "load-programme", method: http.MethodPost, path: path + "/load", tag: tagProgrammes, maxBody: s.Limits.File,
		errors:  []int{http.StatusUnsupportedMediaType},
		summary: "Load a data file",
		about: "For administrators of the whole community: plays a programme that was kept in a file, step by step. What an earlier request with the same file " +
			"did is not done again. Every mistake is listed by line; with dry_run nothing is written.",
	}, s.loadProgramme)
	if p := s.api.OpenAPI().Paths[Prefix+path+"/load"]; p != nil && p.Post != nil {
		p.Post.RequestBody.Content["text/yaml"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		p.Post.RequestBody.Content["application/yaml"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
}

func (s *server) loadProgramme(ctx context.Context, in *loadInput) (*loadOutput, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	if err := needRoles(ctx, in.Community, "admin"); err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(in.ContentType, ";")
	if !slices.Contains([]string{"application/yaml", "text/yaml", "application/x-yaml"}, strings.ToLower(strings.TrimSpace(kind))) {
		return nil, newProblem(lang(ctx), http.StatusUnsupportedMediaType, "unsupported_media_type", fault.Text{
			ZH: "请以 Content-Type: application/yaml 提交数据文件", EN: "send the data file with Content-Type: application/yaml",
		})
	}
	if err := s.fresh(ctx); err != nil { // its steps are the file's people's, not the caller's: no commit checks her token
		return nil, err
	}
	defer s.auth.forget() // it may have granted roles, even if a later step failed
	got, err := s.Loader.Load(ctx, in.Community, "file", strings.NewReader(string(in.RawBody)), in.DryRun)
	if err != nil {
		return nil, err
	}
	if len(got.Mistakes) > 0 {
		return nil, fileProblem(lang(ctx), got)
	}
	out := &loadOutput{}
	out.Body.Programme, out.Body.Code, out.Body.DryRun = got.Programme, got.Code, in.DryRun
	out.Body.Done, out.Body.Earlier, out.Body.Refused = got.Done, got.Earlier, got.Refused
	return out, nil
}

// shownMistakes is how many mistakes of a file are listed.
const shownMistakes = 500

// fileProblem lists the mistakes of a data file.
func fileProblem(lang string, got Loaded) *Problem {
	detail := fault.Text{
		ZH: "数据文件有误，逐行列在 errors 里；什么都没有写入", EN: "the data file has mistakes; errors lists them by line. Nothing was written",
	}
	if got.Done > 0 {
		detail = fault.Text{
			ZH: "有一步不能按文件进行，见 errors；它前面的步骤已经完成。改正后重新提交同一文件，会从那里接着做",
			EN: "a step did not go as the file says, see errors; the steps before it were carried out. Correct it and send the file again: it goes on from there",
		}
	}
	p := newProblem(lang, http.StatusUnprocessableEntity, "file_mistakes", detail)
	for n, m := range got.Mistakes {
		if n == shownMistakes {
			break
		}
		p.Errors = append(p.Errors, FieldError{Field: "body", Text: m.In(lang)})
	}
	return p
}
