package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// lookup is what finding things needs of the store.
type lookup interface {
	Communities(ctx context.Context) ([]string, error)
	Heads(ctx context.Context, community string, roots []string) (map[string]engine.Head, error)
	Roots(ctx context.Context, community string) ([]engine.Head, error)
	RootByCode(ctx context.Context, community, code string) (*engine.Head, error)
	Instance(ctx context.Context, community, id string) (*workflow.Instance, error)
	FindByKey(ctx context.Context, community, parent, of, key string) (*workflow.Instance, error)
	Children(ctx context.Context, community, parent, of string) ([]*workflow.Instance, error)
	Find(ctx context.Context, community, kind, text string) ([]engine.SearchTerm, error)
}

// opener is what finding things needs of the engine.
type opener interface {
	Bundle(ctx context.Context, hash string) (*workflow.Bundle, error)
	Reveal(ctx context.Context, i *workflow.Instance) (map[string]any, error)
}

// finder finds instances by what people call them.
type finder struct {
	store  lookup
	engine opener
}

// spot is an instance with the way that leads to it.
type spot struct {
	head   engine.Head
	bundle *workflow.Bundle
	trail  []*workflow.Instance // the root first, the instance itself last
}

func (s *spot) at() *workflow.Instance { return s.trail[len(s.trail)-1] }

func (s *spot) definition() *workflow.Definition { return s.bundle.Definition(s.at().Workflow) }

// find follows a path CODE/slot-or-key/item-key-or-label; every step may also be an id. The first step may be a community
// too, whose registry is then below it. community "" looks in all of them. No path at all is the only programme.
func (f *finder) find(ctx context.Context, community, path string) (*spot, error) {
	if path == "" {
		return f.only(ctx, community)
	}
	steps := strings.Split(strings.Trim(path, "/"), "/")
	s, err := f.root(ctx, community, steps[0])
	if err == nil {
		return f.below(ctx, s, steps[1:])
	}
	if !errors.Is(err, &fault.Error{Kind: fault.NotFound, Code: "unknown_programme"}) {
		return nil, err
	}
	only, oerr := f.only(ctx, community)
	if oerr != nil {
		return nil, err
	}
	return f.below(ctx, only, steps)
}

// only is the one programme there is: where there are no others, its code can be left out of a path.
func (f *finder) only(ctx context.Context, community string) (*spot, error) {
	communities, err := f.communities(ctx, community)
	if err != nil {
		return nil, err
	}
	var programmes []engine.Head
	var codes []string
	for _, c := range communities {
		heads, err := f.store.Roots(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, h := range heads {
			if h.Live() {
				programmes, codes = append(programmes, h), append(codes, h.Code)
			}
		}
	}
	if len(programmes) == 1 {
		return f.open(ctx, programmes[0])
	}
	return nil, fault.New(fault.Invalid, "programme_missing", "请写明项目；现有："+strings.Join(codes, "、"),
		"name the programme; there are: "+strings.Join(codes, ", "))
}

// communities returns the one that was asked for, by id, or all there are.
func (f *finder) communities(ctx context.Context, community string) ([]string, error) {
	all, err := f.store.Communities(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case len(all) == 0:
		return nil, fault.New(fault.NotFound, "no_data", "这里还没有任何数据。请先运行 linli init、linli demo 或 linli load。",
			"there is no data here yet. Run linli init, linli demo or linli load first.")
	case community == "":
		return all, nil
	case !slices.Contains(all, community):
		return nil, fault.NewInvalid("community", "unknown_community",
			fmt.Sprintf("没有社区“%s”；现有：%s", community, strings.Join(all, "、")),
			fmt.Sprintf("there is no community %q; there are: %s", community, strings.Join(all, ", ")))
	default:
		return []string{community}, nil
	}
}

// root finds a programme by code or id, or a community by id.
func (f *finder) root(ctx context.Context, community, name string) (*spot, error) {
	communities, err := f.communities(ctx, community)
	if err != nil {
		return nil, err
	}
	var found []engine.Head
	for _, c := range communities {
		h, err := f.store.RootByCode(ctx, c, name)
		if err != nil {
			return nil, err
		}
		if h == nil {
			heads, err := f.store.Heads(ctx, c, []string{name})
			if err != nil {
				return nil, err
			}
			if byID, ok := heads[name]; ok {
				h = &byID
			}
		}
		if h != nil {
			found = append(found, *h)
		}
	}
	switch len(found) {
	case 0:
		return nil, f.unknownRoot(ctx, communities, name)
	case 1:
		return f.open(ctx, found[0])
	default:
		return nil, fault.NewInvalid("community", "code_in_several_communities",
			fmt.Sprintf("有 %d 个社区都有项目“%s”；请用 --community 指明", len(found), name),
			fmt.Sprintf("%d communities have a programme %q; say which with --community", len(found), name))
	}
}

func (f *finder) open(ctx context.Context, h engine.Head) (*spot, error) {
	b, err := f.engine.Bundle(ctx, h.Bundle)
	if err != nil {
		return nil, err
	}
	i, err := f.store.Instance(ctx, h.Community, h.Root)
	if err != nil {
		return nil, err
	}
	if i == nil {
		return nil, fmt.Errorf("the root %s of community %s has no row; run linli audit", h.Root, h.Community)
	}
	return &spot{head: h, bundle: b, trail: []*workflow.Instance{i}}, nil
}

func (f *finder) unknownRoot(ctx context.Context, communities []string, name string) error {
	var codes []string
	for _, c := range communities {
		heads, err := f.store.Roots(ctx, c)
		if err != nil {
			return err
		}
		for _, h := range heads {
			if h.Live() && len(codes) < maxNamed {
				codes = append(codes, h.Code)
			}
		}
	}
	return fault.New(fault.NotFound, "unknown_programme",
		fmt.Sprintf("找不到项目“%s”；现有：%s", name, strings.Join(codes, "、")),
		fmt.Sprintf("there is no programme %q; there are: %s", name, strings.Join(codes, ", ")))
}

// maxNamed bounds how many names a message lists.
const maxNamed = 12

// below follows the rest of a path. Keys may hold a slash themselves: the shortest step that exists wins.
func (f *finder) below(ctx context.Context, s *spot, steps []string) (*spot, error) {
	if len(steps) == 0 {
		return s, nil
	}
	for n := 1; n <= len(steps); n++ {
		name := strings.Join(steps[:n], "/")
		child, err := f.child(ctx, s, name)
		if err != nil {
			return nil, err
		}
		if child == nil {
			continue
		}
		next := &spot{head: s.head, bundle: s.bundle, trail: append(slices.Clone(s.trail), child)}
		return f.below(ctx, next, steps[n:])
	}
	return nil, f.unknownChild(ctx, s, steps[0])
}

// child finds what stands directly under an instance: by id, key, slot, kind (if there is only one), or label.
func (f *finder) child(ctx context.Context, s *spot, name string) (*workflow.Instance, error) {
	parent := s.at()
	if i, err := f.store.Instance(ctx, parent.Community, name); err != nil || i != nil && i.Parent == parent.ID {
		return i, err
	}
	kinds := childKinds(s.definition())
	if of, key, ok := strings.Cut(name, ":"); ok && slices.Contains(kinds, of) {
		kinds, name = []string{of}, key
	}
	var found []*workflow.Instance
	for _, of := range kinds {
		i, err := f.store.FindByKey(ctx, parent.Community, parent.ID, of, name)
		if err != nil {
			return nil, err
		}
		if i != nil {
			found = append(found, i)
		}
	}
	steps := []func() ([]*workflow.Instance, error){
		func() ([]*workflow.Instance, error) { return f.inSlot(ctx, s, name) },
		func() ([]*workflow.Instance, error) { return f.ofKind(ctx, parent, kinds, name) },
		func() ([]*workflow.Instance, error) { return f.byLabel(ctx, s, kinds, name) },
	}
	for _, step := range steps {
		if len(found) > 0 {
			break
		}
		var err error
		if found, err = step(); err != nil {
			return nil, err
		}
	}
	switch len(found) {
	case 0:
		return nil, nil //nolint:nilnil // absence is an answer here
	case 1:
		return found[0], nil
	default:
		return nil, ambiguous(name, found)
	}
}

// childKinds are the workflows of what may stand under an instance of a definition.
func childKinds(d *workflow.Definition) []string {
	var kinds []string
	for _, s := range d.Slots {
		if !slices.Contains(kinds, s.Workflow) {
			kinds = append(kinds, s.Workflow)
		}
	}
	for _, of := range d.Items {
		if !slices.Contains(kinds, of) {
			kinds = append(kinds, of)
		}
	}
	return append(kinds, "participation")
}

// inSlot returns the activities of a slot; those that live are preferred to cancelled and skipped ones.
func (f *finder) inSlot(ctx context.Context, s *spot, name string) ([]*workflow.Instance, error) {
	slot := s.definition().Slot(name)
	if slot == nil {
		return nil, nil
	}
	all, err := f.store.Children(ctx, s.at().Community, s.at().ID, slot.Workflow)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(i *workflow.Instance) bool { return i.Slot != name })
	if live := slices.DeleteFunc(slices.Clone(all), (*workflow.Instance).Dead); len(live) > 0 {
		return live, nil
	}
	return all, nil
}

// ofKind returns the children of one workflow, if the name is that of a workflow.
func (f *finder) ofKind(ctx context.Context, parent *workflow.Instance, kinds []string, name string) ([]*workflow.Instance, error) {
	if !slices.Contains(kinds, name) {
		return nil, nil
	}
	return f.store.Children(ctx, parent.Community, parent.ID, name)
}

// byLabel compares what people call the children. It is the last resort, because it reads them all.
func (f *finder) byLabel(ctx context.Context, s *spot, kinds []string, name string) ([]*workflow.Instance, error) {
	parent, want := s.at(), engine.Fold(name)
	if parent.ID == parent.Community {
		return f.registered(ctx, parent, name)
	}
	n := newNamer(f.store, f.engine, parent.Community, s.bundle)
	var found []*workflow.Instance
	for _, of := range kinds {
		all, err := f.store.Children(ctx, parent.Community, parent.ID, of)
		if err != nil {
			return nil, err
		}
		for _, i := range all {
			if engine.Fold(n.of(ctx, i)) == want {
				found = append(found, i)
			}
		}
	}
	return found, nil
}

// registered finds registry entries by their search terms: names and labels.
func (f *finder) registered(ctx context.Context, community *workflow.Instance, name string) ([]*workflow.Instance, error) {
	var found []*workflow.Instance
	for _, kind := range []string{"name", "label"} {
		terms, err := f.store.Find(ctx, community.ID, kind, engine.Fold(name))
		if err != nil {
			return nil, err
		}
		for _, t := range terms {
			i, err := f.store.Instance(ctx, community.ID, t.Instance)
			if err != nil {
				return nil, err
			}
			if i != nil && i.Parent == community.ID {
				found = append(found, i)
			}
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	for _, of := range []string{"block", "organisation", "household"} { // their names are not secret, and they are few
		all, err := f.store.Children(ctx, community.ID, community.ID, of)
		if err != nil {
			return nil, err
		}
		for _, i := range all {
			if engine.Fold(plainLabel(i)) == engine.Fold(name) {
				found = append(found, i)
			}
		}
	}
	return found, nil
}

func ambiguous(name string, found []*workflow.Instance) error {
	names := make([]string, 0, len(found))
	for n, i := range found {
		if n == maxNamed {
			names = append(names, "…")
			break
		}
		names = append(names, i.Workflow+":"+i.Label())
	}
	return fault.New(fault.Invalid, "ambiguous", fmt.Sprintf("“%s”可以指：%s；请写明其中一个", name, strings.Join(names, "、")),
		fmt.Sprintf("%q may be any of: %s; name one of them", name, strings.Join(names, ", ")))
}

func (f *finder) unknownChild(ctx context.Context, s *spot, name string) error {
	var names []string
	for _, of := range childKinds(s.definition()) {
		all, err := f.store.Children(ctx, s.at().Community, s.at().ID, of)
		if err != nil {
			return err
		}
		for _, i := range all {
			if i.Key != "" && of != "participation" {
				names = append(names, i.Key)
			}
		}
		if len(all) > 0 && all[0].Key == "" {
			names = append(names, of)
		}
	}
	if len(names) > maxNamed {
		names = append(names[:maxNamed], "…")
	}
	return fault.New(fault.NotFound, "unknown_path", fmt.Sprintf("“%s”之下没有“%s”；现有：%s", s.at().Label(), name, strings.Join(names, "、")),
		fmt.Sprintf("there is no %q under %s; there are: %s", name, s.at().Label(), strings.Join(names, ", ")))
}
