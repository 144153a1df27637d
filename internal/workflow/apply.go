package workflow

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The bounds of one command (ARCHITECTURE §2).
const (
	maxDepth = 8
	maxRows  = 5000
)

// errMissing says that a row was needed that the snapshot does not hold.
var errMissing = errors.New("not loaded")

// errRefused says that a nested step was refused; its reasons are already collected.
var errRefused = errors.New("refused")

// Apply decides one command. It returns an Outcome, or a *Refusal with every reason that applies, or an error that
// means the definition or the data is broken. It changes nothing that it was given and is deterministic.
// When the Outcome has Missing keys, load them into env.Snap and call again.
func Apply(env Env, cmd Command) (*Outcome, error) {
	x := newTx(env, cmd)
	err := x.run()
	if err == nil && len(x.reasons)+len(x.missing) == 0 {
		if err = x.checkKeys(); err == nil {
			err = x.checkAlways()
		}
	}
	if len(x.missing) > 0 {
		return &Outcome{Missing: x.missing}, nil
	}
	if err != nil && !errors.Is(err, errRefused) {
		return nil, err
	}
	if len(x.reasons) > 0 {
		return nil, &Refusal{Command: cmd.ID, Target: cmd.Target, Event: x.name(), Reasons: x.reasons}
	}
	return x.outcome()
}

// row is an instance that a command changes.
type row struct {
	now      *Instance // as it is by now: a copy, which every further change goes into
	orig     *Instance // as it was; nil if created by this command
	direct   bool      // changed itself, not only by aggregates
	deleted  bool
	restored bool  // by an undo
	touched  int64 // as it was before the undone command; of a restored row
}

// tx is one command being applied: the rows it changes and what it learns on the way.
type tx struct {
	Env
	cmd      Command
	rows     map[string]*row // by id
	order    []*row          // in the order of their first change
	direct   int             // how many of them changed themselves
	distinct map[Key][2]int64
	missing  []Key
	reads    map[string]int64
	absent   bool // a registry row that was looked for is not there
	reasons  []Reason
	warnings []Reason
	waived   []string
	messages []Text
	timers   []TimerChange
	created  int
	depth    int
	backfill bool

	explaining bool   // "why not?": what the form asks for is not missing yet
	target     string // id of the instance acted on; for a creation, of the new one
}

func newTx(env Env, cmd Command) *tx {
	return &tx{
		Env: env, cmd: cmd, target: cmd.Target, rows: map[string]*row{}, reads: map[string]int64{},
	}
}

func (x *tx) run() error {
	x.checkFormless()
	x.checkOccurred()
	if x.cmd.Kind == KindCreate {
		return x.runCreate()
	}
	if x.cmd.Kind == KindUndo {
		return x.runUndo()
	}
	inst, def, err := x.targetInstance()
	if err != nil {
		return err
	}
	if x.cmd.IfVersion != 0 && x.cmd.IfVersion != inst.Version {
		x.refuse(versionReason(inst, x.cmd.IfVersion))
	}
	switch x.cmd.Kind {
	case KindFire:
		return x.runFire(inst, def)
	case KindEdit:
		return x.runEdit(inst, def)
	case KindCancel, KindSkip, KindReopen:
		return x.runMove(inst, def)
	case KindWaive:
		return x.runWaive(inst, def)
	case KindBackfill:
		return x.runBackfill(inst, def)
	default:
		x.refuse(unknownReason("kind", string(x.cmd.Kind)))
		return errRefused
	}
}

// checkOccurred refuses what is said to have happened on a day that has not come: everything that is built on it would be out of order.
func (x *tx) checkOccurred() {
	x.checkDay("occurred", x.cmd.Occurred)
	if ob := x.cmd.OnBehalf; ob != nil {
		x.checkDay("on_behalf.decided", ob.Decided)
	}
}

func (x *tx) checkDay(name string, o Occurred) {
	if !o.from.After(x.Now) {
		return // nearly always so, and quicker told than two dates
	}
	if today := x.Now.In(x.Zone).Format(time.DateOnly); o.Date(x.Zone) > today {
		x.refuse(futureReason(name, o, today))
	}
}

// checkFormless refuses inputs to commands that have no form: nothing would check or seal them on their way into the history.
func (x *tx) checkFormless() {
	if slices.Contains([]Kind{KindFire, KindCreate, KindEdit, KindBackfill}, x.cmd.Kind) {
		return
	}
	for _, name := range sortedKeys(x.cmd.Input) {
		x.refuse(noInputReason(name))
	}
	x.cmd.Input = nil
}

// targetInstance finds the target and its definition; an unknown one is a refusal.
func (x *tx) targetInstance() (*Instance, *Definition, error) {
	inst, err := x.get(x.cmd.Target)
	if err != nil {
		return nil, nil, err
	}
	if inst == nil || inst.Root != x.cmd.Root {
		x.refuse(unknownReason("instance", x.cmd.Target))
		return nil, nil, errRefused
	}
	def := x.Bundle.Definition(inst.Workflow)
	if def == nil {
		x.refuse(unknownReason("workflow", inst.Workflow))
		return nil, nil, errRefused
	}
	return inst, def, nil
}

// name is what the command is called in a refusal.
func (x *tx) name() string {
	if x.cmd.Kind == KindFire {
		return x.cmd.Event
	}
	return string(x.cmd.Kind)
}

func (x *tx) refuse(r Reason) { x.reasons = append(x.reasons, r) }

// want notes that a key is needed.
func (x *tx) want(k Key) error {
	if !slices.Contains(x.missing, k) {
		x.missing = append(x.missing, k)
	}
	return errMissing
}

// get returns the instance as this command sees it, or nil if there is none.
func (x *tx) get(id string) (*Instance, error) {
	if id == "" {
		return nil, nil //nolint:nilnil // absence is an answer here, as in a map
	}
	if r := x.rows[id]; r != nil {
		if r.deleted {
			return nil, nil //nolint:nilnil // as above
		}
		return r.now, nil
	}
	i, loaded := x.Snap.instances[id]
	if !loaded {
		return nil, x.want(Key{Kind: KeyInstance, A: id})
	}
	if i != nil && i.Community != x.cmd.Community {
		return nil, nil //nolint:nilnil // another community's row does not exist for this command
	}
	x.noteRead(i)
	return i, nil
}

// noteRead remembers registry rows that decisions of a programme rely on.
func (x *tx) noteRead(i *Instance) {
	if i != nil && i.Root == x.cmd.Community && x.cmd.Root != x.cmd.Community {
		x.reads[i.ID] = i.Version
	}
}

// list returns the instances that a list key names, as this command sees them.
func (x *tx) list(k Key) ([]*Instance, error) {
	ids, ok := x.Snap.lists[k]
	if !ok {
		return nil, x.want(k)
	}
	out := make([]*Instance, 0, len(ids))
	for _, id := range ids {
		if r := x.rows[id]; r != nil {
			if !r.deleted {
				out = append(out, r.now)
			}
		} else if i := x.Snap.instances[id]; i != nil {
			x.noteRead(i)
			out = append(out, i)
		}
	}
	for _, r := range x.order {
		if r.orig == nil && !r.deleted && k.matches(r.now) {
			out = append(out, r.now)
		}
	}
	return out, nil
}

// byKey returns the instance with that key under the parent, or nil.
func (x *tx) byKey(parent, workflow, key string) (*Instance, error) {
	l, err := x.list(Key{KeyByKey, parent, workflow, key})
	if err != nil || len(l) == 0 {
		return nil, err
	}
	return l[0], nil
}

// modify changes one instance and moves the aggregates that it feeds.
func (x *tx) modify(id string, direct bool, change func(*Instance)) error {
	i, err := x.get(id)
	if err != nil {
		return err
	}
	if i == nil {
		return unknownErr(id)
	}
	r := x.changed(i)
	if direct {
		if err := x.noteDirect(r); err != nil {
			return err
		}
	}
	feeds := x.Bundle.Feeds(i.Workflow)
	if len(feeds) == 0 {
		change(r.now)
		return nil
	}
	before := r.now.clone()
	change(r.now)
	return x.move(feeds, before, r.now)
}

// changed returns the row of an instance that is about to change.
func (x *tx) changed(i *Instance) *row {
	r := x.rows[i.ID]
	if r == nil {
		r = &row{now: i.clone(), orig: i}
		x.rows[i.ID] = r
		x.order = append(x.order, r)
	}
	return r
}

// noteDirect notes that a row itself changes, and refuses a command that changes too many.
func (x *tx) noteDirect(r *row) error {
	if r.direct {
		return nil
	}
	r.direct = true
	if x.direct++; x.direct > maxRows {
		x.refuse(limitReason("rows", maxRows))
		return errRefused
	}
	return nil
}

// add puts a new instance into the tree and counts it where aggregates want it.
func (x *tx) add(i *Instance) error {
	r := &row{now: i}
	x.rows[i.ID] = r
	x.order = append(x.order, r)
	if err := x.noteDirect(r); err != nil {
		return err
	}
	if i.Parent != "" {
		seq := x.seqAfter(i.Root)
		if err := x.modify(i.Parent, false, func(p *Instance) { p.Body.LastChild = seq }); err != nil {
			return err
		}
	}
	return x.move(x.Bundle.Feeds(i.Workflow), nil, i)
}

// remove takes an instance out again (undo of its creation).
func (x *tx) remove(i *Instance) error {
	r := x.changed(i)
	for _, n := range r.now.Body.Aggregates {
		if n != 0 { // what the command made itself is gone by now: somebody else counts on this row
			x.refuse(childReason(x.definition(i), i))
			return errRefused
		}
	}
	if !r.direct {
		r.direct = true
		x.direct++
	}
	r.deleted = true
	return x.move(x.Bundle.Feeds(i.Workflow), r.now, nil)
}

// seqAfter is the seq that this command's entry will have in a root's chain.
func (x *tx) seqAfter(root string) int64 { return x.Seq[root] + 1 }

// newID derives the id of the next instance from the command, so that a repeated Apply draws the same ids.
func (x *tx) newID() string {
	x.created++
	return InstanceID(x.cmd.Community, x.cmd.Root, x.cmd.ID, x.created)
}

// InstanceID is the id of the n-th instance (from 1) that a command creates.
func InstanceID(community, root, command string, n int) string {
	h := sha256.New()
	for _, s := range []string{community, root, command} {
		var l [8]byte
		binary.BigEndian.PutUint64(l[:], uint64(len(s)))
		h.Write(l[:])
		h.Write([]byte(s))
	}
	var l [8]byte
	binary.BigEndian.PutUint64(l[:], uint64(n)) //nolint:gosec // n counts from 1
	h.Write(l[:])
	var u uuid.UUID
	copy(u[:], h.Sum(nil))
	u[6] = u[6]&0x0f | 0x80 // version 8: an application's own derivation (RFC 9562)
	u[8] = u[8]&0x3f | 0x80
	return u.String()
}

func (x *tx) definition(i *Instance) *Definition { return x.Bundle.Definition(i.Workflow) }
