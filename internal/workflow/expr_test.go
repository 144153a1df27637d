package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var errAway = errors.New("row is not loaded")

// rows is a Resolver over a few rows. What is named in away gives errAway.
type rows struct {
	instances map[string]*Instance
	part      map[string]Values
	consent   map[string]string
	distinct  map[string][]string
	away      map[string]bool
}

func (r rows) Instance(id string) (*Instance, error) {
	if r.away[id] {
		return nil, fmt.Errorf("instance %s: %w", id, errAway)
	}
	return r.instances[id], nil
}

func (r rows) Participation(person string) (Values, error) {
	if r.away[person] {
		return nil, errAway
	}
	return r.part[person], nil
}

func (r rows) Consent(subject, kind string) (string, error) {
	if r.away[subject] {
		return "", errAway
	}
	if s, ok := r.consent[subject+"/"+kind]; ok {
		return s, nil
	}
	return "none", nil
}

func (r rows) Distinct(instance, aggregate string) ([]string, error) {
	if r.away[instance] {
		return nil, errAway
	}
	return r.distinct[instance+"/"+aggregate], nil
}

// The workflows of the expression tests: an activity under a programme, with every type of field.
const (
	exprRoot = `
language: 1
workflow: home
level: programme
title: {zh: 家, en: Home}
fields:
  name: {type: text, required: true, title: {zh: 名, en: Name}}
slots:
  a: {workflow: act, title: {zh: 甲, en: A}}
items: [participation]
initial: open
states: {open: {title: {zh: 开, en: Open}, final: true}}
`
	exprParticipation = `
language: 1
workflow: participation
level: item
title: {zh: 参与, en: Participation}
fields:
  person: {type: text, title: {zh: 人, en: Person}}
  trained: {type: bool, default: false, title: {zh: 训, en: Trained}}
  booked: {type: half_day, list: true, title: {zh: 约, en: Booked}}
initial: open
states: {open: {title: {zh: 开, en: Open}, final: true}}
`
	exprAct = `
language: 1
workflow: act
level: activity
title: {zh: 活动, en: Act}
fields:
  need: {type: int, required: true, title: {zh: 需, en: Need}}
  got: {type: int, title: {zh: 得, en: Got}}
  aim: {type: money, default: 500, title: {zh: 目标, en: Aim}}
  kind: {type: enum, values: {a: {zh: 甲, en: A}, b: {zh: 乙, en: B}}, title: {zh: 类, en: Kind}}
  day: {type: half_day, title: {zh: 日, en: Day}}
  at: {type: time, title: {zh: 时, en: At}}
  team: {type: text, list: true, title: {zh: 队, en: Team}}
  proof: {type: evidence, title: {zh: 证, en: Proof}}
  phone: {type: text, privacy: personal, title: {zh: 电话, en: Phone}}
  other: {type: ref, of: act, title: {zh: 另, en: Other}}
  boss: {type: ref, of: act, required: true, title: {zh: 主, en: Boss}}
items: [thing]
aggregates:
  things: {count: true, of: thing, title: {zh: 件, en: Things}}
  owners: {distinct: item.data.owner, of: thing, title: {zh: 主, en: Owners}}
initial: open
states:
  open: {title: {zh: 开, en: Open}}
  shut: {title: {zh: 关, en: Shut}, final: true}
events:
  close:
    title: {zh: 关, en: Close}
    from: [open]
    to: shut
    by: [lead]
    input:
      day: {}
      heads: {type: int, required: true, title: {zh: 头, en: Heads}}
      note: {type: text, title: {zh: 记, en: Note}}
    EFFECTS
`
	exprThing = `
language: 1
workflow: thing
level: item
title: {zh: 件, en: Thing}
fields:
  owner: {type: text, title: {zh: 主, en: Owner}}
initial: open
states: {open: {title: {zh: 开, en: Open}, final: true}}
`
)

// loadAct loads the test workflows with more YAML in the event close.
func loadAct(t testing.TB, yaml string) *Event {
	t.Helper()
	b, problems := Load(map[string][]byte{
		"home.yaml": []byte(exprRoot), "participation.yaml": []byte(exprParticipation), "thing.yaml": []byte(exprThing),
		"act.yaml": []byte(strings.Replace(exprAct, "EFFECTS", yaml, 1)),
	})
	if problems != nil {
		t.Fatalf("the test's definitions: %v", problems)
	}
	return b.Definition("act").Event("close")
}

// guardOf compiles one guard.
func guardOf(t testing.TB, cel string) *Expr {
	t.Helper()
	return loadAct(t, fmt.Sprintf("require: {g: {that: %q, else: {zh: 否, en: no}}}", cel)).Require[0].That
}

// valueOf compiles the value of a field that an effect writes.
func valueOf(t testing.TB, field, cel string) *Expr {
	t.Helper()
	return loadAct(t, fmt.Sprintf("effects: [{set: {%s: %q}}]", field, cel)).Effects[0].Set[field]
}

func shanghai(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func testScope(t testing.TB) *Scope {
	zone := shanghai(t)
	occurred, err := ParseOccurred("2023-06-13", zone)
	if err != nil {
		t.Fatal(err)
	}
	self := &Instance{
		ID: "self", Root: "root", Parent: "root", Workflow: "act", Key: "k1", State: "open",
		Body: Body{
			Data:       Values{"need": int64(3), "team": []string{"ann", "bob"}, "proof": Evidence{None: true}, "boss": "boss", "phone": Sealed{Subject: "x"}},
			Aggregates: map[string]int64{"things": 2, "owners": 1},
		},
	}
	boss := &Instance{ID: "boss", Root: "root", Parent: "root", Workflow: "act", State: "shut", Body: Body{Data: Values{"need": int64(9), "boss": "boss"}}}
	root := &Instance{ID: "root", Root: "root", Workflow: "home", State: "open", Body: Body{Data: Values{"name": "樟溪"}}}
	return &Scope{
		Self: self, Input: Values{"heads": int64(4)}, Actor: "ann", Decider: "bob", Occurred: occurred, Zone: zone,
		Now: time.Date(2023, 6, 14, 18, 30, 0, 123456789, time.UTC),
		Resolver: rows{
			instances: map[string]*Instance{"self": self, "boss": boss, "root": root},
			part:      map[string]Values{"ann": {"person": "ann", "trained": true}},
			consent:   map[string]string{"ann/record": "given"},
			distinct:  map[string][]string{"self/owners": {"zhang"}},
			away:      map[string]bool{"gone": true},
		},
	}
}

func TestGuardsReadWhatTheyName(t *testing.T) {
	for cel, want := range map[string]bool{
		"data.need == 3 && input.heads > data.need":                           true,
		"data.got.hasValue() || input.note.hasValue()":                        false,
		"data.got.orValue(7) == 7":                                            true,
		"has(data.got) || has(data.kind)":                                     false,
		"data.aim == 500":                                                     true,
		"data.kind.orValue('a') == 'a'":                                       true,
		"data.team.size() == 2 && 'ann' in data.team":                         true,
		"data.proof.answered && data.proof.none && !data.proof.given":         true,
		"data.proof.unrecorded || data.proof.value != ''":                     false,
		"data.phone.given":                                                    true,
		"agg.things == 2 && agg.owners == 1":                                  true,
		"values.owners == ['zhang']":                                          true,
		"state == 'open' && key == 'k1' && id == 'self'":                      true,
		"parent.data.name == '樟溪' && root.state == 'open'":                    true,
		"parent.id == root.id && parent == root":                              true,
		"ref.other.hasValue()":                                                false,
		"ref.boss.data.need == 9 && ref.boss.state == 'shut'":                 true,
		"ref.boss.agg.things == 0":                                            true,
		"part['ann'].trained && !part['bob'].trained":                         true,
		"part['bob'].booked.size() == 0":                                      true,
		"part['bob'].person.value() == 'bob'":                                 true,
		"data.team.all(p, part[p].trained)":                                   false,
		"consent['ann/record'] == 'given' && consent['b/x'] == 'none'":        true,
		"consent['/record'] == 'none' && !part[''].trained":                   true,
		"actor == 'ann' && decider == 'bob'":                                  true,
		"now == timestamp('2023-06-14T18:30:00.123456Z')":                     true,
		"today == '2023-06-15'":                                               true,
		"occurred == '2023-06-13'":                                            true,
		"starts('2023-06-15') == timestamp('2023-06-14T16:00:00Z')":           true,
		"starts('2023-06-15/afternoon') == timestamp('2023-06-15T06:30:00Z')": true,
		"starts(data.day.orValue('2023-06-15')) < now":                        true,
		"days('2023-06-01', '2023-07-01') == 30":                              true,
		"plus_days('2023-12-31', 1) == '2024-01-01'":                          true,
		"missing(data.team, ['bob', 'cat']) == ['ann']":                       true,
		"money(-1) == '-0.01' && money(160000) == '1600.00'":                  true,
		"'2023-06-14/morning'.substring(0, 10) == '2023-06-14'":               true,
		"sets.contains(data.team, ['bob'])":                                   true,
		"data.?got.hasValue()":                                                false,
	} {
		t.Run(cel, func(t *testing.T) {
			got, err := guardOf(t, cel).Bool(testScope(t))
			if err != nil || got != want {
				t.Errorf("got %v, %v; want %v", got, err, want)
			}
		})
	}
}

func TestValuesComeBackNormalised(t *testing.T) {
	for _, tt := range []struct {
		field, cel string
		want       Value
	}{
		{"got", "input.heads + 1", int64(5)},
		{"got", "null", nil},
		{"got", "optional.none()", nil},
		{"got", "data.got", nil},
		{"got", "data.need > 2 ? optional.of(data.need) : optional.none()", int64(3)},
		{"kind", "data.need > 2 ? 'a' : 'b'", "a"},
		{"at", "now", "2023-06-14T18:30:00.123456Z"},
		{"day", "input.day", nil},
		{"day", "today + '/morning'", "2023-06-15/morning"},
		{"team", "data.team + ['cat']", []string{"ann", "bob", "cat"}},
		{"team", "[]", []string{}},
		{"team", "values.owners", []string{"zhang"}},
		{"proof", "data.proof", Evidence{None: true}},
		{"proof", "'sheet 7'", Evidence{Value: "sheet 7"}},
		{"other", "id", "self"},
		{"phone", "null", nil}, // a sealed value can be cleared, never written
	} {
		t.Run(tt.field+" = "+tt.cel, func(t *testing.T) {
			got, err := valueOf(t, tt.field, tt.cel).Value(testScope(t))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestResolverErrorsComeOut(t *testing.T) {
	for _, cel := range []string{
		"parent.data.name == 'x'", "root.state == 'open'", "ref.other.hasValue()", "ref.boss.data.need == 9",
		"part['gone'].trained", "consent['gone/record'] == 'given'", "data.team.exists(p, part['gone'].trained)",
		"values.owners.size() == 1", "1 / (data.need - 3) == 1 || part['gone'].trained",
	} {
		t.Run(cel, func(t *testing.T) {
			s := testScope(t)
			s.Self.Parent, s.Self.Root = "gone", "gone"
			s.Self.Body.Data["other"], s.Self.Body.Data["boss"] = "gone", "gone"
			if strings.Contains(cel, "values") {
				s.Self.ID = "gone"
			}
			if _, err := guardOf(t, cel).Bool(s); !errors.Is(err, errAway) {
				t.Errorf("got %v, want the resolver's own error", err)
			}
		})
	}
}

func TestEvaluationErrorsNameTheExpression(t *testing.T) {
	for name, tt := range map[string]struct {
		cel    string
		change func(*Scope)
		want   string
	}{
		"a required field that is missing": {"data.need > 1", func(s *Scope) { delete(s.Self.Body.Data, "need") }, "need has no value"},
		"a required input that is missing": {"input.heads > 1", func(s *Scope) { s.Input = nil }, "heads has no value"},
		"a value of the wrong type":        {"data.need > 1", func(s *Scope) { s.Self.Body.Data["need"] = "three" }, "need is a int but holds string"},
		"a reference to nothing":           {"ref.boss.state == 'open'", func(s *Scope) { s.Self.Body.Data["boss"] = "nobody" }, "points to nothing"},
		"a reference to something else":    {"ref.boss.state == 'open'", func(s *Scope) { s.Self.Body.Data["boss"] = "root" }, "points to a home"},
		"an unasked optional":              {"data.got.value() > 1", nil, "none"},
		"a consent without a kind":         {"consent['ann'] == 'given'", nil, "subject + '/' + kind"},
		"a date that is none":              {"days('soon', '2023-06-01') > 1", nil, "soon"},
		"no instance":                      {"data.need > 1", func(s *Scope) { s.Self = nil }, "not known here"},
		"no parent":                        {"parent.id == ''", func(s *Scope) { s.Self.Parent = "" }, "no parent"},
		"no resolver":                      {"parent.id == ''", func(s *Scope) { s.Resolver = nil }, "no resolver"},
		"too much work": {
			"data.team.all(a, data.team.all(b, data.team.all(c, a + b != c)))",
			func(s *Scope) { s.Self.Body.Data["team"] = strings.Split(strings.Repeat("x,", 999)+"x", ",") }, "cost limit",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := testScope(t)
			if tt.change != nil {
				tt.change(s)
			}
			_, err := guardOf(t, tt.cel).Bool(s)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "act.yaml:") {
				t.Errorf("got %v, want an error with the place and %q", err, tt.want)
			}
		})
	}
}

func TestALargeProgrammeStaysBelowTheCostLimit(t *testing.T) {
	s := testScope(t)
	people := make([]string, 10_000)
	for n := range people {
		people[n] = fmt.Sprintf("person-%d", n)
	}
	s.Resolver.(rows).distinct["self/owners"] = people
	ok, err := guardOf(t, "values.owners.all(p, !part[p].trained && consent[p + '/record'] == 'none') && missing(values.owners, data.team).size() == 10000").Bool(s)
	if err != nil || !ok {
		t.Errorf("got %v, %v", ok, err)
	}
}

func TestExpressionsKnowTheirInputs(t *testing.T) {
	e := guardOf(t, "input.heads > 1 && (has(input.note) || data.need > input.heads)")
	if diff := cmp.Diff([]string{"heads", "note"}, e.Inputs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMessagesRenderInBothLanguages(t *testing.T) {
	e := loadAct(t, `require: {g: {that: "false", else: {
      zh: "需 {data.need} 人，{{按 {today}}}，{state == 'open'}，{now}，{1.5}，{{'a': '}'}['a']}",
      en: "need {data.need}, {data.got.hasValue()}, {data.team.join(', ')}"}}}`)
	got, err := e.Require[0].Else.Render(testScope(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Text{ZH: "需 3 人，{按 2023-06-15}，是，2023-06-15 02:30，1.5，{'a': '}'}['a']}", EN: "need 3, no, ann, bob"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s := testScope(t)
	delete(s.Self.Body.Data, "need")
	if _, err := e.Require[0].Else.Render(s); err == nil {
		t.Error("a message without its figures must be an error")
	}
}

func TestEachBindsTheElement(t *testing.T) {
	e := loadAct(t, "effects: [{create: thing, each: data.team, key: each, set: {owner: \"each + '!'\"}}]").Effects[0]
	s := testScope(t)
	list, err := e.Each.Strings(s)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, el := range list {
		one := *s
		one.Each = el
		k, err := e.Key.Value(&one)
		if err != nil {
			t.Fatal(err)
		}
		o, err := e.Set["owner"].Value(&one)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(k, o))
	}
	if diff := cmp.Diff([]string{"annann!", "bobbob!"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOneExpressionServesManyGoroutines(t *testing.T) {
	e := guardOf(t, "data.team.all(p, part[p].trained || consent[p + '/x'] == 'none') && ref.boss.data.need == 9")
	s := testScope(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if ok, err := e.Bool(s); err != nil || !ok {
					t.Errorf("got %v, %v", ok, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestFireMovesOneMachineByOneEvent(t *testing.T) {
	b, problems := Load(readFiles(t, "testdata/corpus/v1/*.yaml"))
	if problems != nil {
		t.Fatal(problems)
	}
	raise, effect := b.Definition("raise"), b.Definition("gift")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		d            *Definition
		state, event string
		choice       int
		want         string
	}{
		"the first destination":    {raise, "open", "count", 0, "short"},
		"the second destination":   {raise, "open", "count", 1, "counted"},
		"no third destination":     {raise, "open", "count", 2, ""},
		"no negative destination":  {raise, "open", "count", -1, ""},
		"an ordinary event":        {effect, "lapsed", "receive", 0, "received"},
		"an event from elsewhere":  {effect, "received", "receive", 0, ""},
		"an event nobody declared": {effect, "pledged", "vanish", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.d.Fire(cancelled, tt.state, tt.event, tt.choice)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestFireStaysWhenAnEventLeadsBack(t *testing.T) {
	b, problems := Load(map[string][]byte{"loop.yaml": []byte(`
language: 1
workflow: loop
level: item
title: {zh: 圈, en: Loop}
initial: open
states: {open: {title: {zh: 开, en: Open}}, shut: {title: {zh: 关, en: Shut}, final: true}}
events:
  again: {title: {zh: 再, en: Again}, from: [open], to: open, by: [lead]}
  stop: {title: {zh: 停, en: Stop}, from: [open], to: shut, by: [lead]}
`)})
	if problems != nil {
		t.Fatal(problems)
	}
	if got, err := b.Definition("loop").Fire(t.Context(), "open", "again", 0); got != "open" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	events := b.Definition("loop").EventsFrom("open")
	if len(events) != 2 || events[0].Name != "again" || events[1].Name != "stop" {
		t.Errorf("events from open: %v", events)
	}
}

// FuzzExpression looks for expressions and messages that make compiling or evaluating panic.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{
		"data.need == 3", "input.heads > data.got.orValue(1)", "part['a'].trained", "consent['a/b'] == 'none'", "data.team.all(p, part[p].trained)",
		"starts('2023-06-15') < now", "days(today, plus_days(today, -3)) == 3", "missing(data.team, ['a'])", "ref.boss.data", "data.?got.orValue(2)",
		"[1, 2].map(x, x / 0)", "'%d'.format([data.need])", "part", "{'a': 1}.a", "type(data)", "dyn(data).need", "null", "optional.none()",
	} {
		f.Add(s, "有 {"+s+"} 人")
	}
	f.Fuzz(func(t *testing.T, cel, message string) {
		that, err := json.Marshal(cel)
		if err != nil {
			t.Fatal(err)
		}
		zh, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		act := strings.Replace(exprAct, "EFFECTS", fmt.Sprintf("require: {g: {that: %s, else: {zh: %s, en: no}}}", that, zh), 1)
		b, problems := Load(map[string][]byte{
			"home.yaml": []byte(exprRoot), "participation.yaml": []byte(exprParticipation), "thing.yaml": []byte(exprThing), "act.yaml": []byte(act),
		})
		if (b == nil) == (len(problems) == 0) {
			t.Fatalf("bundle %v, problems %v", b, problems)
		}
		if b == nil {
			return
		}
		g := b.Definition("act").Event("close").Require[0]
		s := testScope(t)
		_, boolErr := g.That.Bool(s)
		_, renderErr := g.Else.Render(s)
		for _, err := range []error{boolErr, renderErr} {
			if err != nil && strings.Contains(err.Error(), "internal error") {
				t.Errorf("a panic inside: %v", err)
			}
		}
	})
}
