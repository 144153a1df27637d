package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// work is one slice on its way: what each job came to, and what is to be written.
type work struct {
	key   queueKey
	parts []*part
	slice Slice
}

// part is one job's share of a slice.
type part struct {
	job      *job
	result   Result
	refusal  error // a refusal or a fault: nothing of this job is written
	replayed bool
	answered bool
}

func (w *work) empty() bool { return len(w.slice.Chains) == 0 }

// registers reports whether the slice writes to its community's registry.
func (w *work) registers() bool {
	return slices.ContainsFunc(w.slice.Chains, func(c Chain) bool { return c.Head.Root == w.key.community })
}

func (w *work) answerAll(err error) {
	for _, p := range w.parts {
		switch {
		case p.answered:
		case err != nil:
			p.job.answer(Result{}, err)
		case p.refusal != nil:
			p.job.answer(p.result, p.refusal)
		default:
			p.job.answer(p.result, nil)
		}
		p.answered = true
	}
}

// open returns the jobs that have no answer yet.
func (w *work) open() []*job {
	var out []*job
	for _, p := range w.parts {
		if !p.answered {
			out = append(out, p.job)
		}
	}
	return out
}

// build is the state of preparing one slice: what is loaded, the chains as they grow, the rows as they end up.
type build struct {
	*work
	*view  // its heads grow with each entry
	e      *Engine
	chains map[string]*Chain
	rows   map[string]RowWrite
	order  []string
	dist   map[workflow.Key]int64
	moved  map[string]WaitWrite // what changed its state, by instance
	reads  map[string]int64
	bundle *workflow.Bundle // of the command being decided
	held   holders          // who holds which role, once it was asked
	at     int64            // the registry's seq before the slice, at which everything that was read of it is valid
	absent bool             // a decision rests on a registry row that is not there
	subj   *subjects
}

// newBuild begins a slice of a root.
func (e *Engine) newBuild(v *view) *build {
	return &build{
		work: &work{key: v.of, slice: Slice{Community: v.of.community}}, view: v, e: e, chains: map[string]*Chain{}, rows: map[string]RowWrite{},
		dist: map[workflow.Key]int64{}, reads: map[string]int64{}, at: v.seq[v.of.community], subj: newSubjects(e, v.of.community),
	}
}

// prepare applies a slice's jobs one after the other to what is known of their root, and loads what is not.
func (e *Engine) prepare(ctx context.Context, k queueKey, jobs []*job) (*build, error) {
	v, err := e.view(ctx, k)
	if err != nil {
		return nil, err
	}
	b := e.newBuild(v)
	refused := false
	before := maps.Clone(v.seq)
	for _, j := range jobs {
		p := &part{job: j}
		b.parts = append(b.parts, p)
		if err := b.one(ctx, p); err != nil {
			if !refusing(err) {
				return b, err
			}
			p.refusal = e.explained(ctx, b, err)
			refused = true
		}
	}
	if refused {
		ok, err := e.current(ctx, k, before)
		if err != nil {
			return b, err
		}
		if !ok {
			return b, fmt.Errorf("%w: a command was refused on old rows", ErrConflict)
		}
	}
	b.finish()
	return b, nil
}

// refusing reports whether an error is an answer to its command, and none about the machinery.
func refusing(err error) bool {
	var ref *workflow.Refusal
	var f *fault.Error
	return errors.As(err, &ref) || errors.As(err, &f) && f.Kind != fault.Unavailable
}

// one applies one job on top of the earlier ones.
func (b *build) one(ctx context.Context, p *part) error {
	j := p.job
	if err := b.load(ctx, b.prefetch(j)); err != nil {
		return err
	}
	if done, err := b.replay(ctx, p, j.lookup); done || err != nil {
		return err
	}
	err := b.decide(ctx, p)
	if err == nil || !refusing(err) || j.lookup || j.req.IdempotencyKey == "" {
		return err
	}
	if done, failed := b.replayKey(ctx, p, true); done || failed != nil { // what was carried out goes before any refusal
		return failed
	}
	return err
}

// decide applies one job that is no replay.
func (b *build) decide(ctx context.Context, p *part) error {
	j := p.job
	env, err := b.env(ctx, j)
	if err != nil {
		return err
	}
	b.bundle = env.Bundle
	if err := j.req.checkPlace(env.Bundle); err != nil {
		return err
	}
	cmd := j.req.Command
	if err := b.token(ctx, &j.req, &cmd); err != nil {
		return err
	}
	if !cmd.Occurred.Known() && cmd.Kind != workflow.KindBackfill {
		cmd.Occurred = workflow.OccurredAt(env.Now)
	}
	plain := cmd.Input
	if j.req.Values != nil {
		plain = j.req.Values
	}
	if err := b.private(ctx, &cmd, plain, env.Bundle); err != nil {
		return err
	}
	out, err := b.apply(ctx, env, cmd)
	if err != nil {
		return err
	}
	if err := checkIndexed(&cmd, out); err != nil {
		return err
	}
	return b.take(ctx, p, cmd, out)
}

// prefetch names what nearly every command looks at, so that it comes in one round.
func (b *build) prefetch(j *job) []workflow.Key {
	r := &j.req
	keys := []workflow.Key{{Kind: workflow.KeyInstance, A: r.Community}}
	if r.Root != "" {
		keys = append(keys, workflow.Key{Kind: workflow.KeyInstance, A: r.Root})
	}
	if r.Target != "" {
		keys = append(keys, workflow.Key{Kind: workflow.KeyInstance, A: r.Target})
	}
	for _, person := range []string{r.Actor.Person, onBehalf(r)} {
		if person != "" {
			keys = append(keys, workflow.Key{Kind: workflow.KeyPrefix, A: r.Community, B: "grant", C: person + "/"})
		}
	}
	if r.Token != "" {
		keys = append(keys, workflow.Key{Kind: workflow.KeyInstance, A: r.Token})
	}
	if !r.fresh {
		keys = append(keys, workflow.Key{Kind: workflow.KeyEntry, A: r.root(), B: r.ID})
	}
	return keys
}

func onBehalf(r *Request) string {
	if r.OnBehalf == nil {
		return ""
	}
	return r.OnBehalf.Person
}

func (b *build) load(ctx context.Context, keys []workflow.Key) error {
	var want []workflow.Key
	for _, k := range keys {
		if !b.snap.Has(k) {
			want = append(want, k)
		}
	}
	if len(want) == 0 {
		return nil
	}
	if want = b.e.cache.known(b.view, want); len(want) == 0 {
		return nil
	}
	answers, err := b.e.store.Load(ctx, b.key.community, want)
	if err != nil {
		return err
	}
	b.e.cache.share(b.view, want, answers)
	b.e.place(b.key.community, func(yield func(*workflow.Instance)) {
		for _, a := range answers {
			for _, i := range a.Instances {
				yield(i)
			}
		}
	})
	for n, k := range want {
		b.put(k, answers[n])
		if k.Kind == workflow.KeyReferrers {
			b.slice.Pointed = append(b.slice.Pointed, pointed(k, answers[n].Instances))
		}
	}
	return nil
}

// replay answers a command that was carried out before: by its idempotency key, or by its id in the chain. The database is asked
// about the key only where there is reason to: to insert it again with the commit fails, and that is when it is asked.
func (b *build) replay(ctx context.Context, p *part, ask bool) (bool, error) {
	r := &p.job.req
	if r.IdempotencyKey != "" {
		if done, err := b.replayKey(ctx, p, ask); done || err != nil {
			return done, err
		}
	}
	entry := b.snap.Entry(r.root(), r.ID)
	if entry == nil {
		return false, nil
	}
	p.replayed = true
	p.result = Result{Command: r.ID, Root: r.root(), Seq: entry.Seq, Instance: entry.Target, Warnings: entry.Warnings, Replayed: true}
	k := workflow.Key{Kind: workflow.KeyInstance, A: entry.Target}
	if err := b.load(ctx, []workflow.Key{k}); err != nil {
		return false, err
	}
	if i := b.snap.Instance(entry.Target); i != nil {
		p.result.State, p.result.Version, p.result.Target = i.State, i.Version, i
	}
	return true, r.checkMade(entry)
}

// replayKey answers a command whose idempotency key is among those of this slice or, where it is to be asked, in the database.
func (b *build) replayKey(ctx context.Context, p *part, ask bool) (bool, error) {
	r := &p.job.req
	stored, err := b.stored(ctx, r, ask)
	if err != nil || stored == nil {
		return false, err
	}
	if stored.Fingerprint != r.print {
		return false, fault.New(fault.Mismatch, "idempotency_key_reused",
			"同一个 Idempotency-Key 已用于另一项请求；请换一个新的", "this Idempotency-Key was already used for another request; choose a new one")
	}
	if err := json.Unmarshal(stored.Response, &p.result); err != nil {
		return false, fmt.Errorf("stored answer to key of command %s: %w", stored.Command, err)
	}
	p.result.Replayed, p.replayed = true, true
	return true, nil
}

func (b *build) stored(ctx context.Context, r *Request, ask bool) (*Idempotency, error) {
	for n := range b.slice.Keys {
		if k := &b.slice.Keys[n]; k.Person == r.Actor.Person && k.Key == r.IdempotencyKey {
			return k, nil
		}
	}
	if !ask {
		return nil, nil //nolint:nilnil // nobody was asked
	}
	return b.e.store.Replay(ctx, r.Community, r.Actor.Person, r.IdempotencyKey, b.e.now())
}

// env fixes the time, the zone and the bundle of one command.
func (b *build) env(ctx context.Context, j *job) (workflow.Env, error) {
	r := &j.req
	head, known := b.heads[r.root()]
	if !known && r.Kind != workflow.KindCreate {
		return workflow.Env{}, fault.New(fault.NotFound, "unknown_programme", "找不到这个项目；请核对编号", "there is no such programme; check its code")
	}
	now, err := b.clock(j, head, known)
	if err != nil {
		return workflow.Env{}, err
	}
	hash := b.bundleFor(r, head)
	if !known {
		if hash, err = b.e.newBundle(b, r); err != nil {
			return workflow.Env{}, err
		}
	}
	bundle, err := b.e.Bundle(ctx, hash)
	if err != nil {
		return workflow.Env{}, err
	}
	if err := b.checkCommunity(ctx, r, bundle); err != nil {
		return workflow.Env{}, err
	}
	if j.timer == nil && b.slice.DueBy.Before(now) {
		b.slice.DueBy = now
	}
	return workflow.Env{Bundle: bundle, Snap: b.snap, Now: now, Zone: b.zone(r), Seq: b.seq}, nil
}

// clock is the time of a command: the process's, or that of a replayed programme; never before the last entry's.
func (b *build) clock(j *job, head Head, known bool) (time.Time, error) {
	r := &j.req
	now := b.e.now()
	frozen := known && !head.Frozen.IsZero() || !known && r.Frozen
	switch {
	case frozen && j.timer != nil:
		now = j.timer.Due
	case frozen && !r.At.IsZero():
		now = r.At
	case frozen:
		now = head.Frozen
	case !r.At.IsZero():
		return now, fault.NewInvalid("at", "clock_not_frozen", "只有重演的项目才能指定时钟", "only a replayed programme has a clock that can be set; leave the time out")
	}
	now = now.UTC().Truncate(time.Microsecond)
	if now.Before(head.Recorded) {
		now = head.Recorded
	}
	return now, nil
}

// apply calls the core until it has all the rows that it asks for. A defect in it fails one command, not the process.
func (b *build) apply(ctx context.Context, env workflow.Env, cmd workflow.Command) (_ *workflow.Outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			broken := &brokenCore{command: cmd.ID, how: panicText(r)}
			b.e.log.Error("a command broke the core", "command", cmd.ID, "panic", broken.how, "stack", string(debug.Stack()))
			err = broken
		}
	}()
	for range maxAttempts {
		out, err := workflow.Apply(env, cmd)
		if err != nil || len(out.Missing) == 0 {
			return out, err
		}
		if err := b.load(ctx, out.Missing); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("command %s asks for rows without end", cmd.ID)
}
