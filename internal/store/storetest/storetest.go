// Package storetest holds what every database has to prove before Linli may run on it. The suite is one and the same
// for SQLite and PostgreSQL; a case that only one of them can show stands with that database's own tests.
package storetest

import (
	"testing"

	"github.com/linli/linli/internal/testdb"
)

// Case is one property of the store.
type Case struct {
	Name string
	Run  func(t *testing.T, db *testdb.Database)
}

// Run runs the whole suite, each case on a database of its own.
func Run(t *testing.T, fresh func(testing.TB) *testdb.Database) {
	t.Helper()
	for _, group := range [][]Case{
		rowCases(), loadCases(), conflictCases(), readCases(), batchCases(), outcomeCases(), raceCases(),
		timerCases(), keyCases(), textCases(), schemaCases(), sealCases(), listCases(), waitingCases(),
	} {
		for _, c := range group {
			t.Run(c.Name, func(t *testing.T) {
				t.Parallel()
				c.Run(t, fresh(t))
			})
		}
	}
}
