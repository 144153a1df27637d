package workflow

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"

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

// tx is one command being applied: clones of the rows it changes and what it learns on the way.
type tx struct {
	Env
	cmd      Command
	work     map[string]*Instance // clones, by id
	orig     map[string]*Instance // as they were; nil if created by this command
	order    []string             // ids in the order of their first change
	direct   map[string]bool      // changed themselves, not only by aggregates
	deleted  map[string]bool
	restored map[string]int64 // undo: id → touched as it was
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
		Env: env, cmd: cmd, target: cmd.Target,
		work: map[string]*Instance{}, orig: map[string]*Instance{}, direct: map[string]bool{}, deleted: map[string]bool{},
		restored: map[string]int64{}, distinct: map[Key][2]int64{}, reads: map[string]int64{},
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
	if today := x.Now.In(x.Zone).Format("2006-01-02"); x.cmd.Occurred.Date(x.Zone) > today {
		x.refuse(futureReason("occurred", x.cmd.Occurred, today))
	}
	if ob := x.cmd.OnBehalf; ob != nil && ob.Decided.Date(x.Zone) > x.Now.In(x.Zone).Format("2006-01-02") {
		x.refuse(futureReason("on_behalf.decided", ob.Decided, x.Now.In(x.Zone).Format("2006-01-02")))
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
	if id == "" || x.deleted[id] {
		return nil, nil //nolint:nilnil // absence is an answer here, as in a map
	}
	if i, ok := x.work[id]; ok {
		return i, nil
	}
	k := Key{Kind: KeyInstance, A: id}
	if !x.Snap.Has(k) {
		return nil, x.want(k)
	}
	i := x.Snap.instances[id]
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
	stored, ok := x.Snap.list(k)
	if !ok {
		return nil, x.want(k)
	}
	out := make([]*Instance, 0, len(stored))
	for _, i := range stored {
		if x.deleted[i.ID] {
			continue
		}
		if w, ok := x.work[i.ID]; ok {
			i = w
		} else {
			x.noteRead(i)
		}
		out = append(out, i)
	}
	for _, id := range x.order {
		if x.orig[id] == nil && !x.deleted[id] && k.matches(x.work[id]) {
			out = append(out, x.work[id])
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
	before, err := x.contributions(i)
	if err != nil {
		return err
	}
	w, ok := x.work[id]
	if !ok {
		x.orig[id] = i
		w = i.clone()
		x.work[id] = w
		x.order = append(x.order, id)
	}
	if direct {
		x.direct[id] = true
		if len(x.direct) > maxRows {
			x.refuse(limitReason("rows", maxRows))
			return errRefused
		}
	}
	change(w)
	after, err := x.contributions(w)
	if err != nil {
		return err
	}
	return x.move(before, after)
}

// add puts a new instance into the tree and counts it where aggregates want it.
func (x *tx) add(i *Instance) error {
	x.work[i.ID] = i
	x.orig[i.ID] = nil
	x.order = append(x.order, i.ID)
	x.direct[i.ID] = true
	if len(x.direct) > maxRows {
		x.refuse(limitReason("rows", maxRows))
		return errRefused
	}
	if i.Parent != "" {
		seq := x.seqAfter(i.Root)
		if err := x.modify(i.Parent, false, func(p *Instance) { p.Body.LastChild = seq }); err != nil {
			return err
		}
	}
	after, err := x.contributions(i)
	if err != nil {
		return err
	}
	return x.move(nil, after)
}

// remove takes an instance out again (undo of its creation).
func (x *tx) remove(i *Instance) error {
	before, err := x.contributions(i)
	if err != nil {
		return err
	}
	if _, ok := x.work[i.ID]; !ok {
		x.orig[i.ID] = i
		x.work[i.ID] = i.clone()
		x.order = append(x.order, i.ID)
	}
	for _, n := range x.work[i.ID].Body.Aggregates {
		if n != 0 { // what the command made itself is gone by now: somebody else counts on this row
			x.refuse(childReason(x.definition(i), i))
			return errRefused
		}
	}
	x.direct[i.ID] = true
	x.deleted[i.ID] = true
	return x.move(before, nil)
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
