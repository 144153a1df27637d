package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/linli/linli/internal/fault"
)

// traces sends spans to a collector.
type traces struct{ provider *sdktrace.TracerProvider }

// newTraces starts sending to an endpoint; nil if there is none. The other OTEL_ variables of the exporter hold as well.
func newTraces(ctx context.Context, endpoint string) (*traces, error) {
	if endpoint == "" {
		return nil, nil //nolint:nilnil // no endpoint is the ordinary case: no traces
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(tracesURL(endpoint)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "bad_otel_endpoint", "不能使用 --otel-endpoint："+err.Error(), "--otel-endpoint cannot be used: "+err.Error())
	}
	described := resource.NewSchemaless(attribute.String("service.name", "linli"), attribute.String("service.version", version()))
	return &traces{sdktrace.NewTracerProvider(sdktrace.WithBatcher(discreet{exporter}), sdktrace.WithResource(described))}, nil
}

// tracesURL is where the traces of an endpoint go (OTLP/HTTP).
func tracesURL(endpoint string) string {
	for len(endpoint) > 0 && endpoint[len(endpoint)-1] == '/' {
		endpoint = endpoint[:len(endpoint)-1]
	}
	return endpoint + "/v1/traces"
}

// flushWithin is how long the last spans have to be sent.
const flushWithin = 3 * time.Second

// close sends what is left. A collector that is gone is no failure of the server's.
func (t *traces) close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	_ = t.provider.Shutdown(ctx)
	return nil
}

// discreet passes on of each span only what says nothing about a person: no path, no query, no address, no browser.
type discreet struct{ sdktrace.SpanExporter }

// ExportSpans sends spans without the rest.
func (d discreet) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	out := make([]sdktrace.ReadOnlySpan, len(spans))
	for n, s := range spans {
		out[n] = discreetSpan{s}
	}
	if err := d.SpanExporter.ExportSpans(ctx, out); err != nil {
		return fmt.Errorf("send traces: %w", err)
	}
	return nil
}

type discreetSpan struct{ sdktrace.ReadOnlySpan }

// Attributes are those that may be passed on.
func (s discreetSpan) Attributes() []attribute.KeyValue {
	allowed := []attribute.Key{
		"http.request.method", "http.route", "http.response.status_code", "http.request.body.size", "http.response.body.size",
		"url.scheme", "network.protocol.version", "error.type",
	}
	var out []attribute.KeyValue
	for _, a := range s.ReadOnlySpan.Attributes() {
		if slices.Contains(allowed, a.Key) {
			out = append(out, a)
		}
	}
	return out
}

// Events are left out: an error's text may hold what somebody entered.
func (s discreetSpan) Events() []sdktrace.Event { return nil }

// Status is without its description, for the same reason.
func (s discreetSpan) Status() sdktrace.Status {
	return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code}
}
