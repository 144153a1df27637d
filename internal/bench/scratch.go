package bench

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// scratch makes databases that are gone when the benchmark ends.
type scratch struct {
	dir     string // holds everything
	admin   *sql.DB
	address string // of the PostgreSQL server; "" for SQLite
	made    []string
	server  int // process id of a PostgreSQL server on this machine, else 0
}

// place is one database.
type place struct {
	dsn string // "" for SQLite
	dir string // of its files: the keys, and SQLite's
}

func newScratch(ctx context.Context, dsn string) (*scratch, error) {
	dir, err := os.MkdirTemp("", "linli-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for the benchmark: %w", err)
	}
	s := &scratch{dir: dir, address: dsn}
	if dsn == "" {
		return s, nil
	}
	s.admin, err = sql.Open(driverPostgres, dsn)
	if err == nil {
		err = s.admin.PingContext(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect to PostgreSQL, to make a database for the benchmark: %w", err), s.remove())
	}
	s.server = s.postmaster(ctx)
	return s, nil
}

// postmaster is the process id of the server, if it runs on this machine where its processor time can be read.
func (s *scratch) postmaster(ctx context.Context) int {
	var backend int
	if err := s.admin.QueryRowContext(ctx, "select pg_backend_pid()").Scan(&backend); err != nil {
		return 0
	}
	st, ok := readStat(backend)
	if !ok || !strings.HasPrefix(st.name, "postgres") {
		return 0
	}
	return st.parent
}

// fresh makes a new database.
func (s *scratch) fresh(ctx context.Context, name string) (place, error) {
	p := place{dir: filepath.Join(s.dir, name)}
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return p, fmt.Errorf("make a directory for the benchmark: %w", err)
	}
	if s.admin == nil {
		return p, nil
	}
	database := "linli_bench_" + strings.ToLower(rand.Text())
	if _, err := s.admin.ExecContext(ctx, "create database "+database+" template template0 encoding 'UTF8'"); err != nil {
		return p, fmt.Errorf("make a database for the benchmark: %w", err)
	}
	s.made = append(s.made, database)
	u, err := url.Parse(s.address)
	if err != nil {
		return p, errors.New("the database's address cannot be read")
	}
	u.Path = "/" + database
	p.dsn = u.String()
	return p, nil
}

// remove drops everything, whether or not the benchmark was cut short.
func (s *scratch) remove() error {
	var errs []error
	if s.admin != nil {
		for _, name := range s.made {
			_, err := s.admin.ExecContext(context.Background(), "drop database if exists "+name+" with (force)")
			errs = append(errs, err)
		}
		errs = append(errs, s.admin.Close())
	}
	errs = append(errs, os.RemoveAll(s.dir))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clear up after the benchmark: %w", err)
	}
	return nil
}

// walSyncs is how often PostgreSQL has made its write-ahead log durable since it was started, and whether it says so. Its processes
// report once a second.
func (s *scratch) walSyncs(ctx context.Context) (n int64, known bool) {
	for _, text := range []string{
		"select wal_sync from pg_stat_wal", // 14 to 17
		"select sum(fsyncs)::bigint from pg_stat_io where object = 'wal'",
	} {
		if err := s.admin.QueryRowContext(ctx, text).Scan(&n); err == nil {
			return n, true
		}
	}
	return 0, false
}

// walRestarts is how often SQLite has begun its write-ahead log anew, as the log's header says (https://sqlite.org/fileformat.html,
// "WAL header": the checkpoint sequence number).
func walRestarts(file string) int64 {
	f, err := os.Open(file + "-wal")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	header := make([]byte, 16)
	if _, err := f.ReadAt(header, 0); err != nil {
		return 0
	}
	return int64(binary.BigEndian.Uint32(header[12:]))
}

// syncsPerRestart is how many more syncs SQLite makes when it begins its log anew: the log before the checkpoint, the database after
// it, the log's new header.
const syncsPerRestart = 3
