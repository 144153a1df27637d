package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/seal"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/testdb"
)

func sealCases() []Case {
	return []Case{
		{"a missing key file is created only where there is no data", keyFileCreated},
		{"a wrong key is an error when the keys are opened", wrongKey},
		{"a master key in use cannot be left out", masterKeyGone},
		{"a destroyed key erases the person and leaves the chain verifying", erasure},
	}
}

// keys opens the keys of a database.
func keys(s *store.Store, path string, mayCreate bool) (*seal.Keyring, error) {
	return seal.Open(context.Background(), seal.Config{Path: path, MayCreate: mayCreate, Random: rand.Reader}, s)
}

func keyFileCreated(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	path := filepath.Join(db.Dir, seal.KeyFile)
	if _, err := keys(s, path, false); !errors.Is(err, seal.ErrKeyMissing) {
		t.Fatalf("without leave to create one: got %v", err)
	}
	ring := must(keys(s, path, true))(t)
	again := must(keys(s, path, false))(t)
	if !bytes.Equal(ring.Chain(nil, []byte("x")), again.Chain(nil, []byte("x"))) {
		t.Error("the keys differ when they are read again")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := keys(s, path, true); !errors.Is(err, seal.ErrKeyMissing) {
		t.Errorf("with data written under lost keys: got %v, want that they are missing", err)
	}
}

func wrongKey(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	path := filepath.Join(db.Dir, seal.KeyFile)
	must(keys(s, path, true))(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := seal.Create(path, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, err := keys(s, path, true); !errors.Is(err, seal.ErrWrongKey) {
		t.Errorf("got %v, want that the key is wrong", err)
	}
}

func masterKeyGone(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	must(keys(s, filepath.Join(db.Dir, seal.KeyFile), true))(t)
	k := subjectKey("h1")
	k.KeyID = "m0"
	commit(t, s, withKeys(Create("prog"), k))
	if _, err := keys(s, filepath.Join(db.Dir, seal.KeyFile), true); !errors.Is(err, seal.ErrWrongKey) || !mentions(err, "m0") {
		t.Errorf("got %v, want that master key m0 is missing", err)
	}
}

func erasure(t *testing.T, db *testdb.Database) {
	s := db.Open(t)
	ctx := context.Background()
	ring := must(keys(s, filepath.Join(db.Dir, seal.KeyFile), true))(t)
	key, wrapped, err := ring.NewSubjectKey(Community, "h1")
	if err != nil {
		t.Fatal(err)
	}
	at := seal.Place{Community: Community, Table: "household", Column: "address", Row: "h1"}
	box := must(ring.Seal(key, at, []byte("中森街区1号")))(t)

	slice := withKeys(Create("prog"), engine.SubjectKey{Subject: "h1", KeyID: wrapped.KeyID, Wrapped: wrapped.Box})
	entry := &slice.Chains[0].Entries[0]
	entry.Body = append([]byte(`{"sealed":"`), append(box, '"', '}')...)
	entry.MAC = ring.Chain(nil, entry.Body)
	slice.Chains[0].Head.MAC = entry.MAC
	commit(t, s, slice)

	stored := must(s.SubjectKeys(ctx, Community, []string{"h1"}))(t)["h1"]
	again := must(ring.Unwrap(Community, "h1", seal.Wrapped{KeyID: stored.KeyID, Box: stored.Wrapped}))(t)
	same(t, "opened", string(must(ring.Open(again, at, box))(t)), "中森街区1号")

	erase := withKeys(Step(head(slice), "erase"), engine.SubjectKey{Subject: "h1", Destroyed: testdb.Now()})
	erase.Chains[0].Entries[0].MAC = ring.Chain(entry.MAC, erase.Chains[0].Entries[0].Body)
	commit(t, s, erase)
	stored = must(s.SubjectKeys(ctx, Community, []string{"h1"}))(t)["h1"]
	if _, err := ring.Unwrap(Community, "h1", seal.Wrapped{KeyID: stored.KeyID, Box: stored.Wrapped}); !errors.Is(err, seal.ErrDestroyed) {
		t.Errorf("after erasure: got %v", err)
	}
	var prev []byte
	for _, e := range must(s.History(ctx, Community, "prog", 1, 10))(t) {
		if prev = ring.Chain(prev, e.Body); !bytes.Equal(prev, e.MAC) {
			t.Errorf("entry %d does not verify", e.Seq)
		}
	}
}
