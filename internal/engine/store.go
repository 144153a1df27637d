package engine

import (
	"context"
	"errors"
	"time"

	"github.com/linli/linli/internal/workflow"
)

// Store is the database as the engine needs it. Implementations are safe for concurrent use, by several
// processes at once where the database allows it.
type Store interface {
	// Heads returns the given roots of a community; a root that does not exist is absent from the answer.
	Heads(ctx context.Context, community string, roots []string) (map[string]Head, error)
	// Load answers every key, in order. Rows come from one moment or a later one than any Heads call before it.
	Load(ctx context.Context, community string, keys []workflow.Key) ([]workflow.Answer, error)
	// Commit writes what is ready of many roots in one transaction. The result holds, for each slice, nil or why it was
	// left out: ErrConflict (somebody else was first: load and apply again). An error of the whole call means that
	// nothing was written, unless it is ErrUnknownOutcome: then ask Committed.
	Commit(ctx context.Context, slices []Slice) ([]error, error)
	// Committed returns the stored entry of a command in a root's chain, or nil.
	Committed(ctx context.Context, community, root, command string) (*StoredEntry, error)
	// Replay returns the stored answer to an idempotency key that has not expired at now, or nil.
	Replay(ctx context.Context, community, person, key string, now time.Time) (*Idempotency, error)
	// DueTimers returns waiting timers due at or before now, earliest first, at most limit; of one root, or of every
	// root that has no frozen clock if root is "". They are those that follow after in this order (due time, community, root,
	// instance, rule, generation); the zero row is before all.
	DueTimers(ctx context.Context, community, root string, now time.Time, after TimerRow, limit int) ([]TimerRow, error)
	// EndTimer moves one waiting timer to an end status outside any commit (skipped, superseded).
	EndTimer(ctx context.Context, t TimerRow) error
	// SubjectKeys returns the wrapped data keys of the subjects that have one, destroyed ones included.
	SubjectKeys(ctx context.Context, community string, subjects []string) (map[string]SubjectKey, error)
	// Bundle returns the files of a stored bundle, or nil.
	Bundle(ctx context.Context, hash string) (map[string][]byte, error)
	// PutBundle stores the files of a bundle under its hash; storing it again changes nothing.
	PutBundle(ctx context.Context, hash string, language int, files map[string][]byte) error
}

// The outcomes of a commit other than success.
var (
	// ErrConflict says that a root's seq, a registry row's version or an idempotency key was not what the slice expected.
	ErrConflict = errors.New("somebody else changed this first")
	// ErrCodeTaken says that another root of the community has the short name that a slice wants.
	ErrCodeTaken = errors.New("another programme has this code")
	// ErrUnstorable says that the database will not have what a slice wants written, however often it is tried.
	ErrUnstorable = errors.New("the database refused what was to be written")
	// ErrUnknownOutcome says that the connection was lost while committing.
	ErrUnknownOutcome = errors.New("the connection was lost while committing")
)

// Head is the state of one chain.
type Head struct {
	Community string
	Root      string
	Seq       int64
	MAC       []byte    // of the last entry; empty at seq 0
	Bundle    string    // hash of the pinned bundle
	Code      string    // short name for people, unique in the community; "" once the root's creation was undone
	Recorded  time.Time // recorded_at of the last entry; never decreases
	Frozen    time.Time // the clock of a replayed programme; zero for an ordinary one
}

// Live reports whether the chain belongs to a programme that exists: the chain of one whose creation was undone stays, without a code.
func (h Head) Live() bool { return h.Root != h.Community && h.Code != "" }

// Slice is what one or more commands of one root want written together.
type Slice struct {
	Community string
	Chains    []Chain // the target root first; the registry, where written too, last
	Rows      []RowWrite
	Distinct  []DistinctWrite
	Timers    []TimerWrite
	Keys      []Idempotency
	Subjects  []SubjectKey
	Terms     []SearchTerm
	Refs      []RefWrite
	Waits     []WaitWrite // at most one of an instance
	// Reads are the registry rows that guards read. They are re-checked with the registry held still, one by one unless it is still at
	// ReadsAt, the seq at which all of them were as they are here; 0: that is not known.
	Reads   []Read
	ReadsAt int64
	// Pointed is what decisions relied on of who points to what; re-checked, with the rows pointed to locked.
	Pointed []Pointed
	// RegistrySeq is set when a decision relied on a registry row that was not there: the registry must still be at this seq.
	RegistrySeq int64
	// DueBy is the time of the slice's last command that no timer fires; zero if there is none. No timer of the root that is due by
	// then may wait, unless the slice ends it or it is among Tried: it would have had to fire first.
	DueBy time.Time
	Tried []TimerRow // timers that could not be fired, and wait on
}

// Chain is the part of a slice that belongs to one root.
type Chain struct {
	Head    Head  // as it is after the entries
	Expect  int64 // seq before; for a new root, 0
	New     bool
	Entries []StoredEntry
}

// StoredEntry is one history row: the exact bytes and their MAC over the previous entry's.
type StoredEntry struct {
	Root     string
	Seq      int64
	Command  string
	Target   string
	Recorded time.Time
	Body     []byte
	MAC      []byte
}

// RowWrite inserts, updates or deletes one instance row.
type RowWrite struct {
	Op       RowOp
	Instance *workflow.Instance
}

// RowOp is what happens to a row.
type RowOp int

// The row operations.
const (
	RowInsert RowOp = iota + 1
	RowUpdate
	RowDelete
)

// DistinctWrite sets how many items hold a value of a distinct aggregate; 0 removes the row.
type DistinctWrite struct {
	Instance  string
	Aggregate string
	Value     string
	N         int64
}

// TimerStatus is where a timer stands.
type TimerStatus string

// A timer waits until it ends in one of the others, each with a reason.
const (
	TimerWaiting    TimerStatus = "waiting"
	TimerFired      TimerStatus = "fired"
	TimerSkipped    TimerStatus = "skipped"
	TimerSuperseded TimerStatus = "superseded"
)

// TimerRow is one occurrence of a timer rule of an instance.
type TimerRow struct {
	Community  string
	Root       string
	Instance   string
	Rule       string
	Generation int64
	Due        time.Time
	Event      string
	Status     TimerStatus
	Reason     string    // why it ended
	Ended      time.Time // when it ended
	Mark       string    // of an end outside the history: the keyring's TimerMark of End
}

// TimerWrite inserts a waiting timer, or ends one. Ending as fired a timer that does not wait any more is ErrConflict for its slice;
// superseding one that has ended changes nothing.
type TimerWrite struct {
	Insert bool
	Row    TimerRow
}

// Idempotency is the stored answer to one Idempotency-Key.
type Idempotency struct {
	Person      string
	Key         string
	Fingerprint string // of the request
	Root        string
	Command     string
	Response    []byte
	Expires     time.Time
}

// SubjectKey is the wrapped data key of one subject; Wrapped is empty once destroyed.
type SubjectKey struct {
	Subject   string
	KeyID     string // of the master key
	Wrapped   []byte
	Destroyed time.Time // zero: alive
}

// SearchTerm lets staff find an instance: a folded name, or the keyed hash of a mobile number. Empty Term removes the kind.
type SearchTerm struct {
	Instance string
	Kind     string // name, label, mobile
	Term     string
}

// Read is a registry row that a decision relied on.
type Read struct {
	Instance string
	Version  int64 // 0: it did not exist
}

// Pointed is the list of instances of a workflow that pointed to a target when a decision relied on it, e.g. to arm what follows
// for each of them. Whoever comes to point to a registry row names that row in its Reads, so that the two meet at its lock.
type Pointed struct {
	Target    string
	Workflow  string
	Instances []string // sorted
}

// RefWrite replaces the set of instances that one instance points to with its reference fields; it answers
// workflow.KeyReferrers. No targets removes the set.
type RefWrite struct {
	Instance string
	Targets  []string
}

// RefRow is one instance that another points to.
type RefRow struct {
	Instance string
	Target   string
	Workflow string // of the instance that points
}
