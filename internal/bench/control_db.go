package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/jmoiron/sqlx"
	_ "github.com/lib/pq"  // the driver "postgres"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	driverPostgres = "postgres"
	driverSQLite   = "sqlite"
	controlFile    = "control.db"
	controlReaders = 4 // connections of SQLite that look tokens up
)

// controlSchema is as small as the work allows: nothing but primary keys.
const controlSchema = `
	create table if not exists tokens (hash text primary key, person text not null, expires bigint not null);
	create table if not exists instances (id text primary key, programme text not null, workflow text not null, state text not null,
		version bigint not null, data text not null, updated bigint not null);
	create table if not exists idempotency (person text not null, key text not null, response text not null, created bigint not null,
		primary key (person, key));
	create table if not exists history (instance text not null, version bigint not null, event text not null, from_state text not null,
		to_state text not null, person text not null, input text not null, recorded bigint not null, primary key (instance, version));`

// controlRow is an instance.
type controlRow struct {
	ID        string `db:"id"`
	Programme string `db:"programme"`
	Workflow  string `db:"workflow"`
	State     string `db:"state"`
	Version   int64  `db:"version"`
	Data      string `db:"data"`
	Updated   int64  `db:"updated"`
}

// controlHistory is an entry of the history.
type controlHistory struct {
	Instance string
	Version  int64
	Event    string
	From     string
	To       string
	Person   string
	Input    string
	Recorded int64
}

// controlToken is whom a token belongs to.
type controlToken struct{ Hash, Person string }

// controlDB is the control's database with its prepared statements. It is safe for concurrent use.
type controlDB struct {
	write, read *sqlx.DB // the same on PostgreSQL
	stmts       map[string]*sqlx.Stmt
}

// openControl connects, makes the tables if they are not there yet, and prepares the statements.
func openControl(ctx context.Context, c ControlConfig) (*controlDB, error) {
	d := &controlDB{stmts: map[string]*sqlx.Stmt{}}
	lock := ""
	var err error
	if c.DSN != "" {
		d.write, err = connectControl(ctx, driverPostgres, c.DSN, c.Pool)
		d.read, lock = d.write, " for update"
	} else {
		sqlx.BindDriver(driverSQLite, sqlx.QUESTION)
		address := (&url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(c.Dir, controlFile))}).String() +
			"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)"
		d.write, err = connectControl(ctx, driverSQLite, address+"&_txlock=immediate", c.Pool)
		if err == nil {
			d.read, err = connectControl(ctx, driverSQLite, address+"&_pragma=query_only(1)", controlReaders)
		}
	}
	if err == nil {
		err = d.prepare(ctx, lock)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func connectControl(ctx context.Context, driver, address string, pool int) (*sqlx.DB, error) {
	db, err := sqlx.Open(driver, address)
	if err != nil {
		return nil, fmt.Errorf("open the control's database: %w", err)
	}
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the control's database: %w", err), db.Close())
	}
	return db, nil
}

func (d *controlDB) prepare(ctx context.Context, lock string) error {
	if _, err := d.write.ExecContext(ctx, controlSchema); err != nil {
		return fmt.Errorf("make the control's tables: %w", err)
	}
	for name, text := range map[string]string{
		"instance": "select id, programme, workflow, state, version, data, updated from instances where id = ?" + lock,
		"claim":    "insert into idempotency (person, key, response, created) values (?, ?, ?, ?) on conflict do nothing",
		"earlier":  "select response from idempotency where person = ? and key = ?",
		"update":   "update instances set state = ?, version = ?, data = ?, updated = ? where id = ?",
		"history": "insert into history (instance, version, event, from_state, to_state, person, input, recorded) " +
			"values (?, ?, ?, ?, ?, ?, ?, ?)",
		"person": "select person from tokens where hash = ? and expires > ?",
	} {
		db := d.write
		if name == "person" {
			db = d.read
		}
		stmt, err := db.PreparexContext(ctx, db.Rebind(text)) //nolint:sqlclosecheck // Close closes it
		if err != nil {
			return fmt.Errorf("prepare %s: %w", name, err)
		}
		d.stmts[name] = stmt
	}
	return nil
}

// Close closes the connections.
func (d *controlDB) Close() error {
	var errs []error
	for _, s := range d.stmts {
		errs = append(errs, s.Close())
	}
	if d.read != nil && d.read != d.write {
		errs = append(errs, d.read.Close())
	}
	if d.write != nil {
		errs = append(errs, d.write.Close())
	}
	return errors.Join(errs...)
}

// fill stores what the control begins with.
func (d *controlDB) fill(ctx context.Context, tokens []controlToken, rows []controlRow) error {
	tx, err := d.write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after the commit
	for _, t := range tokens {
		if _, err := tx.ExecContext(ctx, tx.Rebind("insert into tokens (hash, person, expires) values (?, ?, ?)"), t.Hash, t.Person, int64(1)<<62); err != nil {
			return fmt.Errorf("fill the control's tokens: %w", err)
		}
	}
	const together = 100
	for len(rows) > 0 {
		some := rows[:min(together, len(rows))]
		rows = rows[len(some):]
		text := "insert into instances (id, programme, workflow, state, version, data, updated) values " +
			strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, 0),", len(some)), ",")
		var args []any
		for _, r := range some {
			args = append(args, r.ID, r.Programme, r.Workflow, r.State, r.Version, r.Data)
		}
		if _, err := tx.ExecContext(ctx, tx.Rebind(text), args...); err != nil {
			return fmt.Errorf("fill the control's instances: %w", err)
		}
	}
	return tx.Commit()
}

// count is how many transitions the control has in its history.
func (d *controlDB) count(ctx context.Context) (n int, err error) {
	err = d.read.GetContext(ctx, &n, "select count(*) from history")
	return n, err
}

// person is whose a token is.
func (d *controlDB) person(ctx context.Context, hash string, now int64) (person string, err error) {
	err = d.stmts["person"].GetContext(ctx, &person, hash, now)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errors.New("the token is not valid")
	}
	return person, err
}

// controlTx is one transaction with the prepared statements.
type controlTx struct {
	*sqlx.Tx
	db *controlDB
}

func (d *controlDB) begin(ctx context.Context) (*controlTx, error) {
	tx, err := d.write.BeginTxx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return &controlTx{tx, d}, nil
}

func (t *controlTx) stmt(ctx context.Context, name string) *sqlx.Stmt {
	return t.StmtxContext(ctx, t.db.stmts[name])
}

// instance reads a row; on PostgreSQL it locks it, and on SQLite the transaction has locked everything.
func (t *controlTx) instance(ctx context.Context, id string) (*controlRow, error) {
	var row controlRow
	if err := t.stmt(ctx, "instance").GetContext(ctx, &row, id); err != nil { //nolint:sqlclosecheck // the transaction closes it
		return nil, fmt.Errorf("read %s: %w", id, err)
	}
	return &row, nil
}

// claim takes an idempotency key. If it was taken before, it returns the earlier answer.
func (t *controlTx) claim(ctx context.Context, person, key, response string, now int64) (earlier string, err error) {
	result, err := t.stmt(ctx, "claim").ExecContext(ctx, person, key, response, now)
	if err != nil {
		return "", fmt.Errorf("store the idempotency key: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return "", err
	}
	err = t.stmt(ctx, "earlier").GetContext(ctx, &earlier, person, key) //nolint:sqlclosecheck // as above
	return earlier, err
}

// store writes the new state and the history.
func (t *controlTx) store(ctx context.Context, r *controlRow, h controlHistory) error {
	if _, err := t.stmt(ctx, "update").ExecContext(ctx, r.State, r.Version, r.Data, r.Updated, r.ID); err != nil {
		return fmt.Errorf("store the state: %w", err)
	}
	_, err := t.stmt(ctx, "history").ExecContext(ctx, h.Instance, h.Version, h.Event, h.From, h.To, h.Person, h.Input, h.Recorded)
	if err != nil {
		return fmt.Errorf("store the history: %w", err)
	}
	return nil
}
