package app

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/testdb"
)

// The load under which servers are killed and stopped.
const (
	loadClients    = 16
	loadProgrammes = 5
)

// onBoth runs a test on a data directory and on a PostgreSQL database, both at once.
func onBoth(t *testing.T, test func(t *testing.T, p *site)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newSite(t, ""))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newSite(t, testdb.Postgres(t).DSN))
	})
}

// crowd is clients that each count up with keys of their own, whatever becomes of the server.
type crowd struct {
	*ledger
	programmes []string
	clients    []*counting
}

// counting is one of them. The next number is of a command that was not acknowledged yet.
type counting struct {
	*apiClient
	name      string
	programme string
	next      int
}

func newCrowd(t *testing.T, p *site, base string) *crowd {
	t.Helper()
	c := &crowd{ledger: newLedger()}
	v := newClient(t, p.token)
	for n := range loadProgrammes {
		id, _ := v.programme(t, base, fmt.Sprintf("L-%d", n), 0)
		c.programmes = append(c.programmes, id)
	}
	for n := range loadClients {
		c.clients = append(c.clients, &counting{
			apiClient: newClient(t, p.token), name: fmt.Sprintf("client%02d", n), programme: c.programmes[n%loadProgrammes],
		})
	}
	return c
}

func (c *counting) key(n int) string { return fmt.Sprintf("%s-%05d", c.name, n) }

// pulse sends the command with a number. Its key is its reason, too, by which the history is searched.
func (c *counting) pulse(ctx context.Context, base string, n int) (reply, error) {
	return c.do(ctx, base, ask{
		method: http.MethodPost, path: "/instances/" + c.programme + "/events/pulse", key: c.key(n), body: map[string]any{"reason": c.key(n)},
	})
}

// count sends one command after another until there is no answer or another than 200, and returns that. It begins with the last one that
// was acknowledged before, which must be answered as it was then, and the one without an answer.
func (c *counting) count(ctx context.Context, base string, l *ledger, acked func()) (reply, error) {
	if c.next > 0 {
		if r, err := c.pulse(ctx, base, c.next-1); err != nil || r.Status != http.StatusOK {
			return r, err
		} else {
			l.done(c.key(c.next-1), r)
		}
	}
	for {
		r, err := c.pulse(ctx, base, c.next)
		if err != nil || r.Status != http.StatusOK {
			return r, err
		}
		l.done(c.key(c.next), r)
		c.next++
		acked()
	}
}

// settle has every client learn what came of its last command.
func (c *crowd) settle(t *testing.T, base string) {
	t.Helper()
	for _, client := range c.clients {
		r, err := client.pulse(t.Context(), base, client.next)
		if err != nil || r.Status != http.StatusOK {
			t.Fatalf("%s, repeated: %v, %+v", client.key(client.next), err, r)
		}
		c.done(client.key(client.next), r)
		client.next++
	}
}

// verifyAll reads every history, holds it against what was said, and against the count that each command moved by one.
func (c *crowd) verifyAll(t *testing.T, base string) {
	t.Helper()
	v := c.clients[0].apiClient
	var all []recorded
	for _, id := range c.programmes {
		entries := v.history(t, base, id)
		all = append(all, entries...)
		got := v.must(t, base, ask{method: http.MethodGet, path: "/instances/" + id}).Fields.Pulses
		if want := int64(len(entries)) - 1; got != want { // all but its creation
			t.Errorf("programme %s counted to %d over %d commands", id, got, want)
		}
	}
	c.verify(t, all, nil)
	if want := len(all) - len(c.programmes); c.count() != want {
		t.Errorf("%d commands were acknowledged; the histories have %d", c.count(), want)
	}
}

// TestServersThatAreKilled kills a server under load at random moments, again and again. Every transition that was acknowledged is in the
// history, once; and every key that is repeated afterwards is answered as before, or its command is carried out once.
func TestServersThatAreKilled(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *site) {
		rounds := soak.Count(50, 200)
		first := p.serve(t)
		c := newCrowd(t, p, first.url)
		first.kill()
		begun := time.Now()
		for round := range rounds {
			before := c.count()
			s, err := p.start(context.WithoutCancel(t.Context()))
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			c.loadAndKill(t, s)
			if c.count() == before {
				t.Errorf("round %d: nothing was acknowledged", round)
			}
			if soak.Enabled() {
				p.audit(t)
			}
		}
		t.Logf("%d kills in %v, %d commands acknowledged", rounds, time.Since(begun).Round(time.Millisecond), c.count())
		last := p.serve(t)
		c.settle(t, last.url)
		c.verifyAll(t, last.url)
		if _, err := last.stop(t, stopWithin); err != nil {
			t.Errorf("the last server ended with %v", err)
		}
		p.audit(t)
	})
}

// loadAndKill has everybody send commands, and kills the server soon after some of them were acknowledged.
func (c *crowd) loadAndKill(t *testing.T, s *daemon) {
	t.Helper()
	enough := make(chan struct{})
	left := loadClients + rand.N(3*loadClients) // acknowledgements until the end comes near
	var mu sync.Mutex
	acked := func() {
		mu.Lock()
		defer mu.Unlock()
		if left--; left == 0 {
			close(enough)
		}
	}
	var wg sync.WaitGroup
	for _, client := range c.clients {
		wg.Go(func() {
			if r, err := client.count(t.Context(), s.url, c.ledger, acked); err == nil || errors.Is(err, errAnswer) {
				c.mistake("%s was answered with %+v, %v by a server that runs", client.key(client.next), r, err)
			}
		})
	}
	select {
	case <-enough:
		time.Sleep(time.Duration(rand.N(20_000)) * time.Microsecond)
	case <-s.ended:
		t.Errorf("the server ended by itself: %v\n%s", s.err, s.log.String())
	case <-time.After(30 * time.Second):
		t.Error("the server acknowledges nothing any more")
	}
	s.kill()
	wg.Wait()
}

// TestServersThatAreStopped ends a server under load by a signal: whatever it acknowledged is stored, whoever comes later is turned away
// properly, and the next server takes over at once.
func TestServersThatAreStopped(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, p *site) {
		s := p.serve(t)
		c := newCrowd(t, p, s.url)
		for round := range soak.Count(3, 20) {
			c.loadAndStop(t, s)
			if _, err := c.clients[0].pulse(t.Context(), s.url, 0); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("round %d: after the end: %v, want a refused connection", round, err)
			}
			s = p.serve(t)
			c.settle(t, s.url)
		}
		c.verifyAll(t, s.url)
		if _, err := s.stop(t, stopWithin); err != nil {
			t.Errorf("the last server ended with %v", err)
		}
		p.audit(t)
	})
}

// loadAndStop has everybody send commands, and one read the stream, and stops the server in the middle of it.
func (c *crowd) loadAndStop(t *testing.T, s *daemon) {
	t.Helper()
	follower := &following{apiClient: newClient(t, c.clients[0].token), programme: c.programmes[0], last: -1}
	ends := make(chan error, 1)
	go func() { ends <- follower.follow(t.Context(), s.url, -1) }()
	var wg sync.WaitGroup
	for _, client := range c.clients {
		wg.Go(func() {
			r, err := client.count(t.Context(), s.url, c.ledger, func() {})
			if err == nil && r.Status != http.StatusServiceUnavailable || errors.Is(err, errAnswer) {
				c.mistake("%s was answered with %+v, %v by a server that stops", client.key(client.next), r, err)
			}
		})
	}
	time.Sleep(200*time.Millisecond + time.Duration(rand.N(50_000))*time.Microsecond)
	took, err := s.stop(t, stopWithin)
	if err != nil || took > stopWithin/2 {
		t.Errorf("it ended after %v with %v:\n%s", took, err, s.log.String())
	}
	wg.Wait()
	select {
	case <-ends:
	case <-time.After(10 * time.Second):
		t.Error("the stream did not end with its server")
	}
}
