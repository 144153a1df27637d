package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/workflow"
)

// bareStore is a database with nothing in it.
type bareStore struct {
	Store
	mu      sync.Mutex
	ping    error
	looks   int
	blocked chan struct{} // Ping waits for it
}

func (b *bareStore) Ping(ctx context.Context) error {
	if b.blocked != nil {
		select {
		case <-b.blocked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return b.ping
}

func (b *bareStore) Instance(context.Context, string, string) (*workflow.Instance, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looks++
	return nil, nil
}

// stillClock is a clock that only a test moves.
type stillClock struct {
	mu  sync.Mutex
	now time.Time
}

func newStillClock() *stillClock {
	return &stillClock{now: time.Date(2026, 6, 1, 9, 0, 0, 0, time.UTC)}
}

func (c *stillClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stillClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bare serves an interface without data.
type bare struct {
	*Server
	t     *testing.T
	url   string
	store *bareStore
	clock *stillClock
	log   *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func openBare(t *testing.T, change ...func(*Config)) *bare {
	t.Helper()
	b := &bare{t: t, store: &bareStore{}, clock: newStillClock(), log: &syncBuffer{}}
	c := Config{Store: b.store, Now: b.clock.Now, Log: slog.New(slog.NewJSONHandler(b.log, nil)), Version: "test"}
	for _, f := range change {
		f(&c)
	}
	b.Server = New(c)
	t.Cleanup(b.Close)
	web := httptest.NewUnstartedServer(b.Server)
	web.Config.MaxHeaderBytes = NewHTTPServer(nil, c.Limits).MaxHeaderBytes
	web.Start()
	t.Cleanup(web.Close)
	b.url = web.URL
	return b
}

// received is what came back.
type received struct {
	status  int
	header  http.Header
	body    string
	problem Problem
}

// send sends a request; headers are "Name: value".
func (b *bare) send(method, path, body string, headers ...string) received {
	b.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, r)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableCompression: true, DisableKeepAlives: true}
	res, err := transport.RoundTrip(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	a := received{status: res.StatusCode, header: res.Header, body: string(text)}
	if res.Header.Get("Content-Type") == "application/problem+json" && method != http.MethodHead {
		if err := json.Unmarshal(text, &a.problem); err != nil {
			b.t.Fatalf("%v: %s", err, text)
		}
	}
	return a
}

type said struct {
	Body struct {
		Text string `json:"text"`
	}
}

// route adds a route for a test.
func route[I any](b *bare, method, path string, handler func(context.Context, *I) (*said, error)) {
	register(b.s, operation{id: "test" + strings.ReplaceAll(path, "/", "-"), method: method, path: path, tag: tagMe, public: true}, handler)
}

func TestPathsThatLeadNowhere(t *testing.T) {
	b := openBare(t)
	for _, c := range []struct {
		name, method, path, lang string
		status                   int
		code, allow, detail      string
	}{
		{"unknown path", "GET", "/api/v1/nothing", "en", 404, "unknown_route", "", "there is nothing at this path"},
		{"unknown path in Chinese", "GET", "/x", "zh-CN", 404, "unknown_route", "", "没有这个网址"},
		{"the root", "GET", "/", "en", 404, "unknown_route", "", "/api/docs"},
		{"slash at the end", "GET", "/api/docs/", "en", 404, "unknown_route", "", "leave out the slash"},
		{"wrong method", "DELETE", "/healthz", "en", 405, "method_not_allowed", "GET, HEAD", "possible are: GET, HEAD"},
		{"made up method", "BREW", "/api/docs", "zh", 405, "method_not_allowed", "GET, HEAD", "可用：GET, HEAD"},
		{"a method of another route", "PUT", "/api/v1/communities/x/bulk", "en", 405, "method_not_allowed", "POST", "POST"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := b.send(c.method, c.path, "", "Accept-Language: "+c.lang)
			if a.status != c.status || a.problem.Code != c.code || a.header.Get("Allow") != c.allow || !strings.Contains(a.problem.Detail, c.detail) {
				t.Errorf("got %d %q %s", a.status, a.header.Get("Allow"), a.body)
			}
			if a.header.Get("Content-Language") != c.lang[:2] || a.problem.Type != problemType+c.code {
				t.Errorf("language %q, type %q", a.header.Get("Content-Language"), a.problem.Type)
			}
		})
	}
}

func TestHeadAnswersWithoutBody(t *testing.T) {
	b := openBare(t)
	if a := b.send("HEAD", "/healthz", ""); a.status != 200 || a.body != "" || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%d %q", a.status, a.body)
	}
}

func TestEveryAnswerIsIdentifiedAndGuarded(t *testing.T) {
	b := openBare(t)
	for name, path := range map[string]string{"health": "/healthz", "problem": "/nothing", "document": "/api/v1/openapi.json"} {
		t.Run(name, func(t *testing.T) {
			h := b.send("GET", path, "").header
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("X-Request-Id") == "" ||
				h.Get("Cache-Control") == "" || !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%v", h)
			}
			if h.Get("Strict-Transport-Security") != "" {
				t.Error("promises TLS without having it")
			}
		})
	}
	t.Run("a sane id is taken over", func(t *testing.T) {
		if got := b.send("GET", "/healthz", "", "X-Request-Id: load-balancer_1.2").header.Get("X-Request-Id"); got != "load-balancer_1.2" {
			t.Error(got)
		}
	})
	for _, bad := range []string{"a b", "x\"y", strings.Repeat("x", 65), "<script>"} {
		t.Run("an id such as "+bad[:3]+" is not", func(t *testing.T) {
			if got := b.send("GET", "/healthz", "", "X-Request-Id: "+bad).header.Get("X-Request-Id"); got == bad || !saneID(got) {
				t.Error(got)
			}
		})
	}
	t.Run("behind a proxy with TLS it says so", func(t *testing.T) {
		p := openBare(t, func(c *Config) { c.BehindProxy, c.PublicURL = true, "https://linli.example.org" })
		if p.send("GET", "/healthz", "").header.Get("Strict-Transport-Security") == "" {
			t.Error("no Strict-Transport-Security")
		}
	})
}

func TestAPanicIsOurFaultAndTellsNothing(t *testing.T) {
	b := openBare(t)
	route(b, "GET", "/test/panic", func(context.Context, *struct{}) (*said, error) { panic("张三的电话 13800000000") })
	a := b.send("GET", "/api/v1/test/panic", "", "X-Request-Id: req-7", "Accept-Language: en")
	if a.status != 500 || a.problem.Code != "internal" || !strings.Contains(a.problem.Detail, "req-7") {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, leak := range []string{"goroutine", "1380", ".go:"} {
		if strings.Contains(a.body, leak) {
			t.Errorf("the client is told %q", leak)
		}
	}
	log := b.log.String()
	if !strings.Contains(log, "req-7") || !strings.Contains(log, "edge_test.go") || strings.Contains(log, "1380") {
		t.Errorf("log: %s", log)
	}
	if got := b.send("GET", "/healthz", "").status; got != 200 {
		t.Errorf("afterwards: %d", got)
	}
	if n := b.s.edge.inFlight.Load(); n != 0 {
		t.Errorf("%d requests in flight", n)
	}
}

func TestTheLogNamesRoutesAndNobody(t *testing.T) {
	b := openBare(t)
	b.send("GET", "/api/v1/communities/秘密社区/programmes/P-1?cursor=13800000000", "", "Authorization: Bearer linli_a_b_SECRET")
	b.send("GET", "/nobody/13900000000", "")
	b.send("GET", "/healthz", "")
	log := b.log.String()
	for _, leak := range []string{"秘密", "%E7", "138", "139", "SECRET", "healthz", "127.0.0.1"} {
		if strings.Contains(log, leak) {
			t.Errorf("the log holds %q: %s", leak, log)
		}
	}
	for _, want := range []string{`"route":"/api/v1/communities/{community}/programmes/{programme}"`, `"status":401`, `"route":"none"`, `"method":"GET"`, `"took"`, `"bytes"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s: %s", want, log)
		}
	}
}

func TestWhatIsNoTextIsRefused(t *testing.T) {
	b := openBare(t)
	for name, c := range map[string]struct{ path, header string }{
		"NUL in the path":           {"/api/v1/communities/a%00b", ""},
		"a broken path":             {"/api/v1/communities/%ff", ""},
		"NUL in the query":          {"/api/v1/communities/a/programmes?state=%00", ""},
		"a broken query":            {"/api/v1/communities/a/programmes?state=%ff", ""},
		"a query that is not coded": {"/api/v1/communities/a/programmes?state=%zz", ""},
		"a broken header":           {"/api/v1/me", "Idempotency-Key: \xff\xfe"},
		"a broken token":            {"/api/v1/me", "Authorization: Bearer \xff"},
	} {
		t.Run(name, func(t *testing.T) {
			var h []string
			if c.header != "" {
				h = append(h, c.header)
			}
			if a := b.send("GET", c.path, "", h...); a.status != 400 || a.problem.Code != "unreadable_url" {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	b := openBare(t)
	read := func(path string) (int, healthStatus) {
		a := b.send("GET", path, "")
		var h healthStatus
		if err := json.Unmarshal([]byte(a.body), &h); err != nil {
			t.Fatal(err)
		}
		return a.status, h
	}
	check := func(when, path string, status int, want healthStatus) {
		t.Helper()
		got, h := read(path)
		if got != status || !cmp.Equal(h, want) {
			t.Errorf("%s %s: %d %+v", when, path, got, h)
		}
	}
	ok := healthStatus{"ok", "test"}
	check("well", "/healthz", 200, ok)
	check("well", "/readyz", 200, ok)
	b.store.ping = errors.New("no")
	check("without a database", "/healthz", 200, ok)
	check("without a database", "/readyz", 503, healthStatus{Status: "no_database"})
	b.store.ping, b.store.blocked = nil, make(chan struct{})
	check("with a database that hangs", "/readyz", 503, healthStatus{Status: "no_database"})
	close(b.store.blocked)
	b.Stopping()
	check("stopping", "/healthz", 200, ok)
	check("stopping", "/readyz", 503, healthStatus{Status: "stopping"})
}

func TestCompression(t *testing.T) {
	b := openBare(t, func(c *Config) { c.Limits.Rate = -1 })
	route(b, "GET", "/test/large", func(context.Context, *struct{}) (*said, error) {
		s := &said{}
		s.Body.Text = strings.Repeat("邻里", 2000)
		return s, nil
	})
	plain := b.send("GET", "/api/v1/test/large", "")
	if plain.header.Get("Content-Encoding") != "" {
		t.Error("compressed for a client that did not ask")
	}
	zipped := b.send("GET", "/api/v1/test/large", "", "Accept-Encoding: gzip")
	if zipped.header.Get("Content-Encoding") != "gzip" || len(zipped.body) > len(plain.body)/10 || zipped.header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("%v, %d bytes", zipped.header, len(zipped.body))
	}
	z, err := gzip.NewReader(strings.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != plain.body {
		t.Errorf("it does not say the same: %v", err)
	}
	if got := b.send("GET", "/api/v1/test/large", "", "Accept-Encoding: zstd, gzip").header.Get("Content-Encoding"); got != "zstd" {
		t.Errorf("zstd: %q", got)
	}
	if got := b.send("GET", "/healthz", "", "Accept-Encoding: gzip").header.Get("Content-Encoding"); got != "" {
		t.Errorf("a small received: %q", got)
	}
}

func TestStreamsAreNotHeldBack(t *testing.T) {
	b := openBare(t, func(c *Config) { c.Limits.Time, c.Metrics = 20*time.Millisecond, NewMetrics() })
	b.s.edge.mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", eventStream)
		w.WriteHeader(http.StatusOK)
		rc := http.NewResponseController(w)
		for range 3 {
			time.Sleep(20 * time.Millisecond) // past the time of an ordinary request
			if r.Context().Err() != nil {
				return
			}
			_, _ = io.WriteString(w, "data: x\n\n")
			if err := rc.Flush(); err != nil {
				t.Error(err)
			}
		}
		if got := b.s.edge.inFlight.Load(); got != 0 {
			t.Errorf("the stream counts as a waiting request: %d", got)
		}
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip, zstd")
	res, err := (&http.Transport{DisableCompression: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Encoding"); got != "" {
		t.Errorf("compressed: %s", got)
	}
	text, err := io.ReadAll(res.Body)
	if err != nil || strings.Count(string(text), "data: x") != 3 {
		t.Errorf("%q, %v", text, err)
	}
}
