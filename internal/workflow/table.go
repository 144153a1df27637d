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
	events fsm.Events
	next   map[transition][]Destination
	from   map[string][]*Event
}

type transition struct{ state, event string }

// newTable compiles the events of a definition. An event with several destinations becomes one fsm event for each.
func newTable(d *Definition) transitionTable {
	t := transitionTable{next: map[transition][]Destination{}, from: map[string][]*Event{}}
	for _, e := range d.Events {
		for _, s := range e.From {
			t.next[transition{s, e.Name}] = e.To
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
	return d.index.table.next[transition{state, event}]
}

// EventsFrom returns the events that leave from a state, in file order.
func (d *Definition) EventsFrom(state string) []*Event { return d.index.table.from[state] }

// Fire moves a machine that stands in state by one event and returns the new state. choice says which of the event's
// destinations applies, counting from 0. The machine lives for this one call only, so that calls share nothing but the
// table; a cancelled context does not stop it half-way.
func (d *Definition) Fire(ctx context.Context, state, event string, choice int) (string, error) {
	to := d.Next(state, event)
	if to == nil {
		return "", fmt.Errorf("event %s of %s does not leave from %s", event, d.Name, state)
	}
	if choice < 0 || choice >= len(to) {
		return "", fmt.Errorf("event %s of %s has no destination %d", event, d.Name, choice)
	}
	m := fsm.NewFSM(state, d.index.table.events, nil)
	err := m.Event(context.WithoutCancel(ctx), choiceName(d.Event(event), choice))
	var stayed fsm.NoTransitionError
	if err != nil && (!errors.As(err, &stayed) || stayed.Err != nil) {
		return "", fmt.Errorf("event %s of %s from %s: %w", event, d.Name, state, err)
	}
	return m.Current(), nil
}
