package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/token"
	"github.com/linli/linli/internal/workflow"
)

// benchEngine answers every command at once, so that the benchmark measures what HTTP itself costs.
type benchEngine struct{ Engine }

func (benchEngine) Do(_ context.Context, req engine.Request) (engine.Result, error) {
	return engine.Result{Command: "0123456789ABCDEFGHIJKLMNOP", Root: "r", Seq: 12, Instance: req.Target, State: "running", Version: 3}, nil
}

// benchStore knows one token.
type benchStore struct {
	Store
	row *workflow.Instance
}

func (s benchStore) Instance(context.Context, string, string) (*workflow.Instance, error) {
	return s.row, nil
}

func (s benchStore) Load(context.Context, string, []workflow.Key) ([]workflow.Answer, error) {
	return []workflow.Answer{{}}, nil
}

func (benchStore) TokensUsed(context.Context, []store.TokenUse) error { return nil }

func BenchmarkFireOverHTTP(b *testing.B) {
	secret := token.NewSecret()
	row := &workflow.Instance{ID: "t", Community: "c", Workflow: "token", State: "active", Body: workflow.Body{Data: workflow.Values{
		"hash": token.Hash(secret), "person": "p", "scope": "c", "expires": "2099-01-01T00:00:00.000000Z",
	}}}
	s := New(Config{Engine: benchEngine{}, Store: benchStore{row: row}, Now: time.Now, Limits: Limits{Rate: -1}})
	defer s.Close()
	const body = `{"input":{"note":"第一次"}}`
	text := token.Format("c", "t", secret)
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, Prefix+"/communities/c/instances/0123456789ABCDEF/events/start", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+text)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "k-1")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
	}
}
