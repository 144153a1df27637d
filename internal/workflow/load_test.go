package workflow

import (
	"os"
	"path/filepath"
	"testing"
)

func readFiles(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no files: %v", pattern, err)
	}
	files := map[string][]byte{}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.ToSlash(p)] = b
	}
	return files
}

func TestCorpusOfReleasedLanguagesLoads(t *testing.T) {
	b, problems := Load(readFiles(t, "testdata/corpus/v1/*.yaml"))
	if problems != nil {
		t.Fatalf("released files no longer load:\n%v", problems)
	}
	t.Log(b.Hash)
}

func BenchmarkLoad(b *testing.B) {
	files := readFiles(b, "testdata/corpus/v1/*.yaml")
	for b.Loop() {
		if _, problems := Load(files); problems != nil {
			b.Fatal(problems)
		}
	}
}

func TestLoadRefusesAnEmptySet(t *testing.T) {
	for name, files := range map[string]map[string][]byte{"nothing": nil, "no definitions": {"README.md": []byte("# hello")}} {
		t.Run(name, func(t *testing.T) {
			if b, problems := Load(files); b != nil || len(problems) != 1 || problems[0].Code != codeNoDefinitions {
				t.Errorf("got %v, %v", b, problems)
			}
		})
	}
}
