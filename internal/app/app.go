package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/relay"
	"github.com/linli/linli/internal/schedule"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
)

// CheckpointFile is the name of the checkpoint file in the data directory, unless Config.Checkpoint names another.
const CheckpointFile = "checkpoints.jsonl"

// Config says which data an App works on, and how.
type Config struct {
	Data       string // data directory; holds the SQLite file, the keys and the checkpoints unless they are elsewhere
	DB         string // "" for SQLite in Data, or a postgres:// address
	KeysFile   string // "" for the key file in Data
	Checkpoint string // "" for CheckpointFile in Data
	ReadOnly   bool   // no lock, no migration, no writes: works while another process writes
	Now        func() time.Time
	Log        *slog.Logger // nil: nothing is logged
	Committers int          // how many commits may run at once; 0: two on PostgreSQL, one on SQLite, which has one writer anyway
	// OnCommit, if set, runs in place of every COMMIT and must call commit once: a benchmark counts here.
	OnCommit func(commit func() error) error
}

// App is everything that works on one database: store, keys, engine and scheduler. Its parts are safe for concurrent use.
type App struct {
	Store  *store.Store
	Keys   *seal.Keyring
	Engine *engine.Engine
	Loop   *schedule.Loop

	cfg    Config
	mu     sync.Mutex
	marked map[root]int64 // what the checkpoint file holds; nil until it is first read
}

type root struct{ community, id string }

// The intervals of the housekeeping.
const (
	expireEvery     = time.Hour
	checkpointEvery = time.Minute
)

// Open opens the data and starts an engine on it. A SQLite directory that does not exist yet is created, with keys of its
// own. Nothing fires by itself until Run.
func Open(ctx context.Context, cfg Config) (*App, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Checkpoint == "" {
		cfg.Checkpoint = filepath.Join(cfg.Data, CheckpointFile)
	}
	if cfg.KeysFile == "" {
		cfg.KeysFile = filepath.Join(cfg.Data, seal.KeyFile)
	}
	s, err := store.Open(ctx, store.Config{DSN: cfg.DB, Dir: cfg.Data, ReadOnly: cfg.ReadOnly, Now: cfg.Now, OnCommit: cfg.OnCommit})
	if err != nil {
		return nil, err
	}
	keys, err := openKeys(ctx, cfg, s)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if cfg.Committers == 0 && cfg.DB != "" {
		cfg.Committers = 2
	}
	e := engine.New(engine.Config{
		Store: s, Keys: keys, Now: cfg.Now, Log: cfg.Log, Committers: cfg.Committers, Unreachable: store.Unreachable,
	})
	return &App{Store: s, Keys: keys, Engine: e, Loop: schedule.NewLoop(e, cfg.Now, cfg.Log), cfg: cfg}, nil
}

// openKeys loads the keys that belong to the data. Only a SQLite directory without data may get new ones: anywhere else a
// new key would make what is there unreadable.
func openKeys(ctx context.Context, cfg Config, s *store.Store) (*seal.Keyring, error) {
	create := false
	if cfg.DB == "" && !cfg.ReadOnly {
		empty, err := s.Empty(ctx)
		if err != nil {
			return nil, err
		}
		create = empty
	}
	return seal.Open(ctx, seal.Config{Path: cfg.KeysFile, MayCreate: create, Random: rand.Reader}, s)
}

// Close stops the engine after the commands it has accepted, and closes the data.
func (a *App) Close() error {
	a.Engine.Close()
	return a.Store.Close()
}

// Run fires timers as they fall due, takes the commands of other processes for a SQLite directory, and does the housekeeping, until
// ctx ends. Commands that are being worked on then come to their end.
func (a *App) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- a.Loop.Run(ctx)
	}()
	relayed := make(chan error, 1)
	go func() {
		relayed <- a.ServeRelay(ctx)
	}()
	err := schedule.Housekeeping(ctx, a.cfg.Log,
		schedule.Chore{Name: "append to the checkpoint file", Every: checkpointEvery, Do: a.Checkpoint},
		schedule.Chore{Name: "forget expired idempotency keys", Every: expireEvery, Do: a.expire},
	)
	stop()
	return errors.Join(err, <-relayed, <-done)
}

// ServeRelay takes the commands of other processes for a SQLite directory that this one holds, until ctx ends. Run does this; it is for
// what holds the directory without Run. Where no socket can be made, that is logged and nothing is lost but the convenience: the others
// are told, as ever, that the directory is in use. Elsewhere than on such a directory it does nothing.
func (a *App) ServeRelay(ctx context.Context) error {
	if a.cfg.DB != "" || a.cfg.ReadOnly {
		return nil
	}
	server, err := relay.Listen(a.cfg.Data, relayed{a.Engine, a}, a.cfg.Log)
	if err != nil {
		a.cfg.Log.Warn("other processes cannot hand in commands: there is no socket", "err", err)
		return nil
	}
	return server.Serve(ctx)
}

// relayed is what an App does for other processes.
type relayed struct {
	*engine.Engine
	app *App
}

// Do carries a command out and has the loop look again: it may have set the timer that is due next.
func (r relayed) Do(ctx context.Context, req engine.Request) (engine.Result, error) {
	defer r.app.Loop.Wake()
	return r.Engine.Do(ctx, req)
}

// Checkpoint appends to the App's checkpoint file.
func (r relayed) Checkpoint(ctx context.Context) error { return r.app.Checkpoint(ctx) }

func (a *App) expire(ctx context.Context) error {
	n, err := a.Store.IdempotencyExpire(ctx, a.cfg.Now())
	if err == nil && n > 0 {
		a.cfg.Log.Info("expired idempotency keys forgotten", "count", n)
	}
	return err
}

// Checkpoint appends to the checkpoint file the head of every chain that has grown since it was last written there, and
// returns when that is on disk. Whoever cuts a chain short afterwards is found out by an audit. Processes that share a
// file take turns.
func (a *App) Checkpoint(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	unlock, err := lockFile(ctx, a.cfg.Checkpoint)
	if err != nil {
		return err
	}
	defer unlock()
	if err := a.readMarks(); err != nil {
		return err
	}
	heads, err := a.grown(ctx)
	if err != nil || len(heads) == 0 {
		return err
	}
	if err := a.Keys.AppendCheckpoint(a.cfg.Checkpoint, heads, a.cfg.Now()); err != nil {
		return err
	}
	for _, h := range heads {
		a.marked[root{h.Community, h.Root}] = h.Seq
	}
	return nil
}

// readMarks learns, once, what the file holds.
func (a *App) readMarks() error {
	if a.marked != nil {
		return nil
	}
	marks, err := a.Keys.ReadCheckpoint(a.cfg.Checkpoint)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	a.marked = map[root]int64{}
	for _, m := range marks {
		a.marked[root{m.Community, m.Root}] = m.Seq
	}
	return nil
}

// grown returns the heads that the file does not hold yet.
func (a *App) grown(ctx context.Context) ([]seal.Head, error) {
	communities, err := a.Store.Communities(ctx)
	if err != nil {
		return nil, err
	}
	var out []seal.Head
	for _, c := range communities {
		heads, err := a.Store.Roots(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, h := range heads {
			if h.Seq > a.marked[root{c, h.Root}] {
				out = append(out, seal.Head{Community: c, Root: h.Root, Seq: h.Seq, MAC: h.MAC})
			}
		}
	}
	return out, nil
}

// keysCreate writes a new key file; its directory is created for its owner alone.
func keysCreate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create the directory of the key file: %w", err)
	}
	return seal.Create(path, rand.Reader)
}
