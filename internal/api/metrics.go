package api

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what a server does, for Prometheus. A nil *Metrics counts nothing. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	streams  prometheus.Gauge
	refused  prometheus.Counter

	mu     sync.RWMutex
	routes map[routeKey]routeCount
}

// routeKey is what requests are counted by. Its values are few: routes and methods that exist, and statuses.
type routeKey struct {
	method, route string
	status        int
}

type routeCount struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

// NewMetrics makes a registry of its own with the figures of a server, of the process and of the Go runtime.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(), routes: map[routeKey]routeCount{},
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_http_requests_total", Help: "Requests answered, by route pattern, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "linli_http_request_seconds", Help: "Time from a request's headers to its answer, streams apart.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "linli_http_requests_in_flight", Help: "Requests being worked on, streams included."}),
		streams:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "linli_stream_readers", Help: "Open event streams."}),
		refused:  prometheus.NewCounter(prometheus.CounterOpts{Name: "linli_http_rate_limited_total", Help: "Requests refused because too many came in a short time."}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.inFlight, m.streams, m.refused,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds figures of other parts of the process.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) } //nolint:wrapcheck // as the registry itself

// Handler serves the figures under /metrics. It belongs on a listener of its own, since it needs no token.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	return mux
}

func (m *Metrics) begin() {
	if m != nil {
		m.inFlight.Inc()
	}
}

func (m *Metrics) end(method, route string, status int, took time.Duration, stream bool) {
	if m == nil {
		return
	}
	m.inFlight.Dec()
	c := m.of(routeKey{method, route, status})
	c.requests.Inc()
	if !stream {
		c.seconds.Observe(took.Seconds())
	}
}

func (m *Metrics) stream(by float64) {
	if m != nil {
		m.streams.Add(by)
	}
}

func (m *Metrics) limited() {
	if m != nil {
		m.refused.Inc()
	}
}

// of finds the counters of a route; looking them up by their labels every time would cost more than all the rest.
func (m *Metrics) of(k routeKey) routeCount {
	m.mu.RLock()
	c, ok := m.routes[k]
	m.mu.RUnlock()
	if ok {
		return c
	}
	c = routeCount{m.requests.WithLabelValues(k.route, k.method, strconv.Itoa(k.status)), m.seconds.WithLabelValues(k.route, k.method)}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.routes[k] = c
	return c
}
