package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestABodyIsReadStrictly(t *testing.T) {
	type body struct {
		Input fields `json:"input"`
		Name  string `json:"name"`
	}
	good := map[string]body{
		`{}`:                               {},
		`{"input":null,"name":"a"}`:        {Name: "a"},
		`{"input":{}}`:                     {Input: fields{}},
		`{"input":{"n":9007199254740993}}`: {Input: fields{"n": json.Number("9007199254740993")}},
		`{"input":{"a":[],"b":["x",true],"c":{"none":true},"d":null,"e":"\u4e00"}}`: {Input: fields{
			"a": []any{}, "b": []any{"x", true}, "c": map[string]any{"none": true}, "d": nil, "e": "一",
		}},
	}
	for text, want := range good {
		var got body
		if err := decode([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", text, d)
		}
	}
	for _, text := range []string{
		"", "{", `{"input":[]}`, `{"input":"x"}`, `{"input":{"a":1,"a":2}}`, `{"name":"a","name":"b"}`, `{} {}`, `{"input":{"a":}}`, `{"input":{"a":[1,}}`,
		"{\"name\":\"\xff\"}", `{"input":` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + `}`, `{"input":{"a":[1`,
	} {
		var got body
		if err := decode([]byte(text), &got); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"input":{"a":[1,"x",{"b":null}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var got struct {
			Input fields `json:"input"`
		}
		if decode(data, &got) == nil && !json.Valid(data) {
			t.Errorf("%q is no JSON, and is read as %v", data, got.Input)
		}
	})
}
