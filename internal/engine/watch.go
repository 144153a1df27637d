package engine

// watcher is somebody who wants to know when a chain grows.
type watcher struct{ hints chan struct{} }

func (w *watcher) hint() {
	select {
	case w.hints <- struct{}{}:
	default: // one is waiting already
	}
}

// Watch returns a channel that receives a hint after each commit known to this process that grew a chain; several commits may
// make one hint, and hints may be lost or come for nothing: read the history. The channel is never closed, not by Close either.
// stop ends the watching; it may be called more than once.
func (e *Engine) Watch(community, root string) (hints <-chan struct{}, stop func()) {
	k := queueKey{community, root}
	w := &watcher{hints: make(chan struct{}, 1)}
	e.watching.Lock()
	defer e.watching.Unlock()
	if e.watchers[k] == nil {
		e.watchers[k] = map[*watcher]bool{}
	}
	e.watchers[k][w] = true
	return w.hints, func() {
		e.watching.Lock()
		defer e.watching.Unlock()
		if delete(e.watchers[k], w); len(e.watchers[k]) == 0 {
			delete(e.watchers, k)
		}
	}
}

// Hint says that another process may have made a chain grow; "" and "" stand for every chain. What is kept of it is read anew. Hints
// may be lost: a commit still refuses what was decided on old rows. It never blocks.
func (e *Engine) Hint(community, root string) {
	e.cache.hint(community, root)
	e.watching.RLock()
	defer e.watching.RUnlock()
	if community != "" || root != "" {
		e.tellWatchers(queueKey{community, root})
		return
	}
	for k := range e.watchers {
		e.tellWatchers(k)
	}
}

// grew tells the watchers of every chain of the slices.
func (e *Engine) grew(slices []Slice, errs []error) {
	e.watching.RLock()
	defer e.watching.RUnlock()
	if len(e.watchers) == 0 {
		return
	}
	for n := range slices {
		for _, c := range slices[n].Chains {
			if errs == nil || errs[n] == nil {
				e.tellWatchers(queueKey{slices[n].Community, c.Head.Root})
			}
		}
	}
}

// tellWatchers is called with the lock on watchers held.
func (e *Engine) tellWatchers(k queueKey) {
	for w := range e.watchers[k] {
		w.hint()
	}
}
