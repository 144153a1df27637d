// Package schedule keeps time for a running process: it fires the timers that have fallen due, and does the
// housekeeping. It knows when something has to be asked for, never what an event means: timers are rows in the
// database, and firing one is an ordinary command of the engine. Nothing here is lost when the process ends.
package schedule

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/linli/linli/internal/engine"
)

// Timers is what the loop needs of the engine. FireDue fires what is due and returns how many timers it ended; NextDue
// returns when the next one is due that is due later than a time, zero if none waits.
type Timers interface {
	FireDue(ctx context.Context) (int, error)
	NextDue(ctx context.Context, after time.Time) (time.Time, error)
}

// The bounds of the loop's waits.
const (
	maxSleep   = 30 * time.Second // another replica may have set an earlier timer meanwhile
	minBackoff = time.Second
	maxBackoff = time.Minute
)

// Loop fires due timers. Several loops, in one process or in many, may work on one database: the commit of a timer's
// event also ends the timer's row, so that each fires at most once.
type Loop struct {
	timers Timers
	now    func() time.Time
	log    *slog.Logger
	wake   chan struct{}
}

// NewLoop makes a loop. now is the clock that the engine goes by; a nil log drops what is logged, which never is
// personal data.
func NewLoop(timers Timers, now func() time.Time, log *slog.Logger) *Loop {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Loop{timers: timers, now: now, log: log, wake: make(chan struct{}, 1)}
}

// Wake makes the loop look at once, e.g. because a timer was set that may be the earliest. It never blocks and may be
// called at any time from anywhere.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// Run fires timers until ctx ends, and then returns nil. Trouble with the database is logged and tried again, after a
// wait that doubles from one second to one minute.
func (l *Loop) Run(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		wait, err := l.round(ctx)
		if err == nil {
			failures = 0
		} else if ctx.Err() == nil {
			wait = min(backoff(failures), wait)
			failures++
			l.log.Warn("due timers could not be fired; trying again", "wait", wait, "err", err)
		}
		l.sleep(ctx, wait)
	}
	return nil
}

// round fires what is due and returns how long nothing will be. After a failure that is the time of the next timer that is not due
// yet, if there is one: what failed must not keep it waiting.
func (l *Loop) round(ctx context.Context) (time.Duration, error) {
	fired, failure := l.timers.FireDue(ctx)
	if errors.Is(failure, engine.ErrConflict) { // another replica was faster
		failure = nil
	}
	if fired > 0 {
		l.log.Info("timers ended", "count", fired)
	}
	var after time.Time
	if failure != nil {
		after = l.now()
	}
	next, err := l.timers.NextDue(ctx, after)
	if err != nil {
		return maxBackoff, errors.Join(failure, err)
	}
	if next.IsZero() {
		return maxSleep, failure
	}
	wait := next.Sub(l.now())
	if wait <= 0 && fired == 0 {
		wait = minBackoff // due and yet not fired: do not spin
	}
	return min(max(wait, 0), maxSleep), failure
}

func (l *Loop) sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-t.C:
	}
}

// backoff is the wait after so many failures in a row before this one, with jitter so that replicas do not come back at once.
func backoff(failures int) time.Duration {
	d := min(minBackoff<<min(failures, 10), maxBackoff)
	return d/2 + rand.N(d/2) //nolint:gosec // jitter needs no secret
}
