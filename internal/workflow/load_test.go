package workflow

import (
	"bytes"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

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

func loadCorpus(t testing.TB) *Bundle {
	t.Helper()
	b, problems := Load(readFiles(t, "testdata/corpus/v1/*.yaml"))
	if problems != nil {
		t.Fatalf("released files no longer load:\n%v", problems)
	}
	return b
}

// A running programme is pinned to the hash of its bundle, and the binary must be able to read that bundle for ever. If this test fails
// because a file of the corpus changed, put the file back; a new version of the language gets a corpus of its own.
func TestCorpusOfReleasedLanguagesKeepsCompiling(t *testing.T) {
	const released = "5c5eaabbc14c312d716bc737fae1d0105bc776c23a675c820820aca04009b054"
	b := loadCorpus(t)
	if b.Hash != released || b.Language != 1 {
		t.Errorf("hash %s, language %d; released as %s, language 1", b.Hash, b.Language, released)
	}
}

func TestHashDependsOnContentAlone(t *testing.T) {
	files := readFiles(t, "testdata/corpus/v1/*.yaml")
	want := loadCorpus(t)
	elsewhere := map[string][]byte{"notes/README.md": []byte("not a definition")}
	for p, content := range files {
		elsewhere["/srv/linli/"+filepath.Base(p)] = content
	}
	moved, problems := Load(elsewhere)
	if problems != nil || moved.Hash != want.Hash {
		t.Errorf("moved: %v, %v", moved, problems)
	}
	again, problems := Load(want.Files)
	if problems != nil || again.Hash != want.Hash || len(again.Files) != len(want.Files) {
		t.Errorf("from the bundle's own files: %v", problems)
	}
	changed := maps.Clone(files)
	for p, content := range files {
		changed[p] = append(bytes.Clone(content), "# one more line\n"...)
		break
	}
	other, problems := Load(changed)
	if problems != nil || other.Hash == want.Hash {
		t.Errorf("a changed file kept the hash: %v", problems)
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

func TestEveryProblemOfEveryFileComesInOneRun(t *testing.T) {
	files := map[string][]byte{}
	var want int
	for _, tt := range brokenFiles() {
		if !strings.HasSuffix(tt.name, ".yaml") || strings.HasPrefix(tt.name, "yaml_") || strings.HasPrefix(tt.name, "file_name") {
			continue
		}
		maps.Copy(files, readTree(t, filepath.Join("testdata/broken", tt.name)))
		want += len(tt.want)
	}
	_, problems := Load(files)
	if len(problems) != want {
		t.Errorf("%d problems together, %d one by one:\n%v", len(problems), want, problems)
	}
	_, again := Load(files)
	if diff := cmp.Diff(problems, again); diff != "" {
		t.Errorf("a second run says something else:\n%s", diff)
	}
}

func TestAFileThatIsNoYAMLHidesNothingElse(t *testing.T) {
	files := readFiles(t, "testdata/corpus/v1/*.yaml")
	files["testdata/corpus/v1/drive.yaml"] = []byte("workflow: [drive\n")
	_, problems := Load(files)
	if len(problems) != 1 || problems[0].Code != codeYAML {
		t.Errorf("one unreadable file gave:\n%v", problems)
	}
}

func TestProblemsReadAsFileLineColumnWhatDo(t *testing.T) {
	_, problems := Load(map[string][]byte{"a.yaml": []byte("workflow: a\nlevel: item\n")})
	for _, p := range problems {
		if !strings.HasPrefix(p.String(), "a.yaml:1:1: the definition has no ") || !strings.Contains(p.String(), "; add `") {
			t.Errorf("%q", p.String())
		}
	}
	if want := strings.Count(problems.Error(), "\n") + 1; want != len(problems) {
		t.Errorf("%d lines for %d problems", want, len(problems))
	}
}

func TestBundleKnowsItsTree(t *testing.T) {
	b := loadCorpus(t)
	var names []string
	for _, d := range b.Definitions() {
		names = append(names, d.Name)
	}
	var feeds []string
	for _, f := range b.Feeds("gift") {
		feeds = append(feeds, f.Owner.Name+"."+f.Aggregate.Name)
	}
	var needs []string
	for _, n := range b.Definition("drive").NeedsOf("raise", "publish") {
		needs = append(needs, n.Name)
	}
	for _, n := range b.Definition("drive").NeedsOf("", "finish") {
		needs = append(needs, n.Name)
	}
	for name, tt := range map[string]struct{ want, got any }{
		"definitions by name":      {[]string{"course", "drive", "gift", "participation", "raise"}, names},
		"what gifts count towards": {[]string{"raise.received", "raise.gifts", "raise.givers"}, feeds},
		"parents by slot":          {[]string{"drive"}, b.Parents("course")},
		"parents by item":          {[]string{"raise"}, b.Parents("gift")},
		"no parents":               {[]string(nil), b.Parents("drive")},
		"needs":                    {[]string{"trained", "all_held"}, needs},
		"roots through parents":    {[]string{"drive"}, b.rootsOf("gift")},
		"engine state, cancelled":  {Text{"已取消", "Cancelled"}, b.Definition("raise").State(StateCancelled).Title},
		"engine state, skipped":    {Text{"不适用", "Not applicable"}, b.Definition("course").State(StateSkipped).Title},
		"default of edit":          {[]string{"worker", "lead"}, b.Definition("raise").Edit.By},
		"default of waive":         {[]string{"approver"}, b.Definition("drive").Waive.By},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if b.Definition("raise").State(StateSkipped) != nil || b.Definition("nothing") != nil {
		t.Error("something exists that nobody declared")
	}
}

func TestReadmeAndDiagramStayAsTheyAre(t *testing.T) {
	b := loadCorpus(t)
	for _, d := range b.Definitions() {
		t.Run(d.Name, func(t *testing.T) {
			got := Readme(b, d)
			golden := filepath.Join("testdata", "readme", d.Name+".md")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("run with -update if this is meant (-want +got):\n%s", diff)
			}
			if got != Readme(b, d) {
				t.Error("two runs differ")
			}
		})
	}
}

// FuzzLoad looks for input that makes the reader panic, or that it neither accepts nor refuses.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/corpus/v1/*.yaml", "testdata/broken/*.yaml"} {
		for _, content := range readFiles(f, pattern) {
			f.Add(content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		b, problems := Load(map[string][]byte{"a/a.yaml": content})
		if (b == nil) == (len(problems) == 0) {
			t.Fatalf("bundle %v, problems %v", b, problems)
		}
		for _, p := range problems {
			if p.Code == "" || p.What.ZH == "" || p.What.EN == "" || p.Do.ZH == "" || p.Do.EN == "" || p.Pos.Line < 1 || p.Pos.Column < 1 {
				t.Errorf("a problem without place or advice: %#v", p)
			}
		}
		if b == nil {
			return
		}
		for _, d := range b.Definitions() {
			if Readme(b, d) == "" {
				t.Error("no README")
			}
		}
	})
}

// BenchmarkLoad measures what `linli check` does for the built-in set; the whole process must take well under 100 ms.
func BenchmarkLoad(b *testing.B) {
	for name, pattern := range map[string]string{"built_in": "../../workflows/*/*.yaml", "corpus": "testdata/corpus/v1/*.yaml"} {
		b.Run(name, func(b *testing.B) {
			files := readFiles(b, pattern)
			for b.Loop() {
				if _, problems := Load(files); problems != nil {
					b.Fatal(problems)
				}
			}
		})
	}
}

// BenchmarkGuard measures one evaluation of a planned guard.
func BenchmarkGuard(b *testing.B) {
	e := guardOf(b, "data.team.all(p, part[p].trained || consent[p + '/x'] == 'none') && agg.things <= data.need")
	s := testScope(b)
	for b.Loop() {
		if ok, err := e.Bool(s); err != nil || !ok {
			b.Fatal(ok, err)
		}
	}
}
