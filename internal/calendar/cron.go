package calendar

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is a parsed cron rule in one time zone. It is immutable and safe for concurrent use.
// The zero Schedule never fires.
type Schedule struct {
	spec   string
	zone   *time.Location
	fields cron.SpecSchedule // bit sets; unused if every is set
	every  time.Duration     // for "@every"
}

const (
	maxSpec = 256     // characters; the longest sensible rule has a few dozen
	star    = 1 << 63 // the parser's mark of a field that is "*"
	horizon = 5       // years after which a search gives up
)

// field is one of the five fields of a rule.
type field struct {
	name     string
	min, max int
	question bool // "?" is allowed
}

// layout returns the fields in the order of a crontab line.
func layout() [5]field {
	return [5]field{
		{"minute", 0, 59, false},
		{"hour", 0, 23, false},
		{"day of the month", 1, 31, true},
		{"month", 1, 12, false},
		{"day of the week", 0, 6, true},
	}
}

// element is one member of a field's list. The parser itself lets "*-x" and "+5" pass.
var element = regexp.MustCompile(`^(?:\*|\?|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)(?:/([0-9]+))?$`)

// ParseCron reads a cron rule: five fields (minute, hour, day of the month, month, day of the week 0–6 from Sunday;
// names, lists, ranges and steps), @hourly, @daily, @weekly, @monthly, @yearly, or @every with a duration of whole
// seconds ("@every 1h30m").
//
// If both day fields are restricted, either is enough: "0 9 1-7 * 1" fires on the first seven days and on Mondays.
// A rule that can never fire, or that does not mean what it seems to say (an empty list member, a step longer than
// the field, a zone inside the rule), is an error that says what to write instead. ParseCron never panics.
func ParseCron(spec string, zone *time.Location) (Schedule, error) {
	if zone == nil {
		return Schedule{}, errors.New("a cron rule needs a time zone")
	}
	s, err := parseCron(strings.TrimSpace(spec), zone)
	if err != nil {
		if len(spec) > maxSpec {
			spec = spec[:maxSpec] + "…"
		}
		return Schedule{}, fmt.Errorf("cron rule %q: %w", spec, err)
	}
	return s, nil
}

func parseCron(spec string, zone *time.Location) (Schedule, error) {
	switch {
	case len(spec) > maxSpec:
		return Schedule{}, fmt.Errorf("is longer than %d characters", maxSpec)
	case strings.Contains(spec, "TZ="):
		return Schedule{}, errors.New("names a time zone: leave it out, the community's zone applies")
	case strings.HasPrefix(spec, "@every"):
		return parseEvery(spec, zone)
	}
	if !strings.HasPrefix(spec, "@") {
		if err := checkFields(spec); err != nil {
			return Schedule{}, err
		}
	}
	parsed, err := guardedParse(spec)
	if err != nil {
		return Schedule{}, err
	}
	bits, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return Schedule{}, errors.New("is of an unknown kind: give five fields, for example 0 10 * * 1")
	}
	if !fires(bits) {
		return Schedule{}, errors.New("never fires: no month it names has the day it names")
	}
	return Schedule{spec: spec, zone: zone, fields: *bits}, nil
}

// guardedParse turns a panic of the parser, which it has for some malformed input, into an error.
func guardedParse(spec string) (parsed cron.Schedule, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("is malformed: give five fields, for example 0 10 * * 1")
		}
	}()
	return cron.ParseStandard(spec)
}

// parseEvery reads "@every 1h30m".
func parseEvery(spec string, zone *time.Location) (Schedule, error) {
	every, err := time.ParseDuration(strings.TrimSpace(strings.TrimPrefix(spec, "@every")))
	if err != nil {
		return Schedule{}, fmt.Errorf("has no duration: give for example @every 1h30m: %w", err)
	}
	if every < time.Second || every%time.Second != 0 {
		return Schedule{}, errors.New("must be at least one second, in whole seconds")
	}
	if every > horizon*365*24*time.Hour {
		return Schedule{}, fmt.Errorf("does not fire within %d years", horizon)
	}
	return Schedule{spec: spec, zone: zone, every: every}, nil
}

// checkFields refuses what the parser accepts and reads in a surprising way.
func checkFields(spec string) error {
	texts := strings.Fields(spec)
	fields := layout()
	if len(texts) != len(fields) {
		return fmt.Errorf("has %d fields: give five (minute, hour, day of the month, month, day of the week), for example 0 10 * * 1", len(texts))
	}
	for i, f := range fields {
		for _, member := range strings.Split(texts[i], ",") {
			if err := f.check(member); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
		}
	}
	return nil
}

func (f field) check(member string) error {
	m := element.FindStringSubmatch(member)
	switch {
	case member == "":
		return errors.New("a list has an empty member")
	case m == nil, member[0] == '?' && !f.question:
		return fmt.Errorf("%q is not a number, a name, a range, * or a step", member)
	case member == "7" && f.max == 6:
		return errors.New("write Sunday as 0, not 7")
	case m[1] == "":
		return nil
	}
	if step, err := strconv.Atoi(m[1]); err != nil || step < 1 || step > f.max-f.min {
		return fmt.Errorf("the step of %q must lie between 1 and %d", member, f.max-f.min)
	}
	return nil
}

// fires reports whether any day exists that the rule allows. With a restricted day of the week one always does.
func fires(s *cron.SpecSchedule) bool {
	if s.Dow&star == 0 || s.Dom&star != 0 {
		return true
	}
	for month := 1; month <= 12; month++ {
		longest := time.Date(2024, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day() // 2024 is a leap year
		if s.Month&(1<<month) != 0 && s.Dom&(1<<(longest+1)-1) != 0 {
			return true
		}
	}
	return false
}

// String returns the rule as it was given.
func (s Schedule) String() string { return s.spec }
