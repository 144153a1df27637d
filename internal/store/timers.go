package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/linli/linli/internal/engine"
)

const timerColumns = "r.community, r.root, r.instance, r.rule, r.generation, r.due_at, r.event, r.status, r.reason, r.ended_at, r.mark"

func scanTimer(rows *sql.Rows) (engine.TimerRow, error) {
	var t engine.TimerRow
	var due, ended instant
	err := rows.Scan(&t.Community, &t.Root, &t.Instance, &t.Rule, &t.Generation, &due, &t.Event, &t.Status, &t.Reason, &ended, &t.Mark)
	t.Due, t.Ended = due.Time, ended.Time
	return t, err
}

func (s *Store) timers(ctx context.Context, text string, args ...any) ([]engine.TimerRow, error) {
	var out []engine.TimerRow
	err := s.each(ctx, "select "+timerColumns+" from timers as r "+text, func(rows *sql.Rows) error {
		t, err := scanTimer(rows)
		out = append(out, t)
		return err
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("read timers: %w", err)
	}
	return out, nil
}

// DueTimers implements engine.Store. With root "" and community "" it looks at every community.
func (s *Store) DueTimers(ctx context.Context, community, root string, now time.Time, after engine.TimerRow, limit int) ([]engine.TimerRow, error) {
	from := int64(math.MinInt64)
	if !after.Due.IsZero() {
		from = after.Due.UnixMicro()
	}
	if root != "" {
		return s.timers(ctx, `where r.community = ? and r.root = ? and r.status = 'waiting' and r.due_at <= ?
				and r.due_at >= ? and (r.due_at > ? or (r.instance, r.rule, r.generation) > (?, ?, ?))
			order by r.due_at, r.instance, r.rule, r.generation limit ?`,
			community, root, instant{now}, from, from, after.Instance, after.Rule, after.Generation, limit)
	}
	return s.timers(ctx, `cross join roots as p
		where p.community = r.community and p.id = r.root and p.frozen is null
			and r.status = 'waiting' and r.due_at <= ? and (r.community = ? or ? = '')
			and r.due_at >= ? and (r.due_at > ? or (r.community, r.root, r.instance, r.rule, r.generation) > (?, ?, ?, ?, ?))
		order by r.due_at, r.community, r.root, r.instance, r.rule, r.generation limit ?`, instant{now}, community, community,
		from, from, after.Community, after.Root, after.Instance, after.Rule, after.Generation, limit)
}

// AllTimers returns every timer of a root, ended ones included, in the order of their due times.
func (s *Store) AllTimers(ctx context.Context, community, root string) ([]engine.TimerRow, error) {
	return s.timers(ctx, "where r.community = ? and r.root = ? order by r.due_at, r.instance, r.rule, r.generation", community, root)
}

// EndTimer implements engine.Store. A timer that does not wait any more is engine.ErrConflict.
func (s *Store) EndTimer(ctx context.Context, timer engine.TimerRow) error {
	if err := checkText("timers.reason", timer.Reason); err != nil {
		return err
	}
	row := []any{timer.Community, timer.Instance, timer.Rule, timer.Generation, string(timer.Status), timer.Reason, instant{timer.Ended}, timer.Mark}
	return s.transact(ctx, nil, func(ctx context.Context, t *txn) error {
		changed, err := t.execRows(ctx, endTimers, [][]any{row})
		if err != nil {
			return fmt.Errorf("end timer %s of %s: %w", timer.Rule, timer.Instance, err)
		}
		if changed == 0 {
			return fmt.Errorf("%w: timer %s of %s does not wait any more", engine.ErrConflict, timer.Rule, timer.Instance)
		}
		return nil
	})
}
