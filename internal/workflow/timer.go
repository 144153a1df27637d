package workflow

import (
	"fmt"
	"slices"
	"time"

	"github.com/linli/linli/internal/calendar"
)

// takeTimer checks that the timer that fires this command still holds, and disarms it.
func (x *tx) takeTimer(inst *Instance, def *Definition) error {
	ref := *x.cmd.Timer
	x.timers = append(x.timers, TimerChange{Root: inst.Root, Ref: ref, Fired: true})
	if def.Timer(ref.Rule) == nil {
		return nil // a consequence from the registry: the row itself is the whole truth
	}
	armed := inst.Body.Timers[ref.Rule]
	if !armed.Armed() || armed.Generation != ref.Generation {
		x.refuse(timerReason(def, ref))
		return errRefused
	}
	return x.modify(inst.ID, true, func(i *Instance) {
		i.Body.Timers = put(i.Body.Timers, ref.Rule, Due{Generation: ref.Generation, At: armed.At, Fired: armed.At})
	})
}

// consequence reports whether the command carries out what follows from a change in the registry.
func (x *tx) consequence(def *Definition) bool {
	return x.cmd.Timer != nil && def.Timer(x.cmd.Timer.Rule) == nil
}

// rearm brings the timers of one changed instance in line with its state and its anchors.
func (x *tx) rearm(r *row) error {
	i := r.now
	if !r.direct {
		return nil
	}
	if r.deleted {
		for rule, d := range i.Body.Timers {
			x.disarm(i, rule, d)
		}
		return nil
	}
	def := x.definition(i)
	for _, t := range def.Timers {
		at, err := x.due(def, t, i)
		if err != nil {
			return x.broken(def, "timer "+t.Name, err)
		}
		have := i.Body.Timers[t.Name]
		if have.At.Equal(at) || at.IsZero() && have.At.IsZero() {
			continue
		}
		x.disarm(i, t.Name, have)
		next := Due{Generation: have.Generation, Fired: have.Fired}
		switch {
		// What was written down afterwards, or reopened, is not overtaken at once by a time that has passed.
		case at.IsZero() || (x.backfill || x.cmd.Kind == KindReopen) && !at.After(x.Now):
		case at.Equal(have.Fired): // back where it fired already, by an undo or a reopening
			next.At = at
		default:
			next.Generation, next.At = have.Generation+1, at
			x.timers = append(x.timers, TimerChange{
				Arm: true, Root: i.Root, Ref: TimerRef{i.ID, t.Name, next.Generation}, Due: at, Event: t.Fire,
			})
		}
		if !next.same(have) {
			i.Body.Timers = put(i.Body.Timers, t.Name, next)
		}
	}
	return nil
}

func (x *tx) disarm(i *Instance, rule string, d Due) {
	if d.Armed() {
		x.timers = append(x.timers, TimerChange{Root: i.Root, Ref: TimerRef{i.ID, rule, d.Generation}})
	}
}

// due computes when a timer of an instance fires; zero if it does not live in this state or its anchor is unknown.
func (x *tx) due(def *Definition, t *Timer, i *Instance) (time.Time, error) {
	lives := false
	for _, s := range t.In {
		lives = lives || s == i.State
	}
	if !lives {
		return time.Time{}, nil
	}
	at, err := x.anchor(def, t.Anchor, i)
	if err != nil || at.IsZero() {
		return at, err
	}
	if t.After != "" {
		d, err := calendar.ParseDuration(t.After)
		if err != nil {
			return time.Time{}, err
		}
		at = d.AddTo(at, x.Zone)
	}
	if t.WorkingDays != 0 {
		at = x.Holidays.AddWorkingDaysTo(at, t.WorkingDays, x.Zone)
	}
	if t.At != "" {
		if at, err = calendar.At(at, t.At, x.Zone); err != nil {
			return time.Time{}, err
		}
	}
	return at.UTC().Truncate(time.Microsecond), nil
}

func (x *tx) anchor(def *Definition, name string, i *Instance) (time.Time, error) {
	if name == "entered" {
		return i.Body.Entered, nil
	}
	v, _ := i.Body.Data[name].(string)
	if v == "" {
		return time.Time{}, nil
	}
	switch f := def.Field(name); {
	case f == nil:
		return time.Time{}, fmt.Errorf("unknown anchor %q", name)
	case f.Type == TypeTime:
		return time.Parse(time.RFC3339Nano, v)
	default:
		return calendar.HalfDayStart(v, x.Office, x.Zone)
	}
}

// consequences arms a system command for every instance of any programme that points to a registry entry whose state changed:
// a consent that was withdrawn, a person who died or was erased. The event is called WORKFLOW_STATE (consent_withdrawn).
func (x *tx) consequences() {
	for _, row := range x.order {
		i, orig := row.now, row.orig
		if i.Root != x.cmd.Community || orig == nil || orig.State == i.State || row.deleted {
			continue
		}
		event := i.Workflow + "_" + i.State
		subject := i.ID
		if i.Workflow == workflowConsent {
			subject = i.Parent
		}
		for _, d := range x.Bundle.Definitions() {
			if d.Event(event) == nil {
				continue
			}
			referrers, err := x.list(Key{Kind: KeyReferrers, A: subject, B: d.Name})
			if err != nil {
				continue // noted as missing; the other definitions' rows are asked for in the same round
			}
			for _, r := range referrers {
				x.follow(TimerChange{
					Arm: true, Consequence: true, Root: r.Root, Event: event, Due: x.Now,
					Ref: TimerRef{r.ID, event, x.seqAfter(x.cmd.Community)},
				})
			}
		}
	}
}

// follow arms a consequence, once for each instance whatever the number of changes that ask for it.
func (x *tx) follow(t TimerChange) {
	if !slices.ContainsFunc(x.timers, func(o TimerChange) bool { return o.Arm && o.Ref == t.Ref }) {
		x.timers = append(x.timers, t)
	}
}
