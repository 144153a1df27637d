package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/workflow"
)

// model is a programme that the engine created, of which copies are made.
type model struct {
	programme loadProgramme
	code      string
	rows      []*workflow.Instance // the programme first
	entry     engine.StoredEntry   // of its creation
}

// model creates a programme to copy.
func (w *world) model(ctx context.Context) (*model, error) {
	m := &model{code: fmt.Sprintf("model%d", len(w.set.Programmes))}
	var err error
	if m.programme, err = w.programme(ctx, m.code); err != nil {
		return nil, err
	}
	for i, err := range w.store.Subtree(ctx, communityID, m.programme.Root) {
		if err != nil {
			return nil, err
		}
		m.rows = append(m.rows, i)
		if i.ID == m.programme.Root {
			m.rows[0], m.rows[len(m.rows)-1] = i, m.rows[0]
		}
	}
	entries, err := w.store.History(ctx, communityID, m.programme.Root, 1, 2)
	if err != nil || len(entries) != 1 {
		return nil, errors.Join(errors.New("a new programme has one entry in its history"), err)
	}
	m.entry = entries[0]
	return m, nil
}

// copies makes n programmes for the generator. They are written straight through the store, each as the engine wrote the model, its
// chain sealed with the same keys: creating them one by one, each with its entry in the registry, takes longer than measuring.
func (w *world) copies(ctx context.Context, n int) error {
	m, err := w.model(ctx)
	if err != nil {
		return err
	}
	const batch = 100
	var slices []engine.Slice
	for i := range n {
		s, p := w.copyOf(m, fmt.Sprintf("p%07d", i))
		w.set.Programmes = append(w.set.Programmes, p)
		slices = append(slices, s)
		if len(slices) < batch && i < n-1 {
			continue
		}
		if err := w.write(ctx, slices); err != nil {
			return err
		}
		slices = slices[:0]
	}
	return nil
}

// write stores copies, all or none.
func (w *world) write(ctx context.Context, slices []engine.Slice) error {
	refused, err := w.store.Commit(ctx, slices)
	if err := errors.Join(err, errors.Join(refused...)); err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	return nil
}

// copyOf is a programme like the model, under another code and with ids of its own.
func (w *world) copyOf(m *model, code string) (engine.Slice, loadProgramme) {
	ids := map[string]string{}
	names := []string{m.code, code, m.entry.Command, code}
	for n, row := range m.rows {
		ids[row.ID] = workflow.InstanceID(communityID, "copy", code, n+1)
		names = append(names, row.ID, ids[row.ID])
	}
	root := ids[m.programme.Root]
	e := m.entry
	e.Root, e.Target, e.Command = root, ids[e.Target], code
	e.Body = []byte(strings.NewReplacer(names...).Replace(string(e.Body)))
	e.MAC = w.keys.Chain(nil, e.Body)
	head := engine.Head{Community: communityID, Root: root, Seq: e.Seq, MAC: e.MAC, Bundle: w.bundle.Hash, Code: code, Recorded: e.Recorded}
	s := engine.Slice{Community: communityID, Chains: []engine.Chain{{Head: head, New: true, Entries: []engine.StoredEntry{e}}}}
	for _, row := range m.rows {
		i := *row
		i.ID, i.Root, i.Parent = ids[row.ID], root, ids[row.Parent]
		if row.ID == m.programme.Root {
			i.Key = strings.ReplaceAll(row.Key, m.code, code)
			i.Body.Data = maps.Clone(row.Body.Data)
			i.Body.Data["code"] = code
		}
		s.Rows = append(s.Rows, engine.RowWrite{Op: engine.RowInsert, Instance: &i})
		if engine.Waits(w.bundle, false, i.Workflow, i.State) {
			s.Waits = append(s.Waits, engine.WaitWrite{Instance: i.ID, Workflow: i.Workflow, To: i.State})
		}
	}
	p := loadProgramme{Root: root}
	for _, id := range m.programme.Activities {
		p.Activities = append(p.Activities, ids[id])
	}
	return s, p
}
