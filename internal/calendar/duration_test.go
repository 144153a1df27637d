package calendar_test

import (
	"testing"
	"time"

	"github.com/linli/linli/internal/calendar"
	"pgregory.net/rapid"
)

func TestDurationAddTo(t *testing.T) {
	for name, c := range map[string]struct{ d, zone, from, want string }{
		"a week":                    {"P7D", "Asia/Shanghai", "2023-06-14T10:00:00Z", "2023-06-21T10:00:00Z"},
		"two weeks":                 {"P2W", "Asia/Shanghai", "2023-06-14T10:00:00Z", "2023-06-28T10:00:00Z"},
		"two hours before":          {"-PT2H", "Asia/Shanghai", "2023-06-14T01:00:00Z", "2023-06-13T23:00:00Z"},
		"a month on a short month":  {"P1M", "UTC", "2023-01-31T10:00:00Z", "2023-02-28T10:00:00Z"},
		"a month on a leap month":   {"P1M", "UTC", "2024-01-31T10:00:00Z", "2024-02-29T10:00:00Z"},
		"a month back":              {"-P1M", "UTC", "2023-03-31T10:00:00Z", "2023-02-28T10:00:00Z"},
		"a year after a leap day":   {"P1Y", "UTC", "2024-02-29T10:00:00Z", "2025-02-28T10:00:00Z"},
		"a month and a day":         {"P1M1D", "UTC", "2023-01-31T10:00:00Z", "2023-03-01T10:00:00Z"},
		"a day over summer time":    {"P1D", "America/New_York", "2026-03-07T17:00:00Z", "2026-03-08T16:00:00Z"},
		"24 hours over summer time": {"PT24H", "America/New_York", "2026-03-07T17:00:00Z", "2026-03-08T17:00:00Z"},
		"a day into the gap":        {"P1D", "America/New_York", "2026-03-07T07:30:00Z", "2026-03-08T07:30:00Z"},
		"a day into the overlap":    {"P1D", "America/New_York", "2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z"},
		"a day, then an hour":       {"P1DT1H", "America/New_York", "2026-10-31T05:30:00Z", "2026-11-01T06:30:00Z"},
		"nothing keeps the instant": {"P0D", "America/New_York", "2026-11-01T06:30:00Z", "2026-11-01T06:30:00Z"},
		"seconds are kept":          {"P1D", "UTC", "2023-06-14T10:11:12Z", "2023-06-15T10:11:12Z"},
		"72 hours":                  {"PT72H", "UTC", "2023-06-14T10:00:00Z", "2023-06-17T10:00:00Z"},
		"a plus sign":               {"+P1D", "UTC", "2023-06-14T10:00:00Z", "2023-06-15T10:00:00Z"},
		"into Apia's lost day":      {"P1D", "Pacific/Apia", "2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := calendar.ParseDuration(c.d)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.AddTo(instant(t, c.from), zone(t, c.zone)).Format(time.RFC3339); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestParseDurationRefuses(t *testing.T) {
	for _, bad := range []string{
		"", "P", "PT", "-P", "P1DT", "7D", "P1.5D", "P1,5D", "P0.5M", "PT1.5H", "PT0.0000001S", "PT.5S", "p7d", "P7d", "P-7D", "--P7D", "P7D ",
		" P7D", "P1D1M", "PT1M1H", "P1H", "P1S", "T1H", "P７D", "P101Y", "P1201M", "P40000D", "PT900000H", "P99999999999999999999D",
		"PT9223372036854775807H", "P9223372036854775807W",
	} {
		if d, err := calendar.ParseDuration(bad); err == nil {
			t.Errorf("%q was read as %s", bad, d)
		}
	}
}

func TestDurationString(t *testing.T) {
	for given, want := range map[string]string{
		"P0D": "PT0S", "-P0M": "PT0S", "P2W": "P14D", "P1Y2M": "P14M", "PT90M": "PT1H30M", "-P1DT12H": "-P1DT12H", "PT1.25S": "PT1.25S", "PT1.3113S": "PT1.3113S", "PT0.000001S": "PT0.000001S",
	} {
		d, err := calendar.ParseDuration(given)
		if err != nil {
			t.Fatal(err)
		}
		if d.String() != want {
			t.Errorf("%s: got %s, want %s", given, d, want)
		}
		if d.IsZero() != (want == "PT0S") || d.Negative() != (want[0] == '-') {
			t.Errorf("%s: zero %t, negative %t", given, d.IsZero(), d.Negative())
		}
	}
}

func TestDurationReadsBackWhatItWrites(t *testing.T) {
	form := rapid.StringMatching(`-?P([0-8]?[0-9]Y)?([0-9]{1,2}M)?([0-9]{1,3}W)?([0-9]{1,3}D)?T[0-9]{1,4}H([0-9]{1,3}M)?([0-9]{1,3}(\.[0-9]{1,6})?S)?`)
	base := time.Date(2023, 6, 14, 1, 2, 3, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		s := form.Draw(rt, "duration")
		d, err := calendar.ParseDuration(s)
		if err != nil {
			rt.Fatal(err)
		}
		again, err := calendar.ParseDuration(d.String())
		if err != nil || again != d {
			rt.Fatalf("%s is written as %s, which reads as %s (%v)", s, d, again, err)
		}
		moved := d.AddTo(base, time.UTC)
		if d.Negative() != moved.Before(base) || d.IsZero() != moved.Equal(base) {
			rt.Fatalf("%s leads from %s to %s", s, base, moved)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"P7D", "-PT2H", "P1M", "PT0.5S", "P99999999999W"} {
		f.Add(s)
	}
	cairo := zone(f, "Africa/Cairo")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := calendar.ParseDuration(s)
		if err != nil {
			return
		}
		if again, err := calendar.ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%q is written as %s, which reads as %s (%v)", s, d, again, err)
		}
		d.AddTo(time.Date(2026, 4, 23, 12, 0, 0, 0, time.UTC), cairo)
	})
}
