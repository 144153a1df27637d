package report_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestReportOfTheDemonstration(t *testing.T) {
	r := demo(t)
	for _, lang := range []string{report.Chinese, report.English} {
		t.Run(lang, func(t *testing.T) {
			golden(t, "zhangxi."+lang+".md", []byte(report.Markdown(r, lang)))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (run with -update if this is wanted):\n%s", path, diff)
	}
}
