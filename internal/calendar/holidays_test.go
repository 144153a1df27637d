package calendar_test

import (
	"testing"

	"github.com/linli/linli/internal/calendar"
	"pgregory.net/rapid"
)

// dragonBoat2023 is 端午节 2023: Thursday 22 to Saturday 24 June off, Sunday 25 June worked.
func dragonBoat2023(t testing.TB) calendar.Holidays {
	t.Helper()
	h, err := calendar.NewHolidays([]string{"2023-06-22", "2023-06-23", "2023-06-24"}, []string{"2023-06-25"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWorkingDays(t *testing.T) {
	h := dragonBoat2023(t)
	for date, want := range map[string]bool{
		"2023-06-14": true, "2023-06-17": false, "2023-06-18": false, "2023-06-22": false, "2023-06-24": false, "2023-06-25": true, "2023-06-26": true,
	} {
		if got, err := h.IsWorkingDay(date); got != want || err != nil {
			t.Errorf("%s: got %t, %v", date, got, err)
		}
	}
	for _, c := range []struct {
		from string
		n    int
		want string
	}{
		{"2023-06-14", 0, "2023-06-14"},
		{"2023-06-17", 0, "2023-06-17"},
		{"2023-06-14", 1, "2023-06-15"},
		{"2023-06-16", 1, "2023-06-19"},
		{"2023-06-21", 1, "2023-06-25"},
		{"2023-06-21", 2, "2023-06-26"},
		{"2023-06-26", -2, "2023-06-21"},
		{"2023-06-14", 10, "2023-06-29"},
	} {
		if got, err := h.AddWorkingDays(c.from, c.n); got != c.want || err != nil {
			t.Errorf("%s and %d working days: got %s, %v, want %s", c.from, c.n, got, err, c.want)
		}
	}
}

func TestWorkingDaysKeepTheTimeOfDay(t *testing.T) {
	h, shanghai := dragonBoat2023(t), zone(t, "Asia/Shanghai")
	from := instant(t, "2023-06-20T23:30:00Z") // 07:30 on Wednesday the 21st there
	if got, want := h.AddWorkingDaysTo(from, 1, shanghai), instant(t, "2023-06-24T23:30:00Z"); !got.Equal(want) {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := h.AddWorkingDaysTo(from, 0, shanghai); !got.Equal(from) {
		t.Errorf("no working days moved %s to %s", from, got)
	}
}

func TestHolidaysRefuse(t *testing.T) {
	for name, c := range map[string]struct{ off, work []string }{
		"a malformed day off":     {[]string{"22.6.2023"}, nil},
		"a malformed working day": {nil, []string{"2023-06-31"}},
		"a date in both lists":    {[]string{"2023-06-25"}, []string{"2023-06-25"}},
	} {
		if _, err := calendar.NewHolidays(c.off, c.work); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	var h calendar.Holidays
	if _, err := h.AddWorkingDays("2023-06-14", 10_001); err == nil {
		t.Error("10,001 working days were accepted")
	}
	if _, err := h.AddWorkingDays("9999-12-31", 1); err == nil {
		t.Error("a date beyond the calendar was written")
	}
	if _, err := h.AddWorkingDays("x", 1); err == nil {
		t.Error("x was a date")
	}
	if _, err := h.IsWorkingDay("x"); err == nil {
		t.Error("x was a date")
	}
}

func TestWorkingDaysCountWorkingDays(t *testing.T) {
	h := dragonBoat2023(t)
	rapid.Check(t, func(rt *rapid.T) {
		from, err := calendar.PlusDays("2023-06-01", rapid.IntRange(0, 60).Draw(rt, "from"))
		if err != nil {
			rt.Fatal(err)
		}
		n := rapid.IntRange(1, 40).Draw(rt, "n")
		to, err := h.AddWorkingDays(from, n)
		if err != nil {
			rt.Fatal(err)
		}
		counted, last := 0, false
		for date := from; date != to; {
			if date, err = calendar.PlusDays(date, 1); err != nil {
				rt.Fatal(err)
			}
			if last, err = h.IsWorkingDay(date); err != nil {
				rt.Fatal(err)
			}
			if last {
				counted++
			}
		}
		if counted != n || !last {
			rt.Fatalf("%d working days after %s is %s, but %d lie between (last is one: %t)", n, from, to, counted, last)
		}
	})
}

func BenchmarkAddWorkingDays(b *testing.B) {
	h := dragonBoat2023(b)
	for b.Loop() {
		if _, err := h.AddWorkingDays("2023-06-14", 10); err != nil {
			b.Fatal(err)
		}
	}
}
