package workflow

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What AppendJSON writes is hashed and kept for ever, so it must be what encoding/json writes, byte for byte.
func TestEntriesAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := drawEntry(t)
		sameBytes(t, &e, e.AppendJSON)
	})
}

func TestBodiesAreWrittenAsEncodingJSONWritesThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRest(t)
		b := Body{Data: drawValues(t), Aggregates: drawMap(t, rapid.Int64())}
		b.setRest(r)
		sameBytes(t, &b, b.AppendJSON)
	})
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	far := time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, e := range map[string]*Entry{
		"a time that no JSON can hold":  {Recorded: far},
		"a value that no JSON can hold": {Input: Values{"f": func() {}}},
		"the same in a rare part":       {OnBehalf: &OnBehalf{Decided: Occurred{text: "x", from: far}}},
	} {
		t.Run(name, func(t *testing.T) {
			if b, err := e.AppendJSON(nil); err == nil {
				t.Errorf("written as %s", b)
			}
		})
	}
}

// FuzzTextIsWrittenAsEncodingJSONWritesIt tries every string in every place that holds one.
func FuzzTextIsWrittenAsEncodingJSONWritesIt(f *testing.F) {
	for _, s := range []string{"", "社区 <b>&\"\\", "\u2028\u2029", "\xff\xfe", "a\x00\b\f\n\x7f", "\ufffd", "😀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := Entry{
			Community: s, Kind: Kind(s), Event: s, Reason: s, Actor: Actor{Person: s}, Input: Values{s: s, "l": []string{s}, "e": Evidence{Value: s}},
			Waived: []string{s}, Changes: []Change{{ID: s, State: &[2]string{s, s}, Rest: &[2]Rest{{By: map[string]string{s: s}}, {}}}},
		}
		sameBytes(t, &e, e.AppendJSON)
	})
}

func sameBytes(t rapid.TB, v any, write func([]byte) ([]byte, error)) {
	t.Helper()
	want, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	got, err := write([]byte("before"))
	if err != nil {
		t.Fatal(err)
	}
	if rest, ok := bytes.CutPrefix(got, []byte("before")); !ok || !bytes.Equal(rest, want) {
		t.Fatalf("written as\n%s\nencoding/json writes\n%s", got, want)
	}
}

func drawText(t *rapid.T) string {
	odd := rapid.SampledFrom([]string{"", "公开文字", "<&>", "\"\\", "\u2028", "\xff", "\x01\b\f\t", "wu"})
	return rapid.OneOf(odd, rapid.String()).Draw(t, "text")
}

func drawTime(t *rapid.T) time.Time {
	zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("CST", 8*3600)}).Draw(t, "zone")
	return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).In(zone)
}

func drawOccurred(t *rapid.T) Occurred {
	if rapid.Bool().Draw(t, "unknown") {
		return Occurred{}
	}
	return Occurred{text: "x" + drawText(t), from: drawTime(t), to: drawTime(t)}
}

func drawValue(t *rapid.T) Value {
	switch rapid.IntRange(0, 6).Draw(t, "type") {
	case 0:
		return nil
	case 1:
		return drawText(t)
	case 2:
		return rapid.Int64().Draw(t, "number")
	case 3:
		return rapid.Bool().Draw(t, "flag")
	case 4:
		return drawTexts(t)
	case 5:
		return Evidence{Value: drawText(t), None: rapid.Bool().Draw(t, "none"), Unrecorded: drawText(t)}
	default:
		return Sealed{Subject: drawText(t), Box: rapid.SliceOf(rapid.Byte()).Draw(t, "box")}
	}
}

func drawTexts(t *rapid.T) []string {
	out := []string{}
	for range rapid.IntRange(0, 3).Draw(t, "length") {
		out = append(out, drawText(t))
	}
	return out
}

func drawValues(t *rapid.T) Values { return drawMap(t, rapid.Custom(drawValue)) }

// drawMap gives a map of few entries. Two keys of invalid UTF-8 may be written alike, so there is at most one of them.
func drawMap[V any](t *rapid.T, value *rapid.Generator[V]) map[string]V {
	if rapid.Bool().Draw(t, "no map") {
		return nil
	}
	out := map[string]V{}
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		out[strings.ToValidUTF8(drawText(t), "?")] = value.Draw(t, "value")
	}
	return out
}

func drawRest(t *rapid.T) Rest {
	r := Rest{
		Milestones: drawMap(t, rapid.Custom(func(t *rapid.T) Milestone { return Milestone{drawOccurred(t), rapid.Int64().Draw(t, "seq")} })),
		By:         drawMap(t, rapid.Custom(drawText)),
		Waived:     drawMap(t, rapid.Custom(func(t *rapid.T) Waiver { return Waiver{drawText(t), drawText(t), drawText(t)} })),
		Timers: drawMap(t, rapid.Custom(func(t *rapid.T) Due {
			d := Due{Generation: rapid.Int64().Draw(t, "gen"), At: drawTime(t)}
			if rapid.Bool().Draw(t, "fired") {
				d.Fired = drawTime(t)
			}
			return d
		})),
		Flags: drawTexts(t), Entered: drawTime(t), LastChild: rapid.Int64Range(0, 3).Draw(t, "last child"),
	}
	for range rapid.IntRange(0, 2).Draw(t, "uses") {
		r.Uses = append(r.Uses, Use{drawText(t), drawText(t), drawText(t)})
	}
	return r
}

func drawChange(t *rapid.T) Change {
	n := func() [2]int64 { return [2]int64{rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")} }
	c := Change{ID: drawText(t), Version: n(), Touched: n()}
	if rapid.Bool().Draw(t, "created") {
		c.Created = &Identity{drawText(t), drawText(t), drawText(t), drawText(t)}
	}
	if rapid.Bool().Draw(t, "deleted") {
		c.Deleted = &Identity{drawText(t), drawText(t), drawText(t), drawText(t)}
	}
	if rapid.Bool().Draw(t, "state") {
		c.State = &[2]string{drawText(t), drawText(t)}
	}
	c.Data = drawMap(t, rapid.Custom(func(t *rapid.T) Pair { return Pair{drawValue(t), drawValue(t)} }))
	c.Aggregate = drawMap(t, rapid.Custom(func(*rapid.T) [2]int64 { return n() }))
	for range rapid.IntRange(0, 2).Draw(t, "distinct") {
		c.Distinct = append(c.Distinct, DistinctChange{drawText(t), drawText(t), n()})
	}
	if rapid.Bool().Draw(t, "rest") {
		c.Rest = &[2]Rest{drawRest(t), drawRest(t)}
	}
	return c
}

func drawEntry(t *rapid.T) Entry {
	e := Entry{
		Format: 1, Community: drawText(t), Root: drawText(t), Seq: rapid.Int64().Draw(t, "seq"), Command: drawText(t), Kind: Kind(drawText(t)),
		Event: drawText(t), Target: drawText(t), Workflow: drawText(t), Bundle: drawText(t),
		Actor: Actor{drawText(t), rapid.Bool().Draw(t, "system")}, Recorded: drawTime(t), Frozen: rapid.Bool().Draw(t, "frozen"),
		Occurred: drawOccurred(t), Reason: drawText(t), Note: drawText(t), Input: drawValues(t),
		Confirm: drawMap(t, rapid.Custom(func(t *rapid.T) Confirmation { return Confirmation{drawText(t), drawText(t)} })),
		Waived:  drawTexts(t), Undoes: drawText(t),
	}
	if rapid.Bool().Draw(t, "rare parts") {
		e.OnBehalf = &OnBehalf{drawText(t), drawText(t), drawText(t), drawOccurred(t)}
		e.Warnings = []Reason{{Code: ReasonGuard, Name: drawText(t), Text: Text{drawText(t), drawText(t)}, Roles: drawTexts(t)}}
		e.Messages = []Text{{drawText(t), drawText(t)}}
		e.Timer = &TimerRef{drawText(t), drawText(t), 1}
	}
	for range rapid.IntRange(0, 2).Draw(t, "changes") {
		e.Changes = append(e.Changes, drawChange(t))
	}
	return e
}
