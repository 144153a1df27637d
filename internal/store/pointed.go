package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/linli/linli/internal/engine"
)

// aim is a target together with the workflow of those that point to it.
type aim struct {
	target   place
	workflow string
}

// lockPointed locks the rows of which plans rely on who points to them, and returns who does: whoever is about to point to one of
// them holds it in its reads, and is waited for.
func (t *txn) lockPointed(ctx context.Context, plans []*plan) (map[aim][]string, error) {
	wanted, aims := map[place]bool{}, map[aim]bool{}
	for _, p := range plans {
		for _, of := range p.slice.Pointed {
			at := place{p.slice.Community, of.Target}
			wanted[at], aims[aim{at, of.Workflow}] = true, true
		}
	}
	if len(wanted) == 0 {
		return nil, nil //nolint:nilnil // a slice without consequences points at nothing
	}
	text := "select r.id from (" + rowsMark + ") as v cross join instances as r " +
		"where r.community = v.column1 and r.id = v.column2 order by r.community, r.id" + t.dialect.forWrite
	err := t.queryRows(ctx, text, sortedRows(wanted, func(place) bool { return true }), func(*sql.Rows) error { return nil })
	if err != nil {
		return nil, fmt.Errorf("lock what is pointed to: %w", err)
	}
	rows := make([][]any, 0, len(aims))
	for a := range aims {
		rows = append(rows, []any{a.target.community, a.target.id, a.workflow})
	}
	found := map[aim][]string{}
	text = "select f.community, f.target, f.workflow, f.instance from (" + rowsMark + ") as v cross join refs as f " +
		"where f.community = v.column1 and f.target = v.column2 and f.workflow = v.column3"
	err = t.queryRows(ctx, text, rows, func(row *sql.Rows) error {
		var a aim
		var instance string
		err := row.Scan(&a.target.community, &a.target.id, &a.workflow, &instance)
		if err == nil && !slices.Contains(found[a], instance) {
			found[a] = append(found[a], instance)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("re-check who points to what: %w", err)
	}
	for a := range found {
		slices.Sort(found[a])
	}
	return found, nil
}

// judgePointed says whether a plan still knows who points to what.
func (d *decision) judgePointed(p *plan) error {
	for _, of := range p.slice.Pointed {
		at := place{p.slice.Community, of.Target}
		moved := d.aimed[at] || slices.ContainsFunc(of.Instances, func(id string) bool { return d.aimed[place{p.slice.Community, id}] })
		if moved || !slices.Equal(d.pointed[aim{at, of.Workflow}], of.Instances) {
			return fmt.Errorf("%w: others point to %s now", engine.ErrConflict, of.Target)
		}
	}
	return nil
}

// aim records what the references of an accepted plan come to concern.
func (d *decision) aim(p *plan) {
	for _, r := range p.slice.Refs {
		d.aimed[place{p.slice.Community, r.Instance}] = true
		for _, target := range r.Targets {
			d.aimed[place{p.slice.Community, target}] = true
		}
	}
}
