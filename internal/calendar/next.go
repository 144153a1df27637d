package calendar

import (
	"math/bits"
	"time"
)

// Next returns the first instant after the given one at which the rule fires, or the zero time if there is none
// within five years (29 February across the year 2100).
//
// It works on the wall calendar: it finds the day first, then the time of day, then the instant. So a rule fires on
// every day it names, even where the change to summer time leaves the hour or midnight itself out, and once where the
// hour comes twice. Two readings that a gap moves onto the same instant fire together, once.
func (s Schedule) Next(after time.Time) time.Time {
	if s.zone == nil || after.Year() < 1 || after.Year() > 9999 {
		return time.Time{}
	}
	if s.every > 0 {
		return after.UTC().Truncate(time.Second).Add(s.every)
	}
	today := onDay(wallOf(after, s.zone), 0, 0)
	last := today.AddDate(horizon, 0, 0)
	var best time.Time
	// A gap can move yesterday's readings past the present (Pacific/Apia left out all of 30 December 2011), and past
	// tomorrow's: hence the early start, and the search until no later day can be earlier.
	for day := today.AddDate(0, 0, -2); !day.After(last); day = day.AddDate(0, 0, 1) {
		if !best.IsZero() && day.After(wallOf(best, s.zone)) {
			break
		}
		if !s.allows(day) {
			continue
		}
		if at := s.firstOn(day, after); !at.IsZero() && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	return best
}

// allows reports whether the rule fires on a day.
func (s Schedule) allows(day time.Time) bool {
	if s.fields.Month&(1<<day.Month()) == 0 {
		return false
	}
	dom := s.fields.Dom&(1<<day.Day()) != 0
	dow := s.fields.Dow&(1<<day.Weekday()) != 0
	if s.fields.Dom&star != 0 || s.fields.Dow&star != 0 {
		return dom && dow
	}
	return dom || dow
}

// firstOn returns the earliest instant after the given one among the day's readings, or the zero time.
func (s Schedule) firstOn(day, after time.Time) time.Time {
	const length = 24 * time.Hour
	midnight := resolve(day, s.zone)
	_, end := midnight.In(s.zone).ZoneBounds()
	plain := wallOf(midnight, s.zone).Equal(day) && (end.IsZero() || !end.Before(midnight.Add(length)))
	if !plain {
		return s.searchDay(day, after)
	}
	from := 0 // first minute of the day that may lie after `after`
	if elapsed := after.Sub(midnight); elapsed >= 0 {
		if elapsed >= length {
			return time.Time{}
		}
		from = int(elapsed/time.Minute) + 1
	}
	minute, ok := s.minuteOfDay(from)
	if !ok {
		return time.Time{}
	}
	return midnight.Add(time.Duration(minute) * time.Minute)
}

// minuteOfDay returns the first minute of a day, at or after from, that the rule names.
func (s Schedule) minuteOfDay(from int) (int, bool) {
	hour, minute := from/60, from%60
	for hour < 24 {
		if s.fields.Hour&(1<<hour) != 0 {
			if later := s.fields.Minute &^ star >> minute; later != 0 {
				return hour*60 + minute + bits.TrailingZeros64(later), true
			}
		}
		hour, minute = hour+1, 0
	}
	return 0, false
}

// searchDay does firstOn's work on a day on which the clocks change: there a later reading may be an earlier instant.
func (s Schedule) searchDay(day, after time.Time) time.Time {
	var best time.Time
	for from := 0; ; {
		minute, ok := s.minuteOfDay(from)
		if !ok {
			return best
		}
		at := resolve(onDay(day, minute/60, minute%60), s.zone)
		if at.After(after) && (best.IsZero() || at.Before(best)) {
			best = at
		}
		from = minute + 1
	}
}
