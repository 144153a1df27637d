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
	uses := make([]store.TokenUse, 0, len(u.pending))
	for at, t := range u.pending {
		uses = append(uses, store.TokenUse{Community: at.community, Token: at.token, Used: t})
		u.written[at] = t
	}
	clear(u.pending)
	if len(u.written) > maxTrusted {
		clear(u.written)
	}
	u.mu.Unlock()
	if len(uses) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := u.store.TokensUsed(ctx, uses); err != nil {
		u.log.Warn("when tokens were used is not written down", "err", err)
	}
}

// close writes down what is left and ends the goroutine.
func (u *tokenUses) close() {
	close(u.stop)
	<-u.done
}
