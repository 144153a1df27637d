package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"

	"github.com/lib/pq"
)

// Unreachable reports whether an error of the store, however wrapped, says that the database could not be asked: it is down, starting,
// stopping, out of connections, or the connection broke. Asking again later may well succeed. It says nothing about what was being asked
// for: a COMMIT of which the outcome is unknown is engine.ErrUnknownOutcome.
func Unreachable(err error) bool {
	if e := pq.As(err); e != nil && len(e.Code) == 5 {
		switch string(e.Code[:2]) {
		case "08", "53": // connection exception, insufficient resources
			return true
		case "57": // operator intervention: shutdown, crash, not up yet; but not a statement that was cancelled
			return e.Code != "57014"
		}
		return false
	}
	if _, network := errors.AsType[*net.OpError](err); network {
		return true
	}
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, errSilent, ErrClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}
