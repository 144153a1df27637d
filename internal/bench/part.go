package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The parts of a benchmark, each a process of its own.
const (
	PartServer  = "server" // the program itself, as `linli serve` runs it; app starts it
	PartLoad    = "load"
	PartControl = "control"
	PartFloor   = "floor"
)

// PartOrder is the first line that a part reads: where to listen and what to work on.
type PartOrder struct {
	Listen      string `json:"listen,omitempty"`
	DSN         string `json:"dsn,omitempty"` // "" for SQLite in Dir
	Dir         string `json:"dir,omitempty"`
	Pool        int    `json:"pool,omitempty"`
	AnswerBytes int    `json:"answer_bytes,omitempty"`
	Profile     string `json:"profile,omitempty"` // file for the server's processor profile
}

// Counters is what the server part answers to each line after the first.
type Counters struct {
	Commits int64 `json:"commits"` // transactions committed since the start
}

// Part is a process of the benchmark other than the server: it reads its order from the first line of in and works until in ends,
// so that it never outlives who started it.
func Part(ctx context.Context, name string, in io.Reader, out io.Writer, now func() time.Time) error {
	order, rest, err := ReadOrder(in)
	if err != nil {
		return err
	}
	switch name {
	case PartLoad:
		return Load(ctx, rest, out, now)
	case PartControl:
		return Control(ctx, ControlConfig{DSN: order.DSN, Dir: order.Dir, Pool: order.Pool, Listen: order.Listen, Now: now}, rest)
	case PartFloor:
		return Floor(ctx, order.Listen, order.AnswerBytes, rest)
	default:
		return fmt.Errorf("a benchmark has no part %q", name)
	}
}

// ReadOrder reads the first line, and returns what is left to read.
func ReadOrder(in io.Reader) (PartOrder, io.Reader, error) {
	var o PartOrder
	d := json.NewDecoder(in)
	if err := d.Decode(&o); errors.Is(err, io.EOF) {
		return o, nil, errors.New("this command is a part of `linli bench` and is started by it")
	} else if err != nil {
		return o, nil, fmt.Errorf("read the order: %w", err)
	}
	return o, io.MultiReader(d.Buffered(), in), nil
}
