package relay

import (
	"fmt"
	"net"
	"syscall"
)

// peer returns the user at the other end of a connection, as the kernel noted it when the connection was made.
func peer(c *net.UnixConn) (uid int, known bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false, fmt.Errorf("ask who is at the other end: %w", err)
	}
	var cred *syscall.Ucred
	var failure error
	err = raw.Control(func(fd uintptr) {
		cred, failure = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = failure
	}
	if err != nil {
		return 0, false, fmt.Errorf("ask who is at the other end: %w", err)
	}
	return int(cred.Uid), true, nil
}
