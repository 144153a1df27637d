package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// nothingWriter takes an answer at no cost.
type nothingWriter struct{ h http.Header }

func (w *nothingWriter) Header() http.Header         { return w.h }
func (w *nothingWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *nothingWriter) WriteHeader(int)             {}

// BenchmarkEdge measures what stands around a route: the figure of "mux" is that of the routes alone.
func BenchmarkEdge(b *testing.B) {
	quiet := Config{Store: &bareStore{}, Now: time.Now, Limits: Limits{Rate: -1}, Version: "test"}
	counted, logged := quiet, quiet
	counted.Metrics = NewMetrics()
	logged.Log = slog.New(slog.NewJSONHandler(io.Discard, nil))
	for _, c := range []struct {
		name   string
		config Config
		mux    bool
	}{{"mux", quiet, true}, {"bare", quiet, false}, {"with figures", counted, false}, {"with a log", logged, false}} {
		b.Run(c.name, func(b *testing.B) {
			s := New(c.config)
			b.Cleanup(s.Close)
			s.s.edge.mux.HandleFunc("POST /x", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusOK) })
			var h http.Handler = s
			if c.mux {
				h = s.s.edge.mux
			}
			w, r := &nothingWriter{http.Header{}}, httptest.NewRequest(http.MethodPost, "/x", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
		})
	}
}
