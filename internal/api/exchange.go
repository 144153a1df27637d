package api

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// exchange is one request and its answer on the way out. It counts, and knows a stream by its content type. It belongs to one request
// and is not safe for concurrent use.
type exchange struct {
	http.ResponseWriter
	edge  *edge
	id    string
	token string // id of the token that was used; "" without one
	began time.Time

	body   io.ReadCloser // of the request
	timer  *time.Timer   // ends the request
	status int           // 0: the answer has not begun
	bytes  int64         // of the answer's body, before compression
	stream bool          // the answer goes on until somebody ends it
	over   bool          // end was called
	broke  bool          // it broke after the answer had begun
	gone   bool          // the client does not take the answer
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader begins the answer.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= http.StatusOK {
		x.status = status
		if strings.HasPrefix(x.Header().Get("Content-Type"), eventStream) {
			x.becomeStream()
		}
	}
	x.ResponseWriter.WriteHeader(status)
}

const eventStream = "text/event-stream"

// becomeStream takes the request out of what is limited: it lasts as long as its reader listens.
func (x *exchange) becomeStream() {
	x.stream = true
	if x.timer != nil {
		x.timer.Stop()
	}
	x.edge.inFlight.Add(-1)
	x.edge.Metrics.stream(1)
}

// Write writes a part of the answer.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.WriteHeader(http.StatusOK)
	}
	n, err := x.ResponseWriter.Write(b)
	x.bytes += int64(n)
	x.gone = x.gone || err != nil
	return n, err //nolint:wrapcheck // as the writer itself
}

// Read reads the request's body. Once it is there, the time it had no longer counts: net/http would take its end for a client who has
// gone, and break off what the request asked for.
func (x *exchange) Read(b []byte) (int, error) {
	n, err := x.body.Read(b)
	if err == io.EOF { // readers return it as it is
		_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(time.Time{}) // a writer without a connection has no deadlines
	}
	return n, err //nolint:wrapcheck // as the body itself
}

// Close closes the request's body.
func (x *exchange) Close() error { return x.body.Close() } //nolint:wrapcheck // as the body itself

// end gives back what the request held.
func (x *exchange) end(cancel context.CancelCauseFunc) {
	if x.over {
		return
	}
	x.over = true
	if x.timer != nil {
		x.timer.Stop()
	}
	cancel(nil)
	if x.stream {
		x.edge.Metrics.stream(-1)
	} else {
		x.edge.inFlight.Add(-1)
	}
}
