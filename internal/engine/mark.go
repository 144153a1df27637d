package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// End is what the mark of a timer covers: everything about it, in bytes that are always the same. An end that the history does not
// tell of carries a mark under the audit key; without it nobody could tell a skipped timer from one that was silenced.
func (t TimerRow) End() ([]byte, error) {
	end, err := json.Marshal([]any{
		t.Community, t.Root, t.Instance, t.Rule, t.Generation, t.Due.UnixMicro(), t.Event, t.Status, t.Reason, t.Ended.UnixMicro(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode the end of timer %s of %s: %w", t.Rule, t.Instance, err)
	}
	return end, nil
}

// endTimer ends a timer outside the history, with its mark.
func (e *Engine) endTimer(ctx context.Context, t TimerRow) error {
	t.Ended = e.now().UTC().Truncate(time.Microsecond)
	end, err := t.End()
	if err != nil {
		return err
	}
	t.Mark = e.keys.TimerMark(end)
	return e.store.EndTimer(ctx, t)
}
