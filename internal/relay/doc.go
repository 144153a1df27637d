// Package relay lets several processes of one machine write to one SQLite data directory. Only one process may hold the
// directory; while it does so for longer than one command, it listens on a Unix socket there, and another process hands it
// its commands instead of being turned away. PostgreSQL needs none of this.
//
// Trust. Whoever can open the socket is the operator: the socket is readable and writable by its owner alone (mode 0600, in
// a directory of mode 0700), exactly as the database file and the keys beside it are, so that nobody can do through it what
// they could not do by opening the files. Where the system tells who is at the other end (Linux), anybody but the same user
// and root is turned away besides. Who acts in a command is what the command says, as on any command line.
//
// Protocol. JSON over HTTP/1.1, one POST for each operation. Errors travel with their kinds, codes, words and reasons, so that a
// person sees the same as if the command had been carried out in the same process. Every operation may be repeated: a
// command carries an id that was drawn before it was sent.
package relay

import (
	"context"
	"errors"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// Work is what the holder of a data directory does for others. It must be safe for concurrent use.
type Work interface {
	// Do carries out one request, as engine.Engine does.
	Do(ctx context.Context, req engine.Request) (engine.Result, error)
	// AddBundle stores a checked set of definitions.
	AddBundle(ctx context.Context, b *workflow.Bundle) error
	// FireDue fires what is due now and returns how many timers it ended.
	FireDue(ctx context.Context) (int, error)
	// Advance moves the clock of a replayed programme.
	Advance(ctx context.Context, community, root string, to time.Time) (int, error)
	// Checkpoint appends to the checkpoint file what has grown.
	Checkpoint(ctx context.Context) error
}

var (
	// ErrNobody says that no process listens for the data directory, or none that answers in time.
	ErrNobody = errors.New("no process takes commands for this data directory")
	// ErrGone says that the process that listened is there no more, or that the connection to it was lost. What was asked
	// may have been carried out: ask again with the same command id.
	ErrGone = errors.New("the connection to the process that holds the data was lost")
)

// protocol is the version of what is said over the socket. It rises when an older program would misunderstand a newer one.
const protocol = 1

// The bounds of what is sent and of how long it may take.
const (
	maxBody      = 64 << 20 // bytes: a request with the longest lists that the rules take, or a large set of definitions
	maxAtOnce    = 128      // requests that are worked on at once; others wait
	greetTimeout = 2 * time.Second
	workTimeout  = 10 * time.Minute // a tick after a long stop fires thousands of timers
	readTimeout  = time.Minute
	idleTimeout  = 2 * time.Minute
	drainTimeout = 45 * time.Second // longer than an engine's patience with one command
)

// The paths of the operations.
const (
	pathGreet      = "/v1/greet"
	pathDo         = "/v1/do"
	pathBundle     = "/v1/bundle"
	pathFireDue    = "/v1/fire-due"
	pathAdvance    = "/v1/advance"
	pathCheckpoint = "/v1/checkpoint"
)
