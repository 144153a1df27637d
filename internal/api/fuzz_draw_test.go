package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// drawn is a request for an operation, as the document describes it.
func (f *fuzzer) drawn(rt *rapid.T, op *documentedOp) *request {
	r := &request{op: op, method: op.method, path: op.path, header: http.Header{}, authorization: f.who(rt, op)}
	query := url.Values{}
	for _, p := range op.params {
		if !p.required && rapid.Bool().Draw(rt, "leave out") {
			continue
		}
		v := f.parameter(rt, p)
		switch p.in {
		case "path":
			r.path = strings.ReplaceAll(r.path, "{"+p.name+"}", url.PathEscape(v))
		case "query":
			query.Set(p.name, v)
		case "header":
			r.header.Set(p.name, v)
		}
	}
	if len(query) > 0 {
		r.path += "?" + query.Encode()
	}
	f.common(rt, r)
	if len(op.bodies) == 0 || !op.mustBody && rapid.Bool().Draw(rt, "no body") {
		return r
	}
	kind := rapid.SampledFrom(slices.Sorted(maps.Keys(op.bodies))).Draw(rt, "content type")
	r.header.Set("Content-Type", kind)
	if kind != "application/json" {
		r.body = []byte(rapid.SampledFrom([]string{"", "a: b", "language: 1\nformat: 1", "\x00", "- [", "a: &a [*a, *a]", "{", "\xff"}).Draw(rt, "file"))
		return r
	}
	r.body = encoded(f.value(rt, op.bodies[kind], "", 0))
	return r
}

// who sends it: nearly always somebody who may do everything.
func (f *fuzzer) who(rt *rapid.T, op *documentedOp) string {
	switch n := rapid.IntRange(0, 19).Draw(rt, "who"); {
	case n == 0 && !op.public:
		return rapid.SampledFrom([]string{
			"", "Bearer", "Bearer  ", "Basic eDp5", "Bearer linli_", "Bearer linli_" + here + "_" + sentMark + "_x", "Bearer " + strings.Repeat(sentMark, 300), sentMark,
		}).Draw(rt, "authorization")
	case n < 4:
		return "Bearer " + f.tokens[rapid.SampledFrom(append(roles(), "elsewhere")).Draw(rt, "role")]
	default:
		return "Bearer " + f.token
	}
}

// common sets the headers that every request may have.
func (f *fuzzer) common(rt *rapid.T, r *request) {
	if lang := rapid.SampledFrom([]string{"", "en", "zh-CN", "en-GB;q=0.3, zh;q=0.9", "fr", ";;q=,", "en;q=0", "*"}).Draw(rt, "language"); lang != "" {
		r.header.Set("Accept-Language", lang)
	}
}

// parameter is a value for a parameter.
func (f *fuzzer) parameter(rt *rapid.T, p documentedParam) string {
	switch p.name {
	case "community":
		if rapid.IntRange(0, 9).Draw(rt, "own") > 0 {
			return here
		}
		return rapid.SampledFrom([]string{elsewhere, sentMark}).Draw(rt, "community")
	case "id", "parent", "instance", "person", "target":
		return f.pick(rt, "id", sentMark)
	case "programme", "command", "event", "cursor", "workflow", "slot":
		return f.pick(rt, p.name, sentMark)
	case "hash":
		return f.pick(rt, "hash", "current")
	case "name":
		return f.pick(rt, "workflow", sentMark)
	case "state":
		return f.pick(rt, "state", "active")
	case "If-Match", "If-None-Match":
		return rapid.SampledFrom([]string{`"1"`, `"2"`, `"3"`, `"4"`, "*"}).Draw(rt, "tag")
	case "Idempotency-Key":
		return sentMark + fmt.Sprint(rapid.IntRange(0, 30).Draw(rt, "key"))
	case "Last-Event-ID":
		return fmt.Sprint(rapid.IntRange(0, 50).Draw(rt, "seq"))
	}
	v := f.value(rt, p.schema, p.name, 0)
	if items, ok := v.([]any); ok {
		texts := make([]string, len(items))
		for n, x := range items {
			texts[n] = fmt.Sprint(x)
		}
		return strings.Join(texts, ",")
	}
	return fmt.Sprint(v)
}

// value is one that a schema allows. name is that of the property it is for.
func (f *fuzzer) value(rt *rapid.T, schema map[string]any, name string, depth int) any {
	schema = f.doc.resolve(schema)
	if words := list(schema["enum"]); len(words) > 0 {
		return rapid.SampledFrom(words).Draw(rt, "enum")
	}
	kind, _ := schema["type"].(string)
	for _, k := range list(schema["type"]) {
		if s, _ := k.(string); s != "null" {
			kind = s
		}
	}
	switch kind {
	case "object":
		return f.object(rt, schema, depth)
	case "array":
		out := []any{}
		for range rapid.IntRange(number(schema["minItems"], 0), min(number(schema["maxItems"], 3), 3)).Draw(rt, "items") {
			out = append(out, f.value(rt, object(schema["items"]), name, depth+1))
		}
		return out
	case "integer", "number":
		return rapid.IntRange(number(schema["minimum"], -3), number(schema["maximum"], 1000)).Draw(rt, "integer")
	case "boolean":
		return rapid.Bool().Draw(rt, "boolean")
	default:
		return f.text(rt, schema, name)
	}
}

func number(v any, otherwise int) int {
	if n, ok := v.(json.Number); ok {
		if i, err := n.Int64(); err == nil {
			return int(i)
		}
	}
	return otherwise
}

func (f *fuzzer) object(rt *rapid.T, schema map[string]any, depth int) any {
	out := map[string]any{}
	required := list(schema["required"])
	properties := object(schema["properties"])
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if name == "$schema" || depth > 4 || !slices.Contains(required, any(name)) && rapid.Bool().Draw(rt, "leave out") {
			continue
		}
		out[name] = f.value(rt, object(properties[name]), name, depth+1)
	}
	switch more := schema["additionalProperties"].(type) {
	case bool:
		if more {
			out[f.pick(rt, "field", "title")] = f.any(rt)
		}
	case map[string]any:
		if rapid.Bool().Draw(rt, "more") {
			out[f.pick(rt, "field", "a/a.yaml")] = f.value(rt, more, "", depth+1)
		}
	}
	return out
}

// text is one that a schema allows, where possible something that means something.
func (f *fuzzer) text(rt *rapid.T, schema map[string]any, name string) any {
	switch name {
	case "person", "target", "on", "second", "scope":
		return f.pick(rt, "id", sentMark)
	case "workflow", "slot", "event", "state", "hash", "programme":
		return f.pick(rt, name, sentMark)
	case "key", "code", "title": // which later refusals may name
		return fmt.Sprint("name-", rapid.IntRange(0, 99).Draw(rt, "name"))
	case "occurred", "decided", "start":
		return rapid.SampledFrom([]string{"2023-05-30", "2023-05-30/morning", "unknown", "2023-05-30T09:00:00+08:00", sentMark}).Draw(rt, "time")
	}
	least, most := number(schema["minLength"], 0), number(schema["maxLength"], 300)
	s := rapid.SampledFrom([]string{sentMark, sentMark + "邻里", sentMark + " \u202e🏘️é", "x" + sentMark}).Draw(rt, "text")
	for len([]rune(s)) < least {
		s += "."
	}
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most])
	}
	return s
}

// any is a value of a form of which nothing is known.
func (f *fuzzer) any(rt *rapid.T) any {
	return rapid.SampledFrom([]any{
		sentMark, 0, 1, -1, 40, true, false, nil, "2023-06-14", "2023-06-14/morning",
		[]any{},
		[]any{sentMark},
		map[string]any{"value": sentMark},
		map[string]any{"none": true},
		map[string]any{"unrecorded": sentMark},
		f.pick(rt, "id", sentMark),
		[]any{f.pick(rt, "id", sentMark)},
	}).Draw(rt, "any")
}

// filled is a form that the options of an instance offer, filled in.
func (f *fuzzer) filled(rt *rapid.T, from form) *request {
	input := map[string]any{}
	for _, field := range from.fields {
		f.learn("field", field.Name)
		if field.Required || rapid.IntRange(0, 2).Draw(rt, "fill") == 0 {
			input[field.Name] = f.entry(rt, field)
		}
	}
	body := maps.Clone(from.extra)
	if len(input) > 0 {
		body["input"] = input
	}
	r := &request{method: from.method, path: Prefix + from.path, header: http.Header{"Content-Type": {"application/json"}}, body: encoded(body), authorization: "Bearer " + f.token}
	r.op = f.operationOf(r.method, r.path)
	f.common(rt, r)
	return r
}

// operationOf finds the operation of a path.
func (f *fuzzer) operationOf(method, path string) *documentedOp {
	parts := strings.Split(path, "/")
	for _, o := range f.doc.ops {
		pattern := strings.Split(o.path, "/")
		if o.method != method || len(pattern) != len(parts) {
			continue
		}
		same := true
		for n := range parts {
			same = same && (pattern[n] == parts[n] || strings.HasPrefix(pattern[n], "{"))
		}
		if same {
			return o
		}
	}
	return nil
}

// entry is a value that a field of a form takes, mostly.
func (f *fuzzer) entry(rt *rapid.T, field FormField) any {
	if field.List {
		one := field
		one.List = false
		out := []any{}
		for range rapid.IntRange(0, 2).Draw(rt, "list") {
			out = append(out, f.entry(rt, one))
		}
		return out
	}
	switch field.Type {
	case "int", "money":
		return rapid.SampledFrom([]int{0, 1, 2, 30, 500, 20_000, -1}).Draw(rt, "int")
	case "bool":
		return rapid.Bool().Draw(rt, "bool")
	case "date":
		return rapid.SampledFrom([]string{"2023-06-14", "2023-07-01", "1950-01-01"}).Draw(rt, "date")
	case "half_day":
		return rapid.SampledFrom([]string{"2023-06-14/morning", "2023-06-03/evening"}).Draw(rt, "half day")
	case "time":
		return rapid.SampledFrom([]string{"2023-06-14T09:00:00+08:00", "2023-05-14T09:00:00Z"}).Draw(rt, "time")
	case "enum":
		return rapid.SampledFrom(field.Values).Draw(rt, "enum").Value
	case "evidence":
		return rapid.SampledFrom([]any{map[string]any{"value": sentMark}, map[string]any{"none": true}, map[string]any{"unrecorded": "paper"}}).Draw(rt, "evidence")
	case "person", "organisation", "block", "household", "ref":
		return f.pick(rt, "id", sentMark)
	default:
		if field.Name == "title" || field.Name == "name" {
			return f.text(rt, nil, "title")
		}
		return sentMark + fmt.Sprint(rapid.IntRange(0, 99).Draw(rt, "text"))
	}
}

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}
