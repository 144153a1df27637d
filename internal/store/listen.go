package store

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lib/pq"
)

const (
	// listenChannel is where Commit says which chains it grew: lines of a community and a root, or a single everyChain.
	listenChannel = "linli"
	everyChain    = "*"

	// After a lost connection the next attempt comes this soon, and after more failures at most this late.
	listenRetry, listenRetryMost = 100 * time.Millisecond, 2 * time.Second
	// This often within the store's time limit a server is asked whether it is still there; one that says nothing for all of that
	// limit is given up. A line that has gone dead without a word would otherwise look like a community in which nothing happens.
	listenPings = 3
)

// Listen calls hint for every chain that a commit of another process grew, until ctx ends; then it returns nil. Hints with ""
// and "" say that any chain may have grown: the first comes as soon as it listens, more after each lost connection. Hints
// come one after the other, may come twice and, while a connection is down, late: they say when to read the history,
// which alone is the truth. Whatever goes wrong on the way to the server is tried again for as long as it takes. It uses a
// connection of its own and leaves no goroutine behind.
//
// On SQLite only one process writes, and Listen just waits for ctx.
func (s *Store) Listen(ctx context.Context, hint func(community, root string)) error {
	if s.dialect.name != postgresDriver {
		<-ctx.Done()
		return nil
	}
	address, err := listenAddress(s.cfg.DSN)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		s.listenOnce(ctx, address, hint)
		_ = sleep(ctx, listenRetry) // that ctx has ended ends the loop
	}
	return nil
}

// listenOnce listens until ctx ends, or until the server refuses to let it listen, as one does that cannot be written to.
func (s *Store) listenOnce(ctx context.Context, address string, hint func(community, root string)) {
	ctx, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()
	listener := pq.NewDialListener(listenDialer{ctx, s.cfg.Timeout}, address, listenRetry, listenRetryMost, nil)
	helpers.Go(func() {
		<-ctx.Done()
		_ = listener.Close() // whatever it waits for, ctx has closed its connection
	})
	helpers.Go(func() {
		for sleep(ctx, s.cfg.Timeout/listenPings) == nil {
			_ = listener.Ping() // a failure makes the listener connect again
		}
	})
	if err := listener.Listen(listenChannel); err != nil {
		cancel()
	} else {
		hint("", "")
	}
	for n := range listener.Notify { // until it is closed and its goroutines have ended
		if ctx.Err() == nil && (n == nil || !s.own(n.Extra)) {
			passOn(n, hint)
		}
	}
}

// passOn calls hint for each line of a notification; nil stands for those that were lost with a connection.
func passOn(n *pq.Notification, hint func(community, root string)) {
	if n == nil {
		hint("", "")
		return
	}
	for line := range strings.Lines(n.Extra) {
		if strings.HasPrefix(line, senderMark) {
			continue
		}
		community, root, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !found || community == everyChain { // also a line that a newer program may send
			community, root = "", ""
		}
		hint(community, root)
	}
}

// listenAddress completes the address as postgresConfig does for the other connections: the listener takes nothing but an
// address.
func listenAddress(dsn string) (string, error) {
	config, err := postgresConfig(dsn, false)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(dsn)
	if err != nil { // the driver has read it already, in the same way
		return "", errors.New("the database address cannot be read; check how it is written")
	}
	q := u.Query()
	q.Set("sslmode", string(config.SSLMode))
	q.Set("connect_timeout", strconv.Itoa(int(config.ConnectTimeout.Seconds())))
	q.Set("application_name", config.ApplicationName)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// listenDialer makes connections that end with ctx, so that nothing the listener waits for outlives it.
type listenDialer struct {
	ctx     context.Context //nolint:containedctx // the listener takes none, and dials whenever it likes
	silence time.Duration   // how long a server may say nothing
}

// Dial connects without a time limit of its own.
func (d listenDialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(d.ctx, network, address)
}

// DialTimeout connects within a time limit.
func (d listenDialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(d.ctx, timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext connects until ctx or the listening ends.
func (d listenDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	var plain net.Dialer
	c, err := plain.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(d.ctx, func() { _ = c.Close() }) // whoever reads or writes gets the error
	return listenLine{Conn: c, silence: d.silence, stop: stop}, nil
}

// listenLine is a connection that is closed when not even pings are answered.
type listenLine struct {
	net.Conn
	silence time.Duration
	stop    func() bool
}

// Read waits for bytes until the server has said nothing for too long.
func (l listenLine) Read(b []byte) (int, error) {
	t := time.AfterFunc(l.silence, func() { _ = l.Conn.Close() }) // Read returns the error
	defer t.Stop()
	return l.Conn.Read(b)
}

// Close closes the connection and forgets it.
func (l listenLine) Close() error {
	l.stop()
	return l.Conn.Close()
}
