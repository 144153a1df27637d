package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/migrations"
)

// ErrSchema says that this program and the database do not fit together.
var ErrSchema = errors.New("this program cannot use the database's schema")

const (
	metaMinReader = "min_reader"
	metaHalfDone  = "half_done"
	versionTable  = "goose_db_version"

	// Replicas that start together wait this long for the one that migrates.
	migrationLockSeconds = 600
)

// migrate brings the schema up to date and refuses a database that this program must not use. A program that is older
// than the schema changes nothing and goes on if the schema's min_reader allows it.
func (s *Store) migrate(ctx context.Context) error {
	want, provider, err := s.migrations()
	if err != nil {
		return err
	}
	have, err := s.schemaVersion(ctx)
	if err != nil {
		return err
	}
	if have < want && s.cfg.ReadOnly {
		return schemaFault("schema_old", fmt.Sprintf("版本 %d，需要 %d", have, want), fmt.Sprintf("version %d, needed %d", have, want),
			"请先以可写方式打开一次以完成升级", "open it once for writing to bring it up to date")
	}
	if have > 0 { // before touching anything: another program's unfinished migration is not ours to continue
		if err := s.checkSchema(ctx, want); err != nil {
			return err
		}
	}
	if have < want {
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("bring the schema from version %d to %d: %w", have, want, err)
		}
	}
	if err := s.checkComplete(ctx, want); err != nil {
		return err
	}
	return s.checkSchema(ctx, want)
}

// migrations returns the newest version this program knows and what applies it, under a lock of the database itself.
func (s *Store) migrations() (int64, *goose.Provider, error) {
	files, err := fs.Sub(migrations.Files, s.dialect.name)
	if err != nil {
		return 0, nil, fmt.Errorf("read the migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable)}
	kind, db := goose.DialectSQLite3, s.write
	if s.dialect.name == postgresDriver {
		kind = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, migrationLockSeconds))
		if err != nil {
			return 0, nil, fmt.Errorf("prepare the migration lock: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	if db == nil {
		db = s.read
	}
	provider, err := goose.NewProvider(kind, db.DB, files, options...)
	if err != nil {
		return 0, nil, fmt.Errorf("read the migrations: %w", err)
	}
	sources := provider.ListSources()
	return sources[len(sources)-1].Version, provider, nil
}

// schemaVersion is the newest version applied to the database, 0 for an empty one.
func (s *Store) schemaVersion(ctx context.Context) (int64, error) {
	exists := "select count(*) from sqlite_schema where type = 'table' and name = ?"
	if s.dialect.name == postgresDriver {
		exists = "select count(*) from pg_catalog.pg_tables where schemaname = current_schema() and tablename = ?"
	}
	var n, version int64
	if err := s.read.GetContext(ctx, &n, s.dialect.rebind(exists), versionTable); err != nil {
		return 0, fmt.Errorf("look for the schema: %w", err)
	}
	if n == 0 {
		return 0, nil
	}
	err := s.read.GetContext(ctx, &version, "select coalesce(max(version_id), 0) from "+versionTable+" where is_applied")
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}

// checkComplete refuses a schema that lacks one of the versions this program knows.
func (s *Store) checkComplete(ctx context.Context, want int64) error {
	var applied int64
	err := s.read.GetContext(ctx, &applied, s.dialect.rebind("select count(distinct version_id) from "+versionTable+
		" where is_applied and version_id between 1 and ?"), want)
	if err != nil {
		return fmt.Errorf("read the schema's versions: %w", err)
	}
	if applied != want {
		return schemaFault("schema_half_migrated", fmt.Sprintf("升级未完成，%d/%d 步", applied, want),
			fmt.Sprintf("half-migrated, %d of %d steps", applied, want),
			"请恢复升级前的备份", "restore the backup from before the upgrade")
	}
	return nil
}

// checkSchema refuses a database that declares itself too new for this program, or half-migrated.
func (s *Store) checkSchema(ctx context.Context, want int64) error {
	step, err := s.Meta(ctx, metaHalfDone)
	if err != nil {
		return err
	}
	if step != "" {
		return schemaFault("schema_half_migrated", "升级步骤 "+step+" 未完成", "half-migrated, step "+step+" did not finish",
			"如果此刻没有其他程序正在升级，请恢复升级前的备份", "if no other program is migrating it now, restore the backup from before the upgrade")
	}
	text, err := s.Meta(ctx, metaMinReader)
	if err != nil {
		return err
	}
	minReader, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: meta %s is %q, not a number", ErrSchema, metaMinReader, text)
	}
	if minReader > want {
		return schemaFault("schema_too_new", fmt.Sprintf("至少需要版本 %d，本程序只到 %d", minReader, want),
			fmt.Sprintf("it needs version %d, this program knows %d", minReader, want), "请安装新版本", "install the newer release")
	}
	return nil
}

// schemaFault says why the schema and this program do not fit, and what to do.
func schemaFault(code, whyZH, whyEN, doZH, doEN string) error {
	return fault.Wrap(ErrSchema, fault.Unavailable, code,
		"本程序不能使用该数据库（"+whyZH+"）。"+doZH+"。", "this program cannot use the database ("+whyEN+"); "+doEN)
}

// Meta returns a fact about the database by its name, "" if there is none.
func (s *Store) Meta(ctx context.Context, name string) (string, error) {
	var value string
	err := s.get(ctx, &value, "select value from meta where name = ?", name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read meta %s: %w", name, err)
	}
	return value, nil
}

// SetMeta stores a fact about the database, or removes it if value is "".
func (s *Store) SetMeta(ctx context.Context, name, value string) error {
	if err := checkTexts(column{"meta.name", name}, column{"meta.value", value}); err != nil {
		return err
	}
	return s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
		var err error
		if value == "" {
			_, err = t.exec(ctx, "delete from meta where name = ?", name)
		} else {
			_, err = t.exec(ctx, "insert into meta (name, value) values (?, ?) on conflict (name) do update set value = excluded.value", name, value)
		}
		if err != nil {
			return fmt.Errorf("write meta %s: %w", name, err)
		}
		return nil
	})
}

// PutMetaOnce stores a fact unless there is one of that name, and returns what is stored now. Of several callers at
// once, all get the same answer.
func (s *Store) PutMetaOnce(ctx context.Context, name, value string) (string, error) {
	if err := checkTexts(column{"meta.name", name}, column{"meta.value", value}); err != nil {
		return "", err
	}
	err := s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
		if _, err := t.exec(ctx, "insert into meta (name, value) values (?, ?) on conflict (name) do nothing", name, value); err != nil {
			return fmt.Errorf("write meta %s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return s.Meta(ctx, name)
}

// retryDelay is the pause before the nth new attempt at a transaction.
func retryDelay(attempt int) time.Duration { return time.Duration(attempt) * 5 * time.Millisecond }
