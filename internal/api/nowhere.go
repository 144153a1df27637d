package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linli/linli/internal/fault"
)

// anywhere is the pattern of what no route matches.
const anywhere = "/"

// nowhere answers what no route matches: with 405 if the path is one of another method, else with 404.
func (s *server) nowhere(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		lang := pickLanguage(r.Header.Get("Accept-Language"))
		if p := s.admitAddress(r.RemoteAddr, lastLine(r.Header.Values(headerForwarded)), lang); p != nil {
			answerProblem(w, r, p)
			return
		}
		if methods := methodsOf(mux, r.URL); len(methods) > 0 {
			allowed := strings.Join(methods, ", ")
			w.Header().Set("Allow", allowed)
			answerProblem(w, r, newProblem(lang, http.StatusMethodNotAllowed, "method_not_allowed", fault.Text{
				ZH: "这里不支持这种请求方法；可用：" + allowed, EN: "this method is not possible here; possible are: " + allowed,
			}))
			return
		}
		answerProblem(w, r, newProblem(lang, http.StatusNotFound, "unknown_route", hint(mux, r.URL)))
	}
}

// headerForwarded is where proxies write down whom they forward for. It may stand on several lines, which are one list (RFC 9110 §5.3).
const headerForwarded = "X-Forwarded-For"

// lastLine is the last of a header's lines: a proxy writes behind what a client has sent, on the same line or on one of its own.
func lastLine(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// forwardedFor is the last line of a request's X-Forwarded-For.
func forwardedFor(ctx huma.Context) string {
	var lines []string
	ctx.EachHeader(func(name, value string) {
		if http.CanonicalHeaderKey(name) == headerForwarded {
			lines = append(lines, value)
		}
	})
	return lastLine(lines)
}

// methodsOf lists the methods that a path has, HEAD with GET.
func methodsOf(mux *http.ServeMux, at *url.URL) []string {
	var out []string
	for _, m := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	} {
		_, pattern := mux.Handler(&http.Request{Method: m, URL: at})
		if pattern != "" && pattern != anywhere && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}

// hint says what to do about a path that leads nowhere.
func hint(mux *http.ServeMux, at *url.URL) fault.Text {
	if bare := strings.TrimRight(at.Path, "/"); bare != at.Path && bare != "" && len(methodsOf(mux, &url.URL{Path: bare})) > 0 {
		return fault.Text{ZH: "没有这个网址；请去掉末尾的斜杠", EN: "there is nothing at this path; leave out the slash at its end"}
	}
	return fault.Text{
		ZH: "没有这个网址；所有网址都列在 " + docsPath + " 里", EN: "there is nothing at this path; " + docsPath + " lists them all",
	}
}

// parseQuery is a query in the clear, its names and values behind one another.
func parseQuery(raw string) (string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", err //nolint:wrapcheck // only asked whether there is one
	}
	var b strings.Builder
	for name, all := range values {
		b.WriteString(name)
		for _, v := range all {
			b.WriteString(v)
		}
	}
	return b.String(), nil
}
