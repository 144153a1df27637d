package workflow

import "github.com/looplab/fsm"

// transitionTable is the definition's events as looplab/fsm wants them, made once and only read afterwards.
type transitionTable struct {
	events fsm.Events
}
