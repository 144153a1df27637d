package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Floor serves the same exchange as the server under measurement with nothing behind it: net/http, an answer of a fixed size, no
// look at the request, no database. It is what the machine and the protocol cost by themselves. It ends with in.
func Floor(ctx context.Context, listen string, answerBytes int, in io.Reader) error {
	const head = len("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Length: 000\r\n\r\n")
	body := []byte(`{"state":"` + strings.Repeat("x", max(answerBytes-head-len(`{"state":""}`), 0)) + `"}`)
	return serveUntil(ctx, listen, in, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // a client that has gone needs no answer
	}))
}

// serveUntil serves a handler until in or ctx ends.
func serveUntil(ctx context.Context, listen string, in io.Reader, h http.Handler) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", listen, err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, in) // whoever started this process holds the other end
		stop()
	}()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err = <-failed:
	case <-ctx.Done():
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = server.Shutdown(closing)
		err = errors.Join(err, <-failed)
	}
	if errors.Is(err, http.ErrServerClosed) || err == nil {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}
