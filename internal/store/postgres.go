package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/linli/linli/internal/fault"
)

const (
	defaultConnectTimeout = 10 * time.Second
	// A connection whose client vanished in the middle of a transaction lets go of its locks after this many milliseconds.
	idleInTransactionMillis = "60000"
)

func (s *Store) openPostgres(ctx context.Context) error {
	s.dialect = postgresDialect()
	config, err := postgresConfig(s.cfg.DSN, s.cfg.ReadOnly)
	if err != nil {
		return err
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return fmt.Errorf("read the database address: %w", err)
	}
	connector.Dialer(dialer{store: s})
	committers := orDefault(s.cfg.Committers, defaultCommitters)
	conns := orDefault(s.cfg.Readers, defaultPostgresReaders) + committers
	db := sqlx.NewDb(sql.OpenDB(connector), postgresDriver)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	s.read, s.write = db, db
	if !s.cfg.ReadOnly {
		s.sessions = newSessions(committers)
	}
	if err := db.PingContext(ctx); err != nil {
		return fault.Wrap(err, fault.Unavailable, "database_unreachable",
			"无法连接 PostgreSQL（"+config.Host+"，用户 "+config.User+"）。请检查地址、密码，以及服务器是否在运行。",
			"cannot connect to PostgreSQL at "+config.Host+" as "+config.User+"; check the address, the password and that the server runs")
	}
	return nil
}

// postgresConfig completes the address: a secret line to other machines, none needed to this one, and a limit on how
// long to wait for a server. Whatever the address or the PG* environment says is left alone.
func postgresConfig(dsn string, readOnly bool) (pq.Config, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return pq.Config{}, fault.NewInvalid("db", "database_address",
			"数据库地址必须以 postgres:// 开头；使用 SQLite 时不要填写。", "the database address must begin with postgres://; leave it out for SQLite")
	}
	config, err := pq.NewConfig(dsn)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the whole would repeat the address, password and all
		}
		return pq.Config{}, fault.Wrap(err, fault.Invalid, "database_address", "数据库地址无法识别。请检查其写法。",
			"the database address cannot be read; check how it is written").WithField("db")
	}
	if os.Getenv("PGSSLMODE") == "" && !strings.Contains(dsn, "sslmode=") {
		config.SSLMode = pq.SSLModeRequire
		if local(config.Host, config.Hostaddr) && !slices.ContainsFunc(config.Multi, func(m pq.ConfigMultihost) bool {
			return !local(m.Host, m.Hostaddr)
		}) {
			config.SSLMode = pq.SSLModeDisable
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = defaultConnectTimeout
	}
	config.BinaryParameters = true // bytes travel as they are, not as twice as many hexadecimal digits
	if config.Runtime == nil {
		config.Runtime = map[string]string{}
	}
	for name, value := range sessionSettings() {
		if _, ok := config.Runtime[name]; !ok {
			config.Runtime[name] = value
		}
	}
	if readOnly {
		config.Runtime["default_transaction_read_only"] = "on"
	}
	if config.ApplicationName == "" {
		config.ApplicationName = "linli"
	}
	return config, nil
}

// sessionSettings are those that every connection starts with. Every statement of the store looks a few rows up by an
// index; a plan that reads a whole table instead, made while the table was small or its statistics were old, would be
// kept for as long as the connection lives.
func sessionSettings() map[string]string {
	return map[string]string{
		"idle_in_transaction_session_timeout": idleInTransactionMillis,
		"enable_seqscan":                      "off",
		"enable_hashjoin":                     "off",
		"enable_mergejoin":                    "off",
		// Switching plans off makes those that are left look expensive, and compiling them takes longer than any of them runs.
		"jit": "off",
	}
}

// local reports whether the host is this machine: a socket in the file system, or a loopback address.
func local(host string, address netip.Addr) bool {
	if address.IsValid() {
		return address.IsLoopback()
	}
	if filepath.IsAbs(host) || strings.HasPrefix(host, "@") || host == "" || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func (s *Store) readDurability(ctx context.Context) error {
	if s.dialect.name == sqliteDriver {
		return s.sqliteDurability(ctx)
	}
	s.durability = map[string]string{}
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := s.read.GetContext(ctx, &value, "select current_setting('"+name+"')"); err != nil {
			return fmt.Errorf("read back %s: %w", name, err)
		}
		s.durability[name] = value
	}
	return nil
}
