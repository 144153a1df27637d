package store

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// errMismatch says that a statement changed fewer rows than it was given: a key was taken or a row had moved on.
var errMismatch = errors.New("fewer rows changed than expected")

// retryable reports whether the database asks to run the same transaction again.
func retryable(err error) bool {
	return pq.As(err, pqerror.TRSerializationFailure, pqerror.TRDeadlockDetected) != nil
}

// notCommitted reports whether an error of COMMIT itself proves that nothing was written. Anything that is not proof
// counts as unknown.
func notCommitted(err error) bool {
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, pq.ErrInFailedTransaction) { // COMMIT was never sent
		return true
	}
	if e := pq.As(err); e != nil {
		return strings.HasPrefix(string(e.Code), "23") || retryable(err)
	}
	switch sqliteCode(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CONSTRAINT:
		return true
	}
	return false
}

// refused reports whether the database refused what it was given, rather than being unable to work at all: then the
// batch is worth splitting, because the rest of it may be sound.
func refused(err error) bool {
	if errors.Is(err, errMismatch) || errors.Is(err, ErrText) {
		return true
	}
	if e := pq.As(err); e != nil && len(e.Code) == 5 {
		switch string(e.Code[:2]) {
		case "08", "25", "40", "53", "55", "57", "58", "F0", "XX":
			return false
		}
		return !e.Fatal()
	}
	switch sqliteCode(err) {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_ERROR:
		return true
	}
	return false
}

// sqliteCode is the primary result code, or 0 if err is not SQLite's.
func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code() & 0xff
	}
	return 0
}

// taken returns the unique constraint that err violates, as the name of its table, or its index where that decides; ""
// if err is anything else.
func taken(err error) string {
	if e := pq.As(err, pqerror.UniqueViolation); e != nil {
		return e.Constraint
	}
	if sqliteCode(err) != sqlite3.SQLITE_CONSTRAINT {
		return ""
	}
	// "UNIQUE constraint failed: index 'instances_by_key'", or ": roots.community, roots.id".
	_, what, found := strings.Cut(err.Error(), "UNIQUE constraint failed: ")
	if !found {
		return ""
	}
	if _, index, ok := strings.Cut(what, "index '"); ok {
		name, _, _ := strings.Cut(index, "'")
		return name
	}
	columns, _, _ := strings.Cut(what, " (")
	return sqliteConstraint(columns)
}

// sqliteConstraint gives the columns that SQLite names the name that PostgreSQL gives the same constraint.
func sqliteConstraint(columns string) string {
	table, _, _ := strings.Cut(columns, ".")
	switch columns {
	case "roots.community, roots.code":
		return "roots_by_code"
	case "history.command, history.root, history.community":
		return "history_by_command"
	default:
		return table + "_pkey"
	}
}

// raced reports whether the violated constraint means that somebody else was first, as opposed to rows that can never
// be stored: an instance or timer that exists already, under a root that is locked, is a mistake of the caller.
func raced(err error) bool {
	switch taken(err) {
	case "instances_by_key", "roots_pkey", "history_pkey", "history_by_command", "subject_keys_pkey", "idempotency_pkey":
		return true
	}
	return false
}
