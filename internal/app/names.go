package app

import (
	"context"

	"github.com/linli/linli/internal/workflow"
)

// namer turns ids into what staff call the things, opening sealed names. It is only for the operator's own terminal:
// history and reports show ids, or what their own rules allow. It is used by one goroutine.
type namer struct {
	store     lookup
	engine    opener
	community string
	bundle    *workflow.Bundle
	known     map[string]string
}

func newNamer(store lookup, engine opener, community string, bundle *workflow.Bundle) *namer {
	return &namer{store: store, engine: engine, community: community, bundle: bundle, known: map[string]string{}}
}

// label returns the name of the instance with that id; the id itself if it has none, or if it cannot be read.
func (n *namer) label(ctx context.Context, id string) string {
	if name, ok := n.known[id]; ok {
		return name
	}
	n.known[id] = id // ends the recursion should two instances name each other
	i, err := n.store.Instance(ctx, n.community, id)
	if err != nil || i == nil {
		return id
	}
	name := n.of(ctx, i)
	n.known[id] = name
	return name
}

// of returns what an instance is called.
func (n *namer) of(ctx context.Context, i *workflow.Instance) string {
	if s := plainLabel(i); s != "" {
		return s
	}
	if _, sealed := i.Body.Data["name"].(workflow.Sealed); sealed {
		if values, err := n.engine.Reveal(ctx, i); err == nil {
			if s, ok := values["name"].(string); ok && s != "" {
				return s
			}
		}
	}
	if i.Slot != "" || i.Parent == "" {
		return i.Label()
	}
	if d := n.bundle.Definition(i.Workflow); d != nil && d.Subject != "" {
		if subject, ok := i.Body.Data[d.Subject].(string); ok && subject != "" {
			return n.label(ctx, subject)
		}
	}
	for _, field := range []string{"person", "organisation", "block", "household"} {
		if ref, ok := i.Body.Data[field].(string); ok && ref != "" {
			return n.label(ctx, ref)
		}
	}
	return i.Label()
}

// plainLabel is what an instance is called by its own fields that are not sealed.
func plainLabel(i *workflow.Instance) string {
	for _, field := range []string{"title", "name", "label", "topic", "purpose", "items", "text", "when"} {
		if s, ok := i.Body.Data[field].(string); ok && s != "" {
			return s
		}
	}
	return ""
}
