package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/linli/linli/internal/fault"
)

// The page that shows the OpenAPI document in a browser is swagger-ui-dist (Apache-2.0), put here by scripts/update-assets.
//
//go:embed assets
var assets embed.FS

// Where the documents are.
const (
	docsPath     = "/api/docs"
	documentPath = Prefix + "/openapi"
	vendored     = "assets/swagger-ui"
)

// docsPolicy lets the page load what comes from this server, and nothing else. The images in the style sheet are data of its own.
const docsPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

// docs are the OpenAPI document in both forms and the page that shows it. They are made when they are first asked for.
type docs struct {
	json, yaml func() (*asset, error)
	page       func() (*template.Template, error)
	version    string // of the vendored files
}

// asset is content that does not change while the process runs, compressed beforehand.
type asset struct {
	mime   string
	tag    string // ETag
	zipped []byte
}

func newDocs(s *server) *docs {
	d := &docs{}
	d.json = sync.OnceValues(func() (*asset, error) {
		b, err := s.api.OpenAPI().MarshalJSON()
		return newAsset("application/json", b), err
	})
	d.yaml = sync.OnceValues(func() (*asset, error) {
		b, err := s.api.OpenAPI().YAML()
		return newAsset("application/yaml", b), err
	})
	d.page = sync.OnceValues(func() (*template.Template, error) { return template.ParseFS(assets, "assets/docs.html") })
	version, err := assets.ReadFile(vendored + "/VERSION")
	if err != nil {
		s.Log.Error("the page of the API is incomplete", "err", err)
	}
	d.version = strings.TrimSpace(string(version))
	return d
}

// newAsset compresses content.
func newAsset(mime string, content []byte) *asset {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(content) // a buffer takes everything
	_ = z.Close()
	return zippedAsset(mime, b.Bytes())
}

func zippedAsset(mime string, zipped []byte) *asset {
	sum := sha256.Sum256(zipped)
	return &asset{mime: mime, tag: `"` + hex.EncodeToString(sum[:12]) + `"`, zipped: zipped}
}

// plainRoutes are the routes that are not part of the OpenAPI document: health, the documents themselves, and what leads nowhere.
func (s *server) plainRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+healthPath, s.healthy)
	mux.HandleFunc("GET "+readyPath, s.ready)
	mux.HandleFunc("GET "+documentPath+".json", s.openAPI(s.docs.json))
	mux.HandleFunc("GET "+documentPath+".yaml", s.openAPI(s.docs.yaml))
	mux.HandleFunc("GET "+docsPath, s.docsPage)
	mux.HandleFunc("GET "+docsPath+"/{version}/{name}", s.docsFile)
	mux.HandleFunc(anywhere, s.nowhere(mux))
}

// openAPI serves a form of the OpenAPI document.
func (s *server) openAPI(form func() (*asset, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := form()
		if err != nil {
			answerProblem(w, r, s.problemOf(r.Context(), fmt.Errorf("write the OpenAPI document: %w", err)))
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		a.serve(w, r)
	}
}

// docsPage serves the page in the reader's language.
func (s *server) docsPage(w http.ResponseWriter, r *http.Request) {
	page, err := s.docs.page()
	if err != nil {
		answerProblem(w, r, s.problemOf(r.Context(), fmt.Errorf("read the page of the API: %w", err)))
		return
	}
	lang := pickLanguage(r.Header.Get("Accept-Language"))
	intro := fault.Text{
		ZH: "这里列出邻里的全部接口。请先点击 Authorize 填入凭证（linli_…），再展开一项，填写后点 Execute 试用；凭证由管理员发放，离开本页即失效。说明文字为英文，返回的信息是中文。",
		EN: "Every route of Linli. Press Authorize and paste a token (linli_…), open a route, fill it in and press Execute. An administrator makes tokens; this page forgets yours when you leave it.",
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Content-Security-Policy", docsPolicy)
	_ = page.Execute(w, map[string]string{ // the client is gone
		"Lang": lang, "Title": fault.Text{ZH: "邻里接口", EN: "Linli API"}.In(lang), "Intro": intro.In(lang), "Document": documentPath,
		"Assets": docsPath + "/" + s.docs.version, "Own": docsPath + "/own",
		"NoScript": fault.Text{ZH: "此页需要 JavaScript；也可直接阅读 openapi.yaml。", EN: "This page needs JavaScript; openapi.yaml can be read without."}.In(lang),
	})
}

// docsFile serves what the page loads. The path of a vendored file names its version: browsers may keep it for good.
func (s *server) docsFile(w http.ResponseWriter, r *http.Request) {
	version, name := r.PathValue("version"), r.PathValue("name")
	a := s.docs.file(version, name)
	if a == nil {
		lang := pickLanguage(r.Header.Get("Accept-Language"))
		answerProblem(w, r, newProblem(lang, http.StatusNotFound, "unknown_route", fault.Text{ZH: "没有这个文件", EN: "there is no such file"}))
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
	if version == s.docs.version {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	a.serve(w, r)
}

// file finds one of the page's files. The set is small and fixed; each is read from the program anew.
func (d *docs) file(version, name string) *asset {
	types := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".png": "image/png"}
	mime, dir := types[path.Ext(name)], ""
	switch {
	case mime == "":
		return nil
	case version == d.version:
		dir = vendored
	case version == "own":
		dir = "assets"
	default:
		return nil
	}
	if zipped, err := assets.ReadFile(dir + "/" + name + ".gz"); err == nil {
		return zippedAsset(mime, zipped)
	}
	content, err := assets.ReadFile(dir + "/" + name)
	if err != nil {
		return nil
	}
	return newAsset(mime, content)
}

// serve answers with an asset, or that the client has it already.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("ETag", a.tag)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.mime)
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		_, _ = w.Write(a.zipped) // the client is gone
		return
	}
	z, err := gzip.NewReader(bytes.NewReader(a.zipped))
	if err != nil {
		return
	}
	_, _ = io.Copy(w, z) //nolint:gosec // our own content; the client may be gone
}

// takesGzip reports whether an Accept-Encoding header names gzip without refusing it.
func takesGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(name, "gzip") {
			q := strings.ReplaceAll(params, " ", "")
			return q != "q=0" && !strings.HasPrefix(q, "q=0.000")
		}
	}
	return false
}
