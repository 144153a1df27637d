package engine

// pass fires what is due, earliest first, until nothing is left that it has not tried: what fires may arm timers that are due as
// well. A timer that fails is passed over, and whatever comes after it still fires. It returns how many timers ended and the last failure.
//
// next reads due timers after a given one; fire returns an error if the timer still waits. Strictly, the timers are read anew after
// each, so that one armed by another takes its place in the order; otherwise only when the ones read have been tried.
func pass(strictly bool, next func(after TimerRow) ([]TimerRow, error), fire func(TimerRow) error) (int, error) {
	tried := map[string]bool{}
	ended, progress := 0, false
	var after TimerRow
	var failure error
	for ended < maxFirings {
		rows, err := next(after)
		if err != nil {
			return ended, err
		}
		if len(rows) == 0 {
			if !progress {
				break
			}
			after, progress = TimerRow{}, false
			continue
		}
		for _, t := range rows {
			after = t
			id := timerJob(t).req.ID
			if tried[t.Community+"/"+id] {
				continue
			}
			tried[t.Community+"/"+id] = true
			if err := fire(t); err != nil {
				failure = err
				break // reading on tells whether it was the timer or the database
			}
			ended, progress = ended+1, true
			if strictly {
				after = TimerRow{}
				break
			}
		}
	}
	return ended, failure
}
