package seal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/seal"
)

// newRing creates a key file and loads it.
func newRing(t *testing.T) (*seal.Keyring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), seal.KeyFile)
	if err := seal.Create(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	return loadRing(t, path), path
}

func loadRing(t *testing.T, path string) *seal.Keyring {
	t.Helper()
	ring, err := seal.Load(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func TestSealedValueOpensOnlyWhereItWasSealed(t *testing.T) {
	ring, _ := newRing(t)
	key, _, err := ring.NewSubjectKey("zhangxi", "h1")
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := ring.NewSubjectKey("zhangxi", "h1")
	if err != nil {
		t.Fatal(err)
	}
	at := seal.Place{Community: "zhangxi", Table: "household", Column: "address", Row: "h1"}
	for _, value := range []string{"", "中森街区1号", strings.Repeat("x", 100_000)} {
		box, err := ring.Seal(key, at, []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ring.Open(key, at, box)
		if err != nil || string(got) != value {
			t.Fatalf("got %.20q, %v", got, err)
		}
		if len(value) > 0 && bytes.Contains(box, []byte(value)) {
			t.Error("the box shows the value")
		}
		again, err := ring.Seal(key, at, []byte(value))
		if err != nil || bytes.Equal(box, again) {
			t.Errorf("sealing twice gave the same box, %v", err)
		}
		for name, open := range map[string]func() ([]byte, error){
			"another community": func() ([]byte, error) { p := at; p.Community = "x"; return ring.Open(key, p, box) },
			"another table":     func() ([]byte, error) { p := at; p.Table = "x"; return ring.Open(key, p, box) },
			"another column":    func() ([]byte, error) { p := at; p.Column = "x"; return ring.Open(key, p, box) },
			"another row":       func() ([]byte, error) { p := at; p.Row = "x"; return ring.Open(key, p, box) },
			"shifted names": func() ([]byte, error) {
				return ring.Open(key, seal.Place{Community: "zhangxi", Table: "householdaddress", Row: "h1"}, box)
			},
			"another key": func() ([]byte, error) { return ring.Open(other, at, box) },
			"a short box": func() ([]byte, error) { return ring.Open(key, at, box[:10]) },
			"no box":      func() ([]byte, error) { return ring.Open(key, at, nil) },
			"one bit":     func() ([]byte, error) { b := bytes.Clone(box); b[len(b)-1] ^= 1; return ring.Open(key, at, b) },
			"a version":   func() ([]byte, error) { b := bytes.Clone(box); b[0]++; return ring.Open(key, at, b) },
		} {
			if _, err := open(); !errors.Is(err, seal.ErrBox) {
				t.Errorf("%s: got %v, want that it does not open", name, err)
			}
		}
	}
}

func TestSubjectKeyUnwrapsOnlyForItsSubject(t *testing.T) {
	ring, _ := newRing(t)
	key, wrapped, err := ring.NewSubjectKey("zhangxi", "h1")
	if err != nil {
		t.Fatal(err)
	}
	got, err := ring.Unwrap("zhangxi", "h1", wrapped)
	if err != nil || got != key {
		t.Fatalf("got another key, %v", err)
	}
	stranger, _ := newRing(t)
	unknown := wrapped
	unknown.KeyID = "m9"
	for name, c := range map[string]struct {
		unwrap func() (seal.DataKey, error)
		want   error
	}{
		"another subject":   {func() (seal.DataKey, error) { return ring.Unwrap("zhangxi", "h2", wrapped) }, seal.ErrWrongKey},
		"another community": {func() (seal.DataKey, error) { return ring.Unwrap("x", "h1", wrapped) }, seal.ErrWrongKey},
		"another ring":      {func() (seal.DataKey, error) { return stranger.Unwrap("zhangxi", "h1", wrapped) }, seal.ErrWrongKey},
		"unknown master":    {func() (seal.DataKey, error) { return ring.Unwrap("zhangxi", "h1", unknown) }, seal.ErrWrongKey},
		"destroyed":         {func() (seal.DataKey, error) { return ring.Unwrap("zhangxi", "h1", seal.Wrapped{KeyID: "m1"}) }, seal.ErrDestroyed},
	} {
		if _, err := c.unwrap(); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestANewMasterKeyTakesOver(t *testing.T) {
	ring, path := newRing(t)
	key, wrapped, err := ring.NewSubjectKey("zhangxi", "h1")
	if err != nil {
		t.Fatal(err)
	}
	edit(t, path, func(f map[string]any) {
		fresh := map[string]any{"id": "m2", "key": bytes.Repeat([]byte{7}, 32)}
		f["master"] = append([]any{fresh}, f["master"].([]any)...)
	})
	ring = loadRing(t, path)
	if ring.Current() != "m2" {
		t.Errorf("the current master key is %s", ring.Current())
	}
	again, err := ring.Rewrap("zhangxi", "h1", wrapped)
	if err != nil || again.KeyID != "m2" {
		t.Fatalf("wrapped under %s, %v", again.KeyID, err)
	}
	for _, w := range []seal.Wrapped{wrapped, again} {
		if got, err := ring.Unwrap("zhangxi", "h1", w); err != nil || got != key {
			t.Errorf("under %s: got another key, %v", w.KeyID, err)
		}
	}
}

// edit changes the JSON of a key file.
func edit(t *testing.T, path string, change func(map[string]any)) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f map[string]any
	if err := json.Unmarshal(content, &f); err != nil {
		t.Fatal(err)
	}
	change(f)
	if content, err = json.Marshal(f); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestKeyFileThatCannotBeUsed(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"another format":  func(f map[string]any) { f["linli_keys"] = 2 },
		"no master":       func(f map[string]any) { f["master"] = []any{} },
		"a short audit":   func(f map[string]any) { f["audit"] = []byte("short") },
		"no lookup":       func(f map[string]any) { delete(f, "lookup") },
		"unknown entries": func(f map[string]any) { f["x"] = 1 },
		"an id twice":     func(f map[string]any) { f["master"] = append(f["master"].([]any), f["master"].([]any)...) },
		"a short master":  func(f map[string]any) { f["master"] = []any{map[string]any{"id": "m1", "key": []byte("short")}} },
	} {
		_, path := newRing(t)
		edit(t, path, change)
		if _, err := seal.Load(path, rand.Reader); !errors.Is(err, seal.ErrKeyFile) || fault.KindOf(err) != fault.Key {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, path := newRing(t)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Load(path, rand.Reader); !errors.Is(err, seal.ErrKeyFile) {
		t.Errorf("readable by others: got %v", err)
	}
	if _, err := seal.Load(filepath.Join(t.TempDir(), "none"), rand.Reader); !errors.Is(err, seal.ErrKeyMissing) {
		t.Errorf("no file: got %v", err)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	_, path := newRing(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := seal.Create(path, rand.Reader); err == nil {
		t.Error("a key file was created over another one")
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file changed, %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, %v", info.Mode(), err)
	}
}

func TestNoRandomnessNoKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if err := seal.Create(path, io.LimitReader(rand.Reader, 50)); err == nil {
		t.Error("keys were made of too little randomness")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was left behind")
	}
	_, path = newRing(t)
	ring, err := seal.Load(path, iotest.ErrReader(errors.New("dry")))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := ring.NewSubjectKey("c", "s"); err == nil {
		t.Error("a subject key was made without randomness")
	}
}

func TestChainDependsOnEverything(t *testing.T) {
	ring, path := newRing(t)
	stranger, _ := newRing(t)
	first := ring.Chain(nil, []byte("body"))
	if diff := cmp.Diff(first, loadRing(t, path).Chain([]byte{}, []byte("body"))); diff != "" {
		t.Errorf("the same entry has another MAC:\n%s", diff)
	}
	seen := map[string]string{string(first): "the first"}
	for name, m := range map[string][]byte{
		"another body":         ring.Chain(nil, []byte("bodz")),
		"after another":        ring.Chain(first, []byte("body")),
		"another key":          stranger.Chain(nil, []byte("body")),
		"a shifted border":     ring.Chain([]byte("b"), []byte("ody")),
		"a shifted border too": ring.Chain([]byte("bo"), []byte("dy")),
	} {
		if other, ok := seen[string(m)]; ok {
			t.Errorf("%s has the same MAC as %s", name, other)
		}
		seen[string(m)] = name
	}
}

func TestLookupHash(t *testing.T) {
	ring, path := newRing(t)
	stranger, _ := newRing(t)
	h := ring.LookupHash("zhangxi", "13800000000")
	if h != loadRing(t, path).LookupHash("zhangxi", "13800000000") {
		t.Error("the same number has another hash")
	}
	for name, other := range map[string]string{
		"another number":    ring.LookupHash("zhangxi", "13800000001"),
		"another community": ring.LookupHash("x", "13800000000"),
		"another key":       stranger.LookupHash("zhangxi", "13800000000"),
	} {
		if other == h {
			t.Errorf("%s has the same hash", name)
		}
	}
	if strings.Contains(h, "138") && len(h) < 43 {
		t.Errorf("%q is no hash", h)
	}
}

func TestKeysStayOutOfLogs(t *testing.T) {
	ring, path := newRing(t)
	key, _, err := ring.NewSubjectKey("c", "s")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{ring.String(), ring.GoString(), key.String(), key.GoString()} {
		if len(shown) > 40 || bytes.Contains(content, []byte(shown)) {
			t.Errorf("a key shows itself as %q", shown)
		}
	}
}

func TestPath(t *testing.T) {
	none := func(string) string { return "" }
	named := func(name string) string { return map[string]string{seal.KeysFileVariable: "/run/secrets/keys"}[name] }
	if got := seal.Path(none, "data"); got != filepath.Join("data", "linli.keys") {
		t.Errorf("got %s", got)
	}
	if got := seal.Path(named, "data"); got != "/run/secrets/keys" {
		t.Errorf("got %s", got)
	}
}
