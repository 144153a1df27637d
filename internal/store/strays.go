package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/linli/linli/internal/engine"
)

// Strays returns the roots that instances, history or timers name and that do not exist, with nothing but their names, in
// order. There are none unless somebody changed the database behind the engine's back.
func (s *Store) Strays(ctx context.Context) ([]engine.Head, error) {
	var out []engine.Head
	const missing = ` as x where not exists (select 1 from roots as r where r.community = x.community and r.id = x.root)`
	err := s.each(ctx, "select x.community, x.root from instances"+missing+" union select x.community, x.root from history"+missing+
		" union select x.community, x.root from timers"+missing+" order by 1, 2", func(rows *sql.Rows) error {
		var h engine.Head
		err := rows.Scan(&h.Community, &h.Root)
		out = append(out, h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for rows without a root: %w", err)
	}
	return out, nil
}
