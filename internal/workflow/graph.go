package workflow

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/looplab/fsm"
)

// Mermaid draws the machine as a Mermaid state diagram; the same definition always gives the same text.
// What the engine adds, such as cancelling, is left out: it would lead from nearly every state.
func Mermaid(d *Definition) string {
	drawn, err := fsm.VisualizeWithType(fsm.NewFSM(d.Initial, d.index.table.events, nil), fsm.MermaidStateDiagram)
	if err != nil {
		return "" // only an unknown diagram type is an error
	}
	var b strings.Builder
	for _, line := range strings.SplitAfter(drawn, "\n") {
		// A # begins an entity in Mermaid: name#0 becomes "name (1)".
		if head, n, ok := cutLast(strings.TrimSuffix(line, "\n"), "#"); ok {
			if i, err := strconv.Atoi(n); err == nil {
				line = fmt.Sprintf("%s (%d)\n", head, i+1)
			}
		}
		b.WriteString(line)
	}
	for _, s := range d.States {
		if s.Final && s.Name != StateCancelled && s.Name != StateSkipped {
			fmt.Fprintf(&b, "    %s --> [*]\n", s.Name)
		}
	}
	return b.String()
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
