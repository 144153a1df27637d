package testdb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	installHint  = "apt-get install -y --no-install-recommends postgresql"
	startTimeout = 30 * time.Second
)

// supervise starts the server and reads its standard input, which is a pipe from the test process. A line on it makes the server
// crash and start again. The pipe breaks when that process ends, however it ends; then the server is stopped and its files are removed.
const supervise = `start() {
	"$1" -D "$2/data" -k "$2" -h '' -c fsync=off -c full_page_writes=off -c max_connections=200 >>"$2/log" 2>&1 &
	server=$!
}
start "$1" "$2"
while read -r line; do
	kill -QUIT $server
	wait $server
	start "$1" "$2"
done
kill -INT $server
wait $server
rm -rf "$2"`

// cluster is a running server of the tests' own.
type cluster struct {
	address string // of its database postgres
	pipe    io.WriteCloser
	cmd     *exec.Cmd
}

// stop ends the server and removes its files.
func (c *cluster) stop() error { return errors.Join(c.pipe.Close(), c.cmd.Wait()) }

// startServer makes a new cluster in a temporary directory and runs a server that listens only on a socket there.
func startServer(ctx context.Context) (c *cluster, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	owner, err := serverOwner()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parentDirectory(owner), "linli-pg-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres",
		"-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir, initdb.SysProcAttr = dir, &syscall.SysProcAttr{Credential: owner}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	c, err = runServer(filepath.Join(bin, "postgres"), dir, owner)
	if err != nil {
		return nil, err
	}
	if err := await(ctx, c.address); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log")) // only to say more
		return nil, errors.Join(fmt.Errorf("%w: %s", err, log), c.stop())
	}
	return c, nil
}

// parentDirectory is where the server's directory goes: the usual place for temporary files, unless the server's user
// cannot get there or a socket's name there would be too long for the operating system.
func parentDirectory(owner *syscall.Credential) string {
	const longest = 70 // of the roughly 100 bytes that a socket's whole name may have
	usual := os.TempDir()
	if len(usual) > longest {
		return "/tmp"
	}
	for dir := usual; owner != nil && dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o001 == 0 {
			return "/tmp"
		}
	}
	return usual
}

// runServer starts the supervisor in a process group of its own, so that a ^C at the terminal reaches only the tests.
func runServer(postgres, dir string, owner *syscall.Credential) (*cluster, error) {
	cmd := exec.Command("/bin/sh", "-c", supervise, "sh", postgres, dir) //nolint:noctx // it must outlive any context
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{Credential: owner, Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", postgres, err)
	}
	return &cluster{address: "postgres:///postgres?sslmode=disable&user=postgres&host=" + dir, pipe: pipe, cmd: cmd}, nil
}

// binaries returns the directory with initdb and postgres: the newest of Debian's, else the one on the PATH.
func binaries() (string, error) {
	installed, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(installed) > 0 {
		version := func(path string) int {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // not a number: oldest
			return n
		}
		newest := slices.MaxFunc(installed, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("there is none on this machine; install it with\n\n\t%s\n\nor name a server in %s", installHint, Variable)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

// serverOwner is the user the server runs as: PostgreSQL refuses to run as root. Anybody else runs it as themselves.
func serverOwner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no change of user
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uerr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gerr := strconv.ParseUint(u.Gid, 10, 32)
		if uerr == nil && gerr == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{}}, nil
		}
	}
	return nil, errors.New("it does not run as root, and there is neither a user postgres nor nobody; run the tests as another user")
}

// await returns when the server answers.
func await(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	db, err := sql.Open("postgres", address)
	if err != nil {
		return err
	}
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return db.Close()
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the server did not start: %w", err), db.Close())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
