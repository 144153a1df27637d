package app

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/relay"
	"github.com/linli/linli/internal/workflow"
)

// commander carries commands out: the engine of this process, or the process that holds the data.
type commander interface {
	Do(ctx context.Context, req engine.Request) (engine.Result, error)
	AddBundle(ctx context.Context, b *workflow.Bundle) error
	FireDue(ctx context.Context) (int, error)
	Advance(ctx context.Context, community, root string, to time.Time) (int, error)
}

var (
	_ commander  = (*engine.Engine)(nil)
	_ commander  = (*handover)(nil)
	_ relay.Work = relayed{}
)

// player plays a data file: commands go to whoever carries them out, and what is only read is read here.
type player struct {
	commander
	reads *engine.Engine
}

// Bundle returns a stored set of definitions.
func (p player) Bundle(ctx context.Context, hash string) (*workflow.Bundle, error) {
	return p.reads.Bundle(ctx, hash) //nolint:wrapcheck // as the engine itself
}

// Reveal returns the private values of an instance in the clear.
func (p player) Reveal(ctx context.Context, i *workflow.Instance) (map[string]any, error) {
	return p.reads.Reveal(ctx, i) //nolint:wrapcheck // as the engine itself
}

// How long a command waits for a directory that another one holds which does not take commands, and how often it looks.
const (
	lockPatience = 5 * time.Second
	lockInterval = 50 * time.Millisecond
)

// access is one of the two ways to have commands carried out: with data that this process holds, or by the process that does.
type access struct {
	own    *App
	client *relay.Client
}

// reach opens the data for writing or, if another process holds it, finds that process. One that takes no commands is a short command
// of its own, and is waited for a little.
func (s *session) reach(f dataFlags) (access, error) {
	return s.patiently(func(locked error) (access, bool, error) {
		client, err := relay.Dial(s.ctx, f.Data)
		if errors.Is(err, relay.ErrNobody) {
			return access{}, false, locked
		}
		return access{client: client}, true, err
	}, f)
}

// hold opens the data for writing. A short command that holds it is waited for a little, a process that takes commands is not: it stays.
func (s *session) hold(f dataFlags) (*App, error) {
	at, err := s.patiently(func(locked error) (access, bool, error) {
		client, err := relay.Dial(s.ctx, f.Data)
		if err == nil {
			client.Close()
		}
		return access{}, err == nil, locked
	}, f)
	return at.own, err
}

// patiently tries to open the data for writing, and each time that another process holds it asks what to do: found ends the tries.
func (s *session) patiently(other func(locked error) (at access, found bool, err error), f dataFlags) (access, error) {
	patience := time.NewTimer(lockPatience)
	defer patience.Stop()
	for {
		a, err := s.openApp(f, false)
		if err == nil {
			return access{own: a}, nil
		}
		if f.DB != "" || fault.KindOf(err) != fault.Locked {
			return access{}, err
		}
		at, found, err := other(err)
		if found {
			return at, err
		}
		select {
		case <-patience.C:
			return access{}, err
		case <-s.ctx.Done():
			return access{}, context.Cause(s.ctx)
		case <-time.After(lockInterval):
		}
	}
}

// maxHandovers is how often one command is handed to another process when the one before was lost.
const maxHandovers = 4

// handover hands commands to the process that holds the data. If that one ends, the command goes to the next one, or is carried out here
// once the data is free, under the same id: it happens once. It is safe for concurrent use.
type handover struct {
	again func() (access, error)

	mu sync.Mutex
	at access
}

func newHandover(at access, again func() (access, error)) *handover {
	return &handover{at: at, again: again}
}

// Do carries out one request. The id is drawn before it leaves, so that it can be asked for again.
func (h *handover) Do(ctx context.Context, req engine.Request) (res engine.Result, err error) {
	drawn := req.ID == ""
	if drawn {
		req.ID = rand.Text()
	}
	err = h.try(func(w commander) (err error) {
		res, err = w.Do(ctx, req)
		return err
	})
	if drawn && res.Command == req.ID {
		res.Replayed = false // nobody but this request itself, on a connection that was lost, can have used the id
	}
	return res, err
}

// AddBundle stores a checked set of definitions.
func (h *handover) AddBundle(ctx context.Context, b *workflow.Bundle) error {
	return h.try(func(w commander) error { return w.AddBundle(ctx, b) })
}

// FireDue fires what is due now and returns how many timers it ended.
func (h *handover) FireDue(ctx context.Context) (n int, err error) {
	err = h.try(func(w commander) (err error) {
		n, err = w.FireDue(ctx)
		return err
	})
	return n, err
}

// Advance moves the clock of a replayed programme.
func (h *handover) Advance(ctx context.Context, community, root string, to time.Time) (n int, err error) {
	err = h.try(func(w commander) (err error) {
		n, err = w.Advance(ctx, community, root, to)
		return err
	})
	return n, err
}

// try does something until the connection holds. Everything that is done here may be done again.
func (h *handover) try(do func(commander) error) error {
	for tries := 1; ; tries++ {
		at := h.current()
		err := do(at.commander())
		if !errors.Is(err, relay.ErrGone) {
			return err
		}
		if tries < maxHandovers {
			rerr := h.renew(at)
			if rerr == nil {
				continue
			}
			err = errors.Join(err, rerr)
		}
		if errors.Is(err, context.Canceled) {
			return err
		}
		return fault.Wrap(err, fault.Unavailable, "outcome_unknown", "持有数据目录的程序中断了，尚不知是否已保存；请先用 linli history 查看，再决定是否重做",
			"the program that held the data directory broke off, and it is not known whether this was saved; look with linli history before you repeat it")
	}
}

func (a access) commander() commander {
	if a.own != nil {
		return a.own.Engine
	}
	return a.client
}

func (h *handover) current() access {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

// renew finds another way than the one that was lost, unless somebody else has found one meanwhile.
func (h *handover) renew(lost access) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at != lost {
		return nil
	}
	at, err := h.again()
	if err != nil {
		return err
	}
	lost.client.Close()
	h.at = at
	return nil
}

// settle ends a handover: the checkpoint file is brought up to date by whoever holds the data. err is what the command came to.
func (s *session) settle(h *handover, err error) error {
	at := h.current()
	if at.own != nil {
		return s.finish(at.own, err)
	}
	defer at.client.Close()
	cerr := at.client.Checkpoint(context.WithoutCancel(s.ctx))
	if cerr != nil && !errors.Is(cerr, relay.ErrGone) { // who is gone did it when leaving
		s.note("注意：操作已保存，但检查点文件没有写成：%v", "Note: the command is stored, but the checkpoint file was not written: %v", cerr)
	}
	return err
}
