package store_test

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/lib/pq"

	"github.com/linli/linli/internal/store"
)

func TestUnreachable(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nobody listens":                       {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, true},
		"the connection broke":                 {driver.ErrBadConn, true},
		"the server is starting":               {&pq.Error{Code: "57P03"}, true},
		"the server was stopped":               {&pq.Error{Code: "57P01"}, true},
		"too many connections":                 {&pq.Error{Code: "53300"}, true},
		"the store is closed":                  {store.ErrClosed, true},
		"a statement was cancelled":            {&pq.Error{Code: "57014"}, false},
		"a row is there already":               {&pq.Error{Code: "23505"}, false},
		"a row is not there":                   {sql.ErrNoRows, false},
		"something else that we do not expect": {errors.New("a defect"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := store.Unreachable(fmt.Errorf("read instances: %w", c.err)); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
