package engine

import (
	"context"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// maxPlaces bounds how many instances' roots are remembered; twice as many are for a moment.
const maxPlaces = 20_000

// places remembers the roots of instances, which never change: ids derive from them. The older half is forgotten when the newer is full.
type places struct{ newer, older map[queueKey]string }

func (p *places) get(k queueKey) (string, bool) {
	if root, ok := p.newer[k]; ok {
		return root, true
	}
	root, ok := p.older[k]
	if ok {
		p.put(k, root)
	}
	return root, ok
}

func (p *places) put(k queueKey, root string) {
	if p.newer == nil || len(p.newer) >= maxPlaces {
		p.newer, p.older = map[queueKey]string{}, p.newer
	}
	p.newer[k] = root
}

// Locate returns the root of an instance: its programme, or the community of a registry row. The error is a fault.NotFound with the
// code unknown_instance if the community has no such instance.
func (e *Engine) Locate(ctx context.Context, community, instance string) (root string, err error) {
	k := queueKey{community, instance}
	e.mu.Lock()
	root, ok := e.places.get(k)
	e.mu.Unlock()
	if ok {
		return root, nil
	}
	answers, err := e.store.Load(ctx, community, []workflow.Key{{Kind: workflow.KeyInstance, A: instance}})
	if err != nil {
		return "", err
	}
	if len(answers[0].Instances) == 0 {
		return "", fault.New(fault.NotFound, "unknown_instance", "找不到这一项；请核对编号", "there is no such thing here; check the id")
	}
	root = answers[0].Instances[0].Root
	e.mu.Lock()
	defer e.mu.Unlock()
	e.places.put(k, root)
	return root, nil
}

// place remembers the roots of rows that came by.
func (e *Engine) place(community string, rows func(yield func(*workflow.Instance))) {
	e.mu.Lock()
	defer e.mu.Unlock()
	rows(func(i *workflow.Instance) {
		if k := (queueKey{community, i.ID}); e.places.newer[k] == "" {
			e.places.put(k, i.Root)
		}
	})
}

// locate fills in the root of a request that names only its target.
func (e *Engine) locate(ctx context.Context, r *Request) error {
	if r.Root != "" || r.Target == "" || r.Community == "" {
		return nil
	}
	var err error
	r.Root, err = e.Locate(ctx, r.Community, r.Target)
	return err
}
