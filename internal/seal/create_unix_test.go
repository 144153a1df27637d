//go:build linux || darwin

package seal_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/linli/linli/internal/seal"
)

// createVariable names, for a copy of the test process, the key file that it dies over.
const createVariable = "LINLI_TEST_CREATE_KEYS"

func TestAnInterruptedCreationLeavesNoKeyFile(t *testing.T) {
	if path := os.Getenv(createVariable); path != "" {
		// The system kills a process that writes a file beyond this size, after the bytes up to it.
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
			t.Fatal(err)
		}
		t.Fatal(seal.Create(path, rand.Reader))
	}
	path := filepath.Join(t.TempDir(), seal.KeyFile)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), createVariable+"="+path)
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Fatalf("the process should have died: %s", out)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("half a key file is left (%v)", err)
	}
	if err := seal.Create(path, rand.Reader); err != nil {
		t.Fatalf("the next start cannot create the keys: %v", err)
	}
	if _, err := seal.Load(path, rand.Reader); err != nil {
		t.Error(err)
	}
}

func TestCreateLeavesNothingButTheKeys(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, seal.KeyFile)
	for _, there := range []bool{false, true} {
		if err := seal.Create(path, rand.Reader); (err != nil) != there || there && !errors.Is(err, fs.ErrExist) {
			t.Errorf("got %v", err)
		}
		all, err := os.ReadDir(dir)
		if err != nil || len(all) != 1 {
			t.Errorf("the directory holds %v, %v", all, err)
		}
	}
}
