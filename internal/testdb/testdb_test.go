package testdb_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/testdb"
)

func TestMain(m *testing.M) { os.Exit(testdb.Main(m)) }

// hangVariable makes TestHang say where its server is, and wait.
const hangVariable = "LINLI_TESTDB_HANG"

func TestEachDatabaseIsEmptyAndItsOwn(t *testing.T) {
	for range 2 {
		testdb.Each(t, func(t *testing.T, db *testdb.Database) {
			s := db.Open(t)
			empty, err := s.Empty(context.Background())
			if err != nil || !empty {
				t.Errorf("a new database is empty: %v, %v", empty, err)
			}
			if s.Kind() != db.Kind {
				t.Errorf("%s was given for %s", s.Kind(), db.Kind)
			}
			if err := s.SetMeta(context.Background(), "used", "yes"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestHang is the child of TestKilledTestsLeaveNothingBehind, and proves nothing by itself.
func TestHang(t *testing.T) {
	if os.Getenv(hangVariable) == "" {
		return
	}
	fmt.Println("server at", os.Getenv(testdb.Variable))
	_, err := io.Copy(io.Discard, os.Stdin) // for ever
	t.Error("the parent let go", err)
}

func TestKilledTestsLeaveNothingBehind(t *testing.T) {
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHang$")
	child.Env = append(os.Environ(), hangVariable+"=1", testdb.Variable+"=")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	dir := serverDirectory(t, stdout)
	if _, err := os.Stat(dir); err != nil {
		t.Fatalf("the server's directory: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // it was killed
	for range 300 {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s is still there", dir)
}

// serverDirectory reads the child's output until it says where its server is.
func serverDirectory(t *testing.T, output io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		address, found := strings.CutPrefix(lines.Text(), "server at ")
		if !found {
			continue
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("host")
	}
	t.Fatalf("the child said nothing: %v", lines.Err())
	return ""
}
