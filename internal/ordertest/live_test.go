package ordertest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/linli/linli/internal/audit"
	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
	"github.com/linli/linli/internal/workflow"
)

// live is an engine on a database of its own.
type live struct {
	store  *store.Store
	keys   *seal.Keyring
	engine *engine.Engine
	time   *enginetest.Clock
	roots  []string
	seen   map[string]int64 // root → the last entry that was read
}

func newLive(t testing.TB, db *testdb.Database, b *workflow.Bundle) *live {
	t.Helper()
	l := &live{time: enginetest.NewClock(), seen: map[string]int64{}}
	l.store = db.Open(t, func(c *store.Config) { c.Now = l.time.Now })
	var err error
	l.keys, err = seal.Open(t.Context(), seal.Config{Path: filepath.Join(db.Dir, seal.KeyFile), MayCreate: true, Random: rand.Reader}, l.store)
	if err != nil {
		t.Fatal(err)
	}
	l.engine = engine.New(engine.Config{Store: l.store, Keys: l.keys, Now: l.time.Now})
	t.Cleanup(l.engine.Close)
	if err := l.engine.AddBundle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *live) do(ctx context.Context, cmd workflow.Command) ([]workflow.Entry, error) {
	res, err := l.engine.Do(ctx, engine.Request{Command: cmd, Values: cmd.Input})
	if err == nil && l.seen[res.Root] == 0 {
		l.roots = append(l.roots, res.Root)
		l.seen[res.Root] = 0
	}
	entries, rerr := l.read(ctx)
	if rerr != nil {
		return nil, rerr
	}
	return entries, err
}

// read returns what was appended to the chains since the last time, the registry's first.
func (l *live) read(ctx context.Context) ([]workflow.Entry, error) {
	var out []workflow.Entry
	for _, root := range l.roots {
		for {
			rows, err := l.store.History(ctx, community, root, l.seen[root]+1, 100)
			if err != nil {
				return nil, err
			}
			if len(rows) == 0 {
				break
			}
			for _, row := range rows {
				var e workflow.Entry
				if err := json.Unmarshal(row.Body, &e); err != nil {
					return nil, err
				}
				if e.Seq != l.seen[root]+1 {
					return nil, fmt.Errorf("entry %d of %s follows %d", e.Seq, root, l.seen[root])
				}
				l.seen[root] = e.Seq
				out = append(out, e)
			}
		}
	}
	return out, nil
}

func (l *live) advance(ctx context.Context, d time.Duration) ([]workflow.Entry, error) {
	l.time.Add(d)
	if _, err := l.engine.FireDue(ctx); err != nil {
		return nil, err
	}
	return l.read(ctx)
}

func (l *live) clock() time.Time { return l.time.Now() }

func (l *live) image(ctx context.Context, root string) (*image, error) {
	im := newImage()
	for i, err := range l.store.Subtree(ctx, community, root) {
		if err != nil {
			return nil, err
		}
		im.add(i)
	}
	counts, err := l.store.DistinctRows(ctx, community, root)
	for _, d := range counts {
		im.Distinct[workflow.Key{Kind: workflow.KeyDistinct, A: d.Instance, B: d.Aggregate, C: d.Value}] = d.N
	}
	return im, err
}

// audit re-computes the whole database and returns what does not hold.
func (l *live) audit(ctx context.Context) error {
	report, err := audit.Run(ctx, l.store, l.keys, audit.Options{})
	if err != nil {
		return err
	}
	for _, f := range report.Findings {
		return fmt.Errorf("audit: %s", f.In("en"))
	}
	return nil
}
