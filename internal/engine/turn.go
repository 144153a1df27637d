package engine

import "sync"

// registryTurn lets the slices that write one community's registry go one after the other, from load to commit: every programme's
// creation writes there, and of those that raced only one a round could be written.
type registryTurn struct {
	mu    sync.Mutex
	users int // holding it or waiting for it; guarded by the engine's lock
}

// turn is one slice's claim on the registry of its community. It belongs to one goroutine.
type turn struct {
	engine    *Engine
	community string
	held      *registryTurn
}

// take waits for the turn. It reports false if the slice has it already.
func (t *turn) take() bool {
	if t.held != nil {
		return false
	}
	e := t.engine
	e.mu.Lock()
	r := e.turns[t.community]
	if r == nil {
		r = &registryTurn{}
		e.turns[t.community] = r
	}
	r.users++
	e.mu.Unlock()
	r.mu.Lock()
	t.held = r
	return true
}

// leave passes the turn on, if the slice has it.
func (t *turn) leave() {
	if t.held == nil {
		return
	}
	t.held.mu.Unlock()
	e := t.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	if t.held.users--; t.held.users == 0 {
		delete(e.turns, t.community)
	}
	t.held = nil
}
