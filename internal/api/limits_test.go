package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestLimitsOfWhatArrives(t *testing.T) {
	type input struct {
		Body struct {
			Text string `json:"text"`
			Any  any    `json:"any,omitempty"`
		}
	}
	b := openBare(t, func(c *Config) { c.Limits.Body, c.Limits.URL = 2000, 300 })
	route(b, "POST", "/test/echo", func(_ context.Context, in *input) (*said, error) { return &said{}, nil })
	post := func(body string) received {
		return b.send("POST", "/api/v1/test/echo", body, "Content-Type: application/json", "Accept-Language: en")
	}
	deep := func(n int) string {
		return `{"text":"x","any":` + strings.Repeat("[", n) + strings.Repeat("]", n) + "}"
	}
	for _, c := range []struct {
		name   string
		got    received
		status int
		code   string
	}{
		{"a small body", post(`{"text":"x"}`), 200, ""},
		{"a body that is too large", post(`{"text":"` + strings.Repeat("x", 2000) + `"}`), 413, "body_too_large"},
		{"a body as deep as allowed", post(deep(maxDepth - 1)), 200, ""},
		{"a body that is too deep", post(deep(maxDepth)), 400, "too_deep"},
		{"a body that is not JSON", post(`{"text":`), 400, "unreadable_request"},
		{"a long URL", b.send("GET", "/api/v1/me?x="+strings.Repeat("y", 300), ""), 414, "url_too_long"},
		{"a long URL of the health check", b.send("GET", "/healthz?x="+strings.Repeat("y", 300), ""), 200, ""},
		{"long headers", b.send("GET", "/healthz", "", "X-Long: "+strings.Repeat("y", 80<<10)), 431, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.got.status != c.status || c.got.problem.Code != c.code {
				t.Errorf("got %d %s", c.got.status, c.got.body)
			}
		})
	}
}

func TestSlowBodiesEnd(t *testing.T) {
	type input struct {
		Body struct {
			Text string `json:"text"`
		}
	}
	b := openBare(t, func(c *Config) { c.Limits.BodyTime = 50 * time.Millisecond })
	route(b, "POST", "/test/slow", func(ctx context.Context, in *input) (*said, error) {
		select { // longer than the body may take: the time for the body must not end the request
		case <-time.After(150 * time.Millisecond):
			return &said{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	raw := func(body string, length int) string {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = fmt.Fprintf(conn, "POST /api/v1/test/slow HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", length, body)
		status, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return status
	}
	if got := raw(`{"te`, 100); !strings.Contains(got, " 408 ") {
		t.Errorf("a body that does not come: %s", got)
	}
	if got := raw(`{"text":"x"}`, 12); !strings.Contains(got, " 200 ") {
		t.Errorf("a body that came, and an received that takes its time: %s", got)
	}
	malformed := func() string {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "POST /api/v1/test/slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
		status, _ := bufio.NewReader(conn).ReadString('\n')
		return status
	}
	if got := malformed(); !strings.Contains(got, " 400 ") {
		t.Errorf("malformed chunks: %s", got)
	}
}

func TestRequestsEndInTime(t *testing.T) {
	b := openBare(t, func(c *Config) { c.Limits.Time = 30 * time.Millisecond })
	route(b, "GET", "/test/long", func(ctx context.Context, _ *struct{}) (*said, error) {
		<-ctx.Done()
		return nil, fmt.Errorf("ask the database: %w", ctx.Err())
	})
	a := b.send("GET", "/api/v1/test/long", "", "Accept-Language: en")
	if a.status != 503 || a.problem.Code != "timeout" || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTooManyRequests(t *testing.T) {
	limited := func(c *Config) { c.Limits.Rate, c.Limits.Burst = 0.5, 3 }
	t.Run("without a token, by address", func(t *testing.T) {
		b := openBare(t, limited)
		for range 3 {
			if a := b.send("GET", "/nothing", ""); a.status != 404 {
				t.Fatalf("%d", a.status)
			}
		}
		a := b.send("GET", "/nothing", "", "Accept-Language: en")
		if a.status != 429 || a.problem.Code != "too_many_requests" || a.header.Get("Retry-After") != "2" {
			t.Errorf("%d %v %s", a.status, a.header, a.body)
		}
		if got := b.send("GET", "/healthz", "").status; got != 200 {
			t.Errorf("health: %d", got)
		}
		b.clock.add(2 * time.Second)
		if got := b.send("GET", "/nothing", "").status; got != 404 {
			t.Errorf("after the wait: %d", got)
		}
	})
	t.Run("with wrong tokens, which are then not looked up", func(t *testing.T) {
		b := openBare(t, limited)
		for n := range 6 {
			want := 401
			if n >= 3 {
				want = 429
			}
			if a := b.send("GET", "/api/v1/me", "", "Authorization: Bearer linli_c_i_"+strconv.Itoa(n)); a.status != want {
				t.Errorf("try %d: %d", n, a.status)
			}
		}
		if b.store.looks != 3 {
			t.Errorf("looked up %d times", b.store.looks)
		}
	})
	t.Run("each person by herself, however many tokens she has", func(t *testing.T) {
		b := openBare(t, limited)
		for range 3 {
			if p := b.s.allow(t.Context(), &caller{person: "a", token: "1"}); p != nil {
				t.Fatal(p)
			}
		}
		if b.s.allow(t.Context(), &caller{person: "a", token: "2"}) == nil {
			t.Error("a fourth is admitted")
		}
		if p := b.s.allow(t.Context(), &caller{person: "b", token: "3"}); p != nil {
			t.Error("another person is refused")
		}
	})
	t.Run("never, if there is no limit", func(t *testing.T) {
		b := openBare(t, func(c *Config) { c.Limits.Rate = -1 })
		for range 500 {
			if b.s.allow(t.Context(), &caller{token: "a"}) != nil || b.s.admitAddress("1.2.3.4:5", "", langZH) != nil {
				t.Fatal("refused")
			}
		}
	})
}

func TestClientsAreKnownByAddress(t *testing.T) {
	for _, c := range []struct {
		name              string
		proxied           bool
		remote, forwarded string
		want              string
	}{
		{"directly", false, "192.0.2.1:1234", "", "address 192.0.2.1"},
		{"what a client claims does not count", false, "192.0.2.1:1234", "198.51.100.9", "address 192.0.2.1"},
		{"behind a proxy its own word counts, the last", true, "127.0.0.1:9", "203.0.113.5, 198.51.100.9", "address 198.51.100.9"},
		{"an IPv6 client by its network", false, "[2001:db8:1:2:3:4:5:6]:1", "", "address 2001:db8:1:2::/64"},
		{"mapped IPv4 is IPv4", false, "[::ffff:192.0.2.1]:1", "", "address 192.0.2.1"},
		{"nonsense", true, "127.0.0.1:9", "nonsense", "address unknown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{Config: Config{BehindProxy: c.proxied}}
			if got := s.address(c.remote, c.forwarded); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestRatesForgetWhoIsQuiet(t *testing.T) {
	clock := newStillClock()
	r := newRates(Limits{Rate: 1, Burst: 1}, clock.Now)
	for n := range maxRated + 10 {
		r.take(strconv.Itoa(n))
	}
	if got := len(r.young) + len(r.aged); got > maxRated+10 {
		t.Errorf("%d are watched", got)
	}
	if r.take(strconv.Itoa(maxRated+5)) == 0 {
		t.Error("one that was just seen starts afresh")
	}
	clock.add(2 * time.Minute)
	r.take("x")
	clock.add(2 * time.Minute)
	r.take("y")
	if got := len(r.young) + len(r.aged); got > 2 {
		t.Errorf("%d are watched after all were quiet", got)
	}
}

func TestTooManyAtOnceAreSentAway(t *testing.T) {
	b := openBare(t, func(c *Config) { c.Limits.Waiting = 1 })
	held, release := make(chan struct{}), make(chan struct{})
	route(b, "GET", "/test/held", func(context.Context, *struct{}) (*said, error) {
		close(held)
		<-release
		return &said{}, nil
	})
	done := make(chan int)
	go func() { done <- b.send("GET", "/api/v1/test/held", "").status }()
	<-held
	if a := b.send("GET", "/nothing", ""); a.status != 503 || a.problem.Code != "too_busy" || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := b.send("GET", "/readyz", "").status; got != 200 {
		t.Errorf("readiness: %d", got)
	}
	close(release)
	if got := <-done; got != 200 {
		t.Errorf("the first: %d", got)
	}
}
