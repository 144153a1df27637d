package report_test

import (
	"flag"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/linli/linli/examples"
	"github.com/linli/linli/internal/casefile"
	"github.com/linli/linli/internal/soak"
	"github.com/linli/linli/internal/workflow"
)

// plays lets rapid draw only so many data files in this test: each is played through an engine on a database. quick of them in
// an ordinary run, long in a soak run.
func plays(t *testing.T, quick, long int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	was := f.Value.String()
	if err := f.Value.Set(strconv.Itoa(soak.Count(quick, long))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(was) })
}

// dataFile is the demonstration's data file, to be changed before it is played.
type dataFile struct{ doc yaml.Node }

func demoFile(f tb) *dataFile {
	f.Helper()
	var d dataFile
	if err := yaml.Unmarshal(examples.Zhangxi(), &d.doc); err != nil {
		f.Fatal(err)
	}
	return &d
}

func (d *dataFile) source(f tb) []byte {
	f.Helper()
	src, err := yaml.Marshal(&d.doc)
	if err != nil {
		f.Fatal(err)
	}
	return src
}

// at returns the value under a key of a mapping, or nil.
func at(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// put sets a value of a mapping; nil removes it.
func put(n *yaml.Node, key string, value any) {
	var v yaml.Node
	if value != nil {
		if err := v.Encode(value); err != nil {
			panic(err)
		}
		v.Style = 0
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		if value == nil {
			n.Content = slices.Delete(n.Content, i, i+2)
		} else {
			*n.Content[i+1] = v
		}
		return
	}
	if value != nil {
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, &v)
	}
}

func (d *dataFile) section(name string) *yaml.Node { return at(d.doc.Content[0], name) }

// steps returns the steps whose key has the given value.
func (d *dataFile) steps(key, value string) []*yaml.Node {
	var out []*yaml.Node
	for _, s := range d.section("steps").Content {
		if v := at(s, key); v != nil && v.Value == value {
			out = append(out, s)
		}
	}
	return out
}

// input returns the inputs of the step that brings something into being.
func (d *dataFile) input(f tb, as string) *yaml.Node {
	f.Helper()
	for _, s := range d.steps("as", as) {
		if in := at(s, "input"); in != nil {
			return in
		}
	}
	f.Fatalf("no step makes %s", as)
	return nil
}

// claim restates a figure; a negative n takes the number away.
func (d *dataFile) claim(f tb, as string, n int64, qualifier string) {
	f.Helper()
	in := d.input(f, as)
	put(in, "qualifier", qualifier)
	if qualifier == "not_counted" {
		put(in, "n", nil)
		return
	}
	put(in, "n", n)
}

// before inserts a step, written in YAML, before the first step that has the key's value.
func (d *dataFile) before(f tb, key, value, step string) {
	f.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(step), &n); err != nil {
		f.Fatal(err)
	}
	steps := d.section("steps")
	for i, s := range steps.Content {
		if v := at(s, key); v != nil && v.Value == value {
			steps.Content = slices.Insert(steps.Content, i, n.Content[0])
			return
		}
	}
	f.Fatalf("no step has %s: %s", key, value)
}

// yuan writes fen as the data file does.
func yuan(fen int64) string { return fmt.Sprintf("%d.%02d元", fen/100, fen%100) }

// raise changes what the visit fund received and spent. The file first types one fen too little, and corrects it.
func (d *dataFile) raise(f tb, fen int64) {
	f.Helper()
	put(d.input(f, "gift_visit"), "amount", yuan(fen))
	for _, name := range []string{"supplies", "supplies_fund"} {
		put(d.input(f, name), "amount", yuan(fen-1))
		for _, s := range d.steps("on", name) {
			if in := at(s, "input"); at(in, "amount") != nil {
				put(in, "amount", yuan(fen))
			}
		}
	}
}

// values returns every single value of the file that fills a field which accept wants. Grants are left out: their texts are
// names of roles and places.
func (d *dataFile) values(f tb, accept func(*workflow.Field) bool) []*yaml.Node {
	f.Helper()
	src := d.source(f)
	if err := yaml.Unmarshal(src, &d.doc); err != nil { // so that the places are those of the text
		f.Fatal(err)
	}
	file, problems := casefile.Load(examples.ZhangxiName, src)
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	bundle, _ := builtIn()
	places := map[workflow.Pos]bool{}
	for _, s := range file.Steps {
		of := s.Workflow
		if of == "" {
			of = file.WorkflowOf(string(s.On))
		}
		def := bundle.Definition(of)
		if def == nil || def.Name == "grant" {
			continue
		}
		for _, in := range s.Input {
			if field := def.Field(in.Name); field != nil && accept(field) {
				collect(in.Value, places)
			}
		}
	}
	var out []*yaml.Node
	scalars(&d.doc, func(n *yaml.Node) {
		if places[workflow.Pos{File: examples.ZhangxiName, Line: n.Line, Column: n.Column}] && n.Value != "~" && n.Value != "" {
			out = append(out, n)
		}
	})
	return out
}

func collect(v casefile.Value, places map[workflow.Pos]bool) {
	places[v.Pos] = true
	for _, e := range v.List {
		collect(e, places)
	}
	for _, e := range v.Map {
		collect(e.Value, places)
	}
}

func scalars(n *yaml.Node, visit func(*yaml.Node)) {
	if n.Kind == yaml.ScalarNode {
		visit(n)
	}
	for _, c := range n.Content {
		scalars(c, visit)
	}
}

func scalar(s string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: s} }
