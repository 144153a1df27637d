package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/linli/linli/internal/api"
)

// stopWithin is how long requests that were accepted have to come to their end when the process is told to stop.
const stopWithin = 20 * time.Second

// web is a listening server that does not answer yet.
type web struct {
	*desk
	flags    webFlags
	listener net.Listener
	figures  net.Listener // for Prometheus; nil: none
	secure   bool
	quiet    bool    // requests are not logged one by one
	traces   *traces // nil: none
}

// listen takes the addresses, before anything else: whoever cannot have them should know at once.
func (s *session) listen(f webFlags) (*web, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	w := &web{flags: f, secure: f.TLSCert != ""}
	var config net.ListenConfig
	var err error
	if w.listener, err = config.Listen(s.ctx, "tcp", f.Listen); err != nil {
		return nil, badAddress(f.Listen, err)
	}
	if f.Metrics != "" {
		if w.figures, err = config.Listen(s.ctx, "tcp", f.Metrics); err != nil {
			return nil, errors.Join(badAddress(f.Metrics, err), w.listener.Close())
		}
	}
	if w.secure {
		cert, err := newCertificate(f.TLSCert, f.TLSKey)
		if err != nil {
			return nil, errors.Join(err, w.close())
		}
		w.listener = tls.NewListener(w.listener, &tls.Config{
			MinVersion: tls.VersionTLS12, GetCertificate: cert.get, NextProtos: []string{"h2", "http/1.1"},
		})
	}
	return w, nil
}

func (w *web) close() error {
	err := w.listener.Close()
	if w.figures != nil {
		err = errors.Join(err, w.figures.Close())
	}
	return err
}

// url is where the server is reached from this machine.
func (w *web) url() string {
	scheme := "http://"
	if w.secure {
		scheme = "https://"
	}
	return scheme + w.listener.Addr().String()
}

// public is where people reach the server.
func (w *web) public() string {
	if w.flags.PublicURL != "" {
		return w.flags.PublicURL
	}
	return w.url()
}

// serve answers until the session ends or something breaks: requests, timers, and the commands of other processes. It returns when what
// was accepted is done. Requests end first: what they set is fired, and commands of other processes are taken, until the last is answered.
func (w *web) serve(d *desk) (err error) {
	w.desk = d
	if w.traces, err = newTraces(d.ctx, w.flags.OTelEndpoint); err != nil {
		return errors.Join(err, w.close())
	}
	var figures *api.Metrics
	if w.figures != nil {
		figures = api.NewMetrics()
	}
	told, stop := context.WithCancel(d.ctx)
	defer stop()
	ctx, end := context.WithCancel(context.WithoutCancel(d.ctx))
	defer end()
	handler := w.handler(ctx, figures)
	defer handler.Close()
	server := api.NewHTTPServer(handler, w.flags.limits())
	server.ErrorLog = quiet(d.app.cfg.Log)
	parts := newParts(stop)
	parts.run("http", func() error { return ended(server.Serve(w.listener)) })
	w.serveFigures(ctx, parts, figures)
	parts.run("timers", func() error { return d.app.Run(ctx) })
	parts.run("hints", func() error { return d.app.Store.Listen(ctx, d.app.Engine.Hint) })
	relax(d.sys.Getenv)
	go rest(ctx)
	<-told.Done()
	w.stop(handler, server)
	end()
	return errors.Join(parts.wait(), w.traces.close())
}

// handler makes the HTTP interface of the desk's data. What it starts besides ends with ctx, or when it is closed.
func (w *web) handler(ctx context.Context, figures *api.Metrics) *api.Server {
	app := w.app
	var provider trace.TracerProvider
	if w.traces != nil {
		provider = w.traces.provider
	}
	return api.New(api.Config{
		Engine: newPrompt(ctx, app.Engine, app.Loop), Store: app.Store, Loader: &loader{app}, Auditor: &auditor{app}, Secrets: app.Keys,
		Now: app.cfg.Now, Log: app.cfg.Log, Version: version(), PublicURL: w.flags.PublicURL, Limits: w.flags.limits(),
		BehindProxy: w.flags.BehindProxy, QuietLog: w.quiet, Metrics: figures, Traces: provider,
	})
}

// serveFigures serves the figures on their own listener.
func (w *web) serveFigures(ctx context.Context, parts *parts, figures *api.Metrics) {
	if w.figures == nil {
		return
	}
	server := &http.Server{Handler: figures.Handler(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute}
	parts.run("metrics", func() error { return ended(server.Serve(w.figures)) })
	parts.run("metrics end", func() error {
		<-ctx.Done()
		return server.Close()
	})
}

// stop ends the server: load balancers are told first, streams are ended, no more connections are taken, and what was accepted is
// finished. Whatever takes longer than stopWithin is cut off: a command that was not answered may be repeated with its key.
func (w *web) stop(handler *api.Server, server *http.Server) {
	handler.Stopping()
	if w.flags.Drain > 0 {
		time.Sleep(w.flags.Drain)
	}
	handler.Drain()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), stopWithin)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		w.app.cfg.Log.Warn("requests were cut off, because they took too long to end", "err", err)
		_ = server.Close()
	}
}

// ended turns the error with which a server says that it was told to stop into none.
func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// version is that of the program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
