package workflow

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Occurred is when something happened, as far as the actor says: an instant, a day, a part of a day, or unknown.
// The zero value is unknown.
type Occurred struct {
	text     string // as given: RFC 3339, "2006-01-02", "2006-01-02/morning", or ""
	from, to time.Time
}

// The parts of a half-day and the hours they span in the community's zone. Offices write 上午, 下午, 晚.
var dayParts = map[string][2]time.Duration{
	"morning":   {6 * time.Hour, 12 * time.Hour},
	"afternoon": {12 * time.Hour, 18 * time.Hour},
	"evening":   {18 * time.Hour, 24 * time.Hour},
}

// ParseOccurred reads a time as people give it. zone is the community's.
// The error names the accepted forms.
func ParseOccurred(s string, zone *time.Location) (Occurred, error) {
	if s == "" || s == "unknown" {
		return Occurred{}, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return OccurredAt(t), nil
	}
	day, part, half := strings.Cut(s, "/")
	d, err := time.ParseInLocation("2006-01-02", day, zone)
	if err != nil {
		return Occurred{}, fmt.Errorf("%q is not a time: give 2023-06-14, 2023-06-14/morning (afternoon, evening), 2023-06-14T09:00:00+08:00 or unknown", s)
	}
	if !half {
		return Occurred{text: s, from: d, to: d.AddDate(0, 0, 1)}, nil
	}
	hours, ok := dayParts[part]
	if !ok {
		return Occurred{}, fmt.Errorf("%q is not a part of the day: give morning, afternoon or evening", part)
	}
	return Occurred{text: s, from: d.Add(hours[0]), to: d.Add(hours[1])}, nil
}

// OccurredAt is the instant t, cut to microseconds.
func OccurredAt(t time.Time) Occurred {
	t = t.UTC().Truncate(time.Microsecond)
	return Occurred{text: t.Format(TimeLayout), from: t, to: t}
}

// TimeLayout is the fixed-width form in which instants are stored: UTC, microseconds.
const TimeLayout = "2006-01-02T15:04:05.000000Z"

// Known reports whether anything is known about the time.
func (o Occurred) Known() bool { return o.text != "" }

// String is the time as it was given, or "" when unknown.
func (o Occurred) String() string { return o.text }

// Date is the calendar day in zone, or "" when unknown.
func (o Occurred) Date(zone *time.Location) string {
	if !o.Known() {
		return ""
	}
	return o.from.In(zone).Format("2006-01-02")
}

// ProvablyAfter reports whether o lies wholly after p. Unknown or overlapping times prove nothing.
func (o Occurred) ProvablyAfter(p Occurred) bool {
	return o.Known() && p.Known() && o.from.After(p.from) && !o.from.Before(p.to)
}

// MarshalJSON writes {"at": text, "from": …, "to": …}; unknown is null.
func (o Occurred) MarshalJSON() ([]byte, error) {
	if !o.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(occurredJSON{o.text, o.from.UTC(), o.to.UTC()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (o *Occurred) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*o = Occurred{}
		return nil
	}
	var j occurredJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*o = Occurred{text: j.At, from: j.From, to: j.To}
	return nil
}

type occurredJSON struct {
	At   string    `json:"at"`
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}
