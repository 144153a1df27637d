package app

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/linli/linli/internal/testdb"
)

// TestMain builds the program, so that the tests run what people run, and starts a PostgreSQL server. The program is
// built without the race detector, under which every start takes a second: what runs concurrently is tested in this process.
func TestMain(m *testing.M) {
	os.Exit(withProgram(func() int { return testdb.Main(m) }))
}

func withProgram(run func() int) (status int) {
	dir, err := os.MkdirTemp("", "linli-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}()
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "github.com/linli/linli/cmd/linli")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as released
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return run()
}
