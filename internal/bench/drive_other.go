//go:build !linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// drive moves each client with a goroutine of its own. It costs more than what Linux offers, and works everywhere.
func (r *run) drive(ctx context.Context, address string) error {
	conns := make([]net.Conn, len(r.clients))
	defer func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	}()
	for n := range conns {
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("connect to the server: %w", err)
		}
		conns[n] = c
	}
	r.began = r.now()
	r.until = r.began.Add(r.length)
	var mu sync.Mutex
	var wg sync.WaitGroup
	errs := make([]error, len(conns))
	for n, c := range r.clients {
		wg.Go(func() { errs[n] = r.exchange(&mu, c, conns[n]) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// exchange sends one client's requests, one after the other.
func (r *run) exchange(mu *sync.Mutex, c *client, conn net.Conn) error {
	for {
		mu.Lock()
		more := r.prepare(c, r.now())
		mu.Unlock()
		if !more {
			return nil
		}
		if _, err := conn.Write(c.out); err != nil {
			return fmt.Errorf("send a request: %w", err)
		}
		for whole := false; !whole; {
			n, err := conn.Read(c.room())
			if err != nil {
				return fmt.Errorf("read an answer: %w", err)
			}
			mu.Lock()
			whole, err = r.arrived(c, n, r.now())
			mu.Unlock()
			if err != nil {
				return err
			}
		}
	}
}
