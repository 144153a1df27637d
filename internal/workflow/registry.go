package workflow

import "slices"

// RegistryLosses lists what a community's registry may hold under one bundle that another does not know: workflows, states, fields and
// enum values. The registry is the only root that moves from bundle to bundle, so nothing of it may get lost on the way.
func RegistryLosses(from, to *Bundle) []string {
	var lost []string
	for _, d := range from.Definitions() {
		if !from.inRegistry(d) {
			continue
		}
		n := to.Definition(d.Name)
		if n == nil {
			lost = append(lost, d.Name)
			continue
		}
		for _, s := range d.States {
			if n.State(s.Name) == nil {
				lost = append(lost, d.Name+"."+s.Name)
			}
		}
		for _, f := range d.Fields {
			lost = append(lost, fieldLosses(d.Name+"."+f.Name, f, n.Field(f.Name))...)
		}
	}
	return lost
}

func fieldLosses(name string, f, n *Field) []string {
	if n == nil || n.Type != f.Type || n.List != f.List || n.Privacy.Sealed() != f.Privacy.Sealed() {
		return []string{name}
	}
	var lost []string
	for _, v := range f.Values {
		if !slices.ContainsFunc(n.Values, func(o EnumValue) bool { return o.Name == v.Name }) {
			lost = append(lost, name+"="+v.Name)
		}
	}
	return lost
}

// inRegistry reports whether instances of a workflow may live in the community registry.
func (b *Bundle) inRegistry(d *Definition) bool {
	if d.Level == LevelCommunity {
		return true
	}
	return slices.ContainsFunc(b.rootsOf(d.Name), func(name string) bool {
		r := b.Definition(name)
		return r != nil && r.Level == LevelCommunity
	})
}
