package store_test

import (
	"testing"

	"github.com/linli/linli/internal/store/storetest"
	"github.com/linli/linli/internal/testdb"
)

func TestSQLite(t *testing.T) { storetest.Run(t, testdb.SQLite) }

func TestPostgres(t *testing.T) { storetest.Run(t, testdb.Postgres) }
