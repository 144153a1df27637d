package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// The files of a data directory that belong to the store.
const (
	DatabaseFile = "linli.db"
	LockFile     = "linli.lock"
)

// ErrLocked says that another program writes to the data directory.
var ErrLocked = errors.New("the data directory is in use")

// ErrNoData says that there is nothing to read in the data directory.
var ErrNoData = errors.New("no data here yet")

func (s *Store) openSQLite(ctx context.Context) error {
	s.dialect = sqliteDialect()
	dir, err := filepath.Abs(orDefault(s.cfg.Dir, "."))
	if err != nil {
		return fmt.Errorf("open the data directory %s: %w", s.cfg.Dir, err)
	}
	file := filepath.Join(dir, DatabaseFile)
	if s.cfg.ReadOnly {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s has no %s; name the right directory, or load a programme first", ErrNoData, dir, DatabaseFile)
		} else if err != nil {
			return fmt.Errorf("open the data directory: %w", err)
		}
	} else if err := s.lockDirectory(dir); err != nil {
		return err
	}

	readers := orDefault(s.cfg.Readers, defaultSQLiteReaders)
	if !s.cfg.ReadOnly {
		// The writer comes first: it creates the file and turns the write-ahead log on.
		if s.write, err = connectSQLite(ctx, file, "rwc", 1, "_txlock=immediate"); err != nil {
			return err
		}
		s.sessions = newSessions(1)
	}
	if s.read, err = connectSQLite(ctx, file, "rw", readers, "_pragma=query_only(1)"); err != nil {
		return err
	}
	return nil
}

// connectSQLite opens a pool. busy_timeout stands first so that the other pragmas wait for a lock as well.
func connectSQLite(ctx context.Context, file, mode string, conns int, option string) (*sqlx.DB, error) {
	pragmas := []string{"mode=" + mode, "_pragma=busy_timeout(10000)", "_pragma=journal_mode(wal)",
		"_pragma=synchronous(full)", "_pragma=foreign_keys(1)", option}
	address := (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String() + "?" + strings.Join(pragmas, "&")
	db, err := sqlx.Open(sqliteDriver, address)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxLifetime(0)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, err), db.Close())
	}
	return db, nil
}

// lockDirectory makes this process the only writer of the directory. The lock file tells others which process that is;
// the operating system drops the lock when the process ends, however it ends.
func (s *Store) lockDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create the data directory: %w", err)
	}
	path := filepath.Join(dir, LockFile)
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the data directory %s: %w", dir, err)
	}
	if !locked {
		return fmt.Errorf("%w: %s is held by %s; only one program may write to it. "+
			"Stop that one first, read only, or use PostgreSQL (--db postgres://…) to run several", ErrLocked, dir, lockHolder(path))
	}
	s.lock = lock
	if err := os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	return nil
}

func lockHolder(path string) string {
	b, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(b))
	if err != nil || pid == "" {
		return "another program"
	}
	return "process " + pid
}

func (s *Store) sqliteDurability(ctx context.Context) error {
	db := s.write
	if db == nil {
		db = s.read
	}
	var mode string
	var level int
	if err := db.GetContext(ctx, &mode, "pragma journal_mode"); err != nil {
		return fmt.Errorf("read back journal_mode: %w", err)
	}
	if err := db.GetContext(ctx, &level, "pragma synchronous"); err != nil {
		return fmt.Errorf("read back synchronous: %w", err)
	}
	names := []string{"off", "normal", "full", "extra"}
	if level < 0 || level >= len(names) {
		return fmt.Errorf("read back synchronous: unknown level %d", level)
	}
	s.durability = map[string]string{"journal_mode": mode, "synchronous": names[level]}
	if mode != "wal" || level < 2 {
		return fmt.Errorf("SQLite runs with journal_mode %s and synchronous %s, but answers are safe only with wal and full; "+
			"put the data directory on a local disk", mode, names[level])
	}
	return nil
}

// sleep waits, or returns the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
