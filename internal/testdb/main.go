package testdb

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/linli/linli/internal/store"
)

// templateVariable names, for the tests of this process, the database that new ones are copied from.
const templateVariable = "LINLI_TEST_POSTGRES_TEMPLATE"

// Main runs the tests of a package with a PostgreSQL server and returns the exit status. Whatever it started or created
// is gone afterwards, also if the test process is killed.
func Main(m *testing.M) int {
	ctx := context.Background()
	stop := func() error { return nil }
	if os.Getenv(Variable) == "" {
		c, err := startServer(ctx)
		if err != nil {
			fmt.Fprintln(os.Stderr, "the tests need PostgreSQL:", err)
			return 1
		}
		stop = c.stop
		if err := os.Setenv(Variable, c.address); err != nil {
			fmt.Fprintln(os.Stderr, err, stop())
			return 1
		}
	}
	status := withTemplate(ctx, server{address: os.Getenv(Variable)}, m.Run)
	if err := stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the test server:", err)
		return max(status, 1)
	}
	return status
}

// withTemplate runs the tests with a migrated database to copy from: copying takes a tenth of the time of migrating.
func withTemplate(ctx context.Context, s server, run func() int) int {
	name, err := s.create(ctx, "template0")
	if err == nil {
		err = migrate(ctx, s.dsn(name))
	}
	if err == nil {
		err = os.Setenv(templateVariable, name)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "prepare the test server (%s): %v\n", Variable, err)
		return 1
	}
	status := run()
	if err := s.drop(ctx, name); err != nil {
		fmt.Fprintln(os.Stderr, "drop the template database:", err)
		return max(status, 1)
	}
	return status
}

func migrate(ctx context.Context, dsn string) error {
	s, err := store.Open(ctx, store.Config{DSN: dsn, Now: Now})
	if err != nil {
		return err
	}
	return s.Close()
}
