package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// communityID is the community of every benchmark.
const communityID = "bench"

// staff is how many people there are in each role.
const staff = 4

// world is a database with a community, made ready before anything is measured and without the server.
type world struct {
	place
	store  *store.Store
	keys   *seal.Keyring
	engine *engine.Engine
	bundle *workflow.Bundle
	set    *loadSet
	first  string         // the first person who works here
	tokens []controlToken // the same tokens, for the control
	now    func() time.Time
}

// found makes the community, its staff and their tokens.
func found(ctx context.Context, p place, now func() time.Time) (_ *world, err error) {
	b, err := definitions()
	if err != nil {
		return nil, err
	}
	w := &world{place: p, bundle: b, now: now, set: &loadSet{Community: communityID}}
	if w.store, err = store.Open(ctx, store.Config{DSN: p.dsn, Dir: p.dir, Now: now}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	path := filepath.Join(p.dir, seal.KeyFile)
	if w.keys, err = seal.Open(ctx, seal.Config{Path: path, MayCreate: true, Random: rand.Reader}, w.store); err != nil {
		return nil, err
	}
	w.engine = engine.New(engine.Config{Store: w.store, Keys: w.keys, Now: now})
	if err := w.engine.AddBundle(ctx, b); err != nil {
		return nil, err
	}
	_, err = w.do(ctx, engine.Request{
		Command: workflow.Command{ID: communityID, Root: communityID, Kind: workflow.KindCreate, Workflow: "community"},
		Values:  map[string]any{"name": "测速社区", "bundle": b.Hash},
	})
	if err != nil {
		return nil, err
	}
	for _, role := range roleNames() {
		var tokens []string
		for range staff {
			text, err := w.hire(ctx, role)
			if err != nil {
				return nil, err
			}
			tokens = append(tokens, text)
		}
		w.set.Tokens = append(w.set.Tokens, tokens)
	}
	return w, nil
}

// close gives the database free.
func (w *world) close() error {
	if w.engine != nil {
		w.engine.Close()
	}
	return w.store.Close()
}

// do carries out a request, in the name of the system unless it names somebody.
func (w *world) do(ctx context.Context, r engine.Request) (engine.Result, error) {
	r.Community = communityID
	if r.Actor.Person == "" {
		r.Actor.System = true
	}
	return w.engine.Do(ctx, r)
}

// register creates an entry of the registry.
func (w *world) register(ctx context.Context, of string, values map[string]any) (string, error) {
	r, err := w.do(ctx, engine.Request{
		Command: workflow.Command{Root: communityID, Target: communityID, Kind: workflow.KindCreate, Workflow: of}, Values: values,
	})
	if err != nil {
		return "", fmt.Errorf("register a %s: %w", of, err)
	}
	return r.Instance, nil
}

// hire registers somebody with a role and returns the person's token.
func (w *world) hire(ctx context.Context, role string) (string, error) {
	person, err := w.register(ctx, "person", map[string]any{"name": role, "staff": true})
	if err != nil {
		return "", err
	}
	if w.first == "" {
		w.first = person
	}
	if _, err := w.register(ctx, "grant", map[string]any{"person": person, "role": role, "scope": communityID}); err != nil {
		return "", err
	}
	secret := token.NewSecret()
	expires := w.now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	id, err := w.register(ctx, "token", map[string]any{
		"person": person, "label": "bench", "hash": token.Hash(secret), "scope": communityID, "expires": expires,
	})
	if err != nil {
		return "", err
	}
	text := token.Format(communityID, id, secret)
	whole := sha256.Sum256([]byte(text))
	w.tokens = append(w.tokens, controlToken{Hash: hex.EncodeToString(whole[:]), Person: person})
	return text, nil
}

// programme creates one programme with its activities.
func (w *world) programme(ctx context.Context, code string) (loadProgramme, error) {
	r, err := w.do(ctx, engine.Request{
		Command: workflow.Command{Kind: workflow.KindCreate, Workflow: programmeWorkflow, Actor: workflow.Actor{Person: w.first}},
		Values:  map[string]any{"code": code},
	})
	if err != nil {
		return loadProgramme{}, fmt.Errorf("create a programme: %w", err)
	}
	p := loadProgramme{Root: r.Root, Activities: make([]string, len(slotNames()))}
	for slot := range slotNames() {
		found, err := w.store.Children(ctx, communityID, r.Root, activityWorkflow(slot))
		if err != nil {
			return p, err
		}
		if len(found) != 1 {
			return p, fmt.Errorf("programme %s has %d activities in slot %s", code, len(found), slotNames()[slot])
		}
		p.Activities[slot] = found[0].ID
	}
	return p, nil
}

// halls creates programmes of their own with seats for the bulk endpoint.
func (w *world) halls(ctx context.Context, halls, seats int) error {
	for h := range halls {
		p, err := w.programme(ctx, fmt.Sprintf("hall%03d", h))
		if err != nil {
			return err
		}
		hall := loadHall{Root: p.Root, Seats: make([]string, seats)}
		errs := make([]error, seats)
		var wg sync.WaitGroup
		for n := range seats {
			wg.Go(func() {
				var r engine.Result
				r, errs[n] = w.do(ctx, engine.Request{
					Command: workflow.Command{
						Root: p.Root, Target: p.Activities[3], Kind: workflow.KindCreate, Workflow: seatWorkflow, Actor: workflow.Actor{Person: w.first},
					},
					Values: map[string]any{"number": n + 1},
				})
				hall.Seats[n] = r.Instance
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return fmt.Errorf("create a seat: %w", err)
		}
		w.set.Halls = append(w.set.Halls, hall)
	}
	return nil
}
