package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/looplab/fsm"
)

// ControlConfig says on which database the control works, and how.
type ControlConfig struct {
	DSN    string // "" for SQLite in Dir
	Dir    string
	Pool   int // connections that write
	Listen string
	Now    func() time.Time
}

// Control serves the same requests in the ordinary way: net/http's mux, encoding/json, looplab/fsm with a machine of its own for
// each request, sqlx with prepared statements, and one transaction for each transition. It ends with in.
func Control(ctx context.Context, c ControlConfig, in io.Reader) (err error) {
	db, err := openControl(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	s := &control{db: db, now: c.Now, machines: machines()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/communities/{community}/instances/{id}/events/{event}", s.fire)
	return serveUntil(ctx, c.Listen, in, mux)
}

// control is the server. It is safe for concurrent use.
type control struct {
	db       *controlDB
	now      func() time.Time
	machines map[string]fsm.Events
}

// machines are the transition tables of the workflows, by name.
func machines() map[string]fsm.Events {
	out := map[string]fsm.Events{programmeWorkflow: {{Name: noteEvent, Src: []string{"running"}, Dst: "running"}}}
	for _, s := range lifecycle() {
		name := activityWorkflow(s.Slot)
		out[name] = append(out[name], fsm.EventDesc{Name: s.Event, Src: []string{s.From}, Dst: s.State})
	}
	return out
}

// controlRequest is the body of a request.
type controlRequest struct {
	Input map[string]any `json:"input"`
}

// controlAnswer is the body of an answer, with the same fields as the real one's.
type controlAnswer struct {
	Command  string `json:"command"`
	Root     string `json:"root"`
	Seq      int64  `json:"seq"`
	Instance string `json:"instance"`
	State    string `json:"state"`
	Version  int64  `json:"version"`
}

// errRefused says that the machine does not allow the event.
var errRefused = errors.New("the event is not possible now")

func (s *control) fire(w http.ResponseWriter, r *http.Request) {
	person, err := s.caller(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	var body controlRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := s.carryOut(r.Context(), person, r.Header.Get("Idempotency-Key"), r.PathValue("id"), r.PathValue("event"), body.Input)
	switch {
	case errors.Is(err, errRefused):
		http.Error(w, err.Error(), http.StatusConflict)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) //nolint:gosec // JSON; and a client that has gone needs no answer
	}
}

// caller looks the token up by its hash.
func (s *control) caller(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", errors.New("give a token")
	}
	hash := sha256.Sum256([]byte(token))
	return s.db.person(r.Context(), hex.EncodeToString(hash[:]), s.now().UnixMicro())
}

// carryOut is the one transaction.
func (s *control) carryOut(ctx context.Context, person, key, id, event string, input map[string]any) (answer []byte, err error) {
	tx, err := s.db.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
		}
	}()
	row, err := tx.instance(ctx, id)
	if err != nil {
		return nil, err
	}
	from := row.State
	machine := fsm.NewFSM(row.State, s.machines[row.Workflow], fsm.Callbacks{})
	var same fsm.NoTransitionError
	if err := machine.Event(ctx, event); err != nil && !errors.As(err, &same) {
		return nil, fmt.Errorf("%w: %w", errRefused, err)
	}
	row.State, row.Version, row.Updated = machine.Current(), row.Version+1, s.now().UnixMicro()
	if err := row.take(input); err != nil {
		return nil, err
	}
	answer, err = json.Marshal(controlAnswer{Command: key, Root: row.Programme, Seq: row.Version, Instance: id, State: row.State, Version: row.Version})
	if err != nil {
		return nil, err
	}
	earlier, err := tx.claim(ctx, person, key, string(answer), row.Updated)
	if err != nil {
		return nil, err
	}
	if earlier != "" {
		return []byte(earlier), tx.Rollback()
	}
	given, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	h := controlHistory{Instance: id, Version: row.Version, Event: event, From: from, To: row.State, Person: person, Input: string(given), Recorded: row.Updated}
	if err := tx.store(ctx, row, h); err != nil {
		return nil, err
	}
	return answer, tx.Commit()
}

// take merges an input into the row's data.
func (r *controlRow) take(input map[string]any) error {
	if len(input) == 0 {
		return nil
	}
	data := map[string]any{}
	if err := json.Unmarshal([]byte(r.Data), &data); err != nil {
		return fmt.Errorf("read the data of %s: %w", r.ID, err)
	}
	maps.Copy(data, input)
	b, err := json.Marshal(data)
	r.Data = string(b)
	return err
}

// controlRows are the rows that the control begins with: those of the same programmes.
func controlRows(programmes []loadProgramme) []controlRow {
	var rows []controlRow
	for _, p := range programmes {
		rows = append(rows, controlRow{ID: p.Root, Programme: p.Root, Workflow: programmeWorkflow, State: "running", Version: 1, Data: "{}"})
		for slot, id := range p.Activities {
			rows = append(rows, controlRow{ID: id, Programme: p.Root, Workflow: activityWorkflow(slot), State: "draft", Version: 1, Data: "{}"})
		}
	}
	return slices.Clip(rows)
}
