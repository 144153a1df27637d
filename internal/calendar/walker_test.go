package calendar_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linli/linli/internal/calendar"
)

func itoa(n int) string { return strconv.Itoa(n) }

// zones are those whose clocks have done something remarkable, and the one the offices live in.
func zones() []string {
	return []string{
		"Asia/Shanghai", "Africa/Cairo", "America/Santiago", "America/New_York", "Australia/Lord_Howe",
		"Pacific/Apia", "Europe/Lisbon", "Africa/Casablanca", "Asia/Beirut", "America/Asuncion", "UTC",
	}
}

// reading is a wall-clock minute.
type reading struct{ year, month, day, hour, minute int }

func readingOf(t time.Time) reading {
	return reading{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute()}
}

// walker is the oracle: it knows a zone only by looking at its clock minute by minute.
type walker struct {
	first map[reading]time.Time // first instant at which the clock shows a reading
	gaps  map[reading]time.Time // readings left out → the instant they move to
}

// walk looks at the clock from one instant to another.
func walk(from, to time.Time, loc *time.Location) walker {
	w := walker{map[reading]time.Time{}, map[reading]time.Time{}}
	previous := asUTC(from.In(loc))
	for t := from; t.Before(to); t = t.Add(time.Minute) {
		shown := asUTC(t.In(loc))
		// What lies between two looks was left out; without the gap it would have been shown that much later.
		for i, missing := 0, previous.Add(time.Minute); missing.Before(shown); i, missing = i+1, missing.Add(time.Minute) {
			w.gaps[readingOf(missing)] = t.Add(time.Duration(i) * time.Minute)
		}
		if r := readingOf(shown); w.first[r].IsZero() {
			w.first[r] = t
		}
		previous = shown
	}
	return w
}

// asUTC carries a clock's reading in UTC fields, so that readings can be counted on.
func asUTC(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
}

// firings are the instants of all readings that the rule names, in order, each once.
func (w walker) firings(spec string) []time.Time {
	r := readRule(spec)
	var all []time.Time
	for _, readings := range []map[reading]time.Time{w.first, w.gaps} {
		for shown, at := range readings {
			if r.names(shown) {
				all = append(all, at)
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal)
}

// rule holds the numbers that each field of a numeric rule lists, by the definition in crontab(5).
type rule struct {
	fields [5][60]bool
	either bool // both day fields are restricted
}

func readRule(spec string) rule {
	texts := strings.Fields(spec)
	r := rule{either: texts[2] != "*" && texts[4] != "*"}
	for i, lowest := range [5]int{0, 0, 1, 1, 0} {
		for n := lowest; n < 60; n++ {
			r.fields[i][n] = member(texts[i], n, lowest)
		}
	}
	return r
}

func (r *rule) names(at reading) bool {
	if !r.fields[0][at.minute] || !r.fields[1][at.hour] || !r.fields[3][at.month] {
		return false
	}
	weekday := time.Date(at.year, time.Month(at.month), at.day, 0, 0, 0, 0, time.UTC).Weekday()
	if r.either {
		return r.fields[2][at.day] || r.fields[4][weekday]
	}
	return r.fields[2][at.day] && r.fields[4][weekday]
}

func member(list string, n, lowest int) bool {
	for _, m := range strings.Split(list, ",") {
		body, step, stepped := strings.Cut(m, "/")
		by := 1
		if stepped {
			by, _ = strconv.Atoi(step)
		}
		lo, hi, ranged := strings.Cut(body, "-")
		a, _ := strconv.Atoi(lo)
		b, _ := strconv.Atoi(hi)
		switch {
		case body == "*":
			a, b = lowest, 100
		case !ranged && stepped:
			b = 100
		case !ranged:
			b = a
		}
		if n >= a && n <= b && (n-a)%by == 0 {
			return true
		}
	}
	return false
}

// TestNextAgreesWithAMinuteWalker compares every firing of many rules over windows in which clocks change.
func TestNextAgreesWithAMinuteWalker(t *testing.T) {
	specs := []string{
		"0 0 * * *", "30 2 * * *", "0 0 * * 5", "*/7 * * * *", "0 10 * * 1", "15,45 0-3 * * *", "30 23 * * *",
		"59 23 30 12 *", "0 9 1-7 * 1", "5/20 1 */2 * *", "0 3 29 2 *", "0 0 1 * *", "30 0 * * 0,6",
	}
	windows := map[string][][2]string{
		"Pacific/Apia": {{"2011-12-20", "2012-01-10"}, {"2011-09-20", "2011-10-01"}},
	}
	for _, name := range zones() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loc := zone(t, name)
			spans := append(windows[name], [2]string{"2026-02-01", "2026-05-10"}, [2]string{"2026-08-25", "2026-11-10"})
			for _, span := range spans {
				from, to := instant(t, span[0]+"T00:00:00Z"), instant(t, span[1]+"T00:00:00Z")
				w := walk(from, to, loc)
				for _, spec := range specs {
					compare(t, spec, loc, w.firings(spec), from.AddDate(0, 0, 2), to.AddDate(0, 0, -2))
				}
			}
		})
	}
}

// compare checks the firings strictly inside a window, whose margins the walker may not fully know.
func compare(t *testing.T, spec string, loc *time.Location, walked []time.Time, from, to time.Time) {
	t.Helper()
	s, err := calendar.ParseCron(spec, loc)
	if err != nil {
		t.Fatal(err)
	}
	want, got := []string{}, []string{}
	for _, at := range walked {
		if at.After(from) && at.Before(to) {
			want = append(want, at.UTC().Format(time.RFC3339))
		}
	}
	for at := s.Next(from); !at.IsZero() && at.Before(to); at = s.Next(at) {
		got = append(got, at.Format(time.RFC3339))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s in %s (-walker +Next)\n%s", spec, loc, diff)
	}
}
