// Package internal_test holds what is true of all packages together.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/linli/linli"

// arrows says which of the project's packages each package may import (ARCHITECTURE.md, "Layout"):
// cmd → app → (api, relay, schedule, casefile, report, audit) → engine → workflow → calendar, with the store plugged in by app;
// api knows the store's types of questions, and prints reports.
// Packages for tests have arrows of their own. A new package gets a line here.
func arrows() map[string][]string {
	return map[string][]string{
		"workflows":                {},
		"migrations":               {},
		"examples":                 {},
		"internal/fault":           {},
		"internal/seal":            {"internal/fault"},
		"internal/calendar":        {"internal/fault"},
		"internal/workflow":        {"internal/calendar", "internal/fault"},
		"internal/engine":          {"internal/workflow", "internal/calendar", "internal/fault", "internal/seal"},
		"internal/store":           {"internal/engine", "internal/workflow", "internal/fault", "migrations"},
		"internal/audit":           {"internal/engine", "internal/workflow", "internal/calendar", "internal/fault", "internal/seal"},
		"internal/schedule":        {"internal/engine", "internal/workflow", "internal/calendar", "internal/fault"},
		"internal/casefile":        {"internal/engine", "internal/workflow", "internal/calendar", "internal/fault"},
		"internal/report":          {"internal/engine", "internal/workflow", "internal/calendar", "internal/fault"},
		"internal/relay":           {"internal/engine", "internal/workflow", "internal/fault"},
		"internal/token":           {},
		"internal/api":             {"internal/engine", "internal/store", "internal/workflow", "internal/calendar", "internal/fault", "internal/token", "internal/report"},
		"internal/bench":           {"internal/engine", "internal/store", "internal/workflow", "internal/seal", "internal/token", "workflows"},
		"internal/app":             {"*"},
		"cmd/linli":                {"internal/app", "internal/fault"},
		"internal/soak":            {},
		"internal/testdb":          {"internal/soak", "internal/store", "migrations"},
		"internal/enginetest":      {"*"},
		"internal/ordertest":       {"*"},
		"internal/store/storetest": {"*"},
	}
}

// homes says where each library of a technology may be imported, tests included.
func homes() map[string][]string {
	database := []string{"internal/store", "internal/testdb"}
	withControl := append(slices.Clone(database), "internal/bench") // whose control does the work the ordinary way
	return map[string][]string{
		"github.com/jmoiron/sqlx":    withControl,
		"github.com/lib/pq":          withControl,
		"modernc.org/sqlite":         withControl,
		"github.com/pressly/goose":   database,
		"github.com/looplab/fsm":     {"internal/workflow", "internal/bench"},
		"cel.dev/cel-go":             {"internal/workflow"},
		"github.com/robfig/cron":     {"internal/calendar", "internal/schedule"},
		"github.com/alecthomas/kong": {"internal/app", "cmd"},

		"github.com/danielgtaylor/huma":       {"internal/api"},
		"github.com/prometheus/client_golang": {"internal/api"},
		"github.com/klauspost/compress":       {"internal/api"},
		"golang.org/x/time":                   {"internal/api"},
		"go.opentelemetry.io/contrib":         {"internal/api"},
		"go.opentelemetry.io/otel":            {"internal/api", "internal/app"},
	}
}

// impure names what a pure package has no use for: I/O, randomness and processes.
func impure() []string {
	return []string{"database/sql", "net", "net/http", "os", "os/exec", "math/rand", "math/rand/v2", "crypto/rand", "syscall", "log", "log/slog"}
}

// file is one Go file of the module.
type file struct {
	dir     string // from the module's root, with slashes
	name    string
	test    bool
	imports []string
	syntax  *ast.File
}

// load reads every Go file of the module; modules within it, such as tools, are not part of it.
func load(t *testing.T) ([]file, *token.FileSet) {
	t.Helper()
	root, set := "..", token.NewFileSet()
	var files []file
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(name, root), string(filepath.Separator)))
		if d.IsDir() {
			if rel == "tools" || d.Name() == "testdata" || (rel != "" && strings.HasPrefix(d.Name(), ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		syntax, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f := file{dir: path.Dir(rel), name: rel, test: strings.HasSuffix(rel, "_test.go"), syntax: syntax}
		for _, spec := range syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, imported)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go file: the test runs in the wrong directory")
	}
	return files, set
}

func TestImportsFollowTheArrows(t *testing.T) {
	files, _ := load(t)
	allowed := arrows()
	for _, f := range files {
		targets, known := allowed[f.dir]
		if f.test {
			continue
		}
		if !known {
			t.Errorf("%s: package %s has no arrows: say in internal/imports_test.go and ARCHITECTURE.md what it may import", f.name, f.dir)
			continue
		}
		for _, imported := range f.imports {
			target, ours := strings.CutPrefix(imported, module+"/")
			if ours && !slices.Contains(targets, target) && !slices.Contains(targets, "*") {
				t.Errorf("%s: %s must not import %s", f.name, f.dir, target)
			}
		}
	}
}

func TestTestPackagesStayOutOfTheProgram(t *testing.T) {
	files, _ := load(t)
	onlyForTests := []string{"internal/soak", "internal/testdb", "internal/enginetest", "internal/store/storetest"}
	for _, f := range files {
		if f.test || slices.Contains(onlyForTests, f.dir) {
			continue
		}
		for _, imported := range f.imports {
			if target, ours := strings.CutPrefix(imported, module+"/"); imported == "testing" || (ours && slices.Contains(onlyForTests, target)) {
				t.Errorf("%s: the program must not import %s", f.name, imported)
			}
		}
	}
}

func TestLibrariesStayAtHome(t *testing.T) {
	files, _ := load(t)
	for _, f := range files {
		for _, imported := range f.imports {
			for library, dirs := range homes() {
				if within(imported, library) && !slices.ContainsFunc(dirs, func(home string) bool { return within(f.dir, home) }) {
					t.Errorf("%s: only %s may import %s", f.name, strings.Join(dirs, " and "), library)
				}
			}
		}
	}
}

// within reports whether a path is the given one or lies below it.
func within(p, above string) bool { return p == above || strings.HasPrefix(p, above+"/") }

func TestPurePackagesDoNoInputOrOutput(t *testing.T) {
	files, _ := load(t)
	for _, f := range files {
		if f.test || (f.dir != "internal/workflow" && f.dir != "internal/calendar") {
			continue
		}
		for _, imported := range f.imports {
			if slices.Contains(impure(), imported) {
				t.Errorf("%s: the pure package %s must not import %s", f.name, f.dir, imported)
			}
		}
	}
}

func TestOnlyTheCompositionRootReadsTheClock(t *testing.T) {
	files, set := load(t)
	for _, f := range files {
		if f.test || within(f.dir, "cmd") || within(f.dir, "internal/app") || f.dir == "internal/testdb" {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := selector.X.(*ast.Ident)
			if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, selector.Sel.Name) {
				t.Errorf("%s: time.%s: take the time as an argument, or a clock that app hands in", set.Position(n.Pos()), selector.Sel.Name)
			}
			return true
		})
	}
}
