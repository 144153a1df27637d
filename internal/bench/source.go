package bench

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
)

// loadSet is what the generator may work on in one database: who asks, and what there is to move.
type loadSet struct {
	Community  string          `json:"community"`
	Tokens     [][]string      `json:"tokens"` // by role, as in roleNames
	Programmes []loadProgramme `json:"programmes"`
	Halls      []loadHall      `json:"halls"` // for the bulk endpoint
}

// loadProgramme is one programme with its activities, as in slotNames.
type loadProgramme struct {
	Root       string   `json:"root"`
	Activities []string `json:"activities"`
}

// loadHall is an activity with many seats, which are marked in bulk.
type loadHall struct {
	Root  string   `json:"root"`
	Seats []string `json:"seats"`
}

// source gives each client its requests one by one and judges the answers. It is used by one goroutine at a time.
type source interface {
	// next appends the client's next request to b; false: there is nothing left to do.
	next(client int, b []byte) ([]byte, bool)
	// judge reads the body of the answer to the client's last request and returns how many transitions it acknowledges.
	judge(client, status int, body []byte) (int, error)
	// leave takes back what a client has not finished, for a later run.
	leave(client int)
}

// wire writes requests. Every one carries an idempotency key that was never used before.
type wire struct {
	prefix string // of the keys: differs from run to run
	keys   int64
}

// post appends a whole POST request.
func (w *wire) post(b []byte, path []string, token, body string) []byte {
	b = append(b, "POST "...)
	for _, p := range path {
		b = append(b, p...)
	}
	b = append(b, " HTTP/1.1\r\nHost: linli\r\nUser-Agent: linli-bench\r\nAuthorization: Bearer "...)
	b = append(b, token...)
	b = append(b, "\r\nIdempotency-Key: "...)
	b = append(b, w.prefix...)
	w.keys++
	b = strconv.AppendInt(b, w.keys, 10)
	b = append(b, "\r\nContent-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}

// firstKey is where the numbers of keys begin, so that all keys are equally long.
const firstKey = 1_000_000_000

// track is how far one server's programmes have come. It outlives a run: the next one goes on where it stopped.
type track struct {
	set     *loadSet
	started int      // programmes
	paused  []walk   // begun, and nobody's at present
	acked   []uint8  // by programme: how many steps were acknowledged
	notes   int      // acknowledged on the first programme
	seats   [][]bool // by hall: who is marked present
	marked  int      // marks acknowledged
}

// walk is one programme on its way.
type walk struct{ programme, step int }

// lifecycleSource walks programmes through all their activities, each client one at a time.
type lifecycleSource struct {
	*wire
	track  *track
	steps  []step
	walks  []walk
	idle   []bool
	wants  [][]byte // by step: the state that the answer must name
	before string
	blind  bool // the floor: nothing to check, and programmes never run out
}

func newLifecycle(w *wire, t *track, clients int, blind bool) *lifecycleSource {
	s := &lifecycleSource{wire: w, track: t, steps: lifecycle(), walks: make([]walk, clients), idle: make([]bool, clients), blind: blind}
	s.before = "/api/v1/communities/" + t.set.Community + "/instances/"
	for _, st := range s.steps {
		s.wants = append(s.wants, []byte(`"state":"`+st.State+`"`))
	}
	for n := range s.walks {
		s.idle[n] = true
	}
	return s
}

func (s *lifecycleSource) next(client int, b []byte) ([]byte, bool) {
	w := &s.walks[client]
	if s.idle[client] || w.step == len(s.steps) {
		var ok bool
		if *w, ok = s.take(); !ok {
			s.idle[client] = true
			return b, false
		}
		s.idle[client] = false
	}
	st := &s.steps[w.step]
	tokens := s.track.set.Tokens[st.Role]
	target := s.track.set.Programmes[w.programme].Activities[st.Slot]
	return s.post(b, []string{s.before, target, "/events/", st.Event}, tokens[w.programme%len(tokens)], st.Body), true
}

// take is the next programme to walk.
func (s *lifecycleSource) take() (walk, bool) {
	t := s.track
	if n := len(t.paused); n > 0 {
		w := t.paused[n-1]
		t.paused = t.paused[:n-1]
		return w, true
	}
	if t.started == len(t.set.Programmes) {
		if !s.blind || t.started == 0 {
			return walk{}, false
		}
		t.started = 0
	}
	t.started++
	return walk{programme: t.started - 1}, true
}

func (s *lifecycleSource) judge(client, status int, body []byte) (int, error) {
	w := &s.walks[client]
	if status != 200 || !s.blind && !bytes.Contains(body, s.wants[w.step]) {
		return 0, fmt.Errorf("%s of %s: status %d: %s", s.steps[w.step].Event, slotNames()[s.steps[w.step].Slot], status, excerpt(body))
	}
	w.step++
	if !s.blind {
		s.track.acked[w.programme] = uint8(w.step) //nolint:gosec // 20 steps
	}
	return 1, nil
}

func (s *lifecycleSource) leave(client int) {
	if !s.idle[client] && s.walks[client].step < len(s.steps) {
		s.track.paused = append(s.track.paused, s.walks[client])
	}
	s.idle[client] = true
}

// noteSource fires one event on one programme, for ever: every client hits the same row.
type noteSource struct {
	*wire
	track  *track
	path   []string
	blind  bool
	clique []string
}

func newNotes(w *wire, t *track, blind bool) *noteSource {
	path := []string{"/api/v1/communities/", t.set.Community, "/instances/", t.set.Programmes[0].Root, "/events/", noteEvent}
	return &noteSource{wire: w, track: t, path: path, blind: blind, clique: slices.Concat(t.set.Tokens[worker], t.set.Tokens[lead])}
}

func (s *noteSource) next(client int, b []byte) ([]byte, bool) {
	return s.post(b, s.path, s.clique[client%len(s.clique)], `{"input":{}}`), true
}

func (s *noteSource) judge(_, status int, body []byte) (int, error) {
	if status != 200 || !s.blind && !bytes.Contains(body, []byte(`"state":"running"`)) {
		return 0, fmt.Errorf("%s: status %d: %s", noteEvent, status, excerpt(body))
	}
	if !s.blind {
		s.track.notes++
	}
	return 1, nil
}

func (s *noteSource) leave(int) {}

// excerpt is the beginning of an answer, for a message.
func excerpt(body []byte) string {
	const enough = 500
	return string(body[:min(len(body), enough)])
}
