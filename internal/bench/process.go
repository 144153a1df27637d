package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// process is a part of the benchmark that runs. One goroutine uses it.
type process struct {
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
	said    *tail
	pid     int
	order   PartOrder
	address string
	ended   chan struct{} // closed when it has ended
	err     error         // then: how
}

// stopWithin is how long a process has to end by itself.
const stopWithin = 20 * time.Second

// start starts a part and gives it its order. A part that listens is ready when its port answers.
func (b *bench) start(ctx context.Context, part string, order PartOrder) (*process, error) {
	if part != PartLoad {
		var err error
		if order.Listen, err = freePort(ctx); err != nil {
			return nil, err
		}
	}
	p := &process{name: part, order: order, address: order.Listen, said: &tail{}, ended: make(chan struct{})}
	p.cmd = exec.CommandContext(ctx, b.cfg.Program, "bench-part", part) //nolint:gosec // the program itself
	p.cmd.WaitDelay = stopWithin
	p.cmd.Stderr = p.said
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the %s: %w", part, err)
	}
	p.pid = p.cmd.Process.Pid
	p.orders, p.answers = json.NewEncoder(p.in), json.NewDecoder(out)
	if err := p.orders.Encode(order); err != nil {
		return nil, errors.Join(fmt.Errorf("start the %s: %w", part, err), p.stop())
	}
	b.running = append(b.running, p)
	if part != PartLoad {
		err = p.await(ctx)
	}
	return p, err
}

// freePort is an address nobody listens on at present.
func freePort(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// patience is how long a process has to start.
const patience = 60 * time.Second

// await waits until the port answers.
func (p *process) await(ctx context.Context) error {
	const pause = 2 * time.Millisecond
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", p.address)
		if err == nil {
			return c.Close()
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the %s did not start: %w\n%s", p.name, ctx.Err(), p.said)
		}
		time.Sleep(pause)
	}
}

// ask sends an order and reads what came of it.
func (p *process) ask(order, answer any) error {
	if err := p.orders.Encode(order); err != nil {
		return fmt.Errorf("tell the %s what to do: %w\n%s", p.name, err, p.said)
	}
	if err := p.answers.Decode(answer); err != nil {
		return fmt.Errorf("the %s does not answer: %w\n%s", p.name, err, p.said)
	}
	return nil
}

// stop ends the process and waits for it. Stopping it again does nothing.
func (p *process) stop() error {
	select {
	case <-p.ended:
		return p.err
	default:
	}
	defer close(p.ended)
	_ = p.in.Close() // it ends when nothing more can come
	late := time.AfterFunc(stopWithin, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	if err := p.cmd.Wait(); err != nil {
		p.err = fmt.Errorf("the %s ended badly: %w\n%s", p.name, err, p.said)
	}
	return p.err
}

// tail keeps the end of what a process says. It is safe for concurrent use.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write takes what is said.
func (t *tail) Write(p []byte) (int, error) {
	const enough = 8 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() > enough {
		t.b.Next(t.b.Len() - enough/2)
	}
	return t.b.Write(p)
}

// String is the end of what was said.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(t.b.String())
}
