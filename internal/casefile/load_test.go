package casefile_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/casefile"
)

// head is a file without steps; what a test adds begins on line 6.
const head = `format: 1
community: {id: c1, name: 樟溪社区, at: 2023-06-01 09:00}
people: {lead: {name: 张主任}, worker: {name: 社工}}
households: {h1: {label: 一号}, h2: {label: 二号}}
programme: {workflow: programme, code: ZX-1, at: 2023-06-02 09:00, by: worker}
`

func TestLoadReportsEveryMistakeWithItsPlace(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		src  string
		want []string // "line:column" and a part of the English text
	}{
		"a file that is not YAML":     {"format: 1\n  x: [", []string{"2:1 not YAML"}},
		"an empty file":               {"", []string{"1:1 empty"}},
		"a second document":           {head + "---\nsteps: []\n", []string{"6:1 second document"}},
		"another format":              {strings.Replace(head, "format: 1", "format: 2", 1), []string{"1:9 format is 2"}},
		"unknown keys":                {head + "step: []\nstages: []\n", []string{"6:1 no key \"step\"", "7:1 no key \"stages\""}},
		"a key twice":                 {head + "steps: []\nsteps: []\n", []string{"7:1 \"steps\" twice, first on line 6"}},
		"an unknown key of a step":    {head + "steps:\n  - {event: open, on: h1, by: lead, when: now}\n", []string{"7:37 no key \"when\""}},
		"a step without by and on":    {head + "steps:\n  - {event: open}\n", []string{"7:5 no \"by\"", "7:5 no \"on\""}},
		"a step that does nothing":    {head + "steps:\n  - {on: h1, by: lead}\n", []string{"7:5 no \"do\""}},
		"an unknown verb":             {head + "steps:\n  - {do: dance, on: h1, by: lead}\n", []string{"7:10 do is \"dance\""}},
		"an unknown target":           {head + "steps:\n  - {event: open, on: h9, by: lead}\n", []string{"7:23 nothing is called \"h9\""}},
		"an unknown value":            {head + "steps:\n  - {event: open, on: h1, by: lead, input: {x: $h9}}\n", []string{"7:48 nothing is called \"h9\""}},
		"a target that comes later":   {head + "steps:\n  - {event: open, on: f, by: lead}\n  - {do: create, as: f, workflow: fund, under: programme, by: lead}\n", []string{"7:23 \"f\" comes into being only on line 8"}},
		"somebody who is no person":   {head + "steps:\n  - {event: open, on: h1, by: h2}\n", []string{"7:31 \"h2\" is not a person"}},
		"a name twice":                {head + "steps:\n  - {do: create, as: h1, workflow: fund, under: programme, by: lead}\n", []string{"7:5 \"h1\" is used twice, first on line 4"}},
		"a reserved name":             {head + "steps:\n  - {do: create, as: programme, workflow: fund, under: programme, by: lead}\n", []string{"7:5 meaning of its own"}},
		"a name with capitals":        {head + "steps:\n  - {do: create, as: Fund, workflow: fund, under: programme, by: lead}\n", []string{"7:22 \"Fund\" cannot be a name"}},
		"a clock that runs backwards": {head + "steps:\n  - {event: open, on: h1, by: lead, at: 2023-06-01 10:00}\n", []string{"7:41 runs backwards"}},
		"a clock that is none":        {head + "steps:\n  - {event: open, on: h1, by: lead, at: noon}\n", []string{"7:41 reads \"noon\""}},
		"a time that is none":         {head + "steps:\n  - {event: open, on: h1, by: lead, occurred: 2023-06-14/noon}\n", []string{"7:47 not a time"}},
		"a zone that is none":         {strings.Replace(head, "at: 2023-06-01 09:00", "zone: Mars", 1), []string{"2:39 no time zone Mars"}},
		"no reason where one is due":  {head + "steps:\n  - {do: cancel, on: h1, by: lead}\n", []string{"7:5 no \"reason\""}},
		"a row with too few cells":    {head + "organisations: {columns: [as, name], rows: [[o1]]}\n", []string{"6:45 1 cells, the table has 2"}},
		"a column that is not there":  {head + "steps:\n  - {each: households, event: open, on: <who>, by: lead}\n", []string{"7:41 no column \"who\""}},
		"an unknown list":             {head + "steps:\n  - {each: animals, event: open, on: h1, by: lead}\n", []string{"7:12 no list \"animals\""}},
		"where without each":          {head + "steps:\n  - {where: {a: b}, event: open, on: h1, by: lead}\n", []string{"7:13 without `each`"}},
		"an undo of nothing":          {head + "steps:\n  - {do: undo, on: h1, of: x, by: lead}\n", []string{"7:5 no step before this one is called \"x\""}},
		"a scope that is none":        {head + "grants: [{role: lead, people: [lead], scope: world}]\n", []string{"6:46 scope is \"world\""}},
		"an alias":                    {head + "steps: &a []\nlists: {x: *a}\n", []string{"7:12 alias"}},
		"a template's mistake once": {
			head + "steps:\n  - {each: households, event: open, on: <as>, by: nobody}\n  - {each: households, event: open, on: <as>, by: lead, input: {x: <nix>}}\n",
			[]string{"7:51 nothing is called \"nobody\"", "8:68 no column \"nix\""},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { mistakes(t, test.src, test.want) })
	}
}

// mistakes checks that a file has exactly the mistakes that are wanted, each in both languages.
func mistakes(t *testing.T, src string, want []string) {
	t.Helper()
	f, problems := casefile.Load("p.yaml", []byte(src))
	if f != nil {
		t.Error("a file with mistakes was returned")
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.String())
		if p.What.ZH == "" || p.Do.ZH == "" || p.Do.EN == "" {
			t.Errorf("%s lacks a language", p)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got\n%s\nwant %d: %v", strings.Join(got, "\n"), len(want), want)
	}
	for n, w := range want {
		place, part, _ := strings.Cut(w, " ")
		if !strings.HasPrefix(got[n], "p.yaml:"+place+":") || !strings.Contains(got[n], part) {
			t.Errorf("got %q, want %q", got[n], w)
		}
	}
}

func TestLoadGivesEveryStepANameOfItsOwn(t *testing.T) {
	t.Parallel()
	f := small(t)
	var got []string
	for _, s := range f.Steps {
		got = append(got, s.Name)
	}
	want := []string{
		"community", "people.lead", "people.worker", "people.finance", "people.v1", "people.v2",
		"households.h1", "households.h2", "households.h3", "grants.lead.lead", "grants.worker.worker",
		"programme", "grants.finance.finance.programme",
		"fund", "fund.open", "gift", "gift.receive", "fund.close", "rice", "part", "rice.pay", "refused.one_fen_missing",
		"oil", "oil.allocation", "oil.pay", "programme/visit/visit.edit", "refused.round.start", "fund.reconcile",
		"round.train", "round.train#2", "visit_h1", "visit_h2", "visit_h3", "round.start",
		"visit_h1.record", "visit_h2.record", "visit_h3.record", "round.complete",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRowsKeepTheirPlace(t *testing.T) {
	t.Parallel()
	f := small(t)
	i := slices.IndexFunc(f.Steps, func(s *casefile.Step) bool { return s.Name == "visit_h2" })
	s := f.Steps[i]
	if s.Row.Line != 14 || s.Pos.Line != 49 || s.Where() != s.Row {
		t.Errorf("row on line %d, step on line %d", s.Row.Line, s.Pos.Line)
	}
}

func TestWhereKeepsTheMatchingRows(t *testing.T) {
	t.Parallel()
	src := head + `lists:
  rows: {columns: [as, kind], rows: [[a, x], [b, y], [c, x]]}
steps:
  - {each: rows, where: {kind: x}, do: create, as: <as>, workflow: fund, under: programme, by: lead}
`
	f, problems := casefile.Load("p.yaml", []byte(src))
	if problems != nil {
		t.Fatal(problems)
	}
	if f.Step("a") == nil || f.Step("b") != nil || f.Step("c") == nil {
		t.Errorf("want a and c")
	}
}

func small(t *testing.T) *casefile.File {
	t.Helper()
	return load(t, smallSource(t))
}

func smallSource(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/small.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func load(t *testing.T, src string) *casefile.File {
	t.Helper()
	f, problems := casefile.Load("small.yaml", []byte(src))
	if problems != nil {
		t.Fatal(problems)
	}
	return f
}
