package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The names in a data directory. They lie in a directory of their own so that it can be closed to everybody else, whatever the
// mode of the data directory.
const (
	Directory     = "linli.relay"
	socketFile    = "socket"
	elsewhereFile = "elsewhere" // says where the socket is if it cannot be here
)

// maxPath bounds, in bytes, the path of a socket: the address has room for 108 on Linux and 104 elsewhere, the last one zero.
const maxPath = 100

// listen makes the socket of a data directory. What is left of an earlier process is replaced: the caller holds the
// directory's lock, so that nobody else can be listening. remove takes away what was made.
func listen(dir string) (l *net.UnixListener, remove func(), err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("find the data directory: %w", err)
	}
	home := filepath.Join(dir, Directory)
	if err := ownDirectory(home); err != nil {
		return nil, nil, err
	}
	pointer := filepath.Join(home, elsewhereFile)
	remove = func() {
		_ = os.Remove(filepath.Join(home, socketFile))
		_ = os.Remove(pointer)
		_ = os.Remove(home)
	}
	remove() // of a process that was killed
	if err := ownDirectory(home); err != nil {
		return nil, nil, err
	}
	l, here := bind(filepath.Join(home, socketFile))
	if here == nil {
		return l, remove, nil
	}
	path, err := elsewhere(dir)
	if err == nil {
		l, err = bind(path)
	}
	if err == nil {
		err = os.WriteFile(pointer, []byte(dir+"\n"+path+"\n"), 0o600)
	}
	if err != nil {
		if l != nil {
			_ = l.Close()
		}
		remove()
		return nil, nil, errors.Join(here, err)
	}
	return l, remove, nil
}

// ownDirectory makes a directory that is closed to everybody else, or closes it.
func ownDirectory(path string) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = os.Chmod(path, 0o700) //nolint:gosec // a directory needs the execute bit
	}
	if err != nil {
		return fmt.Errorf("make the directory of the socket: %w", err)
	}
	return nil
}

// bind listens on a path, in place of whatever stale socket is there.
func bind(path string) (*net.UnixListener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("listen on %s: the path is longer than %d bytes", path, maxPath)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the socket of an earlier process: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("close %s to others: %w", path, err), l.Close())
	}
	return l, nil
}

// elsewhere is where the socket goes when the data directory cannot have it: its path is too long, or its file system knows no
// sockets.
func elsewhere(dir string) (string, error) {
	home := filepath.Join(os.TempDir(), "linli-"+strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(home, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("make a place for the socket: %w", err)
	}
	info, err := os.Lstat(home)
	if err != nil {
		return "", fmt.Errorf("look at the place for the socket: %w", err)
	}
	if !private(info) {
		return "", fmt.Errorf("%s is not a directory of this user alone; remove it, or set TMPDIR to another place", home)
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(home, hex.EncodeToString(sum[:8])+".socket"), nil
}

// find returns the path of the socket of a data directory. It may be stale.
func find(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the data directory: %w", err)
	}
	home := filepath.Join(dir, Directory)
	pointer, err := os.ReadFile(filepath.Join(home, elsewhereFile))
	if errors.Is(err, fs.ErrNotExist) {
		return filepath.Join(home, socketFile), nil
	}
	if err != nil {
		return "", fmt.Errorf("find the socket: %w", err)
	}
	of, path, ok := strings.Cut(strings.TrimSuffix(string(pointer), "\n"), "\n")
	if !ok {
		return "", fmt.Errorf("find the socket: %s is not complete", filepath.Join(home, elsewhereFile))
	}
	// A copy of a data directory holds a copy of this file, and must not write to the original.
	if err := sameDirectory(dir, of); err != nil {
		return "", err
	}
	return path, nil
}

func sameDirectory(a, b string) error {
	x, err := os.Stat(a)
	if err != nil {
		return fmt.Errorf("look at the data directory: %w", err)
	}
	y, err := os.Stat(b) //nolint:gosec // only compared with the directory that the operator named
	if err != nil {
		return fmt.Errorf("look at the directory that the socket belongs to: %w", err)
	}
	if !os.SameFile(x, y) {
		return fmt.Errorf("the socket belongs to %s", b)
	}
	return nil
}
