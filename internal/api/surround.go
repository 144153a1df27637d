package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linli/linli/internal/fault"
)

// edge is what concerns every request, whatever its route. It is safe for concurrent use.
type edge struct {
	*server
	mux      *http.ServeMux
	drawn    string        // begins the request ids of this process
	count    atomic.Uint64 // of the ids drawn
	inFlight atomic.Int64  // requests being worked on, streams apart
	draining atomic.Bool   // the process is about to stop
	rates    *rates
	always   []header // of every answer
	overTLS  []string // Strict-Transport-Security
}

// header is one header with its values, which are shared by all answers and never written to.
type header struct {
	name   string
	values []string
}

// newEdge makes what stands around the routes.
func newEdge(s *server) *edge {
	return &edge{
		server: s, drawn: rand.Text()[:10] + "-", rates: newRates(s.Limits, s.Now),
		overTLS: []string{"max-age=31536000"},
		always: []header{
			{"X-Content-Type-Options", []string{"nosniff"}},
			{"Referrer-Policy", []string{"no-referrer"}},
			{"Cache-Control", []string{"no-store"}},
			{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
		},
	}
}

// surround puts around every request what concerns them all. From outside in: the trace, if there is one; compression, if the client
// takes it; then identification, limits, headers, the log and the figures.
func (s *server) surround(mux *http.ServeMux) http.Handler {
	s.edge.mux = mux
	return traced(s.Traces, s.compressed(s.edge))
}

// ServeHTTP answers one request.
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{ResponseWriter: w, edge: e, began: e.Now(), id: e.requestID(r)}
	e.head(x, r)
	ctx, cancel := context.WithCancelCause(context.WithValue(r.Context(), exchangeKey{}, x))
	inner := r.WithContext(ctx)
	if r.Body != nil && r.Body != http.NoBody {
		x.body, inner.Body = r.Body, x
	}
	e.inFlight.Add(1)
	e.Metrics.begin()
	defer func() {
		broken := recover()
		x.end(cancel)
		r.Pattern = inner.Pattern // for the trace
		if broken != nil {
			x.recovered(r, broken)
		}
		e.tell(inner, x)
		if broken != nil && (aborted(broken) || x.broke) {
			panic(http.ErrAbortHandler) // the answer had begun: cutting it short is all that tells the client
		}
	}()
	if p := e.refused(r); p != nil {
		answerProblem(x, r, p)
		return
	}
	x.limit(cancel, e.Limits.Time)
	e.mux.ServeHTTP(x, inner)
}

// head sets the headers of every answer.
func (e *edge) head(x *exchange, r *http.Request) {
	h := x.Header()
	for _, a := range e.always {
		h[a.name] = a.values
	}
	h["X-Request-Id"] = []string{x.id}
	if r.TLS != nil || (e.BehindProxy && strings.HasPrefix(e.PublicURL, "https:")) {
		h["Strict-Transport-Security"] = e.overTLS
	}
}

// refused says what is wrong with a request before anybody looks at what it wants; nil: nothing.
func (e *edge) refused(r *http.Request) *Problem {
	if isProbe(r.URL.Path) {
		return nil
	}
	switch lang := pickLanguage(r.Header.Get("Accept-Language")); {
	case len(r.RequestURI) > e.Limits.URL:
		return newProblem(lang, http.StatusRequestURITooLong, "url_too_long", fault.Text{
			ZH: "网址过长；请把内容放在请求正文里，或减少参数", EN: "the URL is too long; send it in the body, or use fewer parameters",
		})
	case !isText(r):
		return newProblem(lang, http.StatusBadRequest, "unreadable_url", fault.Text{
			ZH: "网址或请求头里有无法识别的字符；请用 UTF-8 并正确编码", EN: "the URL or a header holds characters that cannot be read; use UTF-8, percent-encoded",
		})
	case e.inFlight.Load() > int64(e.Limits.Waiting):
		p := newProblem(lang, http.StatusServiceUnavailable, "too_busy", fault.Text{
			ZH: "系统正忙，请稍后用同一个 Idempotency-Key 重试", EN: "the server is busy; try again in a moment, with the same Idempotency-Key",
		})
		p.retry = true
		return p
	}
	return nil
}

// isProbe reports whether a path is one that load balancers ask, which no limit may silence.
func isProbe(path string) bool { return path == healthPath || path == readyPath }

// isText reports whether a request's path, query and headers are text: databases refuse to look for anything else.
func isText(r *http.Request) bool {
	if !plainText(r.URL.Path) {
		return false
	}
	if r.URL.RawQuery != "" {
		values, err := parseQuery(r.URL.RawQuery)
		if err != nil || !plainText(values) {
			return false
		}
	}
	for _, name := range []string{"Authorization", "Idempotency-Key", "If-Match", "Last-Event-Id"} {
		for _, v := range r.Header[name] {
			if !plainText(v) {
				return false
			}
		}
	}
	return true
}

// plainText reports whether a text is UTF-8 without control characters.
func plainText(s string) bool {
	for n := 0; n < len(s); n++ {
		if s[n] < ' ' || s[n] == 0x7f {
			return false
		}
	}
	return utf8.ValidString(s)
}

// requestID is the id that the client gave the request, or a new one.
func (e *edge) requestID(r *http.Request) string {
	if given := r.Header["X-Request-Id"]; len(given) == 1 && saneID(given[0]) {
		return given[0]
	}
	return e.drawn + strconv.FormatUint(e.count.Add(1), 36)
}

// maxRequestID is how long an id from outside may be.
const maxRequestID = 64

// saneID reports whether an id from outside can stand in a log and a header.
func saneID(id string) bool {
	for n := 0; n < len(id); n++ {
		c := id[n]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}

type exchangeKey struct{}

// requestID is the number under which the log knows the request that a context belongs to; "" outside of one.
func requestID(ctx context.Context) string {
	if x := exchangeOf(ctx); x != nil {
		return x.id
	}
	return ""
}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// writeProblem writes a document from outside of a handler.
func writeProblem(ctx huma.Context, p *Problem) {
	ctx.SetHeader("Content-Type", p.ContentType(""))
	ctx.SetStatus(p.Status)
	_ = encode(ctx.BodyWriter(), p) // the client is gone
}

// answerProblem answers with a document where the library is not involved.
func answerProblem(w http.ResponseWriter, r *http.Request, p *Problem) {
	h := w.Header()
	for name, values := range p.GetHeaders() {
		h[name] = values
	}
	h.Set("Content-Type", p.ContentType(""))
	h.Set("Content-Language", pickLanguage(r.Header.Get("Accept-Language")))
	w.WriteHeader(p.Status)
	_ = encode(w, p) // the client is gone
}

// aborted reports whether a handler only broke off.
func aborted(broken any) bool {
	err, ok := broken.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// recovered answers for a handler that broke, if it had not begun to answer. A stack holds no values; the text of a panic may. The
// library breaks off when the client does.
func (x *exchange) recovered(r *http.Request, broken any) {
	if aborted(broken) {
		return
	}
	if x.gone {
		x.broke = true
		return
	}
	x.edge.Log.ErrorContext(r.Context(), "a request broke", "request", x.id, "panic", panicText(broken), "stack", string(debug.Stack()))
	if x.status != 0 {
		x.broke = true
		return
	}
	answerProblem(x, r, internalProblem(pickLanguage(r.Header.Get("Accept-Language")), x.id))
}

// panicText is what the log may know of a panic: the words of the runtime and of the library, which name types, never values.
func panicText(broken any) string {
	err, ok := broken.(error)
	if !ok {
		return "not shown: it may hold what somebody entered"
	}
	if _, ok := broken.(runtime.Error); ok || strings.HasPrefix(err.Error(), "error marshaling response") {
		return err.Error()
	}
	return fmt.Sprintf("%T, not shown: it may hold what somebody entered", err)
}

// internalProblem says that it is our fault, and under which number the log knows it.
func internalProblem(lang, id string) *Problem {
	return newProblem(lang, http.StatusInternalServerError, "internal", fault.Text{
		ZH: "系统出错，请稍后重试；如再次出现，请把请求编号 " + id + " 告诉管理员",
		EN: "something went wrong here; try again, and if it happens again tell the administrator the request number " + id,
	})
}

// limit ends a request that takes too long: whatever it waits for gives up, and the client is told so.
func (x *exchange) limit(cancel context.CancelCauseFunc, after time.Duration) {
	x.timer = time.AfterFunc(after, func() { cancel(context.DeadlineExceeded) })
}
