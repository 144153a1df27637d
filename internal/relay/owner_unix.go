//go:build unix

package relay

import (
	"io/fs"
	"os"
	"syscall"
)

// private reports whether a directory belongs to this process's user and is closed to everybody else.
func private(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Getuid() && info.IsDir() && info.Mode().Perm()&0o077 == 0
}
