package api

import (
	"cmp"
	"context"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/linli/linli/internal/fault"
)

// Limits bound what arrives. Zero values mean the defaults.
type Limits struct {
	Body     int64         // bytes of an ordinary body; default 1 MiB
	File     int64         // bytes of a data file or a set of definitions; default 8 MiB
	BodyTime time.Duration // for a body to arrive; default 15 s
	Time     time.Duration // for an answer, streams apart; default 30 s
	Rate     float64       // requests a second of one token, and of one address without a token; default 50; negative: no limit
	Burst    int           // how many may come at once; default 200
	URL      int           // bytes of a request's path and query; default 8 KiB
	Header   int           // bytes of the line and headers of a request; default 64 KiB. Kept by NewHTTPServer
	Waiting  int           // requests that are being worked on at once, streams apart; default 4,000
}

func (l Limits) withDefaults() Limits {
	l.Body = cmp.Or(l.Body, 1<<20)
	l.File = cmp.Or(l.File, 8<<20)
	l.BodyTime = cmp.Or(l.BodyTime, 15*time.Second)
	l.Time = cmp.Or(l.Time, 30*time.Second)
	l.Rate = cmp.Or(l.Rate, 50)
	l.Burst = cmp.Or(l.Burst, 200)
	l.URL = cmp.Or(l.URL, 8<<10)
	l.Header = cmp.Or(l.Header, 64<<10)
	l.Waiting = cmp.Or(l.Waiting, 4000)
	return l
}

// NewHTTPServer makes a server of a handler that keeps the limits which only the connection can keep: headers have 10 s to arrive, an
// idle connection stays for two minutes, and a client has Limits.Time and another 30 s to take its answer (a stream sets its own times).
func NewHTTPServer(h http.Handler, l Limits) *http.Server {
	l = l.withDefaults()
	return &http.Server{
		Handler: h, MaxHeaderBytes: l.Header,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, WriteTimeout: l.Time + 30*time.Second,
	}
}

// allow reports whether a caller may make another request now, as a problem if not. It is people who are counted: anybody may make
// herself further tokens.
func (s *server) allow(ctx context.Context, c *caller) *Problem {
	if x := exchangeOf(ctx); x != nil {
		x.token = c.token
	}
	return s.tooMany(lang(ctx), s.edge.rates.take("person "+c.community+"/"+c.person))
}

// admitAddress counts a request without a token against its address, and says so if these were too many.
func (s *server) admitAddress(remote, forwarded, lang string) *Problem {
	if s.Limits.Rate < 0 {
		return nil
	}
	return s.tooMany(lang, s.edge.rates.take(s.address(remote, forwarded)))
}

// mayTry says so if an address has sent too many requests without a valid token to have another one looked up.
func (s *server) mayTry(remote, forwarded, lang string) *Problem {
	if s.Limits.Rate < 0 {
		return nil
	}
	return s.tooMany(lang, s.edge.rates.peek(s.address(remote, forwarded)))
}

func (s *server) tooMany(lang string, wait time.Duration) *Problem {
	if wait <= 0 {
		return nil
	}
	s.Metrics.limited()
	p := tooManyRequests(lang)
	p.after = wait
	return p
}

// address is the client's: behind a proxy the one that the proxy has added last to X-Forwarded-For, since a client can write
// whatever it likes in front of that. Of IPv6 it is the network, which one client has for itself.
func (s *server) address(remote, forwarded string) string {
	text := remote
	if host, _, err := net.SplitHostPort(remote); err == nil {
		text = host
	}
	if s.BehindProxy && forwarded != "" {
		text = strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return "address unknown"
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return "address " + network.String()
		}
	}
	return "address " + a.String()
}

func tooManyRequests(lang string) *Problem {
	p := newProblem(lang, http.StatusTooManyRequests, "too_many_requests", fault.Text{
		ZH: "请求过于频繁；请按 Retry-After 的秒数稍等再试", EN: "too many requests in a short time; wait as many seconds as Retry-After says and try again",
	})
	p.retry = true
	return p
}

// maxRated bounds how many tokens and addresses are watched at once; one that is forgotten starts afresh.
const maxRated = 50_000

// rates counts the requests of each token and address. It is safe for concurrent use.
type rates struct {
	limit rate.Limit
	burst int
	now   func() time.Time
	keep  time.Duration // after this long without a request a count is back at its start

	mu          sync.Mutex
	young, aged map[string]*rate.Limiter // aged: not asked for since the maps were last exchanged
	exchanged   time.Time
}

func newRates(l Limits, now func() time.Time) *rates {
	r := &rates{limit: rate.Limit(l.Rate), burst: l.Burst, now: now, young: map[string]*rate.Limiter{}, exchanged: now()}
	if l.Rate > 0 {
		r.keep = max(time.Minute, time.Duration(float64(l.Burst)/l.Rate*float64(time.Second)))
	}
	return r
}

// take counts a request and returns how long it must wait: 0 if it is admitted.
func (r *rates) take(who string) time.Duration {
	if r.limit < 0 {
		return 0
	}
	now := r.now()
	l := r.of(who, now)
	if l.AllowN(now, 1) {
		return 0
	}
	return r.wait(l, now)
}

// peek is take without counting.
func (r *rates) peek(who string) time.Duration {
	if r.limit < 0 {
		return 0
	}
	now := r.now()
	l := r.of(who, now)
	if l.TokensAt(now) >= 1 {
		return 0
	}
	return r.wait(l, now)
}

// wait is how long it takes until one more request is admitted, in whole seconds and at least one.
func (r *rates) wait(l *rate.Limiter, now time.Time) time.Duration {
	missing := (1 - l.TokensAt(now)) / float64(r.limit)
	return time.Duration(max(1, math.Ceil(missing))) * time.Second
}

// of finds the count of a token or an address.
func (r *rates) of(who string, now time.Time) *rate.Limiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l, ok := r.young[who]; ok {
		return l
	}
	if len(r.young) >= maxRated || now.Sub(r.exchanged) > r.keep {
		r.young, r.aged, r.exchanged = map[string]*rate.Limiter{}, r.young, now
	}
	l, ok := r.aged[who]
	if !ok {
		l = rate.NewLimiter(r.limit, r.burst)
	}
	r.young[who] = l
	return l
}
