package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/linli/linli/internal/engine"
)

// RefRows returns what the instances of a root point to with their reference fields, ordered by instance and target.
func (s *Store) RefRows(ctx context.Context, community, root string) ([]engine.RefRow, error) {
	var out []engine.RefRow
	err := s.each(ctx, `select f.instance, f.target, f.workflow
		from instances as r cross join refs as f
		where r.community = ? and r.root = ? and f.community = r.community and f.instance = r.id
		order by f.instance, f.target`, func(rows *sql.Rows) error {
		var f engine.RefRow
		err := rows.Scan(&f.Instance, &f.Target, &f.Workflow)
		out = append(out, f)
		return err
	}, community, root)
	if err != nil {
		return nil, fmt.Errorf("read what the instances under %s point to: %w", root, err)
	}
	return out, nil
}
