package calendar

import (
	"fmt"
	"time"
)

// Holidays knows the working days of a community: Monday to Friday, less the days off, plus the weekend days that are
// worked instead (调休). The zero value knows weekends only. It is immutable and safe for concurrent use.
type Holidays struct {
	off  map[string]bool
	work map[string]bool
}

// NewHolidays builds the calendar from data: dates off, and weekend dates that are worked. The State Council
// announces both for each year. An error names the date that is malformed or in both lists.
func NewHolidays(off, work []string) (Holidays, error) {
	h := Holidays{off: make(map[string]bool, len(off)), work: make(map[string]bool, len(work))}
	for _, date := range off {
		if err := CheckDate(date); err != nil {
			return Holidays{}, fmt.Errorf("days off: %w", err)
		}
		h.off[date] = true
	}
	for _, date := range work {
		if err := CheckDate(date); err != nil {
			return Holidays{}, fmt.Errorf("extra working days: %w", err)
		}
		if h.off[date] {
			return Holidays{}, fmt.Errorf("%s is listed both as a day off and as an extra working day: keep one of them", date)
		}
		h.work[date] = true
	}
	return h, nil
}

// IsWorkingDay reports whether people work on the date.
func (h Holidays) IsWorkingDay(date string) (bool, error) {
	d, err := parseDate(date)
	if err != nil {
		return false, err
	}
	return h.working(d), nil
}

func (h Holidays) working(d time.Time) bool {
	date := d.Format(dateLayout)
	if h.off[date] || h.work[date] {
		return h.work[date]
	}
	return d.Weekday() != time.Saturday && d.Weekday() != time.Sunday
}

// maxWorkingDays bounds one count: about forty years, further than any deadline.
const maxWorkingDays = 10_000

// AddWorkingDays returns the n-th working day after the date, before it if n is negative. The date itself is never
// counted (a deadline starts on the day after, Civil Code art. 201); n = 0 returns it unchanged.
func (h Holidays) AddWorkingDays(date string, n int) (string, error) {
	if n < -maxWorkingDays || n > maxWorkingDays {
		return "", fmt.Errorf("%d working days are too many: give at most %d", n, maxWorkingDays)
	}
	d, err := parseDate(date)
	if err != nil {
		return "", err
	}
	return formatDate(h.move(d, n))
}

// AddWorkingDaysTo returns t moved by n working days of zone, at the same wall-clock time.
// The number is held to ±10,000.
func (h Holidays) AddWorkingDaysTo(t time.Time, n int, zone *time.Location) time.Time {
	if n == 0 {
		return t.UTC()
	}
	n = max(-maxWorkingDays, min(n, maxWorkingDays))
	return resolve(h.move(wallOf(t, zone), n), zone)
}

// move steps day by day; it ends because the lists are finite and weekdays are not.
func (h Holidays) move(d time.Time, n int) time.Time {
	step := 1
	if n < 0 {
		step, n = -1, -n
	}
	for n > 0 {
		d = d.AddDate(0, 0, step)
		if h.working(d) {
			n--
		}
	}
	return d
}
