package workflow

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/looplab/fsm"
)

// transitionTable is the definition's events as looplab/fsm wants them, made once and only read afterwards.
type transitionTable struct {
	events fsm.Events // all of them, to draw
	next   map[transition]way
	from   map[string][]*Event
}

// way is where an event leads from one state. moves are the same destinations as looplab/fsm wants them: a machine that is made for
// one event needs to know no other.
type way struct {
	to    []Destination
	moves fsm.Events
}

type transition struct{ state, event string }

// newTable compiles the events of a definition. An event with several destinations becomes one fsm event for each.
func newTable(d *Definition) transitionTable {
	t := transitionTable{next: map[transition]way{}, from: map[string][]*Event{}}
	for _, e := range d.Events {
		for _, s := range e.From {
			w := way{to: e.To}
			for i, dest := range e.To {
				w.moves = append(w.moves, fsm.EventDesc{Name: choiceName(e, i), Src: []string{s}, Dst: dest.State})
			}
			t.next[transition{s, e.Name}] = w
			t.from[s] = append(t.from[s], e)
		}
		for i, dest := range e.To {
			t.events = append(t.events, fsm.EventDesc{Name: choiceName(e, i), Src: e.From, Dst: dest.State})
		}
	}
	return t
}

// choiceName is what an event is called in the fsm table: its name, or name#i when it has several destinations.
func choiceName(e *Event, choice int) string {
	if len(e.To) == 1 {
		return e.Name
	}
	return e.Name + "#" + strconv.Itoa(choice)
}

// Next returns the ordered destinations of an event from a state, or nil if the event does not leave from it.
func (d *Definition) Next(state, event string) []Destination {
	return d.index.table.next[transition{state, event}].to
}

// EventsFrom returns the events that leave from a state, in file order.
func (d *Definition) EventsFrom(state string) []*Event { return d.index.table.from[state] }

// Fire moves a machine that stands in state by one event and returns the new state. choice says which of the event's
// destinations applies, counting from 0. The machine lives for this one call only, so that calls share nothing but the
// table; a cancelled context does not stop it half-way.
func (d *Definition) Fire(ctx context.Context, state, event string, choice int) (string, error) {
	w := d.index.table.next[transition{state, event}]
	if w.to == nil {
		return "", fmt.Errorf("event %s of %s does not leave from %s", event, d.Name, state)
	}
	if choice < 0 || choice >= len(w.moves) {
		return "", fmt.Errorf("event %s of %s has no destination %d", event, d.Name, choice)
	}
	m := fsm.NewFSM(state, w.moves[choice:choice+1], nil)
	err := m.Event(context.WithoutCancel(ctx), w.moves[choice].Name)
	var stayed fsm.NoTransitionError
	if err != nil && (!errors.As(err, &stayed) || stayed.Err != nil) {
		return "", fmt.Errorf("event %s of %s from %s: %w", event, d.Name, state, err)
	}
	return m.Current(), nil
}
