package bench

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli/linli/internal/testdb"
)

// newControl serves one programme, to somebody with the token "good".
func newControl(t *testing.T, db *testdb.Database) (*control, http.Handler) {
	t.Helper()
	d, err := openControl(t.Context(), ControlConfig{DSN: db.DSN, Dir: db.Dir, Pool: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	hash := sha256.Sum256([]byte("good"))
	rows := controlRows([]loadProgramme{{Root: "p", Activities: slotNames()}})
	if err := d.fill(t.Context(), []controlToken{{Hash: hex.EncodeToString(hash[:]), Person: "somebody"}}, rows); err != nil {
		t.Fatal(err)
	}
	s := &control{db: d, now: time.Now, machines: machines()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/communities/{community}/instances/{id}/events/{event}", s.fire)
	return s, mux
}

// ask fires an event and returns the status and the body.
func ask(h http.Handler, token, key, target, event, body string) (int, string) {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/communities/c/instances/"+target+"/events/"+event, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Idempotency-Key", key)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	b, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(b)
}

// controlOn runs a test on both databases. The schema of the real store does not stand in the control's way.
func controlOn(t *testing.T, run func(t *testing.T, s *control, h http.Handler)) {
	t.Helper()
	for name, open := range map[string]func(testing.TB) *testdb.Database{"sqlite": testdb.SQLite, "postgres": testdb.EmptyPostgres} {
		t.Run(name, func(t *testing.T) {
			s, h := newControl(t, open(t))
			run(t, s, h)
		})
	}
}

func TestTheControlWalksThroughTheLifecycle(t *testing.T) {
	controlOn(t, func(t *testing.T, s *control, h http.Handler) {
		for n, step := range lifecycle() {
			status, body := ask(h, "good", string(rune('a'+n)), slotNames()[step.Slot], step.Event, step.Body)
			var a controlAnswer
			if err := json.Unmarshal([]byte(body), &a); status != 200 || err != nil || a.State != step.State {
				t.Fatalf("%s: %d %s", step.Event, status, body)
			}
		}
		if n, err := s.db.count(t.Context()); n != len(lifecycle()) || err != nil {
			t.Errorf("the history has %d entries, %v", n, err)
		}
	})
}

func TestTheControlAnswersARepeatedKeyWithTheFirstAnswer(t *testing.T) {
	controlOn(t, func(t *testing.T, s *control, h http.Handler) {
		_, first := ask(h, "good", "k", "p", noteEvent, `{"input":{"a":1}}`)
		status, again := ask(h, "good", "k", "p", noteEvent, `{"input":{"a":1}}`)
		if status != 200 || first != again {
			t.Errorf("first %s, again %d %s", first, status, again)
		}
		if n, err := s.db.count(t.Context()); n != 1 || err != nil {
			t.Errorf("the history has %d entries, %v", n, err)
		}
	})
}

func TestTheControlRefuses(t *testing.T) {
	controlOn(t, func(t *testing.T, s *control, h http.Handler) {
		for name, test := range map[string]struct {
			token, event, body string
			status             int
		}{
			"a wrong token":         {"bad", "publish", `{}`, 401},
			"an event out of order": {"good", "form", `{}`, 409},
			"what is no JSON":       {"good", "publish", `x`, 400},
		} {
			if status, body := ask(h, test.token, name, "recruit", test.event, test.body); status != test.status {
				t.Errorf("%s: %d %s", name, status, body)
			}
		}
		if n, err := s.db.count(t.Context()); n != 0 || err != nil {
			t.Errorf("the history has %d entries, %v", n, err)
		}
	})
}

func TestTheControlLosesNothingWhenManyAskForOneRow(t *testing.T) {
	controlOn(t, func(t *testing.T, s *control, h http.Handler) {
		var wg sync.WaitGroup
		for client := range 8 {
			wg.Go(func() {
				for n := range 5 {
					key := string(bytes.Repeat([]byte{'a' + byte(client)}, n+1))
					if status, body := ask(h, "good", key, "p", noteEvent, `{"input":{}}`); status != 200 {
						t.Errorf("%d %s", status, body)
					}
				}
			})
		}
		wg.Wait()
		row := controlRow{}
		err := s.db.read.Get(&row, "select id, programme, workflow, state, version, data, updated from instances where id = 'p'")
		if n, cerr := s.db.count(t.Context()); n != 40 || cerr != nil || err != nil || row.Version != 41 {
			t.Errorf("%d entries, version %d, %v, %v", n, row.Version, cerr, err)
		}
	})
}
