package app

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	settleAfter = time.Second // after the start, whose garbage is as much as all that stays
	restAfter   = 15 * time.Second
	restUnder   = 4 << 20 // bytes allocated in that time: nobody is asking for anything
)

// gcPercent lets the heap grow to four times what is alive before garbage is collected: a server makes much garbage and keeps little, and
// collecting it four times as often took a tenth of its work.
const gcPercent = 300

// relax collects garbage less often, unless the operator says in GOGC how often.
func relax(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// rest gives memory back to the system when the process has worked and then finds nothing to do, until ctx ends. The runtime would do so
// too, but only minutes later.
func rest(ctx context.Context) {
	select {
	case <-ctx.Done():
		return
	case <-time.After(settleAfter):
		debug.FreeOSMemory()
	}
	tick := time.NewTicker(restAfter)
	defer tick.Stop()
	last, rested := allocated(), false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := allocated()
		idle := now-last < restUnder
		if idle && !rested {
			debug.FreeOSMemory()
		}
		last, rested = now, idle
	}
}

// allocated is how many bytes the process has ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
