package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// rowsPerProgramme is how many instances each of the programmes has that only take up room.
const rowsPerProgramme = 100

// takeLarge measures the lifecycle in a small and in a large database, taking turns.
func (b *bench) takeLarge(ctx context.Context) error {
	out := &LargeFigures{SmallRows: b.cfg.SmallRows, LargeRows: b.cfg.LargeRows}
	sides := []struct {
		name   string
		rows   int
		into   *Figures
		server *process
		all    []round
	}{{name: "small", rows: b.cfg.SmallRows, into: &out.Small}, {name: "large", rows: b.cfg.LargeRows, into: &out.Large}}
	for n := range sides {
		s := &sides[n]
		b.cfg.Note(fmt.Sprintf("写入 %d 个实例……", s.rows), fmt.Sprintf("Filling a database with %d instances …", s.rows))
		var err error
		if s.server, err = b.filledServer(ctx, s.name, s.rows); err != nil {
			return err
		}
		if _, err := b.run(ctx, s.name, s.server, kindLifecycle, b.cfg.Clients, b.cfg.Duration/10); err != nil {
			return err
		}
	}
	for range rounds {
		for n := range sides {
			s := &sides[n]
			r, err := b.measured(ctx, s.name, s.server, kindLifecycle, b.cfg.Clients, b.cfg.Duration/2/rounds)
			if err != nil {
				return err
			}
			s.all = append(s.all, r)
		}
	}
	for _, s := range sides {
		*s.into = figures(s.all)
		if err := s.server.stop(); err != nil {
			return err
		}
	}
	out.Share = out.Large.Rate / out.Small.Rate
	b.report.Large = out
	return nil
}

// filledServer makes a database with many instances and programmes to walk, and starts a server on it.
func (b *bench) filledServer(ctx context.Context, name string, rows int) (*process, error) {
	p, err := b.scratch.fresh(ctx, name)
	if err != nil {
		return nil, err
	}
	w, err := found(ctx, p, b.cfg.Now)
	if err != nil {
		return nil, err
	}
	err = b.fillWorld(ctx, w, rows)
	if err := errors.Join(err, w.close()); err != nil {
		return nil, err
	}
	if err := b.give(w.set, name); err != nil {
		return nil, err
	}
	return b.serving(ctx, PartOrder{DSN: p.dsn, Dir: p.dir})
}

func (b *bench) fillWorld(ctx context.Context, w *world, rows int) error {
	n := b.cfg.Programmes
	if n == 0 {
		const most = 10_000 // transitions a second that a server may reach
		n = 2*b.cfg.Clients + int(most*0.6*b.cfg.Duration.Seconds())/len(lifecycle())
		n = min(n, rows/(1+len(slotNames()))) // the small database stays small
	}
	if err := w.copies(ctx, n); err != nil {
		return err
	}
	return w.fill(ctx, rows-n*(1+len(slotNames())))
}

// fill writes programmes with seats that only take up room; nobody works on them.
func (w *world) fill(ctx context.Context, rows int) error {
	m, err := w.model(ctx)
	if err != nil {
		return err
	}
	const batch = 10
	var slices []engine.Slice
	for n := 0; rows > 0; n++ {
		s, _ := w.copyOf(m, fmt.Sprintf("filler%07d", n))
		w.seat(&s, min(rows, rowsPerProgramme)-len(s.Rows))
		rows -= len(s.Rows)
		slices = append(slices, s)
		if len(slices) < batch && rows > 0 {
			continue
		}
		if err := w.write(ctx, slices); err != nil {
			return err
		}
		slices = slices[:0]
	}
	return w.settle(ctx)
}

// seat adds n seats to a copied programme's last instance.
func (w *world) seat(s *engine.Slice, n int) {
	last := s.Rows[len(s.Rows)-1].Instance
	for i := range n {
		s.Rows = append(s.Rows, engine.RowWrite{Op: engine.RowInsert, Instance: &workflow.Instance{
			ID: workflow.InstanceID(communityID, last.Root, "seats", i+1), Community: communityID, Root: last.Root, Parent: last.ID, Workflow: seatWorkflow,
			State: "booked", Version: 1, Touched: 1, Body: workflow.Body{Data: workflow.Values{"number": int64(i)}, Entered: last.Body.Entered},
		}})
	}
}

// settle does what a database that grew over years has had the time for: PostgreSQL's statistics are up to date.
func (w *world) settle(ctx context.Context) (err error) {
	if w.dsn == "" {
		return nil
	}
	db, err := sql.Open(driverPostgres, w.dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "vacuum analyze"); err != nil {
		return fmt.Errorf("bring the statistics up to date: %w", err)
	}
	_, err = db.ExecContext(ctx, "checkpoint")
	return err
}
