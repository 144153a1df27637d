package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// spoil makes a request one that the document does not allow, in one way or a few.
func (f *fuzzer) spoil(rt *rapid.T, r *request) {
	for range rapid.IntRange(1, 2).Draw(rt, "spoils") {
		switch rapid.IntRange(0, 9).Draw(rt, "spoil") {
		case 0:
			f.spoilHeader(rt, r)
		case 1:
			f.spoilPath(rt, r)
		case 2:
			f.spoilQuery(rt, r)
		case 3:
			f.spoilKind(rt, r)
		case 4, 5:
			f.spoilBytes(rt, r)
		default:
			if v := decoded(r.body); v != nil {
				r.body = encoded(f.spoilValue(rt, v))
			}
		}
	}
}

// strange are values that fit hardly anywhere.
func strange() []any {
	deep := any(sentMark)
	for range 40 {
		deep = []any{deep}
	}
	shallow := any(map[string]any{"value": sentMark})
	for range 20 {
		shallow = map[string]any{"value": shallow}
	}
	return []any{
		nil, true, 0, -1, json.Number("1e400"), json.Number("9223372036854775808"), json.Number("-0"), json.Number("0.1"), json.Number("1E2"), "", sentMark,
		strings.Repeat(sentMark, 3000), sentMark + "\x00", sentMark + "\ufeff\u200b\u202e\U0010ffff", "\u0000",
		[]any{},
		[]any{nil},
		map[string]any{},
		deep, shallow,
		[]any{sentMark, 1, nil, []any{}},
		map[string]any{"none": true, "value": sentMark},
		map[string]any{"": sentMark},
		sentMark + "' OR 1=1 --", "../" + sentMark, "%00" + sentMark,
	}
}

// spoilValue puts something strange in one place of a JSON value, or takes something away, or adds something.
func (f *fuzzer) spoilValue(rt *rapid.T, v any) any {
	if rapid.IntRange(0, 3).Draw(rt, "here") == 0 {
		return rapid.SampledFrom(strange()).Draw(rt, "strange")
	}
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 || rapid.IntRange(0, 5).Draw(rt, "add") == 0 {
			v["no_such_field"] = rapid.SampledFrom(strange()).Draw(rt, "strange")
			return v
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(v))).Draw(rt, "name")
		if rapid.IntRange(0, 4).Draw(rt, "remove") == 0 {
			delete(v, name)
		} else {
			v[name] = f.spoilValue(rt, v[name])
		}
		return v
	case []any:
		if len(v) == 0 {
			return append(v, rapid.SampledFrom(strange()).Draw(rt, "strange"))
		}
		n := rapid.IntRange(0, len(v)-1).Draw(rt, "index")
		v[n] = f.spoilValue(rt, v[n])
		return v
	default:
		return rapid.SampledFrom(strange()).Draw(rt, "strange")
	}
}

// spoilBytes makes a body something that is no proper JSON, or not what it seems.
func (f *fuzzer) spoilBytes(rt *rapid.T, r *request) {
	if r.method == http.MethodGet {
		return
	}
	middle := len(r.body) / 2
	cut := func(with string) []byte {
		return slices.Concat(r.body[:middle], []byte(with), r.body[middle:])
	}
	r.body = rapid.SampledFrom([][]byte{
		nil, []byte("null"), []byte("[]"), []byte(`"` + sentMark + `"`), []byte("{"), r.body[:middle], cut("\xff"), cut("\x00"), cut(`\ud800`),
		append(slices.Clone(r.body), "{}"...), append([]byte("\ufeff"), r.body...), bytes.Replace(r.body, []byte("{"), []byte(`{"input":{},"input":{"a":1},`), 1),
		bytes.Replace(r.body, []byte("{"), []byte(`{"Reason":"`+sentMark+`","reason":"\ud800`+sentMark+`",`), 1), []byte(strings.Repeat("[", 100_000)),
		[]byte(`{"input":` + strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60) + "}"), bytes.ReplaceAll(r.body, []byte(sentMark), []byte("\xc3\x28"+sentMark)),
		[]byte(`{"reason":"` + strings.Repeat(sentMark, 300_000) + `"}`),
	}).Draw(rt, "bytes")
}

func (f *fuzzer) spoilHeader(rt *rapid.T, r *request) {
	name := rapid.SampledFrom([]string{
		"If-Match", "If-None-Match", "Last-Event-Id", "Accept-Language", "Idempotency-Key", "Accept", "Accept-Encoding", "X-Request-Id", "Content-Encoding", "Range", "Origin", "Cookie",
	}).Draw(rt, "header")
	r.header[name] = rapid.SampledFrom([][]string{
		{""},
		{sentMark},
		{`W/"3"`},
		{`"99999999999999999999"`},
		{"3"},
		{`"1", "2"`},
		{"-1"},
		{"99999999999999999999"},
		{strings.Repeat(sentMark, 100)},
		{strings.Repeat("1", 20)},
		{sentMark, sentMark},
		{"\xff" + sentMark},
		{"é" + sentMark},
		{"gzip"},
		{"*/*;q=2"},
		{"application/xml"},
		{"bytes=0-5"},
		{strings.Repeat("en,", 400)},
	}).Draw(rt, "header value")
	if name == "Accept-Language" && len(r.header[name]) > 1 {
		r.header[name] = r.header[name][:1]
	}
}

// spoilPath puts something strange in place of one part of the path. The route may be another one then.
func (f *fuzzer) spoilPath(rt *rapid.T, r *request) {
	path, query, asks := strings.Cut(r.path, "?")
	if rapid.IntRange(0, 3).Draw(rt, "method") == 0 {
		r.method = rapid.SampledFrom([]string{"PUT", "DELETE", "OPTIONS", "HEAD", "PROPFIND", "POST", "GET", "PATCH"}).Draw(rt, "method name")
	} else {
		parts := strings.Split(path, "/")
		n := rapid.IntRange(3, len(parts)-1).Draw(rt, "part")
		parts[n] = rapid.SampledFrom([]string{
			"", ".", "..", "%2e%2e", "%2F", "%00", "%ff", "%zz", sentMark, sentMark + "%20" + sentMark, strings.Repeat(sentMark, 40), strings.Repeat(sentMark, 3000), "%F0%9F%8F%98" + sentMark, "%0a", "current", "*",
		}).Draw(rt, "part of the path")
		path = strings.Join(parts, "/")
	}
	if r.path = path; asks {
		r.path += "?" + query
	}
	r.op = f.operationOf(r.method, path)
	if strings.Contains(path, "//") || strings.Contains(path, "/.") || strings.Contains(path, "%2") { // which the mux redirects
		r.op = nil
	}
}

func (f *fuzzer) spoilQuery(rt *rapid.T, r *request) {
	sep := "?"
	if strings.Contains(r.path, "?") {
		sep = "&"
	}
	r.path += sep + rapid.SampledFrom([]string{
		"no_such=" + sentMark, "limit=" + sentMark, "limit=0", "limit=1e9", "limit=99999999999999999999", "limit=5&limit=6", "cursor=" + sentMark, "cursor=W10", "cursor=WzEsMl0",
		"cursor=WyIiLCIiXQ", "after=-1", "after=9223372036854775807", "fields=" + strings.Repeat("a,", 200), "state=%00", "state=%ff", "state=" + strings.Repeat(sentMark+",", 30), "a=%zz", ";", "&&=",
		"dry_run=" + sentMark, "order=" + sentMark, "format=" + sentMark, "lang=" + sentMark, "role=" + sentMark, "cursor=WyIiLCIiLCIiLCIiXQ", "cursor=WyJhbGwiLCJ4IiwieCIsIngiXQ",
	}).Draw(rt, "query")
}

func (f *fuzzer) spoilKind(rt *rapid.T, r *request) {
	r.header["Content-Type"] = []string{rapid.SampledFrom([]string{
		"", "text/plain", "application/xml", "application/json; charset=gbk", "application/JSON", "multipart/form-data; boundary=" + sentMark, "application/cbor", sentMark, "application/problem+json",
		"application/vnd.api+json", "application/json;;;", "application/yaml",
	}).Draw(rt, "content type")}
}
