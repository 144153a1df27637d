package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/linli/linli/internal/calendar"
	"pgregory.net/rapid"
)

// zone loads a zone that the test names.
func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := calendar.Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// instant reads RFC 3339.
func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestParseCronRefusesWhatCannotBeMeant(t *testing.T) {
	for name, c := range map[string]struct{ spec, want string }{
		"an empty rule":             {"", "has 0 fields"},
		"spaces only":               {"   ", "has 0 fields"},
		"a zone without fields":     {"TZ=0", "time zone"},
		"an empty zone":             {"TZ=", "time zone"},
		"a cron zone, no fields":    {"CRON_TZ=Zone", "time zone"},
		"a zone before fields":      {"CRON_TZ=Asia/Tokyo 0 9 * * *", "time zone"},
		"a zone after a space":      {" TZ=UTC 0 9 * * *", "time zone"},
		"a list of nothing":         {",,, * * * *", "empty member"},
		"a list with a hole":        {"0,,30 * * * *", "empty member"},
		"a trailing comma":          {"0 9, * * *", "empty member"},
		"a step beyond the field":   {"*/61 * * * *", "between 1 and 59"},
		"a step equal to the field": {"*/60 * * * *", "between 1 and 59"},
		"a step of nothing":         {"*/0 * * * *", "between 1 and 59"},
		"a huge step":               {"0 */99999999999999999999 * * *", "between 1 and 23"},
		"every zero seconds":        {"@every 0s", "at least one second"},
		"every minus five minutes":  {"@every -5m", "at least one second"},
		"every half second":         {"@every 500ms", "at least one second"},
		"every broken second":       {"@every 1500ms", "whole seconds"},
		"every nothing":             {"@every", "no duration"},
		"every century":             {"@every 876000h", "within 5 years"},
		"30 February":               {"0 9 30 2 *", "never fires"},
		"31 of short months":        {"0 9 31 4,6,9,11,2 *", "never fires"},
		"the 31st with ? weekdays":  {"0 9 31 2 ?", "never fires"},
		"four fields":               {"0 9 * *", "has 4 fields"},
		"six fields":                {"0 0 9 * * *", "has 6 fields"},
		"Sunday as 7":               {"0 9 * * 7", "write Sunday as 0"},
		"the last day":              {"0 9 L * *", "L"},
		"the first Monday":          {"0 9 * * MON#1", "MON#1"},
		"a star with a tail":        {"*-5 * * * *", "*-5"},
		"a signed number":           {"+5 * * * *", "+5"},
		"a minute too large":        {"60 * * * *", "above maximum"},
		"a backward range":          {"0 17-9 * * *", "beyond end"},
		"a question in minutes":     {"? * * * *", "?"},
		"a reboot":                  {"@reboot", "unrecognized"},
		"an overlong rule":          {strings.Repeat("0", 300) + " * * * *", "longer than"},
		"an ideographic comma":      {"0，30 9 * * *", "is not a number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := calendar.ParseCron(c.spec, time.UTC)
			if err == nil {
				t.Fatalf("%q was accepted", c.spec)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not say %q", err, c.want)
			}
		})
	}
	if _, err := calendar.ParseCron("0 9 * * *", nil); err == nil {
		t.Error("a rule without a zone was accepted")
	}
}

func TestScheduleNext(t *testing.T) {
	for name, c := range map[string]struct {
		spec, zone, after string
		want              []string
	}{
		"Mondays at ten":            {"0 10 * * 1", "Asia/Shanghai", "2023-06-14T00:00:00Z", []string{"2023-06-19T02:00:00Z", "2023-06-26T02:00:00Z"}},
		"not at the instant itself": {"0 10 * * *", "Asia/Shanghai", "2023-06-14T02:00:00Z", []string{"2023-06-15T02:00:00Z"}},
		"a second before":           {"0 10 * * *", "Asia/Shanghai", "2023-06-14T01:59:59Z", []string{"2023-06-14T02:00:00Z"}},
		"either day field is enough": {
			"0 9 1-2 * MON", "UTC", "2023-06-30T12:00:00Z",
			[]string{"2023-07-01T09:00:00Z", "2023-07-02T09:00:00Z", "2023-07-03T09:00:00Z", "2023-07-10T09:00:00Z"},
		},
		"leap days only":                {"0 0 29 2 *", "UTC", "2023-01-01T00:00:00Z", []string{"2024-02-29T00:00:00Z", "2028-02-29T00:00:00Z"}},
		"daily":                         {"@daily", "Asia/Shanghai", "2023-06-14T15:00:00Z", []string{"2023-06-14T16:00:00Z"}},
		"every ninety minutes":          {"@every 1h30m", "UTC", "2023-06-14T00:00:00.25Z", []string{"2023-06-14T01:30:00Z", "2023-06-14T03:00:00Z"}},
		"a gap moves forward":           {"30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", []string{"2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"}},
		"an overlap counts once":        {"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", []string{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
		"Cairo keeps its day":           {"0 0 * * *", "Africa/Cairo", "2026-04-23T12:00:00Z", []string{"2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"}},
		"Cairo keeps its week":          {"0 0 * * 5", "Africa/Cairo", "2026-04-20T00:00:00Z", []string{"2026-04-23T22:00:00Z", "2026-04-30T21:00:00Z"}},
		"Santiago keeps its day":        {"0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z", []string{"2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"}},
		"half an hour at Lord Howe":     {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", []string{"2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z"}},
		"Apia's lost day":               {"0 9 * * *", "Pacific/Apia", "2011-12-29T12:00:00Z", []string{"2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"}},
		"a yearly rule on the lost day": {"0 9 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", []string{"2011-12-30T19:00:00Z"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := calendar.ParseCron(c.spec, zone(t, c.zone))
			if err != nil {
				t.Fatal(err)
			}
			at, got := instant(t, c.after), []string{}
			for range c.want {
				at = s.Next(at)
				got = append(got, at.Format(time.RFC3339))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestScheduleNextGivesUpWithZero(t *testing.T) {
	s, err := calendar.ParseCron("0 0 29 2 *", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Next(instant(t, "2097-01-01T00:00:00Z")); !got.IsZero() {
		t.Errorf("2100 is no leap year, yet got %s", got)
	}
	if got := s.Next(time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC)); !got.IsZero() {
		t.Errorf("far beyond the calendar, yet got %s", got)
	}
	if got := (calendar.Schedule{}).Next(time.Unix(0, 0)); !got.IsZero() {
		t.Errorf("the zero schedule fired at %s", got)
	}
}

func TestCacheAnswersLikeParseCron(t *testing.T) {
	var cache calendar.Cache
	shanghai, cairo := zone(t, "Asia/Shanghai"), zone(t, "Africa/Cairo")
	after := instant(t, "2026-04-23T12:00:00Z")
	for range 2 {
		for _, z := range []*time.Location{shanghai, cairo} {
			cached, err := cache.ParseCron("0 0 * * *", z)
			if err != nil {
				t.Fatal(err)
			}
			direct, err := calendar.ParseCron("0 0 * * *", z)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := cached.Next(after), direct.Next(after); !got.Equal(want) {
				t.Errorf("%s: got %s, want %s", z, got, want)
			}
		}
	}
	if _, err := cache.ParseCron("nonsense", shanghai); err == nil {
		t.Error("nonsense was accepted")
	}
	if _, err := cache.ParseCron("0 0 * * *", nil); err == nil {
		t.Error("a rule without a zone was accepted")
	}
}

func FuzzParseCron(f *testing.F) {
	for _, spec := range []string{"0 10 * * 1", "TZ=0", "CRON_TZ=Zone", ",,, * * * *", "*/61 * * * *", "@every -5m", "@daily", "0 0 30 2 *", "? ? ? ? ?", "0 0 29 FEB SUN"} {
		f.Add(spec)
	}
	cairo := zone(f, "Africa/Cairo")
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := calendar.ParseCron(spec, cairo)
		if err != nil {
			return
		}
		after := time.Date(2026, 4, 23, 12, 0, 0, 0, time.UTC)
		if got := s.Next(after); !got.After(after) {
			t.Errorf("%q: next is %s", spec, got)
		}
	})
}

// genSpec draws rules of all shapes that are not refused.
func genSpec(t *rapid.T) string {
	draw := func(label string, lo, hi int) string {
		n := rapid.IntRange(lo, hi)
		switch rapid.IntRange(0, 3).Draw(t, label+" shape") {
		case 0:
			return "*"
		case 1:
			return itoa(n.Draw(t, label))
		case 2:
			a, b := n.Draw(t, label), n.Draw(t, label)
			return itoa(min(a, b)) + "-" + itoa(max(a, b)) + "," + itoa(n.Draw(t, label))
		default:
			return "*/" + itoa(rapid.IntRange(1, hi-lo).Draw(t, label))
		}
	}
	return strings.Join([]string{draw("minute", 0, 59), draw("hour", 0, 23), draw("dom", 1, 28), draw("month", 1, 12), draw("dow", 0, 6)}, " ")
}

func TestNextIsMonotoneAndSkipsNothing(t *testing.T) {
	names := zones()
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(names).Draw(rt, "zone")
		s, err := calendar.ParseCron(genSpec(rt), zone(t, name))
		if err != nil {
			rt.Fatal(err)
		}
		base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		a := base.Add(time.Duration(rapid.Int64Range(0, 400*24*3600).Draw(rt, "a")) * time.Second)
		first := s.Next(a)
		if !first.After(a) {
			rt.Fatalf("Next(%s) = %s", a, first)
		}
		// From anywhere in between, the answer is the same.
		b := a.Add(time.Duration(rapid.Int64Range(0, int64(first.Sub(a))-1).Draw(rt, "b")))
		if got := s.Next(b); !got.Equal(first) {
			rt.Fatalf("Next(%s) = %s, but Next(%s) = %s", a, first, b, got)
		}
	})
}

func BenchmarkParseCron(b *testing.B) {
	for b.Loop() {
		if _, err := calendar.ParseCron("0 10 * * 1", time.UTC); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	s, err := calendar.ParseCron("0 10 * * 1", zone(b, "Asia/Shanghai"))
	if err != nil {
		b.Fatal(err)
	}
	at := time.Date(2023, 6, 14, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		s.Next(at)
	}
}
