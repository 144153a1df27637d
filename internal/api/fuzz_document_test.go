package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// documented is the OpenAPI document as a client reads it.
type documented struct {
	t       testing.TB
	tree    map[string]any
	schemas *jsonschema.Compiler
	known   map[string]*jsonschema.Schema
	ops     []*documentedOp
}

type documentedOp struct {
	method, path, id string
	params           []documentedParam
	bodies           map[string]map[string]any // content type → schema
	mustBody         bool
	responses        map[string]any
	public           bool
}

type documentedParam struct {
	name, in string
	required bool
	schema   map[string]any
}

const documentURL = "openapi.json"

func readDocument(t testing.TB, h *harness) *documented {
	t.Helper()
	r := h.get("", "/openapi.json").status(http.StatusOK)
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	d := &documented{t: t, tree: tree.(map[string]any), schemas: jsonschema.NewCompiler(), known: map[string]*jsonschema.Schema{}}
	d.schemas.DefaultDraft(jsonschema.Draft2020)
	d.schemas.AssertFormat()
	if err := d.schemas.AddResource(documentURL, tree); err != nil {
		t.Fatal(err)
	}
	paths := object(d.tree["paths"])
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range slices.Sorted(maps.Keys(object(paths[path]))) {
			d.ops = append(d.ops, d.operation(path, method, object(object(paths[path])[method])))
		}
	}
	return d
}

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func (d *documented) operation(path, method string, from map[string]any) *documentedOp {
	o := &documentedOp{method: strings.ToUpper(method), path: path, bodies: map[string]map[string]any{}, responses: object(from["responses"])}
	o.id, _ = from["operationId"].(string)
	o.public = len(list(from["security"])) == 0
	for _, p := range list(from["parameters"]) {
		p := object(p)
		q := documentedParam{schema: object(p["schema"])}
		q.name, _ = p["name"].(string)
		q.in, _ = p["in"].(string)
		q.required, _ = p["required"].(bool)
		o.params = append(o.params, q)
	}
	body := object(from["requestBody"])
	o.mustBody, _ = body["required"].(bool)
	for kind, media := range object(body["content"]) {
		o.bodies[kind] = object(object(media)["schema"])
	}
	return o
}

// resolve follows a reference within the document.
func (d *documented) resolve(schema map[string]any) map[string]any {
	for range 20 {
		ref, ok := schema["$ref"].(string)
		if !ok {
			return schema
		}
		schema = object(object(object(d.tree["components"])["schemas"])[strings.TrimPrefix(ref, "#/components/schemas/")])
	}
	return nil
}

// schema compiles the schema at a place of the document.
func (d *documented) schema(place ...string) (*jsonschema.Schema, error) {
	pointer := documentURL + "#"
	for _, p := range place {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D").Replace(p)
	}
	if s := d.known[pointer]; s != nil {
		return s, nil
	}
	s, err := d.schemas.Compile(pointer)
	if err == nil {
		d.known[pointer] = s
	}
	return s, err //nolint:wrapcheck // a test
}

// fits says what is wrong with an answer, by the document; "" if nothing.
func (d *documented) fits(o *documentedOp, r *reply) string {
	status := fmt.Sprint(r.Status)
	response := object(o.responses[status])
	if response == nil {
		return "undocumented status " + status
	}
	content := object(response["content"])
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if len(content) == 0 {
		if len(r.Body) > 0 {
			return status + " has a body, which is not documented"
		}
		return ""
	}
	if content[kind] == nil {
		return fmt.Sprintf("%s answers with %q, which is not documented", status, kind)
	}
	for _, name := range []string{"ETag", "Idempotency-Replayed"} {
		if r.Header.Get(name) != "" && object(response["headers"])[name] == nil {
			return status + " has the header " + name + ", which is not documented"
		}
	}
	if !strings.HasSuffix(kind, "json") {
		return ""
	}
	s, err := d.schema("paths", o.path, strings.ToLower(o.method), "responses", status, "content", kind, "schema")
	if err != nil {
		return err.Error()
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(r.Body))
	if err != nil {
		return "no JSON: " + err.Error()
	}
	if err := s.Validate(v); err != nil {
		return "not as its schema says: " + err.Error()
	}
	return ""
}

func TestTheDocumentIsValidAndSaysWhatThereIs(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		d := readDocument(t, h)
		if v, _ := d.tree["openapi"].(string); !strings.HasPrefix(v, "3.1.") {
			t.Errorf("openapi is %q", v)
		}
		info := object(d.tree["info"])
		if info["title"] == "" || info["version"] == "" || object(d.tree["paths"]) == nil {
			t.Error("info or paths is missing")
		}
		for name := range object(object(d.tree["components"])["schemas"]) {
			if _, err := d.schema("components", "schemas", name); err != nil {
				t.Errorf("schema %s: %v", name, err)
			}
		}
		ids, tags := map[string]string{}, map[string]bool{}
		for _, tag := range list(d.tree["tags"]) {
			name, _ := object(tag)["name"].(string)
			tags[name] = true
		}
		for _, o := range d.ops {
			if earlier := ids[o.id]; o.id == "" || earlier != "" {
				t.Errorf("%s %s: operationId %q is missing, or also that of %s", o.method, o.path, o.id, earlier)
			}
			ids[o.id] = o.path
			for _, problem := range d.mistakes(o, tags) {
				t.Errorf("%s: %s", o.id, problem)
			}
		}
		references(t, d, d.tree)
	})
}

// mistakes are what OpenAPI 3.1 does not allow of an operation, and what a client would stumble over.
func (d *documented) mistakes(o *documentedOp, tags map[string]bool) []string {
	var out []string
	raw := object(object(object(d.tree["paths"])[o.path])[strings.ToLower(o.method)])
	for _, tag := range list(raw["tags"]) {
		if name, _ := tag.(string); !tags[name] {
			out = append(out, fmt.Sprintf("tag %v is not declared", tag))
		}
	}
	inPath := map[string]bool{}
	for _, name := range regexp.MustCompile(`\{([^}]*)\}`).FindAllStringSubmatch(o.path, -1) {
		inPath[name[1]] = true
	}
	seen := map[string]bool{}
	for _, p := range o.params {
		at := p.in + " " + strings.ToLower(p.name)
		if seen[at] {
			out = append(out, "parameter twice: "+at)
		}
		seen[at] = true
		if p.schema == nil {
			out = append(out, "no schema: "+at)
		}
		switch p.in {
		case "path":
			if !inPath[p.name] || !p.required {
				out = append(out, "not in the path, or not required: "+at)
			}
			delete(inPath, p.name)
		case "header": // OpenAPI 3.1 §4.8.12: these are said elsewhere
			if slices.Contains([]string{"accept", "content-type", "authorization"}, strings.ToLower(p.name)) {
				out = append(out, "must not be a parameter: "+at)
			}
		case "query", "cookie":
		default:
			out = append(out, "no such place: "+at)
		}
	}
	for name := range inPath {
		out = append(out, "path parameter without a description: "+name)
	}
	if len(o.responses) == 0 {
		out = append(out, "no responses")
	}
	for status, r := range o.responses {
		if s, _ := object(r)["description"].(string); s == "" {
			out = append(out, status+" has no description")
		}
		for kind := range object(object(r)["content"]) {
			if _, err := d.schema("paths", o.path, strings.ToLower(o.method), "responses", status, "content", kind, "schema"); err != nil {
				out = append(out, fmt.Sprintf("%s %s: %v", status, kind, err))
			}
		}
	}
	return append(out, d.examples(o)...)
}

// examples checks that what is shown as an example of a body is one.
func (d *documented) examples(o *documentedOp) []string {
	var out []string
	media := object(object(object(object(object(d.tree["paths"])[o.path])[strings.ToLower(o.method)])["requestBody"])["content"])
	for kind := range media {
		s, err := d.schema("paths", o.path, strings.ToLower(o.method), "requestBody", "content", kind, "schema")
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		if example := object(media[kind])["example"]; example != nil {
			if err := s.Validate(example); err != nil {
				out = append(out, "its example does not fit: "+err.Error())
			}
		}
	}
	return out
}

// references checks that every $ref leads somewhere.
func references(t *testing.T, d *documented, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			name, local := strings.CutPrefix(ref, "#/components/schemas/")
			if !local || object(object(d.tree["components"])["schemas"])[name] == nil {
				t.Errorf("%s leads nowhere", ref)
			}
		}
		for _, x := range v {
			references(t, d, x)
		}
	case []any:
		for _, x := range v {
			references(t, d, x)
		}
	}
}

// decoded reads JSON with its numbers as they are.
func decoded(b []byte) any {
	var v any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if dec.Decode(&v) != nil {
		return nil
	}
	return v
}
