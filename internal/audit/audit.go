// Package audit re-computes what the database claims: every chain of history under the audit key, every row and
// aggregate from the changes that the history records, and every timer from its row. It looks whether the key of every
// sealed value is still there. It names the first thing in each root that does not hold.
//
// It only reads. It trusts the audit key and the checkpoint file, which are kept outside the database, and nothing
// that is stored inside it. It must not know how commands are carried out.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/workflow"
)

// Source is the database as an audit reads it.
type Source interface {
	// Communities returns the ids of all communities.
	Communities(ctx context.Context) ([]string, error)
	// Roots returns the heads of a community's chains: its programmes and its registry (whose id is the community's).
	Roots(ctx context.Context, community string) ([]engine.Head, error)
	// Heads returns the given roots; one that does not exist is absent.
	Heads(ctx context.Context, community string, roots []string) (map[string]engine.Head, error)
	// History returns entries of a chain from fromSeq on, in the order of seq, at most limit.
	History(ctx context.Context, community, root string, fromSeq int64, limit int) ([]engine.StoredEntry, error)
	// Subtree yields every instance of a root, in the order of ids. An error ends it.
	Subtree(ctx context.Context, community, root string) iter.Seq2[*workflow.Instance, error]
	// DistinctRows returns every counted value of every distinct aggregate of a root.
	DistinctRows(ctx context.Context, community, root string) ([]engine.DistinctWrite, error)
	// AllTimers returns every timer of a root, ended ones included.
	AllTimers(ctx context.Context, community, root string) ([]engine.TimerRow, error)
	// RefRows returns what the instances of a root point to with their reference fields.
	RefRows(ctx context.Context, community, root string) ([]engine.RefRow, error)
	// WaitRows returns the rows of the table of what waits for the instances of a root in the states in which they are.
	WaitRows(ctx context.Context, community, root string) ([]engine.WaitRow, error)
	// MisplacedWaits returns the rows of that table whose instances are in other states than the table says, of a whole community.
	MisplacedWaits(ctx context.Context, community string) ([]engine.WaitRow, error)
	// Strays returns the roots that rows, entries or timers name and that do not exist, as heads with nothing but their names.
	Strays(ctx context.Context) ([]engine.Head, error)
	// SubjectKeys returns the data keys of the subjects that have one, destroyed ones included.
	SubjectKeys(ctx context.Context, community string, subjects []string) (map[string]engine.SubjectKey, error)
	// Instance returns an instance, or nil.
	Instance(ctx context.Context, community, id string) (*workflow.Instance, error)
	// Bundle returns the files of a stored bundle, or nil.
	Bundle(ctx context.Context, hash string) (map[string][]byte, error)
}

// Keys computes what is signed under the audit key.
type Keys interface {
	// Chain is the MAC of an entry over the one before it.
	Chain(previous, body []byte) []byte
	// TimerMark is the MAC of the end of a timer that no entry tells of.
	TimerMark(end []byte) string
}

// Options says against what the database is held besides the audit key.
type Options struct {
	// Checkpoint holds the lines of the checkpoint file (seal.Keyring.ReadCheckpoint). Without them neither a history that
	// was cut off together with its rows nor a vanished community can be noticed.
	Checkpoint []seal.Checkpoint
	// Community limits the audit to one community, and Root to one programme of it together with the registry, which says what the
	// programme may refer to. Empty means all.
	Community, Root string
}

// wants reports whether a root is to be audited. A registry always is: nothing can be judged without it.
func (o Options) wants(community, root string) bool {
	return (o.Community == "" || o.Community == community) && (o.Root == "" || o.Root == root || community == root)
}

// Report is what an audit found.
type Report struct {
	Communities int       `json:"communities"`
	Roots       int       `json:"roots"`
	Entries     int64     `json:"entries"`
	Rows        int64     `json:"rows"`
	Marks       int       `json:"checkpoint_marks"`
	Findings    []Finding `json:"findings,omitempty"` // the first of each root, in the order of communities and roots
}

// OK reports whether nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// ErrBusy says that a root was changed again and again while it was being read.
var ErrBusy = errors.New("the programme is being changed all the time; audit again when it is quieter, or audit a copy")

// maxAttempts bounds how often a root is read again because somebody wrote to it meanwhile.
const maxAttempts = 10

// Run audits every root of every community. It holds the rows of one root in memory at a time. An error means that the
// audit could not be carried out; what it found wrong is in the report. Commands may go on meanwhile: a root that
// changed while it was read is read again.
func Run(ctx context.Context, src Source, keys Keys, o Options) (Report, error) {
	a := &auditor{src: src, keys: keys, only: o, bundles: map[string]*bundle{}, marks: map[place][]mark{}}
	a.takeCheckpoint(o.Checkpoint)
	communities, err := src.Communities(ctx)
	if err != nil {
		return a.report, fmt.Errorf("audit: %w", err)
	}
	for at := range a.marks {
		communities = append(communities, at.community)
	}
	slices.Sort(communities)
	for _, c := range slices.Compact(communities) {
		if !o.wants(c, c) {
			continue
		}
		if err := a.community(ctx, c); err != nil {
			return a.report, fmt.Errorf("audit community %s: %w", c, err)
		}
	}
	return a.report, a.strays(ctx)
}

// strays names what stands under a root that does not exist: decisions that look for rows by their parent would see it.
func (a *auditor) strays(ctx context.Context) error {
	strays, err := a.src.Strays(ctx)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	for _, h := range strays {
		if !a.only.wants(h.Community, h.Root) {
			continue
		}
		known := func(f Finding) bool { return f.Community == h.Community && f.Root == h.Root }
		if !slices.ContainsFunc(a.report.Findings, known) {
			a.find(h, strayRows())
		}
	}
	return nil
}

type place struct{ community, root string }

// mark is what a line of the checkpoint file says: the entry seq had this MAC.
type mark struct {
	seq int64
	mac string
}

// bundle is a stored bundle as the audit found it; finding says what is wrong with it.
type bundle struct {
	*workflow.Bundle
	wrong *wrong
}

type auditor struct {
	src     Source
	keys    Keys
	only    Options
	report  Report
	bundles map[string]*bundle
	marks   map[place][]mark
	astray  map[string][]engine.WaitRow // of the community, by root: what waits in other states than it is in
}

func (a *auditor) takeCheckpoint(lines []seal.Checkpoint) {
	for _, l := range lines {
		at := place{l.Community, l.Root}
		if !a.only.wants(l.Community, l.Root) {
			continue
		}
		a.marks[at] = append(a.marks[at], mark{l.Seq, string(l.MAC)})
		a.report.Marks++
	}
	for _, of := range a.marks {
		slices.SortStableFunc(of, func(x, y mark) int { return cmp.Compare(x.seq, y.seq) })
	}
}

// community audits the registry first, because it knows which programmes there must be.
func (a *auditor) community(ctx context.Context, community string) error {
	a.report.Communities++
	heads, err := a.src.Roots(ctx, community)
	if err != nil {
		return err
	}
	if err := a.takeMisplaced(ctx, community); err != nil {
		return err
	}
	known := map[string]bool{}
	var registry *chain
	for _, h := range heads {
		known[h.Root] = true
		if h.Root == community {
			if registry, err = a.root(ctx, h, nil); err != nil {
				return err
			}
		}
	}
	if registry == nil {
		a.find(engine.Head{Community: community, Root: community}, noRegistry(len(heads)))
		registry = &chain{head: engine.Head{Community: community, Root: community}}
	}
	for _, h := range heads {
		if h.Root == community || !a.only.wants(community, h.Root) {
			continue
		}
		if _, err := a.root(ctx, h, registry); err != nil {
			return err
		}
	}
	return a.vanished(ctx, registry, known)
}

// vanished names the programmes that the registry or the checkpoint file knows and the database does not have.
func (a *auditor) vanished(ctx context.Context, registry *chain, known map[string]bool) error {
	community := registry.head.Community
	gone := map[string]string{} // root → code
	for at := range a.marks {
		if at.community == community {
			gone[at.root] = ""
		}
	}
	for _, r := range registry.registered {
		gone[r.programme] = r.code
	}
	for _, root := range slices.Sorted(maps.Keys(gone)) {
		if known[root] || root == community || !a.only.wants(community, root) {
			continue
		}
		heads, err := a.src.Heads(ctx, community, []string{root}) // it may have been created meanwhile
		if err != nil {
			return err
		}
		if _, there := heads[root]; !there {
			a.find(engine.Head{Community: community, Root: root, Code: gone[root]}, deletedProgramme(gone[root] != ""))
		}
	}
	return nil
}

func (a *auditor) find(h engine.Head, w *wrong) {
	a.report.Findings = append(a.report.Findings, Finding{
		Kind: w.kind, Community: h.Community, Root: h.Root, Code: h.Code, Seq: w.seq, Instance: w.instance, Text: w.text,
	})
}

// root audits one root, again if somebody wrote to it meanwhile. registry is nil for the registry itself.
func (a *auditor) root(ctx context.Context, h engine.Head, registry *chain) (*chain, error) {
	a.report.Roots++
	for range maxAttempts {
		c := &chain{auditor: a, head: h, registry: registry}
		w, err := c.check(ctx)
		if err != nil {
			return nil, err
		}
		if w == nil {
			a.count(c)
			return c.close(), nil
		}
		now, err := a.src.Heads(ctx, h.Community, []string{h.Root})
		if err != nil {
			return nil, err
		}
		if now[h.Root].Seq == h.Seq {
			a.find(h, w)
			a.count(c)
			return c.close(), nil
		}
		h = now[h.Root]
		h.Community, h.Root = c.head.Community, c.head.Root
	}
	return nil, fmt.Errorf("%s: %w", h.Root, ErrBusy)
}

func (a *auditor) count(c *chain) {
	a.report.Entries += c.entries
	a.report.Rows += int64(len(c.rows))
}

// bundle returns a stored bundle, compiled, or what is wrong with it.
func (a *auditor) bundle(ctx context.Context, hash string) (*bundle, error) {
	if b, ok := a.bundles[hash]; ok {
		return b, nil
	}
	b := &bundle{}
	files, err := a.src.Bundle(ctx, hash)
	if undecodable(err) {
		b.wrong = brokenBundle(hash, err)
		a.bundles[hash] = b
		return b, nil
	}
	if err != nil {
		return nil, err
	}
	switch loaded, problems := workflow.Load(files); {
	case files == nil:
		b.wrong = noBundle(hash)
	case len(problems) > 0:
		b.wrong = brokenBundle(hash, problems)
	case loaded.Hash != hash:
		b.wrong = editedBundle(hash)
	default:
		b.Bundle = loaded
	}
	a.bundles[hash] = b
	return b, nil
}
