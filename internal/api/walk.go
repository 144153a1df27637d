package api

import (
	"context"
	"slices"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// walk is a list over several workflows, one after the other: that way every page costs what it looks at, and no more than scanned.
type walk struct {
	query     store.ListQuery // Root or Parent
	workflows []string        // in the order of the list
	after     walkPlace
	limit     int
	fits      func(*workflow.Instance) bool
}

// walkPlace is where a walk stands.
type walkPlace struct{ workflow, key, id string }

// cursor is what a client gives to go on.
func (p walkPlace) cursor() string { return encodeCursor(p.workflow, p.key, p.id) }

// placeOf reads a cursor of one of the given workflows.
func placeOf(cursor string, workflows []string) (walkPlace, error) {
	parts, err := decodeCursor(cursor, 3)
	if err != nil {
		return walkPlace{}, err
	}
	if parts[0] != "" && !slices.Contains(workflows, parts[0]) {
		return walkPlace{}, fault.NewInvalid("query.cursor", "invalid_cursor", "cursor 属于另一个列表；请从第一页开始", "the cursor belongs to another list; begin with its first page")
	}
	return walkPlace{parts[0], parts[1], parts[2]}, nil
}

// page reads until a page is full or enough was looked at. It returns where it stopped, and whether there may be more.
func (w walk) page(ctx context.Context, s *server, community string) (out []*workflow.Instance, last walkPlace, more bool, err error) {
	last = w.after
	seen, first := 0, max(slices.Index(w.workflows, w.after.workflow), 0)
	for _, of := range w.workflows[min(first, len(w.workflows)):] {
		if of != last.workflow {
			last = walkPlace{workflow: of}
		}
		for {
			q := w.query
			q.Workflow, q.After = of, store.ListCursor{Key: last.key, ID: last.id}
			q.Limit = min(max(w.limit-len(out)+1, 25), 200)
			rows, err := s.Store.List(ctx, community, q)
			if err != nil {
				return nil, last, false, err
			}
			for _, i := range rows {
				if len(out) == w.limit {
					return out, last, true, nil
				}
				last = walkPlace{of, i.Key, i.ID}
				if q.Parent == "" {
					last.key = "" // the order is by id
				}
				if w.fits(i) {
					out = append(out, i)
				}
			}
			if seen += len(rows); seen >= scanned {
				return out, last, true, nil
			}
			if len(rows) < q.Limit {
				break
			}
		}
	}
	return out, last, false, nil
}

// inStates reports whether an instance stands in one of the states; in any, if none is named.
func inStates(i *workflow.Instance, states []string) bool {
	return len(states) == 0 || slices.Contains(states, i.State)
}
