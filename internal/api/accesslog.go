package api

import (
	"log/slog"
	"net/http"
	"strings"
)

// tell writes a request into the log and the figures: by its route, never by its path, which may lead to a person.
func (e *edge) tell(r *http.Request, x *exchange) {
	took := e.Now().Sub(x.began)
	method, route := methodOf(r.Method), routeOf(r.Pattern)
	status := x.status
	if status == 0 {
		status = http.StatusOK // net/http's own default
	}
	e.Metrics.end(method, route, status, took, x.stream)
	if !e.Log.Enabled(r.Context(), slog.LevelInfo) || e.QuietLog || isProbe(r.URL.Path) {
		return
	}
	e.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("request", x.id), slog.String("method", method), slog.String("route", route), slog.Int("status", status),
		slog.Int64("bytes", x.bytes), slog.Duration("took", took), slog.String("token", x.token))
}

// noRoute stands for every path that leads nowhere.
const noRoute = "none"

// routeOf is the path of a pattern, without its method.
func routeOf(pattern string) string {
	if _, path, ok := strings.Cut(pattern, " "); ok {
		pattern = path
	}
	if pattern == "" || pattern == anywhere {
		return noRoute
	}
	return pattern
}

// methodOf keeps methods that a client makes up out of logs and figures.
func methodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}
