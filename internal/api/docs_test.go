package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestThePageLoadsNothingFromElsewhere(t *testing.T) {
	b := openBare(t, func(c *Config) { c.Limits.Rate = -1 })
	page := b.send("GET", docsPath, "", "Accept-Language: en")
	if page.status != 200 || !strings.Contains(page.body, "Authorize") || page.header.Get("Content-Language") != "en" {
		t.Fatalf("%d %s", page.status, page.body)
	}
	if strings.Contains(page.body, "http://") || strings.Contains(page.body, "https://") || strings.Contains(page.body, "//cdn") {
		t.Errorf("the page names another server:\n%s", page.body)
	}
	policy := page.header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'self';") || strings.Contains(policy, "unsafe-eval") || strings.Contains(policy, "script-src") {
		t.Errorf("policy %q", policy)
	}
	loads := regexp.MustCompile(`(?:src|href|data-document)="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	if len(loads) < 7 {
		t.Errorf("only %d loads", len(loads))
	}
	for _, l := range loads {
		if !strings.HasPrefix(l[1], "/api/") {
			t.Errorf("%s is not ours", l[1])
			continue
		}
		if a := b.send("GET", l[1], ""); a.status != 200 || a.body == "" {
			t.Errorf("%s: %d", l[1], a.status)
		}
	}
	if zh := b.send("GET", docsPath, ""); !strings.Contains(zh.body, "凭证") || !strings.Contains(zh.body, `lang="zh"`) {
		t.Error("the Chinese page is not Chinese")
	}
	css := b.send("GET", docsPath+"/"+b.s.docs.version+"/swagger-ui.css", "")
	if m := regexp.MustCompile(`(?:url\(|@import)\s*["']?(?:https?:)?//`).FindString(css.body); m != "" {
		t.Errorf("the style sheet loads %s", m)
	}
}

func TestFilesOfThePageAreCached(t *testing.T) {
	b := openBare(t, func(c *Config) { c.Limits.Rate = -1 })
	path := docsPath + "/" + b.s.docs.version + "/swagger-ui-bundle.js"
	a := b.send("GET", path, "", "Accept-Encoding: gzip")
	if a.header.Get("Content-Encoding") != "gzip" || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || len(a.body) > 600_000 {
		t.Errorf("%v, %d bytes", a.header, len(a.body))
	}
	if again := b.send("GET", path, "", "If-None-Match: "+a.header.Get("ETag")); again.status != 304 || again.body != "" {
		t.Errorf("%d", again.status)
	}
	if plain := b.send("GET", path, ""); !strings.Contains(plain.body[:2000], "SwaggerUIBundle") && !strings.Contains(plain.body, "SwaggerUIBundle") {
		t.Error("unzipped it is something else")
	}
	for _, missing := range []string{"/0.0.1/swagger-ui.css", "/own/docs.html", "/own/..%2fswagger-ui%2fLICENSE", "/" + b.s.docs.version + "/nothing.js"} {
		if got := b.send("GET", docsPath+missing, ""); got.status != 404 || got.problem.Code != "unknown_route" {
			t.Errorf("%s: %d", missing, got.status)
		}
	}
	for _, name := range []string{"LICENSE", "NOTICE", "VERSION"} {
		if _, err := assets.ReadFile(vendored + "/" + name); err != nil {
			t.Error(err)
		}
	}
}

func TestBothFormsOfTheDocumentSayTheSame(t *testing.T) {
	b := openBare(t)
	j, y := b.send("GET", documentPath+".json", ""), b.send("GET", documentPath+".yaml", "")
	var one, other map[string]any
	if err := json.Unmarshal([]byte(j.body), &one); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(y.body), &other); err != nil {
		t.Fatal(err)
	}
	if one["openapi"] != "3.1.0" || other["openapi"] != "3.1.0" {
		t.Errorf("%v, %v", one["openapi"], other["openapi"])
	}
	paths := func(m map[string]any) int { p, _ := m["paths"].(map[string]any); return len(p) }
	if paths(one) == 0 || paths(one) != paths(other) {
		t.Errorf("%d and %d paths", paths(one), paths(other))
	}
}

func TestFigures(t *testing.T) {
	m := NewMetrics()
	b := openBare(t, func(c *Config) { c.Metrics, c.Limits.Rate, c.Limits.Burst = m, 0.001, 3 })
	b.send("GET", "/api/v1/communities/a/programmes/b", "")
	for range 4 {
		b.send("BREW", "/x/13800000000", "")
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := w.Body.String()
	for _, want := range []string{
		`linli_http_requests_total{method="GET",route="/api/v1/communities/{community}/programmes/{programme}",status="401"} 1`,
		`linli_http_requests_total{method="other",route="none",status="404"} 2`,
		`linli_http_requests_total{method="other",route="none",status="429"} 2`,
		`linli_http_request_seconds_count{method="other",route="none"} 4`,
		"linli_http_requests_in_flight 0", "linli_stream_readers 0", "linli_http_rate_limited_total 2", "go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the figures lack %s", want)
		}
	}
	if strings.Contains(text, "138") && strings.Contains(text, "/x/") {
		t.Error("the figures hold a path")
	}
	if got := b.send("GET", "/metrics", ""); got.status != 429 && got.status != 404 {
		t.Errorf("the figures are on the API's listener: %d", got.status)
	}
}

func TestTracesAreNamedByRoute(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	b := openBare(t, func(c *Config) { c.Traces = provider })
	b.send("GET", "/api/v1/communities/c/programmes/b?cursor=13800000000", "", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	b.send("GET", "/healthz", "")
	spans := recorder.Ended()
	if len(spans) != 1 {
		t.Fatalf("%d spans", len(spans))
	}
	if got := spans[0].Name(); got != "GET /api/v1/communities/{community}/programmes/{programme}" {
		t.Errorf("name %q", got)
	}
	if got := spans[0].SpanContext().TraceID().String(); got != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("trace %s", got)
	}
}
