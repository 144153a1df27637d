package casefile

import (
	"context"
	"errors"
	"fmt"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// Store is what playing reads from the database, besides what the engine does itself.
type Store interface {
	Heads(ctx context.Context, community string, roots []string) (map[string]engine.Head, error)
	Load(ctx context.Context, community string, keys []workflow.Key) ([]workflow.Answer, error)
	Committed(ctx context.Context, community, root, command string) (*engine.StoredEntry, error)
}

// Engine is what playing needs of the engine, whether it runs in this process or in another.
type Engine interface {
	Do(ctx context.Context, req engine.Request) (engine.Result, error)
	AddBundle(ctx context.Context, b *workflow.Bundle) error
	Bundle(ctx context.Context, hash string) (*workflow.Bundle, error)
	Reveal(ctx context.Context, i *workflow.Instance) (map[string]any, error)
}

// Player is the engine that a file is played on. For a dry run, the caller makes it over a store that is thrown away.
type Player struct {
	Engine Engine
	Store  Store
	Bundle *workflow.Bundle // what a new community starts with
}

// Options say how a file is played.
type Options struct {
	// KeepGoing carries on behind a refusal, so that all of them are found in one run. It is for dry runs: on a real
	// store the steps behind the refused one would be carried out without it.
	KeepGoing bool
	// Progress is told of every step when it is over; nil: nobody is.
	Progress func(Entry)
}

// Play carries the file out, step by step. What an earlier run of the same file did is found in the history and not done
// again. The error is a Problems if the definitions do not know what the file asks for (nothing was carried out then), a
// *PlayError if a step did not go as the file says, or what the store or the context reported.
//
// Play is not to be run twice at once for one file.
func (f *File) Play(ctx context.Context, p Player, o Options) (Log, error) {
	r := &run{
		f: f, Player: p, opts: o, ids: map[string]string{}, parents: map[string]string{}, failed: map[string]*Step{},
		tainted: map[string]*Step{}, links: map[[2]string]bool{}, reached: -1,
	}
	r.programme = workflow.InstanceID(f.Community, "", f.commandID(f.programmeStep()), 1)
	r.ids[nameCommunity], r.ids[nameProgramme] = f.Community, r.programme
	r.log.Programme = r.programme
	if err := r.prepare(ctx); err != nil {
		return r.log, err
	}
	for n, s := range f.Steps {
		if err := ctx.Err(); err != nil {
			return r.log, fmt.Errorf("stopped before %s (%s): %w", s.Name, s.Where(), err)
		}
		e, err := r.step(ctx, n, s)
		if err != nil {
			return r.log, fmt.Errorf("%s: %s: %w", s.Where(), s.Name, err)
		}
		r.log.Entries = append(r.log.Entries, e)
		if o.Progress != nil {
			o.Progress(e)
		}
		if e.Outcome.Trouble() && !o.KeepGoing {
			break
		}
	}
	return r.log, r.log.err()
}

func (f *File) programmeStep() *Step { return f.Step(nameProgramme) }

// commandID is the id under which a step's command is kept in the history: the same in every run of the file.
func (f *File) commandID(s *Step) string { return "load/" + f.Code + "/" + s.Name }

// run is one playing of a file.
type run struct {
	Player
	f         *File
	opts      Options
	log       Log
	programme string // id
	bundle    *workflow.Bundle
	frozen    bool               // the community has a clock of its own
	exists    bool               // the community was there before
	reached   int                // index of the last of the file's steps that an earlier run carried out; -1
	ids       map[string]string  // name → instance
	parents   map[string]string  // instance → the one it was created under
	failed    map[string]*Step   // names that never came into being, and why
	tainted   map[string]*Step   // instances that a refused step left behind the file
	links     map[[2]string]bool // an instance → another that it names in its form
}

// prepare finds out what an earlier run did, and checks the file against the definitions that it will be played on.
func (r *run) prepare(ctx context.Context) error {
	heads, err := r.Store.Heads(ctx, r.f.Community, []string{r.f.Community, r.programme})
	if err != nil {
		return fmt.Errorf("look for the community: %w", err)
	}
	head, there := heads[r.f.Community]
	r.exists = there
	r.frozen = !head.Frozen.IsZero()
	if !there {
		r.frozen = !r.f.Steps[0].At.IsZero()
		if err := r.Engine.AddBundle(ctx, r.Bundle); err != nil {
			return fmt.Errorf("store the definitions: %w", err)
		}
	}
	r.bundle = r.Bundle
	if h, ok := heads[r.programme]; ok {
		if r.bundle, err = r.Engine.Bundle(ctx, h.Bundle); err != nil {
			return err
		}
		if err := r.findReached(ctx); err != nil {
			return err
		}
	}
	if r.opts.KeepGoing {
		return nil
	}
	return r.f.Check(r.bundle).Err()
}

// findReached looks for the last step that an earlier run carried out.
func (r *run) findReached(ctx context.Context) error {
	for n := len(r.f.Steps) - 1; n >= 0; n-- {
		s := r.f.Steps[n]
		if s.section != "" || len(s.Refused) > 0 {
			continue
		}
		done, err := r.Store.Committed(ctx, r.f.Community, r.rootOf(s), r.f.commandID(s))
		if err != nil {
			return fmt.Errorf("look for step %s: %w", s.Name, err)
		}
		if done != nil {
			r.reached = n
			return nil
		}
	}
	return nil
}

// rootOf is the chain that a step writes.
func (r *run) rootOf(s *Step) string {
	if s.section != nameProgramme && r.f.inRegistry(s.On) {
		return r.f.Community
	}
	return r.programme
}

// step carries one step out and judges how it went. An error means that the machinery failed, not that the rules refused.
func (r *run) step(ctx context.Context, n int, s *Step) (Entry, error) {
	e := Entry{Step: s}
	if cause := r.missing(s); cause != nil {
		r.fail(s, cause)
		e.Outcome, e.Because = Skipped, cause
		return e, nil
	}
	if len(s.Refused) > 0 && n < r.reached {
		e.Outcome = Attempted
		return e, nil
	}
	if found, err := r.registered(ctx, s, &e); found || err != nil {
		return e, err
	}
	req, err := r.request(ctx, s)
	if err == nil && s.section == "" && len(s.Refused) == 0 && n < r.reached {
		if err := r.mustBeThere(ctx, s, &e); err != nil || e.Outcome == Changed {
			return e, err
		}
	}
	if err == nil {
		e.Result, err = r.Engine.Do(ctx, req)
	}
	if err == nil || errors.Is(err, &fault.Error{Kind: fault.Mismatch, Code: "command_id_reused"}) {
		return e, r.carriedOut(ctx, s, req, &e)
	}
	return e, r.refused(s, req, &e, err)
}

// carriedOut takes note of a command that the engine accepted.
func (r *run) carriedOut(ctx context.Context, s *Step, req engine.Request, e *Entry) error {
	if len(s.Refused) > 0 {
		e.Outcome = NotRefused
		return nil
	}
	r.bind(s, req, e.Result.Instance)
	e.Outcome = Done
	if !e.Result.Replayed {
		return nil
	}
	e.Outcome = Replayed
	differs, err := r.changed(ctx, s, req)
	if err != nil {
		return err
	}
	if len(differs) > 0 {
		e.Outcome, e.Differs = Changed, differs
	}
	return nil
}

// bind remembers what a step's name stands for.
func (r *run) bind(s *Step, req engine.Request, instance string) {
	if s.As != "" {
		r.ids[s.As] = instance
	}
	r.link(s, instance)
	if s.Kind == workflow.KindCreate {
		r.parents[instance] = req.Target
	}
}

// refused takes note of a command that the engine refused, as the file expects or not.
func (r *run) refused(s *Step, req engine.Request, e *Entry, err error) error {
	reasons, known := reasonsOf(err)
	if !known {
		return err
	}
	e.Reasons = reasons
	if len(s.Refused) > 0 {
		if e.Missing = unmatched(s.Refused, reasons); len(e.Missing) == 0 {
			e.Outcome = Refused
			return nil
		}
	}
	e.Outcome = Unexpected
	if cause := r.consequence(s, req, reasons); cause != nil && r.opts.KeepGoing {
		e.Outcome, e.Because = Skipped, cause
	}
	r.fail(s, s)
	r.link(s, req.Target)
	if req.Target != "" && r.tainted[req.Target] == nil {
		r.tainted[req.Target] = s
	}
	return nil
}

// fail remembers that what a step was to bring into being is not there.
func (r *run) fail(s, cause *Step) {
	if s.As != "" && s.Kind == workflow.KindCreate && r.failed[s.As] == nil {
		r.failed[s.As] = cause
	}
}

// reasonsOf reads why a command was not carried out; false if the machinery failed.
func reasonsOf(err error) ([]workflow.Reason, bool) {
	var refusal *workflow.Refusal
	if errors.As(err, &refusal) {
		return refusal.Reasons, true
	}
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind == fault.Internal || f.Kind.Retryable() {
		return nil, false
	}
	return []workflow.Reason{{Code: workflow.Code(f.Code), Name: f.Field, Text: workflow.Text{ZH: f.Text.ZH, EN: f.Text.EN}}}, true
}
