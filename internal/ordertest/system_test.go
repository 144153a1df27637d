package ordertest

import (
	"context"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// community is the id of the one community of a test.
const community = "c1"

// system is what the driver drives: the pure core over maps, or an engine on a database.
type system interface {
	// do carries out one command and returns the entries that it, and timers due before it, added to the chains.
	// A refusal is a *workflow.Refusal, and may come with the entries of timers.
	do(ctx context.Context, cmd workflow.Command) ([]workflow.Entry, error)
	// advance moves the clock and returns the entries of the timers that fell due.
	advance(ctx context.Context, d time.Duration) ([]workflow.Entry, error)
	clock() time.Time
	// image is every row of a root as it is now.
	image(ctx context.Context, root string) (*image, error)
}

// image is all that an undo has to bring back: the rows of a root without their versions and timers, which only ever
// rise, and the counts of different values.
type image struct {
	Rows     map[string]workflow.Instance
	Distinct map[workflow.Key]int64
}

func newImage() *image {
	return &image{Rows: map[string]workflow.Instance{}, Distinct: map[workflow.Key]int64{}}
}

func (im *image) add(i *workflow.Instance) {
	c := *i
	c.Version = 0
	c.Body.Timers = nil
	c.Body.Aggregates = map[string]int64{}
	for name, n := range i.Body.Aggregates {
		if n != 0 {
			c.Body.Aggregates[name] = n
		}
	}
	im.Rows[i.ID] = c
}

// formOf is the form that a command fills in; nil if it fills in none.
func formOf(b *workflow.Bundle, target *workflow.Instance, cmd workflow.Command) *workflow.Event {
	if cmd.Kind == workflow.KindCreate {
		if d := b.Definition(cmd.Workflow); d != nil {
			return workflow.FieldForm(d, true)
		}
		return nil
	}
	if target == nil {
		return nil
	}
	d := b.Definition(target.Workflow)
	switch cmd.Kind {
	case workflow.KindFire:
		return d.Event(cmd.Event)
	case workflow.KindEdit:
		return workflow.FieldForm(d, false)
	case workflow.KindBackfill:
		return workflow.BackfillForm(d, cmd.State)
	default:
		return nil
	}
}

// idsIn reads a reference, single or list, in any of the forms in which a caller may give it.
func idsIn(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []string:
		return v
	case []any:
		var out []string
		for _, x := range v {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	default:
		return nil
	}
}
