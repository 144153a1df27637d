package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// verify looks for every transition that the generator was told of in the history: there, once, in its place. It stops the server.
func (b *bench) verify(ctx context.Context) (err error) {
	b.cfg.Note("核对历史……", "Checking the history …")
	var p progress
	if err := b.load.ask(loadOrder{Name: trackOurs, Tell: true}, &p); err != nil {
		return err
	}
	if err := b.server.stop(); err != nil {
		return err
	}
	s, err := store.Open(ctx, store.Config{DSN: b.ours.dsn, Dir: b.ours.dir, ReadOnly: true, Now: b.cfg.Now})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	counts := &HistoryCounts{Acknowledged: p.Notes + p.Seats}
	v := &verifier{ctx: ctx, store: s}
	for n, programme := range b.set.Programmes {
		notes := 0
		if n == 0 {
			notes = p.Notes
		}
		counts.Acknowledged += p.Acked[n]
		found, err := v.programme(programme, p.Acked[n], notes)
		if err != nil {
			return err
		}
		counts.Found += found
	}
	marks := 0
	for _, h := range b.set.Halls {
		fired, err := v.fired(h.Root)
		if err != nil {
			return err
		}
		marks += len(fired)
	}
	counts.Found += marks
	if marks != p.Seats {
		return fmt.Errorf("%d marks in lists were acknowledged, and the history holds %d", p.Seats, marks)
	}
	b.report.History = counts
	return nil
}

// verifier reads histories.
type verifier struct {
	ctx   context.Context //nolint:containedctx // one pass over a database
	store *store.Store
}

// programme compares one programme's history with the steps and notes that were acknowledged.
func (v *verifier) programme(p loadProgramme, steps, notes int) (int, error) {
	fired, err := v.fired(p.Root)
	if err != nil {
		return 0, err
	}
	plan, at, noted := lifecycle(), 0, 0
	for _, e := range fired {
		switch {
		case e.Target == p.Root && e.Event == noteEvent:
			noted++
		case at < steps && e.Event == plan[at].Event && e.Target == p.Activities[plan[at].Slot]:
			at++
		default:
			return 0, fmt.Errorf("programme %s: after %d of %d acknowledged transitions the history holds %s of %s", p.Root, at, steps, e.Event, e.Target)
		}
	}
	if at != steps || noted != notes {
		return 0, fmt.Errorf("programme %s: %d transitions and %d notes were acknowledged, and the history holds %d and %d", p.Root, steps, notes, at, noted)
	}
	return at + noted, nil
}

// fired returns the entries of a chain that fired an event.
func (v *verifier) fired(root string) ([]workflow.Entry, error) {
	var out []workflow.Entry
	const page = 1000
	for from := int64(1); ; {
		rows, err := v.store.History(v.ctx, communityID, root, from, page)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			var e workflow.Entry
			if err := json.Unmarshal(row.Body, &e); err != nil {
				return nil, fmt.Errorf("read the history of %s: %w", root, err)
			}
			if e.Kind == workflow.KindFire {
				out = append(out, e)
			}
			from = row.Seq + 1
		}
		if len(rows) < page {
			return out, nil
		}
	}
}
