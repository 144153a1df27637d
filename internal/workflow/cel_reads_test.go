package workflow

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What an expression reads decides whether it is looked at again, so nothing may be left out.
func TestExpressionsKnowWhatTheyRead(t *testing.T) {
	for _, tt := range []struct {
		cel  string
		want reads
	}{
		{"data.need > 1 && data.got.hasValue()", reads{fields: []string{"need", "got"}}},
		{"agg.things > data.need", reads{aggregates: []string{"things"}, fields: []string{"need"}}},
		{"state == 'open' && id != '' && key == ''", reads{state: true}},
		{"data.team.exists(one, one == 'x')", reads{fields: []string{"team"}}},
		{"data.proof.answered", reads{fields: []string{"proof"}}},
		{"root.state == 'open'", reads{more: true}},
		{"ref.boss.data.need > 1", reads{more: true}},
		{"values.owners.size() > 1", reads{more: true}},
		{"today > '2023' && data.need > 1", reads{more: true, fields: []string{"need"}}},
		{"starts(data.day.value()) > now", reads{more: true, fields: []string{"day"}}},
		{"part['wu'].trained", reads{more: true}},
		{"consent['wu/photo'] == 'given'", reads{more: true}},
		{"input.heads > 1", reads{more: true}},
	} {
		t.Run(tt.cel, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, guardOf(t, tt.cel).program.reads, cmp.AllowUnexported(reads{})); diff != "" {
				t.Errorf("reads (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyExpressionsThatCannotRunAwayGoUncounted(t *testing.T) {
	for cel, want := range map[string]bool{
		"data.need > 1 && data.day.hasValue() && days(today, '2023-06-14') < 3":     true,
		"data.team.join(',') == 'x' && data.kind.orValue('a') in ['a', 'b']":        true,
		"data.team.join(data.team.join(',')) == ''":                                 false,
		"data.team.exists(one, one == 'x')":                                         false,
		"data.team.join(',').replace('a', 'aa') == ''":                              false,
		"data.team.map(one, one + 'x').size() > 1":                                  false,
		"values.owners.size() > 1 && missing(values.owners, data.team).size() == 0": true,
		"data.team.join(',').matches('a+')":                                         false,
		"data.team.join(',').split(',').size() > 1":                                 false,
		"'%s'.format([data.team]) == ''":                                            false,
	} {
		t.Run(cel, func(t *testing.T) {
			if got := guardOf(t, cel).program.bounded; got != want {
				t.Errorf("bounded: %v, want %v", got, want)
			}
		})
	}
}

// Instances share the maps that no command changed, so a decision must leave every one that it was given as it was.
func TestADecisionLeavesWhatItWasGivenAsItWas(t *testing.T) {
	env, cmd := staffEvent(t)
	image := func() map[string]string {
		out := map[string]string{}
		for id, i := range env.Snap.instances {
			b, err := json.Marshal(i)
			if err != nil {
				t.Fatal(err)
			}
			out[id] = string(b)
		}
		return out
	}
	before := image()
	if _, err := Apply(env, cmd); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, image()); diff != "" {
		t.Errorf("the decision changed what it was given (-before +after):\n%s", diff)
	}
}
