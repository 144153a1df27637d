package store

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// instant is a time as both databases store it: microseconds since 1970-01-01 UTC, and null for the zero time.
type instant struct{ time.Time }

// Value implements driver.Valuer.
func (t instant) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil //nolint:nilnil // SQL null is the zero time
	}
	return t.UnixMicro(), nil
}

// Scan implements sql.Scanner.
func (t *instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		t.Time = time.Time{}
	case int64:
		t.Time = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time is stored as %T; expected whole microseconds", src)
	}
	return nil
}
