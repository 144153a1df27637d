package store

import (
	"context"
	"net"
	"time"
)

// cancelGrace is how long a server has to answer after a statement was cancelled because its time was up.
const cancelGrace = 5 * time.Second

// dialer connects to PostgreSQL by lines that do not wait for ever. The driver passes the end of a statement's time on to the server
// and goes on waiting for its answer; over a line that has gone dead without a word, none comes before the network gives up, and
// until then whoever waits would hold a programme's queue.
type dialer struct{ store *Store }

// Dial connects without a time limit.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout connects within a time limit.
func (d dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext connects until ctx ends.
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	var plain net.Dialer
	c, err := plain.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return line{Conn: c, store: d.store}, nil
}

// line is a connection that is closed when the other side stays silent for too long.
type line struct {
	net.Conn
	store *Store
}

// Read waits for bytes for as long as the store allows.
func (l line) Read(b []byte) (int, error) {
	defer l.watch()()
	return l.Conn.Read(b)
}

// Write waits until the bytes are taken, for as long as the store allows.
func (l line) Write(b []byte) (int, error) {
	defer l.watch()()
	return l.Conn.Write(b)
}

// watch closes the connection unless what it returns is called in time.
func (l line) watch() (stop func()) {
	limit := time.Duration(l.store.silence.Load())
	if limit <= 0 {
		return func() {}
	}
	t := time.AfterFunc(limit, func() { _ = l.Close() }) // whoever reads or writes gets the error
	return func() { t.Stop() }
}
