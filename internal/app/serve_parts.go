package app

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/schedule"
)

// parts are what runs beside one another in a serving process. When one fails the others are told to stop.
type parts struct {
	stop func()
	wg   sync.WaitGroup

	mu   sync.Mutex
	errs []error
}

func newParts(stop func()) *parts { return &parts{stop: stop} }

// run starts a part.
func (p *parts) run(name string, part func() error) {
	p.wg.Go(func() {
		if err := part(); err != nil {
			p.mu.Lock()
			p.errs = append(p.errs, fmt.Errorf("%s: %w", name, err))
			p.mu.Unlock()
			p.stop()
		}
	})
}

// wait returns when all parts have ended, and what went wrong.
func (p *parts) wait() error {
	p.wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.errs...)
}

// lookEvery is how soon the loop looks at a timer that a request has set.
const lookEvery = time.Second

// prompt is the engine as requests use it: what they set is looked at by the timers' loop within a second, without a look after each of
// thousands of commands.
type prompt struct {
	*engine.Engine
	changed atomic.Bool
}

// newPrompt starts looking, until ctx ends.
func newPrompt(ctx context.Context, e *engine.Engine, loop *schedule.Loop) *prompt {
	p := &prompt{Engine: e}
	go func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if p.changed.Swap(false) {
					loop.Wake()
				}
			}
		}
	}()
	return p
}

// Do carries out one request.
func (p *prompt) Do(ctx context.Context, req engine.Request) (engine.Result, error) {
	res, err := p.Engine.Do(ctx, req)
	p.changed.Store(true)
	return res, err //nolint:wrapcheck // as the engine itself
}

// DoAll carries out many.
func (p *prompt) DoAll(ctx context.Context, reqs []engine.Request) []engine.Outcome {
	out := p.Engine.DoAll(ctx, reqs)
	p.changed.Store(true)
	return out
}

// quiet is a log for net/http's own remarks: broken connections and handshakes. They name addresses, which the log does not keep.
func quiet(to *slog.Logger) *log.Logger { return log.New(remarks{to}, "", 0) }

type remarks struct{ to *slog.Logger }

// Write counts a remark as one line without its words.
func (r remarks) Write(b []byte) (int, error) {
	r.to.Debug("a connection failed")
	return len(b), nil
}
