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
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/linli/linli/internal/fault"
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
			return fault.Wrap(ErrNoData, fault.NotFound, "no_data",
				"目录 "+dir+" 中没有数据文件 "+DatabaseFile+"。请指明正确的目录，或先载入一个项目。",
				dir+" has no "+DatabaseFile+"; name the right directory, or load a programme first")
		} else if err != nil {
			return fmt.Errorf("open the data directory: %w", err)
		}
	} else if err := s.lockDirectory(dir); err != nil {
		return err
	}

	readers := orDefault(s.cfg.Readers, defaultSQLiteReaders)
	s.readers = make(chan struct{}, readers)
	if !s.cfg.ReadOnly {
		// The writer comes first: it creates the file and turns the write-ahead log on.
		// A page that many commits change is copied back into the file once, and what a commit changes fits into its memory.
		options := "_txlock=immediate&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-16000)"
		if s.write, err = connectSQLite(ctx, file, "rwc", 1, options); err != nil {
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
	pragmas := []string{
		"mode=" + mode, "_pragma=busy_timeout(10000)", "_pragma=journal_mode(wal)",
		"_pragma=synchronous(full)", "_pragma=foreign_keys(1)", option,
	}
	address := (&url.URL{Scheme: "file", Path: filepath.ToSlash(file)}).String() + "?" + strings.Join(pragmas, "&")
	db, err := sqlx.Open(sqliteDriver, address)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", file, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxLifetime(0)
	if err := db.PingContext(ctx); err != nil {
		if sqliteCode(err) == sqlite3.SQLITE_NOTADB {
			err = fault.Wrap(err, fault.Unavailable, "not_a_database",
				file+" 不是数据库文件，或已损坏。请指明正确的数据目录（--data），或先把该文件移走，再从备份恢复。",
				file+" is not a database, or it is damaged; name the right data directory (--data), or move the file away and restore it from a backup")
		}
		return nil, errors.Join(fmt.Errorf("open %s: %w", file, err), db.Close())
	}
	return db, nil
}

// lockDirectory makes this process the only writer of the directory. The lock file tells others which process that is;
// the operating system drops the lock when the process ends, however it ends.
func (s *Store) lockDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.Wrap(err, fault.Unavailable, "data_directory",
			"无法建立数据目录 "+dir+"："+err.Error()+"。请用 --data 指明可以写入的目录。",
			"the data directory "+dir+" cannot be made: "+err.Error()+"; name a directory that can be written to with --data")
	}
	path := filepath.Join(dir, LockFile)
	lock := flock.New(path, flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock the data directory %s: %w", dir, err)
	}
	if !locked {
		holder := lockHolder(path)
		return fault.Wrap(ErrLocked, fault.Locked, "data_directory_locked",
			"数据目录 "+dir+" 正被另一个程序使用（"+holder+"），同一时间只能有一个程序写入。请先停止该程序；若要同时运行多个，请使用 PostgreSQL（--db postgres://…）。",
			"the data directory "+dir+" is held by another program ("+holder+"), and only one may write to it; "+
				"stop that one first, or use PostgreSQL (--db postgres://…) to run several")
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
		return "PID ?"
	}
	return "PID " + pid
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
		return fault.New(fault.Unavailable, "not_durable",
			"SQLite 以 journal_mode="+mode+"、synchronous="+names[level]+" 运行，断电时可能丢失已确认的数据。请把数据目录放在本地磁盘上。",
			"SQLite runs with journal_mode="+mode+" and synchronous="+names[level]+", so that a loss of power could lose what was acknowledged; "+
				"put the data directory on a local disk")
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
