package workflow

import (
	"slices"
	"strings"
)

// checkMachines checks that every state can be reached and left, and that every machine can come to an end.
func (c *checker) checkMachines(drafts []*draft) {
	for _, d := range drafts {
		if d.part || d.def.State(d.def.Initial) == nil {
			continue // noted already; much would seem unreachable
		}
		edges := moves(d.def)
		if d.def.Reopen != nil {
			for from, to := range d.def.Reopen.To {
				edges[from] = append(edges[from], to)
			}
		}
		reached := closure([]string{d.def.Initial, StateCancelled, StateSkipped}, edges)
		ends := canEnd(d.def)
		for _, s := range d.def.States {
			c.checkState(d, s, reached[s.Name], ends[s.Name])
		}
	}
}

func (c *checker) checkState(d *draft, s *State, reached, ends bool) {
	switch {
	case !reached:
		c.problems.add(s.Pos, codeUnreachable, phrase("没有事件能从“%s”通到状态“%s”", "no event leads from %s to the state %q", d.def.Initial, s.Name),
			Text{"请加一个通到那里的事件，或删除这个状态", "add an event that leads there, or remove the state"})
	case s.Final:
	case len(d.def.EventsFrom(s.Name)) == 0:
		c.problems.add(s.Pos, codeDeadEnd, phrase("没有事件从状态“%s”出发", "no event leaves the state %q", s.Name),
			Text{"请加一个，或写 `final: true`", "add one, or write `final: true`"})
	case !ends:
		c.problems.add(s.Pos, codeNoFinal, phrase("从状态“%s”到不了任何终结状态", "from the state %q no final state can be reached", s.Name), Text{
			"请加一个往后走的事件，或在结束处的状态写 `final: true`（取消不算）",
			"add an event that leads on, or write `final: true` at the state where it ends (cancelling does not count)",
		})
	}
}

// moves are the transitions of a machine: state → states that its events lead to.
func moves(d *Definition) map[string][]string {
	out := map[string][]string{}
	for _, e := range d.Events {
		for _, from := range e.From {
			for _, to := range e.To {
				out[from] = append(out[from], to.State)
			}
		}
	}
	return out
}

func closure(start []string, edges map[string][]string) map[string]bool {
	seen := map[string]bool{}
	todo := slices.Clone(start)
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[s] {
			continue
		}
		seen[s] = true
		todo = append(todo, edges[s]...)
	}
	return seen
}

// canEnd reports for each state whether a final one can be reached from it by events.
func canEnd(d *Definition) map[string]bool {
	back := map[string][]string{}
	for from, tos := range moves(d) {
		for _, to := range tos {
			back[to] = append(back[to], from)
		}
	}
	var finals []string
	for _, s := range d.States {
		if s.Final && s.Name != StateCancelled && s.Name != StateSkipped {
			finals = append(finals, s.Name)
		}
	}
	return closure(finals, back)
}

// cycle finds one cycle in a graph and returns its nodes, the first one again at the end; nil if there is none.
func cycle(nodes []string, edges map[string][]string) []string {
	const (
		open = 1
		done = 2
	)
	mark := map[string]int{}
	var path []string
	var visit func(string) []string
	visit = func(n string) []string {
		switch mark[n] {
		case done:
			return nil
		case open:
			return append(slices.Clone(path[slices.Index(path, n):]), n)
		}
		mark[n] = open
		path = append(path, n)
		for _, next := range edges[n] {
			if found := visit(next); found != nil {
				return found
			}
		}
		path = path[:len(path)-1]
		mark[n] = done
		return nil
	}
	for _, n := range nodes {
		if found := visit(n); found != nil {
			return found
		}
	}
	return nil
}

// cycles finds cycles until taking the first edge of each away leaves none. It changes edges.
func cycles(nodes []string, edges map[string][]string) [][]string {
	var out [][]string
	for path := cycle(nodes, edges); path != nil; path = cycle(nodes, edges) {
		out = append(out, path)
		edges[path[0]] = slices.DeleteFunc(edges[path[0]], func(to string) bool { return to == path[1] })
	}
	return out
}

func arrows(path []string) string { return strings.Join(path, " → ") }
