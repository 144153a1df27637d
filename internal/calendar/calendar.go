// Package calendar answers every question about dates, wall clocks and repetition: when a cron rule fires
// next, what lies seven days or ten working days later, when "the afternoon of 14 June" begins.
//
// It is pure: no clock, no I/O, nothing remembered between calls except in a Cache that a caller owns. It must
// not know what a workflow, a timer or a database is. It carries its own copy of the IANA time zone database, so
// that the smallest container image computes the same answers as a desktop.
//
// Every instant that it returns is in UTC; a zone is always the caller's explicit argument. Dates are strings
// in the form "2006-01-02", which compare in date order.
//
// A wall-clock time that a zone leaves out or shows twice is resolved as RFC 5545 §3.3.5 says: what falls into a
// gap moves forward by the length of the gap (02:30 becomes 03:30), what happens twice means the first time.
package calendar

import (
	"fmt"
	"time"
	_ "time/tzdata" // offices run on machines and images without a zone database
)

const (
	dateLayout  = "2006-01-02"
	clockLayout = "15:04"

	// reach is further than any UTC offset in the zone database lies from zero (Manila's local mean time, -15:56).
	reach = 24 * time.Hour
)

// Zone loads a time zone by its IANA name. Unlike time.LoadLocation it refuses "" and "Local": an office's dates
// must not depend on the machine that computes them.
func Zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("%q is not a time zone: give an IANA name such as Asia/Shanghai", name)
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not a time zone: give an IANA name such as Asia/Shanghai: %w", name, err)
	}
	return zone, nil
}

// resolve returns the instant at which the clocks of zone show wall, a reading carried in UTC fields.
//
// It walks the zone's periods of constant offset forward from one that surely ends before or contains the answer.
// The first period that contains the reading gives the first of two instants; a reading that lies before the start
// of the period reached was left out, and the offset before the gap applies to it.
func resolve(wall time.Time, zone *time.Location) time.Time {
	period := wall.Add(-reach).In(zone)
	_, before := period.Zone()
	for {
		start, end := period.ZoneBounds()
		_, offset := period.Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if !start.IsZero() && at.Before(start) {
			return wall.Add(-time.Duration(before) * time.Second)
		}
		if end.IsZero() || at.Before(end) {
			return at
		}
		before, period = offset, end.In(zone)
	}
}

// wallOf returns the reading of zone's clocks at t, carried in UTC fields.
func wallOf(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// onDay returns the reading of the given time of day on wall's day.
func onDay(wall time.Time, hour, minute int) time.Time {
	y, m, d := wall.Date()
	return time.Date(y, m, d, hour, minute, 0, 0, time.UTC)
}

// At returns the instant of the wall-clock time clock ("10:00") on the day that t falls on in zone.
func At(t time.Time, clock string, zone *time.Location) (time.Time, error) {
	hour, minute, err := ParseClock(clock)
	if err != nil {
		return time.Time{}, err
	}
	return resolve(onDay(wallOf(t, zone), hour, minute), zone), nil
}

// ParseClock reads a wall-clock time "HH:MM", from 00:00 to 23:59.
func ParseClock(s string) (hour, minute int, err error) {
	t, err := time.Parse(clockLayout, s)
	if err != nil || len(s) != len(clockLayout) {
		return 0, 0, fmt.Errorf("%q is not a time of day: give HH:MM, for example 09:00", s)
	}
	return t.Hour(), t.Minute(), nil
}
