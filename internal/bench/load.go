package bench

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// The kinds of work.
const (
	kindLifecycle = "lifecycle"
	kindOneRow    = "one_row"
	kindBulk      = "bulk"
)

// loadOrder is one line that the generator reads: a set to remember, a run to make, or the question of how far a track has come.
type loadOrder struct {
	Set   *loadSet  `json:"set,omitempty"`
	Names []string  `json:"names,omitempty"` // of the tracks that work on the set
	Run   *runOrder `json:"run,omitempty"`
	Name  string    `json:"name,omitempty"` // of the track
	Tell  bool      `json:"tell,omitempty"`
}

// runOrder says what to do for how long.
type runOrder struct {
	Address string        `json:"address"`
	Kind    string        `json:"kind"`
	Clients int           `json:"clients"`
	For     time.Duration `json:"for"`
	Blind   bool          `json:"blind,omitempty"` // the floor: statuses are checked, bodies are not
}

// runResult is what a run came to.
type runResult struct {
	Requests    int     `json:"requests"`
	Transitions int     `json:"transitions"`
	Seconds     float64 `json:"seconds"`
	P50         float64 `json:"p50_ms"`
	P99         float64 `json:"p99_ms"`
	Max         float64 `json:"max_ms"`
	CPU         float64 `json:"cpu_seconds"` // of the generator itself
	Sent        int64   `json:"sent"`        // bytes of all requests
	Received    int64   `json:"received"`    // bytes of all answers
	Exhausted   bool    `json:"exhausted"`   // the programmes ran out before the time
	Error       string  `json:"error,omitempty"`
}

// progress is how far a track has come.
type progress struct {
	Acked []int `json:"acked"` // by programme
	Notes int   `json:"notes"`
	Seats int   `json:"seats"`
}

// Load is the load generator, a process of its own: it reads orders and writes what came of each, a line of JSON each, until in ends.
func Load(ctx context.Context, in io.Reader, out io.Writer, now func() time.Time) error {
	runtime.GOMAXPROCS(2) // one works, the other listens for signals
	debug.SetGCPercent(400)
	g := &generator{now: now, tracks: map[string]*track{}, wire: &wire{prefix: rand.Text()[:8] + "-", keys: firstKey}}
	orders, results := json.NewDecoder(in), json.NewEncoder(out)
	for ctx.Err() == nil {
		var o loadOrder
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read an order: %w", err)
		}
		result, err := g.carryOut(ctx, o)
		if err != nil {
			result = runResult{Error: err.Error()}
		}
		if err := results.Encode(result); err != nil {
			return fmt.Errorf("answer an order: %w", err)
		}
	}
	return ctx.Err()
}

// generator holds the tracks and makes the runs.
type generator struct {
	*wire
	now    func() time.Time
	tracks map[string]*track
}

func (g *generator) carryOut(ctx context.Context, o loadOrder) (any, error) {
	for _, name := range o.Names {
		t := &track{set: o.Set, acked: make([]uint8, len(o.Set.Programmes))}
		for _, h := range o.Set.Halls {
			t.seats = append(t.seats, make([]bool, len(h.Seats)))
		}
		g.tracks[name] = t
	}
	if o.Set != nil {
		return struct{}{}, nil
	}
	t := g.tracks[o.Name]
	if t == nil {
		return nil, fmt.Errorf("the generator knows no track %q", o.Name)
	}
	if o.Tell {
		p := progress{Notes: t.notes, Seats: t.marked}
		for _, n := range t.acked {
			p.Acked = append(p.Acked, int(n))
		}
		return p, nil
	}
	return g.run(ctx, t, o.Run)
}

// source is the work of a run.
func (g *generator) source(t *track, o *runOrder) (source, error) {
	switch o.Kind {
	case kindLifecycle:
		return newLifecycle(g.wire, t, o.Clients, o.Blind), nil
	case kindOneRow:
		return newNotes(g.wire, t, o.Blind), nil
	case kindBulk:
		return newBulk(g.wire, t, o.Clients, o.Blind)
	default:
		return nil, fmt.Errorf("the generator knows no work %q", o.Kind)
	}
}

// run makes one run: every client sends its next request when the last one was answered, until the time is over or the programmes
// are. Requests under way at the end are waited for and counted.
func (g *generator) run(ctx context.Context, t *track, o *runOrder) (runResult, error) {
	src, err := g.source(t, o)
	if err != nil {
		return runResult{}, err
	}
	r := &run{source: src, now: g.now, length: o.For, took: make([]uint32, 0, 1<<18)}
	for n := range o.Clients {
		r.clients = append(r.clients, &client{number: n, in: make([]byte, 16<<10)})
	}
	cpu := processCPU(os.Getpid())
	err = r.drive(ctx, o.Address)
	for n := range r.clients {
		src.leave(n)
	}
	return r.result(processCPU(os.Getpid()) - cpu), err
}

// run is one run under way. One goroutine uses it.
type run struct {
	source
	now     func() time.Time
	began   time.Time
	length  time.Duration
	until   time.Time
	ended   time.Time // when the last answer arrived
	clients []*client
	took    []uint32 // microseconds
	sum     runResult
}

// client is one connection and the request under way on it.
type client struct {
	number int
	buffer []byte // the request
	out    []byte // what is left of it to send
	in     []byte
	have   int // bytes of the answer that have arrived
	sent   time.Time
	done   bool
}

// prepare readies the client's next request in out; false when there is none, and the client is done.
func (r *run) prepare(c *client, now time.Time) bool {
	if r.sum.Exhausted || !now.Before(r.until) {
		c.done = true
		return false
	}
	var ok bool
	c.buffer, ok = r.next(c.number, c.buffer[:0])
	c.out, c.have, c.sent = c.buffer, 0, now
	if !ok {
		r.sum.Exhausted, c.done = true, true
		return false
	}
	r.sum.Sent += int64(len(c.out))
	return true
}

// room is where the next bytes of the answer go.
func (c *client) room() []byte {
	if c.have == len(c.in) {
		c.in = slices.Grow(c.in, len(c.in))[:2*len(c.in)]
	}
	return c.in[c.have:]
}

// arrived counts n more bytes and reports whether the answer is complete and good.
func (r *run) arrived(c *client, n int, now time.Time) (bool, error) {
	if n <= 0 {
		return false, errors.New("the server closed a connection")
	}
	c.have += n
	a, done, err := readAnswer(c.in[:c.have])
	if err != nil || !done {
		return false, err
	}
	acked, err := r.judge(c.number, a.status, a.whole())
	if err != nil {
		return false, err
	}
	r.ended = now
	r.sum.Requests++
	r.sum.Transitions += acked
	r.sum.Received += int64(a.size)
	r.took = append(r.took, uint32(min(now.Sub(c.sent).Microseconds(), 1<<32-1))) //nolint:gosec // bounded
	return true, nil
}

// result sums the run up.
func (r *run) result(cpu float64) runResult {
	s := r.sum
	s.CPU = cpu
	s.Seconds = r.ended.Sub(r.began).Seconds()
	slices.Sort(r.took)
	s.P50, s.P99, s.Max = quantile(r.took, 0.50), quantile(r.took, 0.99), quantile(r.took, 1)
	return s
}

// quantile of sorted microseconds, in milliseconds.
func quantile(sorted []uint32, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1))]) / 1000
}
