package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/seal"
)

func checkpointFile(t *testing.T) (*seal.Keyring, string) {
	t.Helper()
	ring, _ := newRing(t)
	return ring, filepath.Join(t.TempDir(), "linli.checkpoint")
}

func appendHeads(t *testing.T, ring *seal.Keyring, path string, now time.Time, heads ...seal.Head) {
	t.Helper()
	if err := ring.AppendCheckpoint(path, heads, now); err != nil {
		t.Fatal(err)
	}
}

func TestCheckpointsComeBackInOrder(t *testing.T) {
	ring, path := checkpointFile(t)
	now := time.Date(2023, time.July, 14, 12, 0, 0, 123_000, time.UTC)
	a := seal.Head{Community: "樟溪<&>", Root: "prog", Seq: 7, MAC: []byte{0, 0xff}}
	b := seal.Head{Community: "樟溪<&>", Root: "樟溪<&>", Seq: 1, MAC: []byte{1}}
	appendHeads(t, ring, path, now, a, b)
	appendHeads(t, ring, path, now) // nothing new
	a.Seq = 8
	appendHeads(t, ring, path, now.Add(time.Hour), a)
	got, err := ring.ReadCheckpoint(path)
	if err != nil {
		t.Fatal(err)
	}
	first := a
	first.Seq = 7
	want := []seal.Checkpoint{{At: now, Head: first}, {At: now, Head: b}, {At: now.Add(time.Hour), Head: a}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
}

func TestATamperedCheckpointIsNamedByItsLine(t *testing.T) {
	ring, path := checkpointFile(t)
	for seq := range int64(3) {
		appendHeads(t, ring, path, time.Unix(seq, 0), seal.Head{Community: "c", Root: "prog", Seq: 40 + seq, MAC: []byte{1}})
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stranger, _ := newRing(t)
	if _, err := stranger.ReadCheckpoint(path); !errors.Is(err, seal.ErrCheckpoint) || !strings.Contains(err.Error(), path+":1:") {
		t.Errorf("under another key: got %v", err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"another seq":  func(b []byte) []byte { return bytes.Replace(b, []byte(`"seq":41`), []byte(`"seq":40`), 1) },
		"another root": func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(`prog","seq":41`), []byte(`brog","seq":41`)) },
		"not even JSON": func(b []byte) []byte {
			return bytes.Replace(b, []byte(`{"head":{"at":"1970-01-01T00:00:01`), []byte(`???`), 1)
		},
		"an added blank": func(b []byte) []byte { return bytes.Replace(b, []byte(`"seq":41`), []byte(`"seq": 41`), 1) },
	} {
		if err := os.WriteFile(path, change(bytes.Clone(content)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ring.ReadCheckpoint(path); !errors.Is(err, seal.ErrCheckpoint) || !strings.Contains(err.Error(), path+":2:") {
			t.Errorf("%s: got %v, want that line 2 was tampered with", name, err)
		}
	}
}

func TestAnInterruptedAppendIsForgotten(t *testing.T) {
	ring, path := checkpointFile(t)
	head := seal.Head{Community: "c", Root: strings.Repeat("long", 3000), Seq: 1, MAC: []byte{1}}
	appendHeads(t, ring, path, time.Unix(1, 0), head)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, torn := range []int{1, 100, len(content) - 1} { // also longer than what is read back at once
		if err := os.WriteFile(path, append(bytes.Clone(content), content[:torn]...), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ring.ReadCheckpoint(path); err != nil || len(got) != 1 {
			t.Errorf("torn after %d bytes: got %d lines, %v", torn, len(got), err)
		}
		head.Seq = 2
		appendHeads(t, ring, path, time.Unix(2, 0), head)
		got, err := ring.ReadCheckpoint(path)
		if err != nil || len(got) != 2 || got[1].Seq != 2 {
			t.Errorf("appended after %d torn bytes: got %d lines, %v", torn, len(got), err)
		}
	}
	if err := os.WriteFile(path, content[:20], 0o600); err != nil {
		t.Fatal(err)
	}
	appendHeads(t, ring, path, time.Unix(3, 0), head)
	if got, err := ring.ReadCheckpoint(path); err != nil || len(got) != 1 {
		t.Errorf("after nothing but a torn line: got %d lines, %v", len(got), err)
	}
	if _, err := ring.ReadCheckpoint(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
}
