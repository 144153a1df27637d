// Package engine carries commands out: it orders them per programme, loads what a decision needs, lets the pure core
// decide, and commits what follows together with its history. It declares the Store it needs and knows no database,
// no transport and no clock of its own.
package engine

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/workflow"
)

// Config is what an engine is made of.
type Config struct {
	Store Store
	Keys  *seal.Keyring
	Now   func() time.Time // the process's clock; instants are cut to microseconds
	Log   *slog.Logger     // nil: nothing is logged. Never receives personal data
	// Patience is how long a command goes on while others, in other processes, change the same things first; default 30 s.
	Patience time.Duration
	// Unreachable says of an error of the store that the database could not be asked, so that asking again later may well succeed; nil: of
	// none.
	Unreachable func(error) bool
	// Committers is how many commits may run at once; default 1.
	Committers int
}

// Engine applies commands. It is safe for concurrent use; Close waits for what was accepted.
type Engine struct {
	store Store
	keys  *seal.Keyring
	now   func() time.Time
	log   *slog.Logger

	unreachable func(error) bool
	patience    time.Duration
	cache       *cache
	zones       zones

	commits chan submission // ready slices
	slots   chan struct{}   // one for each commit that may run at once

	compiling sync.Mutex // held while a bundle is compiled

	mu      sync.Mutex
	queues  map[queueKey]*queue
	bundles bundles
	turns   map[string]*registryTurn
	// unstorable counts, for each timer's command, how often the database itself refused it.
	unstorable map[string]int
	places     places
	keysUsed   usedKeys
	registrars map[habit]bool // what writes the registry of its community
	closed     bool
	idle       *sync.Cond // signalled when a queue runs dry

	watching sync.RWMutex
	watchers map[queueKey]map[*watcher]bool
}

// New starts an engine on a store.
func New(c Config) *Engine {
	unreachable := c.Unreachable
	if unreachable == nil {
		unreachable = func(error) bool { return false }
	}
	log := c.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	e := &Engine{
		cache: newCache(), store: c.Store, keys: c.Keys, now: c.Now, log: log, unreachable: unreachable,
		commits: make(chan submission, 1024), slots: make(chan struct{}, cmp.Or(c.Committers, 1)),
		queues: map[queueKey]*queue{}, bundles: newBundles(), turns: map[string]*registryTurn{},
		unstorable: map[string]int{}, watchers: map[queueKey]map[*watcher]bool{},
		keysUsed: newUsedKeys(), registrars: map[habit]bool{},
		patience: cmp.Or(c.Patience, defaultPatience),
	}
	e.idle = sync.NewCond(&e.mu)
	return e
}

// Close refuses further commands and waits for those accepted. It does not close the store.
func (e *Engine) Close() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	for len(e.queues) > 0 {
		e.idle.Wait()
	}
	e.mu.Unlock()
}

// Request is one command as it arrives: inputs in the clear and in the caller's own types. Root may be left empty where Target says
// what it is: an instance never changes its root.
type Request struct {
	workflow.Command
	// Token is the id of the token by which the caller came in, "" for the operator. It must be active, belong to the actor and be for
	// the community or the root when the command commits, and it narrows Command.Only to its roles.
	Token string
	// OwnAccount says that the command is about the caller's own account, such as a token of hers: whoever asks has checked what the
	// token's scope and roles allow. That it is valid, and hers, is checked all the same.
	OwnAccount bool
	// Values are the inputs as the caller gave them; Command.Input is filled from them. They replace any Command.Input.
	Values map[string]any
	// IdempotencyKey makes a repeated request answer as the first one did; kept for 72 hours. The person is the actor.
	IdempotencyKey string
	// At is the time of a command to a replayed programme (one with a clock of its own); it never runs backwards.
	At time.Time
	// Frozen gives a programme or community that this command creates a clock of its own, starting at At.
	Frozen bool

	fresh bool   // the id was drawn here: nobody can have used it before
	print string // of the request, if it carries an idempotency key
}

// Result is what a carried-out command answers.
type Result struct {
	Command  string             `json:"command"`
	Root     string             `json:"root"`
	Seq      int64              `json:"seq"`
	Instance string             `json:"instance"`
	State    string             `json:"state"`
	Version  int64              `json:"version"`
	Warnings []workflow.Reason  `json:"warnings,omitempty"`
	Replayed bool               `json:"-"` // the answer was stored earlier
	Target   *workflow.Instance `json:"-"` // nil on a replay, or if an undo removed it
}

// Outcome is what one of several requests came to.
type Outcome struct {
	Result Result
	Err    error
}

// Do carries out one request and returns when its outcome is durable. A refusal is a *workflow.Refusal; what cannot be
// understood at all is a *fault.Error. When ctx ends first the command may still be carried out: ask again with the same
// command id or idempotency key.
func (e *Engine) Do(ctx context.Context, req Request) (Result, error) {
	if err := e.accept(ctx, &req); err != nil {
		return Result{}, err
	}
	return e.enqueue(ctx, &job{req: req, done: make(chan answer, 1)})
}

// DoAll carries out requests, each as Do does: those of one root in their order, each on its own, so that one that is refused stops
// none behind it. They are handed in all at once and share commits. The outcomes stand in the order of the requests.
func (e *Engine) DoAll(ctx context.Context, reqs []Request) []Outcome {
	out := make([]Outcome, len(reqs))
	jobs := make([]*job, 0, len(reqs))
	at := make([]int, 0, len(reqs))
	for n := range reqs {
		req := reqs[n]
		if out[n].Err = e.accept(ctx, &req); out[n].Err == nil {
			jobs, at = append(jobs, &job{req: req, done: make(chan answer, 1)}), append(at, n)
		}
	}
	err := e.hand(ctx, jobs...)
	for i, j := range jobs {
		if err != nil {
			out[at[i]].Err = err
			continue
		}
		out[at[i]].Result, out[at[i]].Err = j.wait(ctx)
	}
	return out
}

// newCommandID draws an id of 26 letters and digits that nobody can guess and that sorts, roughly, by time: what is stored together
// then lies together, and a database has few pages to write for many commands.
func newCommandID(now time.Time) string {
	const inOrder = "234567ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	stamp := uint64(now.UnixMilli()) // 45 bits last for a thousand years
	id := make([]byte, 9, 26)
	for n := len(id) - 1; n >= 0; n-- {
		id[n] = inOrder[stamp&31]
		stamp >>= 5
	}
	return string(append(id, rand.Text()[:17]...))
}

// accept checks a request that arrives and completes it.
func (e *Engine) accept(ctx context.Context, req *Request) error {
	for _, check := range []func() error{req.check, req.checkOwn, req.checkIDs} {
		if err := check(); err != nil {
			return err
		}
	}
	if req.IdempotencyKey != "" {
		var err error
		if req.print, err = req.fingerprint(e.keys); err != nil {
			return err
		}
	}
	if req.ID == "" {
		req.ID = newCommandID(e.now())
		req.fresh = true
	}
	return e.locate(ctx, req)
}
