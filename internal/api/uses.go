package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/linli/linli/internal/store"
)

// useEvery is how exactly it is known when a token was last used.
const useEvery = time.Minute

// tokenUses remembers when tokens were used and writes it down now and then, outside the history: it is no decision of anybody.
type tokenUses struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
	once  sync.Once // of the end
	stop  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	pending map[tokenPlace]time.Time
	written map[tokenPlace]time.Time
}

type tokenPlace struct{ community, token string }

func newTokenUses(s Store, now func() time.Time, log *slog.Logger) *tokenUses {
	u := &tokenUses{
		store: s, now: now, log: log, stop: make(chan struct{}), done: make(chan struct{}),
		pending: map[tokenPlace]time.Time{}, written: map[tokenPlace]time.Time{},
	}
	go u.run()
	return u
}

// note remembers that a token is used now.
func (u *tokenUses) note(community, token string) {
	at, now := tokenPlace{community, token}, u.now()
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.written[at]; ok && now.Sub(last) < useEvery {
		return
	}
	u.pending[at] = now
}

func (u *tokenUses) run() {
	defer close(u.done)
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-u.stop:
			u.flush()
			return
		case <-tick.C:
			u.flush()
		}
	}
}

func (u *tokenUses) flush() {
	u.mu.Lock()
	taken := u.pending
	u.pending = map[tokenPlace]time.Time{}
	u.mu.Unlock()
	if len(taken) == 0 {
		return
	}
	uses := make([]store.TokenUse, 0, len(taken))
	for at, t := range taken {
		uses = append(uses, store.TokenUse{Community: at.community, Token: at.token, Used: t})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := u.store.TokensUsed(ctx, uses)
	if err != nil {
		u.log.Warn("when tokens were used is not written down; it is tried again", "err", err)
	}
	u.settle(taken, err == nil)
}

// settle remembers the uses that were written, or keeps them for the next time, unless a token was used again meanwhile.
func (u *tokenUses) settle(uses map[tokenPlace]time.Time, written bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if written && len(u.written)+len(uses) > maxTrusted {
		clear(u.written)
	}
	for at, t := range uses {
		later, again := u.pending[at]
		switch {
		case !written && !again && len(u.pending) < maxTrusted:
			u.pending[at] = t
		case written:
			u.written[at] = t
			if again && later.Sub(t) < useEvery {
				delete(u.pending, at)
			}
		}
	}
}

// close writes down what is left and ends the goroutine. It may be called again.
func (u *tokenUses) close() {
	u.once.Do(func() { close(u.stop) })
	<-u.done
}
