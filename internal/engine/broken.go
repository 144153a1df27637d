package engine

import (
	"fmt"
	"runtime"
)

// brokenCore says that a command met a defect of the core. It tells which command and what kind of panic, and no value: what somebody
// entered may be among those, and the error goes to the log.
type brokenCore struct {
	command string
	how     string
}

// Error names the command and the kind of panic.
func (e *brokenCore) Error() string { return "command " + e.command + " broke the core: " + e.how }

// panicText is what may be told of a panic: the words of the runtime, which name types and positions, and of anything else its type.
func panicText(broken any) string {
	if err, ok := broken.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T, not shown: it may hold what somebody entered", broken)
}
