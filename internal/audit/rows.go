package audit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"

	"github.com/linli/linli/internal/workflow"
)

// checkRows holds every row of the root against the folded one.
func (c *chain) checkRows(ctx context.Context) (*wrong, error) {
	left := maps.Clone(c.rows)
	for row, err := range c.src.Subtree(ctx, c.head.Community, c.head.Root) {
		if err != nil {
			if undecodable(err) {
				return unreadableRow(err), nil
			}
			return nil, err
		}
		folded, ok := left[row.ID]
		if !ok {
			return addedRow(row.ID), nil
		}
		delete(left, row.ID)
		if !workflow.Same(folded, row) {
			return difference(folded, row), nil
		}
	}
	for _, id := range slices.Sorted(maps.Keys(left)) {
		return removedRow(id), nil
	}
	return nil, nil //nolint:nilnil // nothing is wrong
}

// undecodable tells a row that somebody filled with something else from a database that does not answer.
func undecodable(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var base base64.CorruptInputError
	return errors.As(err, &syntax) || errors.As(err, &kind) || errors.As(err, &base)
}

// difference names the first part in which a row is not what the history makes it.
func difference(history, row *workflow.Instance) *wrong {
	for _, p := range []struct {
		what    string
		history any
		row     any
	}{
		{"state", history.State, row.State},
		{"version", history.Version, row.Version},
		{"touched", history.Touched, row.Touched},
		{"parent", history.Parent, row.Parent},
		{"workflow", history.Workflow, row.Workflow},
		{"slot", history.Slot, row.Slot},
		{"key", history.Key, row.Key},
	} {
		if p.history != p.row {
			return changedRow(row.ID, KindRow, p.what, p.history, p.row)
		}
	}
	for _, f := range names(history.Body.Data, row.Body.Data) {
		if a, b := history.Body.Data[f], row.Body.Data[f]; !workflow.Equal(a, b) {
			return changedRow(row.ID, KindRow, "data."+f, a, b)
		}
	}
	for _, f := range names(history.Body.Aggregates, row.Body.Aggregates) {
		if a, b := history.Body.Aggregates[f], row.Body.Aggregates[f]; a != b {
			return changedRow(row.ID, KindAggregate, "agg."+f, a, b)
		}
	}
	return bookkeeping(history, row)
}

// bookkeeping names the first part of the engine's own notes that differs.
func bookkeeping(history, row *workflow.Instance) *wrong {
	a, b := history.Body, row.Body
	for _, p := range []struct {
		what string
		a, b any
	}{
		{"milestones", a.Milestones, b.Milestones},
		{"by", a.By, b.By},
		{"waived", a.Waived, b.Waived},
		{"uses", a.Uses, b.Uses},
		{"timers", a.Timers, b.Timers},
		{"flags", a.Flags, b.Flags},
		{"entered", a.Entered, b.Entered},
		{"last_child", a.LastChild, b.LastChild},
	} {
		if empty(p.a) && empty(p.b) {
			continue
		}
		x, errX := json.Marshal(p.a)
		y, errY := json.Marshal(p.b)
		if errX != nil || errY != nil || !slices.Equal(x, y) {
			return changedRow(row.ID, KindRow, p.what, string(x), string(y))
		}
	}
	return changedRow(row.ID, KindRow, "row", "", "")
}

func empty(v any) bool {
	r := reflect.ValueOf(v)
	return (r.Kind() == reflect.Map || r.Kind() == reflect.Slice) && r.Len() == 0
}

// names returns the keys of both maps, sorted.
func names[V any, M ~map[string]V](a, b M) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}
