package calendar

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a signed ISO 8601 duration: a calendar part (months and days, counted on the wall calendar) and a clock
// part (elapsed time). P1D and PT24H differ on the day the clocks change. The zero value is no time at all.
type Duration struct {
	months int
	days   int
	clock  time.Duration
}

// The furthest that one part of a duration may reach: a hundred years. Nothing that a community plans lies further
// away, and no sum of the parts can overflow.
const (
	maxMonths  = 100 * 12
	maxDays    = 100 * 366
	maxSeconds = maxDays * 24 * 60 * 60
)

var durationForm = regexp.MustCompile(
	`^([+-]?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,6}))?S)?)?$`)

// ParseDuration reads a signed ISO 8601 duration: P7D, -PT2H, P1M, P2W, P1Y2M3DT4H5M6S. A sign stands before
// the P and holds for the whole. Only seconds may have a fraction, down to microseconds; each part reaches a hundred
// years at most.
func ParseDuration(s string) (Duration, error) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil || strings.HasSuffix(s, "P") || strings.HasSuffix(s, "T") {
		return Duration{}, fmt.Errorf("%q is not a duration: give ISO 8601 in whole units, for example P7D, -PT2H, P1M or P2W", s)
	}
	months, monthsFit := weigh(maxMonths, part{m[2], 12}, part{m[3], 1})
	days, daysFit := weigh(maxDays, part{m[4], 7}, part{m[5], 1})
	seconds, secondsFit := weigh(maxSeconds, part{m[6], 3600}, part{m[7], 60}, part{m[8], 1})
	if !monthsFit || !daysFit || !secondsFit {
		return Duration{}, fmt.Errorf("%q is too long: a duration may reach a hundred years", s)
	}
	micros, _ := strconv.Atoi((m[9] + "000000")[:6]) // the expression admits digits only
	d := Duration{
		months: months,
		days:   days,
		clock:  time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond,
	}
	if m[1] == "-" {
		return d.negated(), nil
	}
	return d, nil
}

// part is a number as written, and how many of the smallest unit one of it is worth.
type part struct {
	digits string
	weight int
}

// weigh adds the parts up; one without digits counts as 0. It reports false beyond limit.
func weigh(limit int, parts ...part) (int, bool) {
	sum := 0
	for _, p := range parts {
		if p.digits == "" {
			continue
		}
		n, err := strconv.Atoi(p.digits)
		if err != nil || n > limit {
			return 0, false
		}
		sum += n * p.weight
	}
	return sum, sum <= limit
}

func (d Duration) negated() Duration {
	return Duration{months: -d.months, days: -d.days, clock: -d.clock}
}

// IsZero reports whether the duration moves nothing.
func (d Duration) IsZero() bool { return d == Duration{} }

// Negative reports whether the duration leads back in time.
func (d Duration) Negative() bool { return d.months < 0 || d.days < 0 || d.clock < 0 }

// AddTo returns t moved by d. The calendar part moves the wall clock of zone: seven days after 18:00 is 18:00, and a
// day that the target month lacks becomes its last day (31 January + P1M is 28 or 29 February). Then the clock part
// passes as elapsed time. Without a calendar part the zone plays no role.
func (d Duration) AddTo(t time.Time, zone *time.Location) time.Time {
	if d.months == 0 && d.days == 0 {
		return t.UTC().Add(d.clock)
	}
	wall := plusMonths(wallOf(t, zone), d.months).AddDate(0, 0, d.days)
	return resolve(wall, zone).Add(d.clock)
}

// plusMonths moves a reading by whole months and keeps it inside the month reached.
func plusMonths(wall time.Time, months int) time.Time {
	moved := wall.AddDate(0, months, 0)
	if moved.Day() != wall.Day() { // AddDate ran over into the next month
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// String writes the duration in the form that ParseDuration reads; equal durations read alike.
func (d Duration) String() string {
	if d.IsZero() {
		return "PT0S"
	}
	var b strings.Builder
	if d.Negative() {
		b.WriteByte('-')
		d = d.negated()
	}
	b.WriteByte('P')
	write := func(n int, unit byte) {
		if n != 0 {
			b.WriteString(strconv.Itoa(n))
			b.WriteByte(unit)
		}
	}
	write(d.months, 'M')
	write(d.days, 'D')
	if d.clock == 0 {
		return b.String()
	}
	b.WriteByte('T')
	write(int(d.clock/time.Hour), 'H')
	write(int(d.clock/time.Minute%60), 'M')
	if seconds := d.clock % time.Minute; seconds != 0 {
		b.WriteString(strconv.Itoa(int(seconds / time.Second)))
		if micros := seconds % time.Second / time.Microsecond; micros != 0 { // not by way of a float, which cannot hold every decimal
			b.WriteString(strings.TrimRight(fmt.Sprintf(".%06d", int(micros)), "0"))
		}
		b.WriteByte('S')
	}
	return b.String()
}
