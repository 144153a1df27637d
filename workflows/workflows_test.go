package workflows_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

// bundle is the built-in set, compiled.
func bundle(t testing.TB) *workflow.Bundle {
	t.Helper()
	b, problems := workflow.Load(workflows.Files())
	for _, p := range problems {
		t.Error(p)
	}
	if t.Failed() {
		t.FailNow()
	}
	return b
}

func TestBuiltInDefinitionsLoad(t *testing.T) {
	if n := len(bundle(t).Definitions()); n != len(workflows.Files()) {
		t.Errorf("%d definitions from %d files", n, len(workflows.Files()))
	}
}

func TestEachFileLiesInTheFolderOfItsName(t *testing.T) {
	for _, d := range bundle(t).Definitions() {
		if _, ok := workflows.Files()[d.Name+"/"+d.Name+".yaml"]; !ok {
			t.Errorf("%s is not in %s/%s.yaml", d.Name, d.Name, d.Name)
		}
	}
}

// TestReadmesFollowTheDefinitions keeps each folder's README.md equal to what is generated from its YAML.
// Run with -update after changing a definition.
func TestReadmesFollowTheDefinitions(t *testing.T) {
	b := bundle(t)
	for _, d := range b.Definitions() {
		t.Run(d.Name, func(t *testing.T) {
			path := filepath.Join(d.Name, "README.md")
			want := workflow.Readme(b, d)
			if *update {
				if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("%v; run go test ./workflows -update", err)
			}
			if diff := cmp.Diff(string(got), want); diff != "" {
				t.Errorf("%s is out of date (-file +generated); run go test ./workflows -update\n%s", path, diff)
			}
		})
	}
}

func TestTheOverviewNamesEveryWorkflow(t *testing.T) {
	overview, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range bundle(t).Definitions() {
		if !strings.Contains(string(overview), "]("+d.Name+"/)") {
			t.Errorf("README.md does not link to %s/", d.Name)
		}
	}
}

var update = flag.Bool("update", false, "write the generated README.md files")
