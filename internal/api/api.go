package api

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.opentelemetry.io/otel/trace"
)

// Prefix is where the resources live.
const Prefix = "/api/v1"

// Config is what a server is made of.
type Config struct {
	Engine    Engine
	Store     Store
	Loader    Loader
	Auditor   Auditor
	Secrets   Secrets
	Now       func() time.Time
	Log       *slog.Logger // nil: nothing is logged. Never receives personal data
	Version   string
	PublicURL string // where people reach the server, without a slash at the end; "" if unknown
	Limits    Limits

	BehindProxy bool                 // the address of a client is the last one in X-Forwarded-For
	QuietLog    bool                 // requests are not logged one by one
	Metrics     *Metrics             // nil: nothing is counted
	Traces      trace.TracerProvider // nil: no traces
}

// server holds what the handlers share. It is safe for concurrent use.
type server struct {
	Config
	api     huma.API
	auth    *authenticator
	uses    *tokenUses
	kinds   *programmeCache
	streams *streams
	reports *reportCache
	inUse   *bundlesInUse
	compile *compiles
	edge    *edge
	docs    *docs
}

// Server is the HTTP interface of one database.
type Server struct {
	http.Handler
	s *server
}

// New makes the handler of everything under Prefix, the documents, and the health checks. Call Close when it serves no more.
func New(c Config) *Server {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits = c.Limits.withDefaults()
	s := &server{Config: c}
	s.auth, s.uses = newAuthenticator(c.Store, c.Now), newTokenUses(c.Store, c.Now, c.Log)
	s.kinds, s.streams, s.reports = newProgrammeCache(), newStreams(), newReportCache()
	s.inUse, s.compile = newBundlesInUse(), newCompiles()
	s.edge, s.docs = newEdge(s), newDocs(s)
	mux := http.NewServeMux()
	s.api = humago.New(mux, s.document())
	installProblems()
	s.api.UseMiddleware(s.language, s.authenticate)
	s.routes()
	s.plainRoutes(mux)
	return &Server{Handler: s.surround(mux), s: s}
}

// Stopping makes the readiness check say that no more requests should be sent here. Those that come all the same are answered.
func (s *Server) Stopping() { s.s.edge.draining.Store(true) }

// Drain ends all streams, so that a server that stops need not wait for them. Their readers go on at another one.
func (s *Server) Drain() { s.s.streams.end() }

// Close writes down which tokens were used.
func (s *Server) Close() {
	s.Drain()
	s.s.uses.close()
}

// routes is the table of everything under Prefix.
func (s *server) routes() {
	s.meRoutes()
	s.communityRoutes()
	s.programmeRoutes()
	s.loadRoutes()
	s.copyRoutes()
	s.activityRoutes()
	s.instanceRoutes()
	s.optionRoutes()
	s.taskRoutes()
	s.registryRoutes()
	s.historyRoutes()
	s.commandRoutes()
	s.moveRoutes()
	s.undoRoutes()
	s.bulkRoutes()
	s.tokenRoutes()
	s.revealRoutes()
	s.streamRoutes()
	s.bundleRoutes()
	s.reportRoutes()
	s.publicRoutes()
	s.examples()
}

var problemsOnce sync.Once

// installProblems makes huma answer with this package's problem documents. The library offers a package variable for it.
func installProblems() {
	problemsOnce.Do(func() {
		huma.NewErrorWithContext = func(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
			lang := langZH
			if ctx != nil {
				lang = langOf(ctx.Context(), ctx.Header("Accept-Language"))
			}
			return libraryProblem(lang, status, msg, errs)
		}
		huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
			return libraryProblem(langZH, status, msg, errs)
		}
	})
}
