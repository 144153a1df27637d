package testdb

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/lib/pq" // the driver "postgres"
)

// server is a PostgreSQL server on which databases may be created.
type server struct {
	address string // of a database that exists
}

// dsn is the address of another database on the same server.
func (s server) dsn(database string) string {
	u, err := url.Parse(s.address)
	if err != nil { // create has connected with it before
		return s.address
	}
	u.Path = "/" + database
	return u.String()
}

// create makes a new database as a copy of template and returns its name.
func (s server) create(ctx context.Context, template string) (string, error) {
	name := "linli_test_" + strings.ToLower(rand.Text())
	return name, s.exec(ctx, "create database "+name+" template "+template+" encoding 'UTF8'")
}

// drop removes a database, with whatever connections a failed test left behind.
func (s server) drop(ctx context.Context, name string) error {
	return s.exec(ctx, "drop database if exists "+name+" with (force)")
}

func (s server) exec(ctx context.Context, statement string) (err error) {
	db, err := sql.Open("postgres", s.address)
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return err
}
