package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"strings"
	"sync"
	"time"
)

const (
	// senderMark begins the first line of a notification: who sent it. A process knows what it committed itself.
	senderMark = "from:"

	// Notifications follow each other at this distance at the closest, and each has this long to be sent.
	tellEvery, tellWithin = 20 * time.Millisecond, 5 * time.Second
	// maxPayload is what PostgreSQL takes, with room to spare.
	maxPayload = 7000
)

// teller notifies the other processes on a PostgreSQL of the chains that grew. It does so after the commits and on a connection of its
// own: inside a transaction NOTIFY holds a lock of the whole server until the log is on the disk, so that no two commits could run at
// once. A hint may be lost: nobody relies on one.
type teller struct {
	store *Store
	id    string
	wake  chan struct{}
	stop  chan struct{}
	ended sync.WaitGroup

	mu    sync.Mutex
	grown map[place]bool
}

func newTeller(s *Store) *teller {
	t := &teller{store: s, id: rand.Text(), wake: make(chan struct{}, 1), stop: make(chan struct{}), grown: map[place]bool{}}
	t.ended.Go(t.run)
	return t
}

// tell notes the chains that a commit made grow.
func (t *teller) tell(plans []*plan) {
	t.mu.Lock()
	for _, p := range plans {
		for _, c := range p.slice.Chains {
			if p.err == nil {
				t.grown[place{p.slice.Community, c.Head.Root}] = true
			}
		}
	}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default: // it will find these too
	}
}

// close sends what is left and stops. What is told afterwards nobody hears.
func (t *teller) close() {
	close(t.stop)
	t.ended.Wait()
}

func (t *teller) run() {
	for {
		select {
		case <-t.stop:
			t.send()
			return
		case <-t.wake:
			t.send()
			time.Sleep(tellEvery)
		}
	}
}

// send tells what has grown since the last time. Nobody is told of a failure.
func (t *teller) send() {
	t.mu.Lock()
	grown := t.grown
	t.grown = map[place]bool{}
	t.mu.Unlock()
	if len(grown) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tellWithin)
	defer cancel()
	// That a hint was sent need not outlive a loss of power.
	_ = t.store.each(ctx, "select set_config('synchronous_commit', 'off', true), pg_notify('"+listenChannel+"', ?)", func(*sql.Rows) error { return nil }, t.payload(grown))
}

// payload names the chains, one a line, or says that any may have grown.
func (t *teller) payload(grown map[place]bool) string {
	b := []byte(senderMark + t.id)
	for at := range grown {
		if strings.ContainsAny(at.community, " \n") || strings.Contains(at.id, "\n") || len(b) > maxPayload {
			return senderMark + t.id + "\n" + everyChain
		}
		b = append(append(append(append(b, '\n'), at.community...), ' '), at.id...)
	}
	if len(b) > maxPayload {
		return senderMark + t.id + "\n" + everyChain
	}
	return string(b)
}

// own reports whether this process sent a notification.
func (s *Store) own(payload string) bool {
	line, _, _ := strings.Cut(payload, "\n")
	sender, marked := strings.CutPrefix(line, senderMark)
	return marked && s.teller != nil && sender == s.teller.id
}
