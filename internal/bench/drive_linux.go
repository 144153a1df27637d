package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

// drive moves all clients with one thread that waits for the kernel to say which connections have something: goroutines that block
// one by one would cost the machine, which the servers under measurement need, several times as much.
func (r *run) drive(ctx context.Context, address string) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	poll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make a poll: %w", err)
	}
	defer func() { err = errors.Join(err, syscall.Close(poll)) }()
	d := &driver{run: r, poll: poll, by: map[int32]*client{}}
	defer d.close()
	for _, c := range r.clients {
		if err := d.connect(ctx, c, address); err != nil {
			return err
		}
	}
	r.began = r.now()
	r.until = r.began.Add(r.length)
	for fd, c := range d.by {
		if err := d.send(c, fd); err != nil {
			return err
		}
	}
	return d.loop(ctx)
}

// driver is the open connections of a run.
type driver struct {
	*run
	poll  int
	by    map[int32]*client // by file descriptor
	files []*os.File
	open  int // requests under way
}

func (d *driver) close() {
	for _, f := range d.files {
		_ = f.Close()
	}
}

func (d *driver) connect(ctx context.Context, c *client, address string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect to the server: %w", err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return errors.Join(fmt.Errorf("connect to the server: %T is no TCP connection", conn), conn.Close())
	}
	file, err := tcp.File() // a duplicate outside the runtime's own poll
	if err := errors.Join(err, conn.Close()); err != nil {
		return fmt.Errorf("take a connection over: %w", err)
	}
	d.files = append(d.files, file)
	fd := int32(file.Fd()) //nolint:gosec // descriptors are small
	if err := syscall.SetNonblock(int(fd), true); err != nil {
		return fmt.Errorf("take a connection over: %w", err)
	}
	d.by[fd] = c
	return syscall.EpollCtl(d.poll, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: fd})
}

// send readies and sends the client's next request, if there is one.
func (d *driver) send(c *client, fd int32) error {
	if !d.prepare(c, d.now()) {
		return nil
	}
	d.open++
	return d.flush(c, fd, false)
}

// flush sends what is left of a request. When the kernel takes no more, it goes on as soon as it does.
func (d *driver) flush(c *client, fd int32, waiting bool) error {
	for len(c.out) > 0 {
		n, err := raw(syscall.SYS_WRITE, fd, c.out)
		switch {
		case errors.Is(err, syscall.EINTR):
		case errors.Is(err, syscall.EAGAIN):
			return syscall.EpollCtl(d.poll, syscall.EPOLL_CTL_MOD, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLOUT, Fd: fd})
		case err != nil:
			return fmt.Errorf("send a request: %w", err)
		default:
			c.out = c.out[n:]
		}
	}
	if waiting {
		return syscall.EpollCtl(d.poll, syscall.EPOLL_CTL_MOD, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: fd})
	}
	return nil
}

func (d *driver) loop(ctx context.Context) error {
	const patience = 1000 // milliseconds, to look at ctx
	events := make([]syscall.EpollEvent, len(d.clients))
	for d.open > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := wait(d.poll, events, patience)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("wait for answers: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if err := d.happened(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *driver) happened(e syscall.EpollEvent) error {
	c := d.by[e.Fd]
	if e.Events&syscall.EPOLLOUT != 0 {
		if err := d.flush(c, e.Fd, true); err != nil {
			return err
		}
	}
	if e.Events&^syscall.EPOLLOUT == 0 {
		return nil
	}
	n, err := raw(syscall.SYS_READ, e.Fd, c.room())
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	whole, err := d.arrived(c, n, d.now())
	if err != nil || !whole {
		return err
	}
	d.open--
	return d.send(c, e.Fd)
}

// raw reads or writes without telling the runtime: the call does not block.
func raw(call uintptr, fd int32, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))) //nolint:gosec // b outlives the call
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// wait waits for events without telling the runtime, which would hand the thread's work to another one and back each time: that costs
// several times as much as the exchange itself. Whatever else the process has to do gets its turn when the runtime interrupts the call,
// as it does with every goroutine that goes on for more than 10 ms.
func wait(poll int, events []syscall.EpollEvent, milliseconds int) (int, error) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, uintptr(poll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), //nolint:gosec // as above
		uintptr(len(events)), uintptr(milliseconds), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
