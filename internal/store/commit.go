package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/linli/linli/internal/engine"
)

// maxAttempts bounds how often one Commit starts over after a deadlock or serialization failure.
const maxAttempts = 10

// errNothingReady rolls a transaction back in which no slice is left to write. It never leaves the package.
var errNothingReady = errors.New("no slice is ready")

// Commit implements engine.Store: one transaction for all slices.
//
// It locks the roots, programmes before registries and each in the order of their ids, so that two commits never wait
// for each other in a circle, and leaves out every slice whose seq or whose read rows have moved on. What only shows
// when it is written — an idempotency key that was taken meanwhile, a row the database will not have — makes it start
// over and write in halves under savepoints, until every slice that the database refuses stands alone with its error.
func (s *Store) Commit(ctx context.Context, slices []engine.Slice) ([]error, error) {
	plans := make([]*plan, len(slices))
	for n := range slices {
		plans[n] = newPlan(&slices[n])
	}
	carefully := false
	for attempt := 1; ; attempt++ {
		err := s.attempt(ctx, plans, carefully)
		switch {
		case err == nil:
			if s.teller != nil {
				s.teller.tell(plans)
			}
			return outcomes(plans), nil
		case errors.Is(err, errNothingReady):
			return outcomes(plans), nil
		case errors.Is(err, engine.ErrUnknownOutcome):
			return nil, err
		case retryable(err) && attempt < maxAttempts:
			if err := sleep(ctx, retryDelay(attempt)); err != nil {
				return nil, fmt.Errorf("commit: nothing was written: %w", err)
			}
		case refused(err) && !carefully:
			carefully = true
		default:
			return nil, fmt.Errorf("commit: nothing was written: %w", err)
		}
	}
}

func outcomes(plans []*plan) []error {
	out := make([]error, len(plans))
	for n, p := range plans {
		out[n] = p.err
	}
	return out
}

// attempt is one transaction.
func (s *Store) attempt(ctx context.Context, plans []*plan, carefully bool) error {
	now := instant{s.cfg.Now()}
	return s.transact(ctx, s.cfg.OnCommit, func(ctx context.Context, t *txn) error {
		ready, err := t.decide(ctx, plans)
		if err != nil {
			return err
		}
		if len(ready) == 0 {
			return errNothingReady
		}
		if !carefully {
			return t.writePlans(ctx, ready, now)
		}
		if err := t.bisect(ctx, ready, now); err != nil {
			return err
		}
		if !slices.ContainsFunc(ready, func(p *plan) bool { return p.err == nil }) {
			return errNothingReady
		}
		return nil
	})
}

// bisect writes the plans under a savepoint, and in halves if the database refuses them. The error of a single plan is
// its own; only what concerns the whole transaction is returned.
func (t *txn) bisect(ctx context.Context, plans []*plan, now instant) error {
	if _, err := t.exec(ctx, "savepoint half"); err != nil {
		return fmt.Errorf("set a savepoint: %w", err)
	}
	err := t.writePlans(ctx, plans, now)
	if err == nil {
		_, err = t.exec(ctx, "release savepoint half")
		return err
	}
	if !refused(err) {
		return err
	}
	for _, text := range []string{"rollback to savepoint half", "release savepoint half"} {
		if _, err := t.exec(ctx, text); err != nil {
			return fmt.Errorf("go back to a savepoint: %w", err)
		}
	}
	if len(plans) == 1 {
		plans[0].err = refusal(plans[0], err)
		return nil
	}
	half := len(plans) / 2
	return errors.Join(t.bisect(ctx, plans[:half], now), t.bisect(ctx, plans[half:], now))
}

func refusal(p *plan, err error) error {
	root := p.slice.Chains[0].Head.Root
	if taken(err) == "roots_by_code" {
		return fmt.Errorf("%w: %s: %w", engine.ErrCodeTaken, root, err)
	}
	if raced(err) || errors.Is(err, errMismatch) {
		return fmt.Errorf("%w: %s: %w", engine.ErrConflict, root, err)
	}
	return fmt.Errorf("%w to %s: %w", engine.ErrUnstorable, root, err)
}

// place names an instance or a root of a community.
type place struct{ community, id string }

func (a place) compare(b place) int {
	return cmp.Or(cmp.Compare(a.community, b.community), cmp.Compare(a.id, b.id))
}

// registry reports whether the place is the registry root of its community.
func (a place) registry() bool { return a.community == a.id }

// decision is what the database says before anything is written, plus what the slices accepted so far will have done.
type decision struct {
	seqs     map[place]int64             // of the roots there are
	versions map[place]int64             // of the rows that were read; 0 for one that is gone
	written  map[place]bool              // roots
	taken    map[string]bool             // idempotency and subject keys
	due      map[place][]engine.TimerRow // those that wait though they were due by the time of a slice
	pointed  map[aim][]string
	aimed    map[place]bool // what slices accepted so far point to, and what points
}

// decide locks what the plans touch and returns those whose expectations still hold; the others get ErrConflict. A slice
// sees the ones before it in the batch as if they were committed.
func (t *txn) decide(ctx context.Context, plans []*plan) ([]*plan, error) {
	valid := slices.DeleteFunc(slices.Clone(plans), func(p *plan) bool { return p.invalid })
	d := &decision{written: map[place]bool{}, taken: map[string]bool{}, aimed: map[place]bool{}}
	var err error
	if d.seqs, err = t.lockRoots(ctx, valid); err != nil {
		return nil, err
	}
	if d.pointed, err = t.lockPointed(ctx, valid); err != nil {
		return nil, err
	}
	if d.versions, err = t.lockReads(ctx, d.unsure(valid)); err != nil {
		return nil, err
	}
	if d.due, err = t.dueTimers(ctx, valid); err != nil {
		return nil, err
	}
	var ready []*plan
	for _, p := range valid {
		if p.err = d.judge(p); p.err == nil {
			d.accept(p)
			ready = append(ready, p)
		}
	}
	return ready, nil
}

// lockRoots locks the roots of all plans against other writers and returns their seqs. Registries that slices only read are locked
// against writers too, all of them alike, so that the order of their ids is the order of the locks.
func (t *txn) lockRoots(ctx context.Context, plans []*plan) (map[place]int64, error) {
	roots, registries := map[place]bool{}, map[place]bool{}
	suffix := t.dialect.forShare
	for _, p := range plans {
		for _, c := range p.slice.Chains {
			at := place{p.slice.Community, c.Head.Root}
			if !at.registry() {
				roots[at] = true
				continue
			}
			registries[at] = true
			suffix = t.dialect.forWrite
		}
		if p.slice.RegistrySeq > 0 || len(p.slice.Reads) > 0 {
			registries[place{p.slice.Community, p.slice.Community}] = true
		}
	}
	seqs := make(map[place]int64, len(roots)+len(registries))
	for _, step := range []struct {
		roots  map[place]bool
		suffix string
	}{{roots, t.dialect.forWrite}, {registries, suffix}} {
		rows := sortedRows(step.roots, func(place) bool { return true })
		text := "select r.community, r.id, r.seq from (" + rowsMark + ") as v cross join roots as r " +
			"where r.community = v.column1 and r.id = v.column2 order by r.community, r.id" + step.suffix
		err := t.queryRows(ctx, text, rows, func(found *sql.Rows) error {
			var at place
			var seq int64
			err := found.Scan(&at.community, &at.id, &seq)
			seqs[at] = seq
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("lock the roots: %w", err)
		}
	}
	return seqs, nil
}

// unsure returns the plans whose reads must be checked one by one: the registry has moved on since all of them were seen.
func (d *decision) unsure(plans []*plan) []*plan {
	writing := map[string]bool{} // communities whose registry another plan of this commit changes
	for _, p := range plans {
		if p.writes(p.slice.Community) {
			writing[p.slice.Community] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(plans), func(p *plan) bool { return !writing[p.slice.Community] && d.vouched(p) })
}

// dueTimers returns the timers of the plans' roots that wait though they were due by the time of the plan's commands.
func (t *txn) dueTimers(ctx context.Context, plans []*plan) (map[place][]engine.TimerRow, error) {
	var rows [][]any
	for _, p := range plans {
		if root := p.slice.Chains[0]; !p.slice.DueBy.IsZero() && !root.New {
			rows = append(rows, []any{p.slice.Community, root.Head.Root, p.slice.DueBy.UnixMicro()})
		}
	}
	found := map[place][]engine.TimerRow{}
	text := "select r.community, r.root, r.instance, r.rule, r.generation from (" + rowsMark + ") as v cross join timers as r " +
		"where r.root = v.column2 and r.community = v.column1 and r.status = 'waiting' and r.due_at <= cast(v.column3 as bigint)"
	err := t.queryRows(ctx, text, rows, func(row *sql.Rows) error {
		var w engine.TimerRow
		err := row.Scan(&w.Community, &w.Root, &w.Instance, &w.Rule, &w.Generation)
		at := place{w.Community, w.Root}
		found[at] = append(found[at], w)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for timers that are due: %w", err)
	}
	return found, nil
}

// overdue returns a timer that should have fired before the plan's commands, if there is one.
func (d *decision) overdue(p *plan) *engine.TimerRow {
	for _, w := range d.due[place{p.slice.Community, p.slice.Chains[0].Head.Root}] {
		same := func(o engine.TimerRow) bool {
			return o.Instance == w.Instance && o.Rule == w.Rule && o.Generation == w.Generation
		}
		ended := slices.ContainsFunc(p.slice.Timers, func(o engine.TimerWrite) bool { return !o.Insert && o.Row.Status == engine.TimerFired && same(o.Row) })
		if !ended && !slices.ContainsFunc(p.slice.Tried, same) {
			return &w
		}
	}
	return nil
}

// lockReads locks the registry rows that decisions relied on against change and returns their versions.
func (t *txn) lockReads(ctx context.Context, plans []*plan) (map[place]int64, error) {
	wanted := map[place]bool{}
	for _, p := range plans {
		for _, r := range p.slice.Reads {
			wanted[place{p.slice.Community, r.Instance}] = true
		}
	}
	versions := map[place]int64{}
	text := "select r.community, r.id, r.version from (" + rowsMark + ") as v cross join instances as r " +
		"where r.community = v.column1 and r.id = v.column2 order by r.community, r.id" + t.dialect.forShare
	err := t.queryRows(ctx, text, sortedRows(wanted, func(place) bool { return true }), func(found *sql.Rows) error {
		var at place
		var version int64
		err := found.Scan(&at.community, &at.id, &version)
		versions[at] = version
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("re-check what was read: %w", err)
	}
	return versions, nil
}

func sortedRows(places map[place]bool, keep func(place) bool) [][]any {
	var order []place
	for at := range places {
		if keep(at) {
			order = append(order, at)
		}
	}
	slices.SortFunc(order, place.compare)
	rows := make([][]any, len(order))
	for n, at := range order {
		rows[n] = []any{at.community, at.id}
	}
	return rows
}

// judge says whether a plan still fits.
func (d *decision) judge(p *plan) error {
	for _, c := range p.slice.Chains {
		at := place{p.slice.Community, c.Head.Root}
		seq, exists := d.seqs[at]
		switch {
		case d.written[at]:
			return fmt.Errorf("%w: %s is written by another command of the same commit", engine.ErrConflict, at.id)
		case c.New && exists:
			return fmt.Errorf("%w: %s exists already", engine.ErrConflict, at.id)
		case !c.New && !exists:
			return fmt.Errorf("%w: %s does not exist", engine.ErrConflict, at.id)
		case seq != c.Expect:
			return fmt.Errorf("%w: %s is at %d, not at %d", engine.ErrConflict, at.id, seq, c.Expect)
		}
	}
	registry := place{p.slice.Community, p.slice.Community}
	if want := p.slice.RegistrySeq; want > 0 && (d.written[registry] || d.seqs[registry] != want) {
		return fmt.Errorf("%w: the registry, on whose silence a decision relied, is no longer at %d", engine.ErrConflict, want)
	}
	if w := d.overdue(p); w != nil {
		return fmt.Errorf("%w: timer %s of %s is due and must fire before", engine.ErrConflict, w.Rule, w.Instance)
	}
	if d.vouched(p) {
		return d.judgeKeys(p)
	}
	for _, r := range p.slice.Reads {
		if v := d.versions[place{p.slice.Community, r.Instance}]; v != r.Version {
			return fmt.Errorf("%w: %s, which was relied on, is at version %d, not at %d", engine.ErrConflict, r.Instance, v, r.Version)
		}
	}
	return d.judgeKeys(p)
}

// vouched reports whether the registry still is what the plan's reads were seen in, without changes in this commit either.
func (d *decision) vouched(p *plan) bool {
	registry := place{p.slice.Community, p.slice.Community}
	return p.slice.ReadsAt > 0 && d.seqs[registry] == p.slice.ReadsAt && !d.written[registry]
}

func (d *decision) judgeKeys(p *plan) error {
	for _, name := range p.uniqueNames() {
		if d.taken[name] {
			return fmt.Errorf("%w: another command of the same commit uses the same key", engine.ErrConflict)
		}
	}
	return d.judgePointed(p)
}

// accept records what a plan will have changed once it is written.
func (d *decision) accept(p *plan) {
	for _, c := range p.slice.Chains {
		d.written[place{p.slice.Community, c.Head.Root}] = true
	}
	for _, w := range p.slice.Rows {
		version := w.Instance.Version
		if w.Op == engine.RowDelete {
			version = 0
		}
		d.versions[place{p.slice.Community, w.Instance.ID}] = version
	}
	for _, name := range p.uniqueNames() {
		d.taken[name] = true
	}
	d.aim(p)
}

// uniqueNames are the names of what only one slice of a batch can insert.
func (p *plan) uniqueNames() []string {
	var names []string
	for _, k := range p.slice.Keys {
		names = append(names, fmt.Sprintf("key %q %q %q", p.slice.Community, k.Person, k.Key))
	}
	for _, k := range p.slice.Subjects {
		names = append(names, fmt.Sprintf("subject %q %q", p.slice.Community, k.Subject))
	}
	return names
}
