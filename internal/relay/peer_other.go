//go:build !linux

package relay

import "net"

// peer does not know who is at the other end of a connection: the permissions of the socket alone decide.
func peer(*net.UnixConn) (uid int, known bool, err error) { return 0, false, nil }
