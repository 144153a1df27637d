package store

import (
	"database/sql"
	"strings"

	"github.com/jmoiron/sqlx"
)

const (
	sqliteDriver   = "sqlite"
	postgresDriver = "postgres"
)

// dialect is all that differs between the databases in the text of a statement: SQLite has one writer and needs no row
// locks, so the suffixes are empty there.
type dialect struct {
	name     string
	bind     int
	forWrite string // keeps everybody else from changing or locking the rows of alias r
	forShare string // keeps everybody else from changing the rows of alias r

	isolation sql.IsolationLevel
	settings  []string // of the connections that write
}

func sqliteDialect() dialect { return dialect{name: sqliteDriver, bind: sqlx.QUESTION} }

func postgresDialect() dialect {
	return dialect{
		name: postgresDriver, bind: sqlx.DOLLAR, forWrite: " for update of r", forShare: " for share of r",
		isolation: sql.LevelReadCommitted, // each statement must see what others committed while it waited for a lock
		// What a commit asks and writes is always found in the same way; to plan it anew for its values takes longer than doing it.
		settings: []string{"set plan_cache_mode = force_generic_plan"},
	}
}

// rebind gives a statement the database's placeholders. SQLite need not keep a journal for undoing a single statement: whatever fails
// here is undone with its transaction or back to a savepoint.
func (d dialect) rebind(text string) string {
	if d.name == sqliteDriver {
		for _, verb := range []string{"insert ", "update "} {
			if rest, ok := strings.CutPrefix(text, verb); ok {
				text = verb + "or fail " + rest
			}
		}
	}
	return sqlx.Rebind(d.bind, text)
}

// rowsMark stands in a statement for as many rows of placeholders as a call has values for.
const rowsMark = "@rows"

// withRows puts n rows of width placeholders in the place of rowsMark, as "values (?, ?), (?, ?)".
func withRows(text string, n, width int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?, ", width), ", ") + ")"
	return strings.Replace(text, rowsMark, "values "+strings.TrimSuffix(strings.Repeat(row+", ", n), ", "), 1)
}

// batchSizes are the numbers of rows that a statement is written for, so that few texts serve any number of rows and
// every one of them stays prepared. The largest times the widest row stays far below both databases' parameter limits.
func batchSizes() []int { return []int{64, 16, 4, 1} }

// nextBatch is how many of n rows go into the next statement.
func nextBatch(n int) int {
	for _, size := range batchSizes() {
		if n >= size {
			return size
		}
	}
	return 0
}

// paddedBatch is the smallest size that holds n rows, or the largest there is. Reads fill up with copies of the last row.
func paddedBatch(n int) int {
	best := batchSizes()[0]
	for _, size := range batchSizes() {
		if size >= n {
			best = size
		}
	}
	return best
}
