package calendar

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// errRange says that a date would leave the years that the four-digit form can write.
var errRange = errors.New("the date lies outside the years 0001 to 9999")

// parseDate reads "2006-01-02" as midnight in UTC.
func parseDate(s string) (time.Time, error) {
	d, err := time.Parse(dateLayout, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a date: give year-month-day, for example 2023-06-14", s)
	}
	return d, nil
}

// formatDate writes a date read by parseDate and moved by whole days.
func formatDate(d time.Time) (string, error) {
	if d.Year() < 1 || d.Year() > 9999 {
		return "", errRange
	}
	return d.Format(dateLayout), nil
}

// DateOf returns the calendar day on which t falls in zone.
func DateOf(t time.Time, zone *time.Location) string {
	return wallOf(t, zone).Format(dateLayout)
}

// CheckDate returns an error that names the accepted form unless s is a date.
func CheckDate(s string) error {
	_, err := parseDate(s)
	return err
}

// StartOfDay returns the first instant of a date in zone: midnight, or the end of the gap where midnight is left out.
func StartOfDay(date string, zone *time.Location) (time.Time, error) {
	d, err := parseDate(date)
	if err != nil {
		return time.Time{}, err
	}
	return resolve(d, zone), nil
}

// Days returns how many days lie from date a to date b: 1 from a day to the next, negative if b is earlier.
func Days(a, b string) (int, error) {
	from, err := parseDate(a)
	if err != nil {
		return 0, err
	}
	to, err := parseDate(b)
	if err != nil {
		return 0, err
	}
	const day = 24 * 60 * 60
	return int((to.Unix() - from.Unix()) / day), nil
}

// PlusDays returns the date n days after the given one, before it if n is negative.
// The answer must lie in the years 0001 to 9999.
func PlusDays(date string, n int) (string, error) {
	const limit = 9999 * 366
	d, err := parseDate(date)
	if err != nil {
		return "", err
	}
	if n < -limit || n > limit {
		return "", errRange
	}
	return formatDate(d.AddDate(0, 0, n))
}

// OfficeHours holds the wall-clock times ("HH:MM") at which the parts of a day begin in a community.
// An empty one stands for the default: 09:00, 14:30, 19:00.
type OfficeHours struct {
	Morning   string
	Afternoon string
	Evening   string
}

// start returns the wall-clock time at which a part of the day begins.
func (o OfficeHours) start(part string) (string, error) {
	switch part {
	case "morning":
		return cmp.Or(o.Morning, "09:00"), nil
	case "afternoon":
		return cmp.Or(o.Afternoon, "14:30"), nil
	case "evening":
		return cmp.Or(o.Evening, "19:00"), nil
	default:
		return "", fmt.Errorf("%q is not a part of the day: give morning, afternoon or evening", part)
	}
}

// HalfDayStart returns the instant at which a date or half-day begins in zone: "2023-06-14" at the start of the day,
// "2023-06-14/morning", "/afternoon" and "/evening" at the office's hours.
func HalfDayStart(s string, office OfficeHours, zone *time.Location) (time.Time, error) {
	date, part, half := strings.Cut(s, "/")
	d, err := parseDate(date)
	if err != nil {
		return time.Time{}, err
	}
	if !half {
		return resolve(d, zone), nil
	}
	clock, err := office.start(part)
	if err != nil {
		return time.Time{}, err
	}
	hour, minute, err := ParseClock(clock)
	if err != nil {
		return time.Time{}, fmt.Errorf("office hours, %s: %w", part, err)
	}
	return resolve(onDay(d, hour, minute), zone), nil
}
