package store_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lib/pq"
)

// cut says what a proxy does when it sees the message it waits for.
type cut int32

const (
	cutNothing  cut = iota
	cutBefore       // drop the line instead of passing the message on
	cutAfter        // pass it on, and drop the line instead of passing the answer back
	cutAtOnce       // pass it on and drop the client's line while the server is still at work
	cutSilently     // keep the line, and pass nothing on any more
)

// proxy stands between a store and its server and can cut a line at a chosen moment.
type proxy struct {
	network, address string // of the server
	listener         net.Listener
	lines            sync.WaitGroup

	mode    atomic.Int32
	trigger []byte // the message to look for
}

// newProxy returns a proxy to the server of an address, and the address through the proxy. trigger is a part of a
// message from the client.
func newProxy(t *testing.T, dsn, trigger string) (*proxy, string) {
	t.Helper()
	config, err := pq.NewConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{network: "tcp", address: fmt.Sprintf("%s:%d", config.Host, config.Port), trigger: []byte(trigger)}
	if filepath.IsAbs(config.Host) {
		p.network, p.address = "unix", filepath.Join(config.Host, fmt.Sprintf(".s.PGSQL.%d", config.Port))
	}
	if p.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	p.lines.Go(p.accept)
	t.Cleanup(func() {
		if err := p.listener.Close(); err != nil {
			t.Error(err)
		}
		p.lines.Wait()
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Del("host")
	u.Host, u.RawQuery = p.listener.Addr().String(), q.Encode()
	return p, u.String()
}

func (p *proxy) set(mode cut) { p.mode.Store(int32(mode)) }

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.lines.Go(func() { p.serve(client) })
	}
}

// serve passes bytes both ways until one side closes or the line is cut.
func (p *proxy) serve(client net.Conn) {
	defer client.Close() // it may be cut already
	server, err := net.Dial(p.network, p.address)
	if err != nil {
		return
	}
	defer server.Close() // it may be closed already
	var swallow atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer client.Close() // it may be cut already
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if err != nil || swallow.Load() {
				return
			}
			if _, err := client.Write(buffer[:n]); err != nil {
				return
			}
		}
	}()
	p.pass(client, server, &swallow)
	if swallow.Load() {
		<-done // until the server has answered
	}
	server.Close() // it may be closed already
	<-done
}

func (p *proxy) pass(client, server net.Conn, swallow *atomic.Bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		mode := cut(p.mode.Load())
		if mode != cutNothing && bytes.Contains(buffer[:n], p.trigger) {
			p.set(cutNothing)
			if mode == cutBefore {
				return
			}
			if mode == cutSilently {
				io.Copy(io.Discard, client) // until the client gives up
				return
			}
			swallow.Store(true)
			if mode == cutAtOnce {
				client.Close() // that is the cut
			}
			io.Copy(server, bytes.NewReader(buffer[:n])) // the test sees what comes of it
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}
