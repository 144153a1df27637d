package api

import (
	"context"
	"net/http"
	"time"
)

// Where load balancers ask.
const (
	healthPath = "/healthz"
	readyPath  = "/readyz"
)

// readyWithin is how long the database has to answer.
const readyWithin = time.Second

// healthStatus is what the health checks answer.
type healthStatus struct {
	Status  string `json:"status"` // ok, stopping or no_database
	Version string `json:"version,omitempty"`
}

// healthy answers that the process is up.
func (s *server) healthy(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, http.StatusOK, healthStatus{"ok", s.Version})
}

// ready answers whether requests should be sent here: the database answers, and the process is not about to stop.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	if s.edge.draining.Load() {
		writeHealth(w, http.StatusServiceUnavailable, healthStatus{Status: "stopping"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyWithin)
	defer cancel()
	if err := s.Store.Ping(ctx); err != nil {
		s.Log.WarnContext(ctx, "not ready: the database does not answer", "err", err)
		writeHealth(w, http.StatusServiceUnavailable, healthStatus{Status: "no_database"})
		return
	}
	writeHealth(w, http.StatusOK, healthStatus{"ok", s.Version})
}

func writeHealth(w http.ResponseWriter, status int, h healthStatus) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = encode(w, h) // the client is gone
}
