package app

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
)

func TestTracesSayNothingAboutPeople(t *testing.T) {
	received := make(chan []byte, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		received <- b
	}))
	defer collector.Close()
	tr, err := newTraces(t.Context(), collector.URL+"/")
	if err != nil {
		t.Fatal(err)
	}
	_, span := tr.provider.Tracer("test").Start(t.Context(), "GET /api/v1/communities/{community}")
	span.SetAttributes(
		attribute.String("http.route", "the-route"), attribute.Int("http.response.status_code", 409), attribute.String("url.path", "/secret-path"),
		attribute.String("url.query", "secret-query"), attribute.String("client.address", "secret-address"), attribute.String("user_agent.original", "secret-agent"))
	span.AddEvent("secret-event")
	span.SetStatus(codes.Error, "secret-status")
	span.End()
	if err := tr.close(); err != nil { // flushes
		t.Fatal(err)
	}
	got := <-received
	for _, want := range []string{"GET /api/v1/communities/{community}", "the-route", "http.response.status_code", "linli"} {
		if !bytes.Contains(got, []byte(want)) {
			t.Errorf("the span lacks %s", want)
		}
	}
	if bytes.Contains(got, []byte("secret")) {
		t.Errorf("the span tells a secret: %q", got)
	}
	t.Run("without an endpoint there are none", func(t *testing.T) {
		if tr, err := newTraces(t.Context(), ""); tr != nil || err != nil || tr.close() != nil {
			t.Errorf("%v, %v", tr, err)
		}
	})
}
