package api

import (
	"encoding/base64"
	"encoding/json"

	"github.com/linli/linli/internal/fault"
)

// Paging are the parameters of every list.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"1000" doc:"next_cursor of the page before; left out for the first page."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
}

// page is one page of a list.
type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Give it as cursor for the next page; absent on the last."`
}

// listed is the answer of every list.
type listed[T any] struct{ Body page[T] }

// newPage makes an answer of at most limit entries; next makes the cursor behind the last one shown, if there are more.
func newPage[T any](items []T, more bool, next func() string) *listed[T] {
	if items == nil {
		items = []T{}
	}
	p := &listed[T]{Body: page[T]{Items: items}}
	if more {
		p.Body.NextCursor = next()
	}
	return p
}

// encodeCursor makes a cursor: opaque to clients, and nothing in it that they may not see.
func encodeCursor(parts ...string) string {
	b, err := json.Marshal(parts)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor reads a cursor of n parts; "" is the beginning, n empty parts.
func decodeCursor(cursor string, n int) ([]string, error) {
	if cursor == "" {
		return make([]string, n), nil
	}
	var parts []string
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(b, &parts)
	}
	if err != nil || len(parts) != n {
		return nil, fault.NewInvalid("query.cursor", "invalid_cursor", "cursor 应为上一页给出的 next_cursor", "cursor takes the next_cursor of the page before")
	}
	return parts, nil
}
