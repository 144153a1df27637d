package ordertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/linli/linli/internal/workflow"
)

// run is one random life of a programme: a system, the oracle beside it, and what was done so far.
type run struct {
	sys    system
	oracle *oracle
	dice   dice
	bundle *workflow.Bundle
	zone   *time.Location

	cast    *cast
	houses  []string
	root    string
	count   int
	log     []string
	refusal error
	fired   bool // timers went off before the last command
	done    []undoable
	now     map[string]*image // root → as it was last seen

	accepted, refused int
	undone, kept      int // later undos carried out and refused
}

// undoable is an accepted command and the rows as they were before it.
type undoable struct {
	cmd    workflow.Command
	before map[string]workflow.Instance // nil: was not there
	after  []string
}

func newRun(sys system, b *workflow.Bundle, zone *time.Location, d dice) *run {
	return &run{sys: sys, oracle: newOracle(zone, nil), dice: d, bundle: b, zone: zone, now: map[string]*image{}}
}

// fork is a life in memory that goes on from here with other dice.
func (r *run) fork(m *memory, d dice) *run {
	c := *r
	c.sys, c.oracle, c.dice = m.fork(), r.oracle.fork(), d
	c.log, c.done, c.now = slices.Clone(r.log), slices.Clone(r.done), maps.Clone(r.now)
	return &c
}

// try carries out one command, holds what came of it against the oracle, and reports whether it was accepted.
func (r *run) try(ctx context.Context, cmd workflow.Command) (bool, error) {
	r.count++
	cmd.ID, cmd.Community = fmt.Sprintf("k%06d", r.count), community
	r.note(cmd)
	before := r.now
	entries, err := r.sys.do(ctx, cmd)
	if len(entries) > 0 {
		r.now = map[string]*image{}
	}
	var refusal *workflow.Refusal
	if err != nil && !errors.As(err, &refusal) {
		return false, r.failed("broken: %w", err)
	}
	mine, err := r.feed(cmd, entries)
	if err != nil {
		return false, err
	}
	if refusal != nil {
		r.refused++
		r.refusal = refusal
		r.log[len(r.log)-1] += fmt.Sprintf("  refused: %s", reasons(refusal))
		if err := r.fairly(cmd, refusal); err != nil || len(entries) == 0 || r.root == "" {
			return false, err
		}
		return false, r.look(ctx)
	}
	r.accepted++
	r.log[len(r.log)-1] += "  ok"
	for _, e := range mine {
		if err := r.oracle.accept(accepted{e, cmd.State, cmd.Need}); err != nil {
			return true, r.failed("%s %s%s was accepted, but: %w", cmd.Kind, cmd.Event, cmd.Workflow, err)
		}
	}
	if r.root == "" {
		return true, nil
	}
	if err := r.look(ctx); err != nil {
		return true, err
	}
	r.remember(cmd, mine, before)
	return true, nil
}

// feed gives the oracle what timers did before the command, checks whether the command's turn has come, and returns the
// command's own entries.
func (r *run) feed(cmd workflow.Command, entries []workflow.Entry) ([]workflow.Entry, error) {
	var mine []workflow.Entry
	r.fired = false
	for _, e := range entries {
		if e.Command == cmd.ID {
			mine = append(mine, e)
			continue
		}
		r.fired = true
		if err := r.oracle.accept(accepted{Entry: e}); err != nil {
			return nil, r.failed("timer %s: %w", e.Event, err)
		}
	}
	return mine, nil
}

// fairly: a refusal says that the order is broken if and only if it is.
func (r *run) fairly(cmd workflow.Command, refusal *workflow.Refusal) error {
	if cmd.Kind != workflow.KindFire || cmd.Timer != nil || r.oracle.get("root", cmd.Target, "") != cmd.Root {
		return nil
	}
	at := cmd.Occurred
	if !at.Known() {
		at = workflow.OccurredAt(r.sys.clock())
	}
	unmet := r.oracle.unmet(cmd.Root, cmd.Target, cmd.Event, cmd.Input, at)
	var said []string
	for _, x := range refusal.Reasons {
		if x.Code == workflow.ReasonNeed {
			said = append(said, x.Name)
		}
	}
	if cutoff, _ := cmd.Input["cutoff"].(string); cmd.Event == "lock_hours" && len(cutoff) != len(time.DateOnly) {
		unmet = slices.DeleteFunc(unmet, func(n string) bool { return n == "events_closed" }) // the form is the reason then
		said = slices.DeleteFunc(said, func(n string) bool { return n == "events_closed" })
	}
	slices.Sort(unmet)
	slices.Sort(said)
	if !slices.Equal(unmet, said) {
		return r.failed("the order stands against %s by %v, but the refusal says %v: %w", cmd.Event, unmet, said, refusal)
	}
	return nil
}

// look compares every row with the oracle, and every state with the definition.
func (r *run) look(ctx context.Context) error {
	for _, root := range []string{r.root, community} {
		im, err := r.sys.image(ctx, root)
		if err != nil {
			return err
		}
		r.now[root] = im
		for id, row := range im.Rows {
			if d := r.bundle.Definition(row.Workflow); d == nil || d.State(row.State) == nil {
				return r.failed("a %s is in the state %q, which it does not have", row.Workflow, row.State)
			}
			if err := r.whole(row); err != nil {
				return err
			}
			if r.oracle.flow(id) == "" {
				return r.failed("there is a %s that no command made", row.Workflow)
			}
			if _, known := r.oracle.table[row.Workflow]; known && r.oracle.state(id) != row.State {
				return r.failed("a %s is %q; by the commands it is %q", row.Workflow, row.State, r.oracle.state(id))
			}
			for _, m := range milestones()[row.Workflow] {
				if _, latched := row.Body.Milestones[m]; latched != (r.oracle.get("latched", id, m) != "") {
					return r.failed("%s of a %s is latched: %v; by the commands it is not so", m, row.Workflow, latched)
				}
			}
			if r.oracle.get("flagged", id, "") != "" && !slices.Contains(row.Body.Flags, workflow.FlagBasisChanged) {
				return r.failed("a %s was built on something that was taken back, and is not flagged", row.Workflow)
			}
		}
		for _, id := range r.oracle.order {
			if _, there := im.Rows[id]; !there && r.oracle.get("root", id, "") == root {
				return r.failed("a %s is gone", r.oracle.flow(id))
			}
		}
	}
	return nil
}

// whole: a row has what its definition requires, and points to nothing that is not there.
func (r *run) whole(row workflow.Instance) error {
	for _, f := range r.bundle.Definition(row.Workflow).Fields {
		v := row.Body.Data[f.Name]
		if f.Required && v == nil {
			return r.failed("a %s has lost its %s, which is required", row.Workflow, f.Name)
		}
		if !f.Type.Reference() {
			continue
		}
		for _, id := range idsIn(v) {
			if _, there := r.row(id); !there && r.oracle.flow(id) == "" {
				return r.failed("%s of a %s points to something that is gone", f.Name, row.Workflow)
			}
		}
	}
	return nil
}

// remember keeps an accepted command so that it can be undone.
func (r *run) remember(cmd workflow.Command, mine []workflow.Entry, before map[string]*image) {
	if cmd.Kind == workflow.KindUndo || len(before) == 0 || r.fired {
		return
	}
	u := undoable{cmd: cmd, before: map[string]workflow.Instance{}}
	for _, e := range mine {
		for _, c := range e.Changes {
			if c.Touched[0] == c.Touched[1] {
				continue
			}
			u.after = append(u.after, c.ID)
			if row, there := before[e.Root].Rows[c.ID]; there {
				u.before[c.ID] = row
			}
		}
	}
	r.done = append(r.done, u)
}

// undoAtOnce takes the last command back and compares everything with what was there before it.
func (r *run) undoAtOnce(ctx context.Context, before map[string]*image) error {
	u := r.done[len(r.done)-1]
	r.done = r.done[:len(r.done)-1]
	undone, err := r.try(ctx, r.undoOf(u.cmd))
	if err != nil {
		return err
	}
	if r.fired {
		return nil // a timer was faster
	}
	var refusal *workflow.Refusal
	if !undone && u.cmd.Root == community && errors.As(r.refusal, &refusal) && refusal.Has(workflow.ReasonUsed) {
		return nil // a withdrawal, a death: what they set off elsewhere is under way
	}
	if !undone {
		return r.failed("an undo at once was refused: %w", r.refusal)
	}
	for root, was := range before {
		if d := cmp.Diff(was, r.now[root], cmp.Comparer(sameTime), cmpopts.EquateEmpty()); d != "" {
			return r.failed("an undo at once left a difference (-before +after):\n%s", d)
		}
	}
	return nil
}

func sameTime(a, b workflow.Occurred) bool { return a.String() == b.String() }

func (r *run) undoOf(cmd workflow.Command) workflow.Command {
	root := cmd.Root
	if root == "" {
		root = r.root
	}
	return workflow.Command{
		Root: root, Target: cmd.Target, Kind: workflow.KindUndo, Of: cmd.ID, Reason: "点错了",
		Actor: workflow.Actor{Person: r.cast.people["chief"]},
	}
}

// undoLater takes an earlier command back: either every row that it changed is as it was before, or the refusal says what
// stands in the way.
func (r *run) undoLater(ctx context.Context) error {
	if len(r.done) == 0 {
		return nil
	}
	n := len(r.done) - 1 - min(r.dice.below(len(r.done)), r.dice.below(len(r.done)))
	u := r.done[n]
	undone, err := r.try(ctx, r.undoOf(u.cmd))
	if err != nil {
		return err
	}
	var refusal *workflow.Refusal
	if !undone {
		r.kept++
		if errors.As(r.refusal, &refusal) && !refusal.Has(workflow.ReasonUsed) && !refusal.Has(workflow.ReasonClosed) {
			return r.failed("an undo was refused for another reason than what was built on it: %w", refusal)
		}
		return nil
	}
	r.undone++
	r.done = slices.Delete(r.done, n, n+1)
	for _, id := range u.after {
		was, there := u.before[id]
		is, now := r.row(id)
		if there != now {
			return r.failed("a later undo of %s: the row was there before: %v, and is now: %v", u.cmd.ID, there, now)
		}
		was.Body.Aggregates, is.Body.Aggregates, was.Body.LastChild, is.Body.LastChild = nil, nil, 0, 0
		if d := cmp.Diff(was, is, cmp.Comparer(sameTime), cmpopts.EquateEmpty()); d != "" {
			return r.failed("a later undo of %s left a difference (-before +after):\n%s", u.cmd.ID, d)
		}
	}
	return nil
}

func (r *run) row(id string) (workflow.Instance, bool) {
	for _, im := range r.now {
		if i, ok := im.Rows[id]; ok {
			return i, true
		}
	}
	return workflow.Instance{}, false
}

// advance moves the clock.
func (r *run) advance(ctx context.Context, d time.Duration) error {
	r.log = append(r.log, fmt.Sprintf("      the clock moves by %s", d))
	entries, err := r.sys.advance(ctx, d)
	if err != nil {
		return r.failed("timers: %w", err)
	}
	if _, err := r.feed(workflow.Command{}, entries); err != nil {
		return err
	}
	return r.look(ctx)
}

// note writes a command into the log that a failure shows.
func (r *run) note(c workflow.Command) {
	what := []string{c.ID, string(c.Kind), r.oracle.flow(c.Target), c.Event + c.Workflow + c.State + c.Need + c.Of}
	if c.Slot != "" {
		what = append(what, "in "+c.Slot)
	}
	for _, who := range []string{c.Actor.Person, onBehalf(c)} {
		for name, id := range r.castPeople() {
			if who == id {
				what = append(what, "by "+name)
			}
		}
	}
	if c.Target != "" {
		what = append(what, "on "+short(c.Target)+" ("+r.oracle.state(c.Target)+")")
	}
	if len(c.Input) > 0 {
		what = append(what, fmt.Sprint(c.Input))
	}
	r.log = append(r.log, strings.Join(what, " "))
}

func (r *run) castPeople() map[string]string {
	if r.cast == nil {
		return nil
	}
	return r.cast.people
}

func onBehalf(c workflow.Command) string {
	if c.OnBehalf == nil {
		return ""
	}
	return c.OnBehalf.Person
}

func short(id string) string { return id[:min(len(id), 6)] }

func reasons(r *workflow.Refusal) string {
	var out []string
	for _, x := range r.Reasons {
		out = append(out, string(x.Code)+" "+x.Name)
	}
	return strings.Join(out, ", ")
}

// failed is an error with the commands that led to it.
func (r *run) failed(format string, args ...any) error {
	tail := r.log[max(0, len(r.log)-60):]
	return fmt.Errorf("%w\n\nthe last commands:\n%s", fmt.Errorf(format, args...), strings.Join(tail, "\n"))
}
