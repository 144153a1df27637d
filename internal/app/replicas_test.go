package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/testdb"
)

// balancer hands out servers in turn, dead ones as well: whoever gets no answer takes the next. It is safe for concurrent use.
type balancer struct {
	mu      sync.Mutex
	servers []string
	next    int
	answers map[string]int // by server
	failed  int            // tries without an answer
	broken  []string       // answers that say that the server is at fault
}

// pick is the next server.
func (b *balancer) pick() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.servers[b.next%len(b.servers)]
}

// replace puts a new server in the place of an old one.
func (b *balancer) replace(old, by string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers[slices.Index(b.servers, old)] = by
}

// try asks one server. Without an answer, or with one that says to try again, it reports false: what was asked for may have happened.
func (b *balancer) try(ctx context.Context, v *apiClient, a ask) (reply, bool) {
	base := b.pick()
	r, err := v.do(ctx, base, a)
	b.mu.Lock()
	defer b.mu.Unlock()
	if errors.Is(err, errAnswer) || err == nil && r.Status >= http.StatusInternalServerError && r.Status != http.StatusServiceUnavailable {
		b.broken = append(b.broken, fmt.Sprintf("%s %s was answered with %+v, %v", a.method, a.path, r, err))
	}
	if err != nil || r.Status >= http.StatusInternalServerError {
		b.failed++
		return r, false
	}
	b.answers[base]++
	return r, true
}

// drive is clients that work on the lamps of one programme over all servers at once, and what they did and saw.
type drive struct {
	*ledger
	*balancer
	lamps []string
	begun time.Time

	mu      sync.Mutex
	history []porcupine.Operation
	unknown map[string]bool // keys of commands whose outcome nobody learned
	drawn   int64           // the last reading that was handed out
	settled int             // operations with an answer
	moved   chan struct{}   // a token whenever settled grew
}

func (d *drive) now() int64 { return int64(time.Since(d.begun)) }

// draw is a number that nobody else sets a lamp to.
func (d *drive) draw() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.drawn++
	return d.drawn
}

// note records an operation.
func (d *drive) note(client int, call int64, a lampAsk, r lampReply) {
	op := porcupine.Operation{ClientId: client, Input: a, Output: r, Call: call, Return: d.now()}
	if r.status == 0 {
		op.Return = math.MaxInt64
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.history = append(d.history, op)
	if r.status != 0 {
		d.settled++
	}
	select {
	case d.moved <- struct{}{}:
	default:
	}
}

// further waits until so many more operations were answered.
func (d *drive) further(t *testing.T, n int) {
	t.Helper()
	d.mu.Lock()
	until := d.settled + n
	d.mu.Unlock()
	patience := time.After(time.Minute)
	for {
		d.mu.Lock()
		settled := d.settled
		d.mu.Unlock()
		if settled >= until {
			return
		}
		select {
		case <-d.moved:
		case <-patience:
			t.Fatalf("only %d of %d operations were answered", settled, until)
		}
	}
}

// driver is one client. One that is not patient never asks again what became of a command.
type driver struct {
	*drive
	*apiClient
	n       int
	patient bool
	seen    map[string]lampState // what it knows of each lamp
}

// work does one thing after another until it is told to stop.
func (c *driver) work(ctx context.Context, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(rand.N(2000)) * time.Microsecond):
		}
		lamp := c.lamps[rand.N(len(c.lamps))]
		known, ok := c.seen[lamp]
		switch n := rand.N(10); {
		case !ok || n < 4:
			c.read(ctx, lamp)
		case n < 7:
			c.command(ctx, lampAsk{lamp: lamp, kind: opEdit, reading: c.draw(), ifMatch: known.version})
		case (known.state == "dark") == (n < 9): // mostly what it believes to be possible
			c.command(ctx, lampAsk{lamp: lamp, kind: opLight, reading: c.draw()})
		default:
			c.command(ctx, lampAsk{lamp: lamp, kind: opDim, reading: c.draw()})
		}
	}
}

// read looks at a lamp. One that got no answer is not worth recording.
func (c *driver) read(ctx context.Context, lamp string) {
	call := c.now()
	r, ok := c.try(ctx, c.apiClient, ask{method: http.MethodGet, path: "/instances/" + lamp})
	if !ok {
		return
	}
	is := lampState{r.State, r.Version, r.Fields.Reading}
	c.note(c.n, call, lampAsk{lamp: lamp, kind: opRead}, lampReply{r.Status, is})
	c.seen[lamp] = is
}

// command sends a command until there is an answer, always under the same key: all tries together are one operation.
func (c *driver) command(ctx context.Context, a lampAsk) {
	key := fmt.Sprintf("driver%d-%d", c.n, a.reading)
	send := ask{
		method: http.MethodPost, path: "/instances/" + a.lamp + "/events/" + a.kind, key: key, ifMatch: a.ifMatch,
		body: map[string]any{"input": map[string]any{"reading": a.reading}, "reason": key},
	}
	if a.kind == opEdit {
		send.method, send.path = http.MethodPatch, "/instances/"+a.lamp
	}
	call := c.now()
	first, hangUp := ctx, func() {}
	if c.patient && a.kind == opEdit && rand.N(3) == 0 {
		// One who hangs up and repeats. The first try may still be under way then, which an event could be refused for and yet be carried
		// out; an edit cannot, for its version is gone once there is another.
		first, hangUp = context.WithTimeout(ctx, time.Duration(500+rand.N(8000))*time.Microsecond)
	}
	r, ok := c.try(first, c.apiClient, send)
	hangUp()
	for deadline := time.Now().Add(time.Minute); !ok && c.patient && ctx.Err() == nil && time.Now().Before(deadline); {
		time.Sleep(time.Duration(rand.N(20_000)) * time.Microsecond)
		r, ok = c.try(ctx, c.apiClient, send)
	}
	if !ok {
		c.mu.Lock()
		c.unknown[key] = true
		c.mu.Unlock()
		r = reply{}
		delete(c.seen, a.lamp)
	}
	c.note(c.n, call, a, lampReply{r.Status, lampState{r.State, r.Version, 0}})
	switch r.Status {
	case 0:
	case http.StatusOK:
		c.done(key, r)
		c.seen[a.lamp] = lampState{state: r.State, version: r.Version, reading: a.reading}
	case http.StatusConflict, http.StatusPreconditionFailed:
		delete(c.seen, a.lamp)
	default:
		c.mistake("%s was answered with %+v", key, r)
	}
}

// watch follows the programme over all servers until it is told to stop, changing the server after every so many entries.
func (d *drive) watch(ctx context.Context, f *following, each int) {
	for ctx.Err() == nil {
		f.mu.Lock()
		most := len(f.seqs) + each
		f.mu.Unlock()
		if err := f.follow(ctx, d.pick(), most); err != nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// checkFollowed waits until a reader has come to the end, and checks that it saw everything once and in order.
func checkFollowed(t *testing.T, name string, f *following, head int64) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); f.at() < head && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for n, seq := range f.seqs {
		if want := f.from + int64(n) + 1; seq != want {
			t.Fatalf("the reader %s saw entry %d where %d was to come", name, seq, want)
		}
	}
	if f.last != head {
		t.Errorf("the reader %s came to entry %d of %d", name, f.last, head)
	}
}

// TestReplicas drives one programme through three servers on one database at once. One server is killed and replaced, and the database
// crashes; no client can tell from the answers that there is more than one server, or that anything happened.
func TestReplicas(t *testing.T) {
	t.Parallel()
	db := testdb.OwnPostgres(t)
	p := newSite(t, db.DSN)
	servers := []*daemon{p.serve(t), p.serve(t), p.serve(t)}
	v := newClient(t, p.token)
	programme, lamps := v.programme(t, servers[0].url, "L-1", 3)
	d := &drive{
		ledger: newLedger(), balancer: &balancer{answers: map[string]int{}}, lamps: lamps, begun: time.Now(),
		unknown: map[string]bool{}, moved: make(chan struct{}, 1),
	}
	for _, s := range servers {
		d.servers = append(d.servers, s.url)
	}
	readers := map[string]*following{
		"from the first entry":          {apiClient: newClient(t, p.token), programme: programme, last: 0},
		"from a snapshot":               {apiClient: newClient(t, p.token), programme: programme, last: -1},
		"who changes servers all along": {apiClient: newClient(t, p.token), programme: programme, last: 0},
	}
	ctx, leave := context.WithCancel(t.Context())
	var watching, working sync.WaitGroup
	defer watching.Wait()
	defer leave()
	for name, f := range readers {
		each := math.MaxInt32
		if name == "who changes servers all along" {
			each = 20
		}
		watching.Go(func() { d.watch(ctx, f, each) })
	}
	stop := make(chan struct{})
	for n := range 9 {
		c := &driver{drive: d, apiClient: newClient(t, p.token), n: n, patient: n%3 != 0, seen: map[string]lampState{}}
		working.Go(func() { c.work(ctx, stop) })
	}
	d.disturb(t, p, db, servers)
	close(stop)
	working.Wait()
	alive := d.servers[1]
	entries := v.history(t, alive, programme)
	d.verify(t, entries, d.unknown)
	for name, f := range readers {
		checkFollowed(t, name, f, int64(len(entries)))
	}
	checkLinear(t, d.history)
	if len(d.answers) != 4 {
		t.Errorf("answers came from %v, want all four servers", slices.Collect(maps.Keys(d.answers)))
	}
	for _, x := range d.broken[:min(len(d.broken), 5)] {
		t.Errorf("%s (one of %d)", x, len(d.broken))
	}
	if d.failed == 0 {
		t.Error("nobody noticed a dead server or database: the test shows nothing")
	}
	t.Logf("%d operations, %d commands acknowledged, %d without an answer, %d tries failed, in %v",
		len(d.history), d.count(), len(d.unknown), d.failed, time.Since(d.begun).Round(time.Millisecond))
	for _, s := range servers[1:] {
		if _, err := s.stop(t, stopWithin); err != nil {
			t.Errorf("a server ended with %v:\n%s", err, s.log.String())
		}
	}
	p.audit(t)
	if t.Failed() {
		for n, s := range servers[1:] {
			t.Logf("the log of server %d:\n%s", n+1, s.log.String())
		}
	}
}

// disturb kills a server, starts another in its place, and crashes the database, with work being done before, between and after.
func (d *drive) disturb(t *testing.T, p *site, db *testdb.Cluster, servers []*daemon) {
	t.Helper()
	amount := soak.Count(300, 1500)
	d.further(t, amount)
	servers[0].kill()
	d.further(t, amount)
	d.replace(servers[0].url, p.serve(t).url)
	d.further(t, amount)
	if err := db.Crash(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.further(t, amount)
}
