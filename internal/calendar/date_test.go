package calendar_test

import (
	"testing"
	"time"

	"github.com/linli/linli/internal/calendar"
	"pgregory.net/rapid"
)

func TestHalfDayStart(t *testing.T) {
	own := calendar.OfficeHours{Morning: "08:30"}
	for name, c := range map[string]struct {
		given, zone string
		office      calendar.OfficeHours
		want        string
	}{
		"morning":              {"2023-06-14/morning", "Asia/Shanghai", calendar.OfficeHours{}, "2023-06-14T01:00:00Z"},
		"afternoon":            {"2023-06-14/afternoon", "Asia/Shanghai", calendar.OfficeHours{}, "2023-06-14T06:30:00Z"},
		"evening":              {"2023-07-11/evening", "Asia/Shanghai", calendar.OfficeHours{}, "2023-07-11T11:00:00Z"},
		"the office's own":     {"2023-06-14/morning", "Asia/Shanghai", own, "2023-06-14T00:30:00Z"},
		"the others' defaults": {"2023-06-14/evening", "Asia/Shanghai", own, "2023-06-14T11:00:00Z"},
		"a plain date":         {"2023-06-14", "Asia/Shanghai", own, "2023-06-13T16:00:00Z"},
		"a missing midnight":   {"2026-04-24", "Africa/Cairo", own, "2026-04-23T22:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := calendar.HalfDayStart(c.given, c.office, zone(t, c.zone))
			if err != nil {
				t.Fatal(err)
			}
			if s := got.Format(time.RFC3339); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
	for _, bad := range []string{"", "2023-6-14", "2023-02-29", "2023-06-14/", "2023-06-14/noon", "2023-06-14/morning/x", "14.06.2023", "2023-06-14T09:00:00Z"} {
		if at, err := calendar.HalfDayStart(bad, own, time.UTC); err == nil {
			t.Errorf("%q was read as %s", bad, at)
		}
	}
	if _, err := calendar.HalfDayStart("2023-06-14/morning", calendar.OfficeHours{Morning: "9"}, time.UTC); err == nil {
		t.Error("office hours of 9 were accepted")
	}
}

func TestAt(t *testing.T) {
	shanghai := zone(t, "Asia/Shanghai")
	got, err := calendar.At(instant(t, "2023-06-13T20:00:00Z"), "10:00", shanghai) // 04:00 on the 14th there
	if err != nil {
		t.Fatal(err)
	}
	if want := instant(t, "2023-06-14T02:00:00Z"); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, bad := range []string{"", "24:00", "9:00", "09:60", "0900", "09:00:00", "９:00"} {
		if _, err := calendar.At(time.Unix(0, 0), bad, shanghai); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestDates(t *testing.T) {
	if n, err := calendar.Days("2023-06-14", "2023-07-11"); n != 27 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	if d, err := calendar.PlusDays("2024-02-28", 2); d != "2024-03-01" || err != nil {
		t.Errorf("got %s, %v", d, err)
	}
	if got := calendar.DateOf(instant(t, "2023-06-13T16:00:00Z"), zone(t, "Asia/Shanghai")); got != "2023-06-14" {
		t.Errorf("got %s", got)
	}
	for _, bad := range []int{-1 << 62, -4_000_000, 4_000_000, 1 << 62} {
		if d, err := calendar.PlusDays("2023-06-14", bad); err == nil {
			t.Errorf("%d days later was %s", bad, d)
		}
	}
	if _, err := calendar.Days("x", "2023-06-14"); err == nil {
		t.Error("x was a date")
	}
	if _, err := calendar.Days("2023-06-14", "x"); err == nil {
		t.Error("x was a date")
	}
	if _, err := calendar.PlusDays("x", 1); err == nil {
		t.Error("x was a date")
	}
	if _, err := calendar.StartOfDay("x", time.UTC); err == nil {
		t.Error("x was a date")
	}
	if err := calendar.CheckDate("2023-02-29"); err == nil {
		t.Error("29 February 2023 was a date")
	}
}

func TestZoneRefusesTheMachinesOwn(t *testing.T) {
	for _, bad := range []string{"", "Local", "Asia/Nowhere", "../etc/passwd"} {
		if _, err := calendar.Zone(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestDaysUndoesPlusDays(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(-500_000, 500_000).Draw(rt, "n")
		there, err := calendar.PlusDays("2023-06-14", n)
		if err != nil {
			rt.Fatal(err)
		}
		if got, err := calendar.Days("2023-06-14", there); got != n || err != nil {
			rt.Fatalf("%d days lead to %s, which is %d away (%v)", n, there, got, err)
		}
	})
}
