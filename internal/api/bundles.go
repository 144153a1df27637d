package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// maxListedPinned bounds how many programmes are asked which bundle they run on.
const maxListedPinned = 1000

// BundleInfo is a set of definitions that were checked together.
type BundleInfo struct {
	Hash        string   `json:"hash" doc:"Names the content."`
	Current     bool     `json:"current" doc:"New programmes of the community start on it."`
	Programmes  []string `json:"programmes,omitempty" doc:"Codes of the programmes that run on it."`
	Language    int      `json:"language" doc:"Version of the definition language."`
	Definitions []string `json:"definitions" doc:"Names of its workflows."`
}

// DefinitionMistake is one mistake in a definition file.
type DefinitionMistake struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Code   string `json:"code" doc:"A stable name for programs."`
	Text   string `json:"text" doc:"What is wrong and what to do, in the language asked for."`
}

type definitionFiles struct {
	Base  string            `json:"base,omitempty" maxLength:"64" doc:"Hash of the bundle that the files are laid over; the community's current one, if left out. none: over nothing." example:"none"`
	Files map[string]string `json:"files" maxProperties:"200" doc:"NAME/NAME.yaml and its content. Files of the same name replace those of the base."`
}

type checkInput struct {
	CommunityPath
	Body definitionFiles
}

type checkAnswer struct {
	Body struct {
		OK       bool                `json:"ok"`
		Hash     string              `json:"hash,omitempty" doc:"Of the bundle that the files make."`
		Mistakes []DefinitionMistake `json:"mistakes" doc:"All of them, in reading order."`
	}
}

type bundleAnswer struct{ Body BundleInfo }

// BundlePath names a bundle in a path.
type BundlePath struct {
	CommunityPath
	Hash string `path:"hash" maxLength:"64" doc:"Hash of the bundle, or current."`
}

type definitionPath struct {
	BundlePath
	Name string `path:"name" maxLength:"100" doc:"Name of the workflow."`
}

type definitionAnswer struct {
	Body struct {
		Name    string        `json:"name"`
		Title   workflow.Text `json:"title"`
		Level   string        `json:"level" doc:"community, programme, activity or item."`
		YAML    string        `json:"yaml" doc:"The definition as it was written."`
		Diagram string        `json:"diagram" doc:"Its states and transitions in Mermaid."`
	}
}

type currentInput struct {
	CommunityPath
	Preconditions
	Body struct {
		Hash   string `json:"hash" minLength:"64" maxLength:"64" doc:"Hash of a loaded bundle."`
		Reason string `json:"reason,omitempty" maxLength:"10000"`
	}
}

// bundleRoutes are about definitions. They live under a community, whose people read and change them.
func (s *server) bundleRoutes() {
	const base = "/communities/{community}/bundles"
	register(s, operation{
		id: "list-bundles", method: http.MethodGet, path: base, tag: tagBundles, summary: "List the bundles that the community uses",
	}, s.listBundles)
	register(s, operation{
		id: "check-bundle", method: http.MethodPost, path: base + "/check", tag: tagBundles, maxBody: s.Limits.File,
		summary: "Check definitions", about: "Lists every mistake with file, line and column. Nothing is written. For lead, worker and administrator.",
	}, s.checkBundle)
	register(s, operation{
		id: "load-bundle", method: http.MethodPost, path: base, tag: tagBundles, status: http.StatusCreated, maxBody: s.Limits.File,
		summary: "Load definitions", about: "Stores them if they have no mistake. Nothing that runs moves: PUT …/bundle makes them current. For administrators.",
	}, s.loadBundle)
	register(s, operation{
		id: "get-bundle", method: http.MethodGet, path: base + "/{hash}", tag: tagBundles, summary: "Read a bundle",
	}, func(ctx context.Context, in *BundlePath) (*bundleAnswer, error) {
		b, err := s.bundle(ctx, in)
		if err != nil {
			return nil, err
		}
		current, err := s.bundleOf(ctx, in.Community, in.Community)
		if err != nil {
			return nil, err
		}
		return &bundleAnswer{bundleInfo(b, current.Hash)}, nil
	})
	register(s, operation{
		id: "get-definition", method: http.MethodGet, path: base + "/{hash}/definitions/{name}", tag: tagBundles,
		summary: "Read a definition", about: "Its YAML and its diagram.",
	}, s.definition)
	register(s, operation{
		id: "set-bundle", method: http.MethodPut, path: "/communities/{community}/bundle", tag: tagBundles,
		summary: "Make a bundle current", about: "New programmes start on it, and the registry runs on it from now on. Running programmes keep theirs. For administrators.",
	}, s.setBundle)
}

func bundleInfo(b *workflow.Bundle, current string) BundleInfo {
	info := BundleInfo{Hash: b.Hash, Current: b.Hash == current, Language: b.Language}
	for _, d := range b.Definitions() {
		info.Definitions = append(info.Definitions, d.Name)
	}
	return info
}

func (s *server) listBundles(ctx context.Context, in *CommunityPath) (*listed[BundleInfo], error) {
	if err := s.definers(ctx, in.Community); err != nil {
		return nil, err
	}
	current, err := s.bundleOf(ctx, in.Community, in.Community)
	if err != nil {
		return nil, err
	}
	pinned := map[string][]string{current.Hash: nil}
	heads, err := s.Store.Programmes(ctx, in.Community, "", maxListedPinned)
	if err != nil {
		return nil, err
	}
	for _, h := range heads {
		if from(ctx).within(h.Root) {
			pinned[h.Bundle] = append(pinned[h.Bundle], h.Code)
		}
	}
	var out []BundleInfo
	for _, hash := range slices.Sorted(maps.Keys(pinned)) {
		b, err := s.Engine.Bundle(ctx, hash)
		if err != nil {
			return nil, err
		}
		info := bundleInfo(b, current.Hash)
		info.Programmes = pinned[hash]
		out = append(out, info)
	}
	return newPage(out, false, nil), nil
}

// definers refuses whoever does not work in the community.
func (s *server) definers(ctx context.Context, community string) error {
	if err := inCommunity(ctx, community); err != nil {
		return err
	}
	return needStaff(ctx, community)
}

// bundle finds a bundle by its hash: one that the community works on, and for an administrator also one that she has loaded and not made
// current yet. Who has loaded what is not written down, so that she could read another community's if she knew its hash, which
// nobody can guess.
func (s *server) bundle(ctx context.Context, in *BundlePath) (*workflow.Bundle, error) {
	if err := s.definers(ctx, in.Community); err != nil {
		return nil, err
	}
	if in.Hash == "current" {
		return s.bundleOf(ctx, in.Community, in.Community)
	}
	used, err := s.bundlesFor(ctx, in.Community, "")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(used, in.Hash) && !from(ctx).holds(in.Community, "admin") {
		return nil, unknownBundle()
	}
	b, err := s.Engine.Bundle(ctx, in.Hash)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return nil, unknownBundle()
	}
	return b, err
}

func unknownBundle() error {
	return fault.New(fault.NotFound, "unknown_bundle", "没有这个定义集；请核对 hash，或用 current", "there is no such bundle; check its hash, or say current")
}

func (s *server) definition(ctx context.Context, in *definitionPath) (*definitionAnswer, error) {
	b, err := s.bundle(ctx, &in.BundlePath)
	if err != nil {
		return nil, err
	}
	d := b.Definition(in.Name)
	if d == nil {
		return nil, fault.New(fault.NotFound, "unknown_definition", "这个定义集里没有这个流程；请看 definitions", "the bundle has no such workflow; see its definitions")
	}
	out := &definitionAnswer{}
	out.Body.Name, out.Body.Title, out.Body.Level = d.Name, d.Title, string(d.Level)
	out.Body.YAML, out.Body.Diagram = string(b.Files[d.Name+"/"+d.Name+".yaml"]), workflow.Mermaid(d)
	return out, nil
}

// compiled lays files over their base and checks the whole.
func (s *server) compiled(ctx context.Context, community string, d definitionFiles) (*workflow.Bundle, workflow.Problems, error) {
	files := map[string][]byte{}
	if d.Base != "none" {
		hash := d.Base
		if hash == "" {
			hash = "current"
		}
		b, err := s.bundle(ctx, &BundlePath{CommunityPath{community}, hash})
		if err != nil && fault.KindOf(err) == fault.NotFound {
			return nil, nil, fault.NewInvalid("body.base", "unknown_bundle", "没有这个定义集；请核对 hash，或不填 base", "there is no such bundle; check its hash, or leave base out")
		}
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(files, b.Files)
	}
	for name, content := range d.Files {
		if strings.Count(name, "/") != 1 || !strings.HasSuffix(name, ".yaml") || len(name) > 200 {
			return nil, nil, fault.NewInvalid("body.files", "definition_name", "文件名应为 NAME/NAME.yaml", "a file is named NAME/NAME.yaml")
		}
		files[name] = []byte(content)
	}
	release, err := s.compile.take(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	b, problems := workflow.Load(files)
	return b, problems, nil
}

// checkers are the roles that may have definitions checked, which takes the server longer than anything else.
func checkers() []string { return []string{"lead", "worker", "admin"} }

func (s *server) checkBundle(ctx context.Context, in *checkInput) (*checkAnswer, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	if roles := checkers(); !from(ctx).anywhere(roles...) {
		return nil, needRoles(ctx, in.Community, roles...)
	}
	b, problems, err := s.compiled(ctx, in.Community, in.Body)
	if err != nil {
		return nil, err
	}
	out := &checkAnswer{}
	out.Body.OK, out.Body.Mistakes = len(problems) == 0, mistakesIn(lang(ctx), problems)
	if out.Body.OK {
		out.Body.Hash = b.Hash
	}
	return out, nil
}

func (s *server) loadBundle(ctx context.Context, in *checkInput) (*bundleAnswer, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	if err := needRoles(ctx, in.Community, "admin"); err != nil {
		return nil, err
	}
	b, problems, err := s.compiled(ctx, in.Community, in.Body)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		p := newProblem(lang(ctx), http.StatusUnprocessableEntity, "broken_definitions", fault.Text{
			ZH: "流程定义有误，什么都没有写入；逐项列在 errors 里", EN: "the definitions have mistakes and nothing was written; errors lists them",
		})
		for _, m := range mistakesIn(lang(ctx), problems) {
			p.Errors = append(p.Errors, FieldError{Field: "body.files." + m.File, Text: fmt.Sprintf("%d:%d: %s", m.Line, m.Column, m.Text)})
		}
		return nil, p
	}
	if err := s.fresh(ctx); err != nil { // it is no command: nothing else checks the token again
		return nil, err
	}
	if err := s.Engine.AddBundle(ctx, b); err != nil {
		return nil, err
	}
	current, err := s.bundleOf(ctx, in.Community, in.Community)
	if err != nil {
		return nil, err
	}
	return &bundleAnswer{bundleInfo(b, current.Hash)}, nil
}

func (s *server) setBundle(ctx context.Context, in *currentInput) (*answered, error) {
	if err := inCommunity(ctx, in.Community); err != nil {
		return nil, err
	}
	req := engine.Request{Command: workflow.Command{Kind: workflow.KindEdit, Root: in.Community, Target: in.Community}}
	if err := s.fill(ctx, &req, in.Preconditions, &CommandBody{Input: fields{"bundle": in.Body.Hash}, Reason: in.Body.Reason}); err != nil {
		return nil, err
	}
	return s.do(ctx, req)
}

func mistakesIn(lang string, problems workflow.Problems) []DefinitionMistake {
	out := make([]DefinitionMistake, 0, len(problems))
	for _, p := range problems {
		out = append(out, DefinitionMistake{
			File: p.Pos.File, Line: p.Pos.Line, Column: p.Pos.Column, Code: p.Code, Text: p.What.In(lang) + sep(lang) + p.Do.In(lang),
		})
	}
	return out
}

// sep stands between what is wrong and what to do.
func sep(lang string) string {
	if lang == langZH {
		return "；"
	}
	return "; "
}
