package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/robfig/cron/v3"
)

// Chore is one piece of housekeeping.
type Chore struct {
	Name  string
	Every time.Duration // at least a second
	Do    func(ctx context.Context) error
}

// Housekeeping does each chore once at the start and then at its interval, until ctx ends; it returns when the chores
// under way have come back. A chore that still runs when it is due again is left alone; one that fails, or panics, is
// logged and done again at its next time. Nothing that must not be lost may depend on a chore.
func Housekeeping(ctx context.Context, log *slog.Logger, chores ...Chore) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	runner := cron.New(cron.WithLocation(time.UTC), cron.WithLogger(cron.DiscardLogger),
		cron.WithChain(cron.SkipIfStillRunning(cron.DiscardLogger)))
	var jobs []cron.Job
	for _, c := range chores {
		if c.Every < time.Second {
			return fmt.Errorf("chore %s: the interval %s is below one second", c.Name, c.Every)
		}
		id := runner.Schedule(cron.Every(c.Every), cron.FuncJob(func() { do(ctx, log, c) }))
		jobs = append(jobs, runner.Entry(id).WrappedJob)
	}
	for _, j := range jobs {
		if ctx.Err() == nil {
			j.Run()
		}
	}
	runner.Start()
	<-ctx.Done()
	<-runner.Stop().Done()
	return nil
}

func do(ctx context.Context, log *slog.Logger, c Chore) {
	defer func() {
		if r := recover(); r != nil {
			log.Error("a chore broke off", "chore", c.Name, "panic", r, "stack", string(debug.Stack()))
		}
	}()
	if err := c.Do(ctx); err != nil && ctx.Err() == nil {
		log.Warn("a chore failed; it comes again", "chore", c.Name, "err", err)
	}
}
