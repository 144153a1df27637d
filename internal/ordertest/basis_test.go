package ordertest

import (
	"slices"
	"strings"
)

// users returns who was built on a milestone of an instance.
func (o *oracle) users(id, milestone string) []string {
	var out []string
	for f := range o.facts {
		if who, ok := strings.CutPrefix(f.name, milestone+" by "); ok && f.what == "used" && f.id == id {
			out = append(out, who)
		}
	}
	slices.Sort(out)
	return out
}

// unused: a milestone that others were built on is not taken away under them.
func (o *oracle) unused(id string, names ...string) {
	for _, m := range names {
		if o.get("latched", id, m) == "" {
			continue
		}
		if by := o.users(id, m); len(by) > 0 {
			o.fail("%s of a %s was taken away although a %s was built on it", m, o.flow(id), o.flow(by[0]))
		}
		o.set("latched", id, m, "")
	}
}

// takeBack clears a milestone that nobody was built on; otherwise it stays, and those who were are flagged.
func (o *oracle) takeBack(id, milestone string) {
	by := o.users(id, milestone)
	if len(by) == 0 {
		o.set("latched", id, milestone, "")
		return
	}
	for _, u := range by {
		o.set("flagged", u, "", "basis_changed")
	}
}

// undo reverses what the undone command did. Nobody may have built on it, and nothing of it may have changed since.
func (o *oracle) undo(e accepted) {
	done := o.past[[2]string{e.Root, e.Undoes}]
	for f, c := range done {
		if o.facts[f] != c[1] {
			o.fail("an undo took back %s %s of a %s, which was changed since from %q to %q", f.what, f.name, o.flow(f.id), c[1], o.facts[f])
		}
	}
	gone := map[string]bool{}
	for f, c := range done {
		switch {
		case f.what == "workflow" && c[0] == "":
			gone[f.id] = true
		case f.what == "latched" && c[0] == "":
			by := slices.DeleteFunc(o.users(f.id, f.name), func(u string) bool { return done[fact{"workflow", u, ""}][1] != "" })
			if len(by) > 0 {
				o.fail("an undo took back %s of a %s although a %s was built on it", f.name, o.flow(f.id), o.flow(by[0]))
			}
		}
	}
	for f, c := range done {
		o.set(f.what, f.id, f.name, c[0])
		if rest, _, ok := strings.Cut(f.name, " by "); ok && f.what == "used" && c[0] != "" && o.get("latched", f.id, rest) == "" {
			o.fail("an undo brought back something built on %s of a %s, which is gone", rest, o.flow(f.id))
		}
	}
	for _, id := range o.order {
		if gone[o.get("parent", id, "")] && !gone[id] {
			o.fail("an undo took away what a %s stands under", o.flow(id))
		}
	}
	o.order = slices.DeleteFunc(o.order, func(id string) bool { return gone[id] })
	o.underWay(e.Root)
}
