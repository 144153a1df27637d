package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/linli/linli/internal/store"
)

// The generator's tracks.
const (
	trackOurs    = "ours"
	trackControl = "control"
	trackFloor   = "floor"
)

// run lets the generator work on a server for a time.
func (b *bench) run(ctx context.Context, track string, on *process, kind string, clients int, d time.Duration) (runResult, error) {
	if err := ctx.Err(); err != nil {
		return runResult{}, err
	}
	var r runResult
	err := b.load.ask(loadOrder{Name: track, Run: &runOrder{Address: on.address, Kind: kind, Clients: clients, For: d, Blind: track == trackFloor}}, &r)
	if err == nil && r.Error != "" {
		err = fmt.Errorf("%s: %s\n%s", on.name, r.Error, on.said)
	}
	if err == nil && r.Transitions == 0 {
		err = fmt.Errorf("%s: nothing was carried out: there are too few programmes", on.name)
	}
	return r, err
}

func (r runResult) rate() float64 { return float64(r.Transitions) / r.Seconds }

// round is one run with what it cost.
type round struct {
	runResult
	server   float64 // seconds of processor time
	database float64 // of PostgreSQL's processes
	syncs    float64
}

// measured is a run with what it cost.
func (b *bench) measured(ctx context.Context, track string, on *process, kind string, clients int, d time.Duration) (round, error) {
	before, err := b.costs(ctx, track, on)
	if err != nil {
		return round{}, err
	}
	r, err := b.run(ctx, track, on, kind, clients, d)
	if err != nil {
		return round{}, err
	}
	after, err := b.costs(ctx, track, on)
	out := round{runResult: r, server: after.server - before.server, database: after.database - before.database, syncs: after.syncs - before.syncs}
	if track == trackControl && b.scratch.admin == nil {
		out.syncs += float64(r.Transitions) // one commit each
	}
	return out, err
}

// costs reads the counters of a server and its database.
func (b *bench) costs(ctx context.Context, track string, on *process) (round, error) {
	r := round{server: processCPU(on.pid)}
	if b.scratch.server != 0 && track != trackFloor {
		r.database = familyCPU(b.scratch.server)
	}
	switch {
	case track == trackFloor:
	case b.scratch.admin != nil:
		n, _ := b.scratch.walSyncs(ctx)
		r.syncs = float64(n)
	case track == trackControl:
		r.syncs = syncsPerRestart * float64(walRestarts(filepath.Join(on.order.Dir, controlFile)))
	default:
		var c Counters
		if err := on.ask(struct{}{}, &c); err != nil {
			return r, err
		}
		r.syncs = float64(c.Commits) + syncsPerRestart*float64(walRestarts(filepath.Join(on.order.Dir, store.DatabaseFile)))
	}
	return r, nil
}

// figures are the medians of several rounds.
func figures(rs []round) Figures {
	median := func(of func(round) float64) float64 {
		var all []float64
		for _, r := range rs {
			all = append(all, of(r))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	per := func(cost func(round) float64, unit float64) float64 {
		return median(func(r round) float64 { return unit * cost(r) / float64(r.Transitions) })
	}
	const micro = 1e6
	f := Figures{
		Rate: median(func(r round) float64 { return r.rate() }),
		P50:  median(func(r round) float64 { return r.P50 }), P99: median(func(r round) float64 { return r.P99 }),
		Max:         slices.MaxFunc(rs, func(a, b round) int { return cmp.Compare(a.Max, b.Max) }).Max,
		ServerCPU:   per(func(r round) float64 { return r.server }, micro),
		DatabaseCPU: per(func(r round) float64 { return r.database }, micro),
		Fsyncs:      per(func(r round) float64 { return r.syncs }, 1),
		AnswerBytes: int(median(func(r round) float64 { return float64(r.Received) / float64(r.Requests) })),
		Generator:   median(func(r round) float64 { return micro * r.CPU / float64(r.Requests) }),
	}
	for _, r := range rs {
		f.Rates = append(f.Rates, r.rate())
		f.Transitions += r.Transitions
		f.Exhausted = f.Exhausted || r.Exhausted
	}
	f.CPU = f.ServerCPU + f.DatabaseCPU
	return f
}

// poolSizes are the pools that the control is tried with.
func poolSizes() []int { return []int{1, 4, 16, 64} }

// calibrate finds the pool with which the control is fastest at some work, and leaves the control running with it.
func (b *bench) calibrate(ctx context.Context, c *Comparison, kind string, d time.Duration) error {
	c.Pools = map[string]float64{}
	best := 0.0
	for _, n := range poolSizes() {
		if err := b.startControl(ctx, n); err != nil {
			return err
		}
		r, err := b.run(ctx, trackControl, b.control, kind, c.Clients, d)
		if err != nil {
			return err
		}
		c.Pools[strconv.Itoa(n)] = r.rate()
		if r.rate() > best {
			best, c.Pool = r.rate(), n
		}
	}
	return b.startControl(ctx, c.Pool)
}

func (b *bench) startControl(ctx context.Context, pool int) (err error) {
	if b.control != nil {
		if err := b.control.stop(); err != nil {
			return err
		}
	}
	b.pool = pool
	b.control, err = b.start(ctx, PartControl, PartOrder{DSN: b.theirs.dsn, Dir: b.theirs.dir, Pool: pool})
	return err
}

// compare measures one kind of work on ours, the control and the floor, taking turns.
func (b *bench) compare(ctx context.Context, kind string, clients int, d time.Duration) (*Comparison, error) {
	c := &Comparison{Clients: clients}
	warm, err := b.run(ctx, trackOurs, b.server, kind, clients, d/10)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(b.floor.stop(), b.calibrate(ctx, c, kind, d/10)); err != nil {
		return nil, err
	}
	b.floor, err = b.start(ctx, PartFloor, PartOrder{AnswerBytes: int(warm.Received) / warm.Requests})
	if err != nil {
		return nil, err
	}
	turns := []struct {
		track string
		on    *process
		into  *Figures
		all   []round
	}{{trackOurs, b.server, &c.Ours, nil}, {trackControl, b.control, &c.Control, nil}, {trackFloor, b.floor, &c.Floor, nil}}
	for range rounds {
		for n := range turns {
			t := &turns[n]
			r, err := b.measured(ctx, t.track, t.on, kind, clients, d/rounds)
			if err != nil {
				return nil, err
			}
			t.all = append(t.all, r)
		}
	}
	for _, t := range turns {
		*t.into = figures(t.all)
	}
	c.Ratio, c.FloorShare = c.Ours.Rate/c.Control.Rate, c.Ours.Rate/c.Floor.Rate
	return c, nil
}

func (b *bench) takeLifecycle(ctx context.Context) (err error) {
	b.report.Lifecycle, err = b.compare(ctx, kindLifecycle, b.cfg.Clients, b.cfg.Duration)
	return err
}

func (b *bench) takeSingle(ctx context.Context) (err error) {
	b.report.Single, err = b.compare(ctx, kindLifecycle, 1, b.cfg.Duration/2)
	return err
}

func (b *bench) takeOneRow(ctx context.Context) (err error) {
	b.report.OneRow, err = b.compare(ctx, kindOneRow, b.cfg.Clients, b.cfg.Duration/2)
	return err
}

// takeBulk measures lists. The control has no such endpoint: its rate is that of single transitions.
func (b *bench) takeBulk(ctx context.Context) error {
	clients := min(maxHalls, b.cfg.Clients)
	out := &BulkFigures{Clients: clients}
	control := 0.0
	if b.report.Lifecycle != nil {
		control = b.report.Lifecycle.Control.Rate
	} else {
		c := &Comparison{Clients: b.cfg.Clients}
		if err := b.calibrate(ctx, c, kindLifecycle, b.cfg.Duration/10); err != nil {
			return err
		}
		r, err := b.run(ctx, trackControl, b.control, kindLifecycle, b.cfg.Clients, b.cfg.Duration/2)
		if err != nil {
			return err
		}
		control = r.rate()
	}
	if _, err := b.run(ctx, trackOurs, b.server, kindBulk, clients, b.cfg.Duration/20); err != nil {
		return err
	}
	var all []round
	for range rounds {
		r, err := b.measured(ctx, trackOurs, b.server, kindBulk, clients, b.cfg.Duration/2/rounds)
		if err != nil {
			return err
		}
		all = append(all, r)
	}
	out.Ours, out.Control = figures(all), control
	out.Ratio = out.Ours.Rate / control
	b.report.Bulk = out
	return nil
}
