package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/enginetest"
	"github.com/linli/linli/internal/workflow"
)

// inOneSlice carries out a first request and, while it is being committed, brings the others: they wait together and make up the
// next slice. It returns the errors of the others.
func inOneSlice(t *testing.T, h *harness, w *enginetest.World, first engine.Request, others ...engine.Request) []error {
	t.Helper()
	errs := make([]error, len(others))
	var wg sync.WaitGroup
	h.beforeCommit(func() {
		for n, r := range others {
			wg.Go(func() { _, errs[n] = w.Do(t.Context(), r) })
			time.Sleep(30 * time.Millisecond) // they keep their order
		}
	})
	w.Must(t, first)
	wg.Wait()
	return errs
}

func newPerson(w *enginetest.World, role, id string, values map[string]any) engine.Request {
	r := w.Create(role, "c1", "c1", "person", "", "", values)
	r.ID = id
	return r
}

func undoing(w *enginetest.World, root, target, command string) engine.Request {
	r := w.Fire("worker", root, target, "", nil)
	r.Kind, r.Of, r.Reason = workflow.KindUndo, command, "录错了"
	return r
}

// found is what an instance can be found by, kind → term.
func (h *harness) found(t *testing.T, id string) map[string]string {
	t.Helper()
	terms, err := h.store.SearchTerms(t.Context(), "c1", id)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, x := range terms {
		out[x.Kind] = x.Term
	}
	return out
}

func TestPeopleAreFoundByWhatTheirRowsSay(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		p := w.Must(t, newPerson(w, "worker", "", map[string]any{"name": "王 爷爷", "mobile": "138-0000-0001", "nickname": "老王"})).Instance
		want := func(t *testing.T, terms map[string]string) {
			t.Helper()
			if d := cmp.Diff(terms, h.found(t, p)); d != "" {
				t.Errorf("found by (-want +got):\n%s", d)
			}
		}
		number := h.keys.LookupHash("c1", "13800000001")
		want(t, map[string]string{"name": "王爷爷", "mobile": number, "nickname": "老王"})

		edited := w.Must(t, edit(w, "worker", "c1", p, map[string]any{"name": "李奶奶", "nickname": nil}))
		want(t, map[string]string{"name": "李奶奶", "mobile": number})
		w.Must(t, undoing(w, "c1", p, edited.Command))
		want(t, map[string]string{"name": "王爷爷", "mobile": number, "nickname": "老王"})

		lost := w.Must(t, w.Fire("worker", "c1", p, "lose_mobile", nil))
		want(t, map[string]string{"name": "王爷爷", "nickname": "老王"})
		w.Must(t, undoing(w, "c1", p, lost.Command))
		want(t, map[string]string{"name": "王爷爷", "mobile": number, "nickname": "老王"})

		erase := w.Fire("admin", "c1", p, "erase", nil)
		erase.Reason = "本人要求"
		w.Must(t, erase)
		want(t, map[string]string{})
		h.audit(t)
	})
}

func TestNothingFindsWhatWasTakenBack(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		id := workflow.InstanceID("c1", "c1", "mistake", 1)
		errs := inOneSlice(t, h, w, newPerson(w, "worker", "first", map[string]any{"name": "甲"}),
			newPerson(w, "worker", "mistake", map[string]any{"name": "乙", "mobile": "13800000002"}), undoing(w, "c1", id, "mistake"))
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(map[string]string{}, h.found(t, id)); d != "" {
			t.Errorf("found by (-want +got):\n%s", d)
		}
	})
}

func TestALongNameIsFoundByItsBeginning(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		var name strings.Builder // what no compression makes small
		for n := range 3000 {
			name.WriteRune(rune(0x4e00 + n*7919%20000))
		}
		p := w.Must(t, newPerson(w, "worker", "", map[string]any{"name": name.String()})).Instance
		terms, err := h.store.Find(t.Context(), "c1", "name", engine.Fold(name.String()))
		if err != nil || len(terms) != 1 || terms[0].Instance != p {
			t.Errorf("found %v, %v", terms, err)
		}
		if shown, err := h.engine.Reveal(t.Context(), h.instance(t, p)); err != nil || shown["name"] != name.String() {
			t.Errorf("the name was cut, %v", err)
		}
	})
}

func TestARefusedCommandLeavesNoKey(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		errs := inOneSlice(t, h, w, newPerson(w, "worker", "first", map[string]any{"name": "甲"}),
			newPerson(w, "volunteer", "refused", map[string]any{"name": "乙"}), newPerson(w, "worker", "accepted", map[string]any{"name": "丙"}))
		if errs[0] == nil || errs[1] != nil {
			t.Fatalf("got %v", errs)
		}
		refused, accepted := workflow.InstanceID("c1", "c1", "refused", 1), workflow.InstanceID("c1", "c1", "accepted", 1)
		keys, err := h.store.SubjectKeys(t.Context(), "c1", []string{refused, accepted})
		if err != nil {
			t.Fatal(err)
		}
		if _, stored := keys[refused]; stored {
			t.Error("the refused command left a key")
		}
		if _, stored := keys[accepted]; !stored {
			t.Error("the accepted command has no key")
		}
	})
}

func TestAKeptRequestCannotBeGuessed(t *testing.T) {
	each(t, func(t *testing.T, h *harness) {
		w := enginetest.NewWorld(t, h.engine)
		r := newPerson(w, "worker", "", map[string]any{"name": "王", "mobile": "13800000003"})
		r.IdempotencyKey = "k1"
		w.Must(t, r)
		kept, err := h.store.Replay(t.Context(), "c1", w.People["worker"], "k1", h.clock.Now())
		if err != nil || kept == nil {
			t.Fatalf("got %v, %v", kept, err)
		}
		r.Community = "c1"
		guess, err := json.Marshal(struct {
			Command workflow.Command
			Values  map[string]any
			At      time.Time
		}{r.Command, r.Values, r.At})
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(guess); hex.EncodeToString(sum[:]) == kept.Fingerprint {
			t.Error("whoever guesses the request recognises it without a key")
		}
		if want := h.keys.Fingerprint("c1", guess); want != kept.Fingerprint {
			t.Errorf("the fingerprint is %s, not the keyed hash %s", kept.Fingerprint, want)
		}
	})
}
