package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// Server takes the commands of other processes for a data directory.
type Server struct {
	work   Work
	log    *slog.Logger
	slots  chan struct{} // one for each request that is worked on
	listen net.Listener
	remove func()
	http   *http.Server
}

// Listen makes the socket of a data directory, in the directory or, where that is impossible, in the user's temporary directory.
// The caller must hold the directory's lock, and goes on holding it until Serve has returned. A nil log drops what is logged, which
// never is personal data.
func Listen(dir string, work Work, log *slog.Logger) (*Server, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l, remove, err := listen(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{work: work, log: log, slots: make(chan struct{}, maxAtOnce), listen: &guard{l, log}, remove: remove}
	s.http = &http.Server{
		Handler: s.routes(), ReadHeaderTimeout: greetTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return s, nil
}

// Serve answers until ctx ends, then lets what is being worked on come to its end, and removes the socket. It is called once.
func (s *Server) Serve(ctx context.Context) error {
	defer s.remove()
	done := make(chan error, 1)
	go func() { done <- s.http.Serve(s.listen) }()
	select {
	case err := <-done:
		return fmt.Errorf("take commands of other processes: %w", errors.Join(err, s.http.Close()))
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	err := s.http.Shutdown(drain)
	if err != nil {
		err = fmt.Errorf("wait for the commands of other processes: %w", errors.Join(err, s.http.Close()))
	}
	if ended := <-done; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+pathGreet, handle(s, func(context.Context, nothing) (greeting, error) { return greeting{protocol}, nil }))
	mux.Handle("POST "+pathDo, handle(s, func(ctx context.Context, r request) (result, error) {
		res, err := s.work.Do(ctx, r.engine())
		return newResult(res), err
	}))
	mux.Handle("POST "+pathBundle, handle(s, s.addBundle))
	mux.Handle("POST "+pathFireDue, handle(s, func(ctx context.Context, _ nothing) (int, error) { return s.work.FireDue(ctx) }))
	mux.Handle("POST "+pathAdvance, handle(s, func(ctx context.Context, a advance) (int, error) {
		return s.work.Advance(ctx, a.Community, a.Root, a.To)
	}))
	mux.Handle("POST "+pathCheckpoint, handle(s, func(ctx context.Context, _ nothing) (nothing, error) {
		return nothing{}, s.work.Checkpoint(ctx)
	}))
	return mux
}

// addBundle checks the definitions once more: they come from another program, which may understand another language.
func (s *Server) addBundle(ctx context.Context, in bundle) (nothing, error) {
	b, problems := workflow.Load(in.Files)
	if len(problems) > 0 {
		return nothing{}, fault.Wrap(problems, fault.Invalid, "bad_definitions", "流程定义有误："+problems.Error(), "the definitions are not valid: "+problems.Error())
	}
	if b.Hash != in.Hash {
		return nothing{}, fault.New(fault.Invalid, "bundle_hash", "收到的流程定义与其校验值不符；请重试", "the definitions that arrived do not have the hash that came with them; try again")
	}
	return nothing{}, s.work.AddBundle(ctx, b)
}

// handle makes an operation an HTTP handler: decode, do, answer. What was understood is answered with status 200, whatever came of it.
func handle[In, Out any](s *Server, do func(context.Context, In) (Out, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := decode(http.MaxBytesReader(w, r.Body, maxBody), &in); err != nil {
			status := http.StatusBadRequest
			var large *http.MaxBytesError
			if errors.As(err, &large) {
				status = http.StatusRequestEntityTooLarge
			}
			s.answer(w, status, reply[nothing]{Error: newFailure(notUnderstood(err))})
			return
		}
		// The time to read is over; what still runs into that deadline would look like a caller who has gone.
		if err := http.NewResponseController(w).SetReadDeadline(time.Time{}); err != nil {
			s.log.Warn("the time for a request cannot be extended", "err", err)
		}
		ctx, cancel := context.WithTimeout(r.Context(), workTimeout)
		defer cancel()
		select {
		case s.slots <- struct{}{}:
			defer func() { <-s.slots }()
		case <-ctx.Done():
			return // the caller has gone
		}
		out, err := do(ctx, in)
		s.answer(w, http.StatusOK, reply[Out]{Result: out, Error: newFailure(err)})
	})
}

// decode reads exactly one JSON value. What it does not know it refuses: a newer program may mean something by it.
func decode(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("decode: there is more behind it")
	}
	return nil
}

func notUnderstood(err error) error {
	return fault.Wrap(err, fault.Invalid, "relay_request", "持有数据目录的程序看不懂这个请求；两边请用同一版本的程序",
		"the program that holds the data directory does not understand the request; use the same version of the program on both sides")
}

func (s *Server) answer(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		s.log.Error("an answer to another process cannot be encoded", "err", err)
		http.Error(w, "the answer cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if _, err := w.Write(b); err != nil {
		s.log.Warn("another process left before its answer", "err", err)
	}
}

// guard turns away whoever is neither this process's user nor root, where the system tells.
type guard struct {
	*net.UnixListener
	log *slog.Logger
}

// Accept waits for the next connection that is let in.
func (g *guard) Accept() (net.Conn, error) {
	for {
		c, err := g.AcceptUnix()
		if err != nil {
			return nil, err //nolint:wrapcheck // net/http looks at it
		}
		uid, known, err := peer(c)
		if err == nil && (!known || uid == os.Getuid() || uid == 0) {
			return c, nil
		}
		g.log.Warn("a process of another user was turned away", "uid", uid, "err", err)
		_ = c.Close()
	}
}
