package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// The things that can be measured.
const (
	Lifecycle = "lifecycle" // programmes walked through all their activities, at Clients
	Single    = "single"    // the same with one client
	OneRow    = "one_row"   // one programme hit by all clients
	Bulk      = "bulk"      // lists of 100 to 500 rows
	Idle      = "idle"      // memory of a server that does nothing
	Start     = "start"     // from the start of the process to its first answer
	Large     = "large"     // the lifecycle with a million instances beside it; only when asked for
)

// Measures are all of them, in the order in which they are taken.
func Measures() []string { return []string{Lifecycle, Single, OneRow, Bulk, Start, Idle, Large} }

// Config says what to measure.
type Config struct {
	Program  string        // the program's own file, which is started once for each part
	Clients  int           // how many ask at once
	Duration time.Duration // how long the lifecycle of each server is measured, in three rounds; the other measures take half of it
	DSN      string        // a PostgreSQL server on which databases may be made; "" for SQLite in a temporary directory
	Only     []string      // of Measures; empty: all but Large
	Profile  string        // file for the server's processor profile, or ""
	Now      func() time.Time
	Note     func(zh, en string) // progress, for people; may be nil
	// What the worlds hold. Zero: as many as the duration needs, and 500, 10,000 and 1,000,000.
	Programmes, Seats, SmallRows, LargeRows int
}

// rounds is how often ours, the control and the floor take turns; figures are medians.
const rounds = 3

// maxHalls is how many clients the bulk endpoint is measured with at most.
const maxHalls = 8

// bench is a benchmark under way. One goroutine uses it.
type bench struct {
	cfg     Config
	scratch *scratch
	running []*process
	load    *process
	server  *process
	control *process
	floor   *process
	ours    place
	theirs  place // the control's
	set     *loadSet
	pool    int // of the control that runs
	report  *Report
}

// Run measures and reports. Everything it makes is gone afterwards, also when ctx ends early.
func Run(ctx context.Context, cfg Config) (_ *Report, err error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	b := &bench{cfg: cfg, report: newReport(cfg)}
	if b.scratch, err = newScratch(ctx, cfg.DSN); err != nil {
		return nil, err
	}
	defer func() { err = b.clear(ctx, err) }()
	if b.load, err = b.start(ctx, PartLoad, PartOrder{}); err != nil {
		return nil, err
	}
	if err := b.measure(ctx); err != nil {
		return nil, err
	}
	b.report.judge()
	return b.report, nil
}

// clear ends what still runs and removes what was made. When the benchmark was cut short, how its parts ended says nothing.
func (b *bench) clear(ctx context.Context, err error) error {
	for _, p := range b.running {
		err = errors.Join(err, p.stop())
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return errors.Join(err, b.scratch.remove())
}

func (c *Config) complete() error {
	if c.Clients < 1 || c.Duration <= 0 {
		return errors.New("a benchmark needs at least one client and some time")
	}
	for _, m := range c.Only {
		if !slices.Contains(Measures(), m) {
			return fmt.Errorf("there is no measure %q; there are %v", m, Measures())
		}
	}
	if len(c.Only) == 0 {
		c.Only = slices.DeleteFunc(Measures(), func(m string) bool { return m == Large })
	}
	if c.Note == nil {
		c.Note = func(string, string) {}
	}
	for _, d := range []struct {
		n    *int
		that int
	}{{&c.Seats, 500}, {&c.SmallRows, 10_000}, {&c.LargeRows, 1_000_000}} {
		if *d.n == 0 {
			*d.n = d.that
		}
	}
	return nil
}

func (b *bench) wants(measures ...string) bool {
	return slices.ContainsFunc(measures, func(m string) bool { return slices.Contains(b.cfg.Only, m) })
}

// measure takes the measures that were asked for.
func (b *bench) measure(ctx context.Context) error {
	if b.wants(Lifecycle, Single, OneRow, Bulk, Idle, Start) {
		if err := b.prepare(ctx); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		name string
		take func(context.Context) error
	}{
		{Lifecycle, b.takeLifecycle},
		{Single, b.takeSingle},
		{OneRow, b.takeOneRow},
		{Bulk, b.takeBulk},
	} {
		if !b.wants(m.name) {
			continue
		}
		b.cfg.Note("测量："+m.name, "Measuring: "+m.name)
		if err := m.take(ctx); err != nil {
			return fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	if b.wants(Lifecycle, Single, OneRow, Bulk) {
		if err := b.verify(ctx); err != nil {
			return err
		}
	}
	if b.wants(Start, Idle) {
		b.cfg.Note("测量：启动与空闲内存", "Measuring: start and idle memory")
		if err := b.takeStart(ctx); err != nil {
			return fmt.Errorf("measure the start: %w", err)
		}
	}
	if b.wants(Large) {
		if err := b.takeLarge(ctx); err != nil {
			return fmt.Errorf("measure a large database: %w", err)
		}
	}
	return nil
}

// prepare makes the databases and starts the servers.
func (b *bench) prepare(ctx context.Context) (err error) {
	b.cfg.Note("准备数据……", "Preparing the data …")
	if b.floor, err = b.start(ctx, PartFloor, PartOrder{AnswerBytes: guessedAnswer}); err != nil {
		return err
	}
	if b.ours, err = b.scratch.fresh(ctx, "ours"); err != nil {
		return err
	}
	w, err := found(ctx, b.ours, b.cfg.Now)
	if err != nil {
		return err
	}
	b.set = w.set
	err = b.populate(ctx, w)
	if err := errors.Join(err, w.close()); err != nil {
		return err
	}
	if err := b.give(w.set, trackOurs, trackControl, trackFloor); err != nil {
		return err
	}
	if err := b.prepareControl(ctx, w); err != nil {
		return err
	}
	b.server, err = b.serving(ctx, PartOrder{DSN: b.ours.dsn, Dir: b.ours.dir, Profile: b.cfg.Profile})
	return err
}

// guessedAnswer is how long an answer is taken to be before one was seen.
const guessedAnswer = 450

// give tells the generator what tracks work on.
func (b *bench) give(set *loadSet, tracks ...string) error {
	var done struct{}
	return b.load.ask(loadOrder{Names: tracks, Set: set}, &done)
}

// populate creates what the measures use up. No server does more exchanges than the floor, which says how many programmes to make.
func (b *bench) populate(ctx context.Context, w *world) error {
	n := b.cfg.Programmes
	if n == 0 {
		var err error
		if n, err = b.programmesNeeded(ctx); err != nil {
			return err
		}
	}
	if err := w.copies(ctx, n); err != nil {
		return err
	}
	if !b.wants(Bulk) {
		return nil
	}
	return w.halls(ctx, min(maxHalls, b.cfg.Clients), b.cfg.Seats)
}

func (b *bench) programmesNeeded(ctx context.Context) (int, error) {
	probe := &loadSet{Community: communityID, Tokens: [][]string{{"x"}, {"x"}, {"x"}, {"x"}}}
	probe.Programmes = []loadProgramme{{Root: "x", Activities: make([]string, len(slotNames()))}}
	if err := b.give(probe, trackFloor); err != nil {
		return 0, err
	}
	r, err := b.run(ctx, trackFloor, b.floor, kindLifecycle, b.cfg.Clients, min(time.Second, b.cfg.Duration/4))
	if err != nil {
		return 0, err
	}
	seconds := 0.1 * b.cfg.Duration.Seconds() // to warm up
	if b.wants(Lifecycle) {
		seconds += b.cfg.Duration.Seconds()
	}
	if b.wants(Single) {
		seconds += 0.2 * b.cfg.Duration.Seconds()
	}
	const share = 0.85 // of the floor's rate that any server with a database will stay below
	return 2*b.cfg.Clients + int(r.rate()*share*seconds)/len(lifecycle()), nil
}

func (b *bench) prepareControl(ctx context.Context, w *world) (err error) {
	if b.theirs, err = b.scratch.fresh(ctx, "control"); err != nil {
		return err
	}
	db, err := openControl(ctx, ControlConfig{DSN: b.theirs.dsn, Dir: b.theirs.dir, Pool: 1})
	if err != nil {
		return err
	}
	return errors.Join(db.fill(ctx, w.tokens, controlRows(w.set.Programmes)), db.Close())
}

// cores is how many processors everything shares.
func cores() int { return runtime.NumCPU() }
