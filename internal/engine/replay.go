package engine

import (
	"slices"
	"strings"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// timerPrefix begins the ids of the commands that due timers fire.
const timerPrefix = "timer/"

// checkOwn refuses what only the engine itself may ask for: to act as a timer.
func (r *Request) checkOwn() error {
	if r.Timer != nil || strings.HasPrefix(r.ID, timerPrefix) {
		return fault.NewInvalid("id", "reserved_command_id", "以 "+timerPrefix+" 开头的编号留给定时器使用；请换一个",
			"ids that begin with "+timerPrefix+" belong to timers; choose another")
	}
	return nil
}

// checkMade refuses a request whose id another one used. Its answer still says what that one came to.
func (r *Request) checkMade(entry *workflow.Entry) error {
	if r.made(entry) {
		return nil
	}
	return fault.New(fault.Mismatch, "command_id_reused", "这个操作编号已用于另一项操作；请换一个新的",
		"this command id was already used for another command; choose a new one")
}

// made reports whether an entry with the request's id came of this request, and not of another that chose the same id. What the
// inputs were cannot be compared: private ones are sealed differently every time.
func (r *Request) made(entry *workflow.Entry) bool {
	if entry.Kind != r.Kind || entry.Event != r.Event || entry.Undoes != r.Of || entry.Actor != r.Actor || !sameTimer(entry.Timer, r.Timer) {
		return false
	}
	switch r.Kind {
	case workflow.KindUndo:
		return true
	case workflow.KindCreate:
		return r.created(entry)
	default:
		return entry.Target == r.Target
	}
}

// created reports whether the entry created what the request asks for. A programme takes its key from its code.
func (r *Request) created(entry *workflow.Entry) bool {
	n := slices.IndexFunc(entry.Changes, func(c workflow.Change) bool { return c.ID == entry.Target })
	if n < 0 || entry.Changes[n].Created == nil {
		return false
	}
	is := entry.Changes[n].Created
	return is.Workflow == r.Workflow && is.Slot == r.Slot && is.Parent == r.Target && (r.Key == "" && r.Root == "" || is.Key == r.Key)
}

func sameTimer(a, b *workflow.TimerRef) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
