package bench

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// someProgrammes is a set with n programmes whose activities are named after their slots.
func someProgrammes(n int) *loadSet {
	s := &loadSet{Community: "c", Tokens: [][]string{{"w"}, {"l"}, {"f"}, {"a"}}}
	for range n {
		s.Programmes = append(s.Programmes, loadProgramme{Root: "root", Activities: slotNames()})
	}
	return s
}

func newGenerator(set *loadSet) (*generator, *track) {
	g := &generator{now: time.Now, wire: &wire{prefix: "t-", keys: firstKey}, tracks: map[string]*track{}}
	t := &track{set: set, acked: make([]uint8, len(set.Programmes))}
	g.tracks["t"] = t
	return g, t
}

// walker answers like a server that allows the steps of the lifecycle, and notes the keys.
func walker(t *testing.T, keys *sync.Map) *httptest.Server {
	t.Helper()
	states := map[string]string{}
	for _, s := range lifecycle() {
		states[slotNames()[s.Slot]+"/events/"+s.Event] = s.State
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, again := keys.LoadOrStore(r.Header.Get("Idempotency-Key"), true); again {
			t.Error("a key was used twice")
		}
		state := states[strings.TrimPrefix(r.URL.Path, "/api/v1/communities/c/instances/")]
		_, _ = w.Write([]byte(`{"state":"` + state + `"}`))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestClientsWalkEveryProgrammeOnceAndStopWhenThereIsNoMore(t *testing.T) {
	var keys sync.Map
	s := walker(t, &keys)
	g, track := newGenerator(someProgrammes(30))
	r, err := g.run(t.Context(), track, &runOrder{Address: s.Listener.Addr().String(), Kind: kindLifecycle, Clients: 4, For: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for len(track.paused) > 0 { // the first client that finds nothing ends the run: the others have something left
		again, err := g.run(t.Context(), track, &runOrder{Address: s.Listener.Addr().String(), Kind: kindLifecycle, Clients: 1, For: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		r.Transitions += again.Transitions
	}
	if want := 30 * len(lifecycle()); r.Transitions != want || !r.Exhausted {
		t.Errorf("%d transitions, want %d; exhausted %v", r.Transitions, want, r.Exhausted)
	}
	for n, acked := range track.acked {
		if int(acked) != len(lifecycle()) {
			t.Errorf("programme %d: %d steps", n, acked)
		}
	}
}

func TestARunEndsInTimeAndTheNextGoesOn(t *testing.T) {
	var keys sync.Map
	s := walker(t, &keys)
	g, track := newGenerator(someProgrammes(10_000))
	total := 0
	for range 3 {
		r, err := g.run(t.Context(), track, &runOrder{Address: s.Listener.Addr().String(), Kind: kindLifecycle, Clients: 8, For: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if r.Exhausted || r.Requests != r.Transitions || r.P50 <= 0 || r.P99 < r.P50 {
			t.Errorf("%+v", r)
		}
		total += r.Transitions
	}
	acked := 0
	for _, n := range track.acked {
		acked += int(n)
	}
	if acked != total || track.started > 8+total/len(lifecycle())+1 {
		t.Errorf("%d transitions were counted and %d acknowledged, in %d programmes", total, acked, track.started)
	}
}

func TestAWrongAnswerEndsTheRunWithItsText(t *testing.T) {
	for name, answer := range map[string]func(http.ResponseWriter){
		"status": func(w http.ResponseWriter) { http.Error(w, "not now", http.StatusConflict) },
		"state":  func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"state":"other", "note":"not now"}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
			defer s.Close()
			g, track := newGenerator(someProgrammes(3))
			_, err := g.run(t.Context(), track, &runOrder{Address: s.Listener.Addr().String(), Kind: kindLifecycle, Clients: 2, For: time.Minute})
			if err == nil || !strings.Contains(err.Error(), "not now") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAListIsCountedByItsRows(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"preview":false,"done":5,"refused":0,"rows":[` + strings.Repeat(`{"done":true},`, 400) + `{}]}`))
	}))
	defer s.Close()
	set := someProgrammes(1)
	set.Halls = []loadHall{{Root: "h", Seats: []string{"1", "2", "3", "4", "5"}}}
	g, track := newGenerator(set)
	track.seats = [][]bool{make([]bool, 5)}
	r, err := g.run(t.Context(), track, &runOrder{Address: s.Listener.Addr().String(), Kind: kindBulk, Clients: 1, For: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Transitions != 5*r.Requests || track.marked != r.Transitions || track.seats[0][4] != (r.Requests%2 == 1) {
		t.Errorf("%d requests, %d transitions, %d marked", r.Requests, r.Transitions, track.marked)
	}
}

func TestTheFloorAnswersAsLongAsItIsTold(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	address, err := freePort(ctx)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	in, lifeline := io.Pipe()
	go func() { done <- Floor(ctx, address, 300, in) }()
	p := &process{name: "floor", address: address, said: &tail{}}
	if err := p.await(ctx); err != nil {
		t.Fatal(err)
	}
	g, track := newGenerator(someProgrammes(1))
	r, err := g.run(ctx, track, &runOrder{Address: address, Kind: kindLifecycle, Clients: 2, For: 20 * time.Millisecond, Blind: true})
	if err != nil {
		t.Fatal(err)
	}
	if size := r.Received / int64(r.Requests); size != 300 || r.Exhausted {
		t.Errorf("answers of %d bytes; exhausted %v", size, r.Exhausted)
	}
	_ = lifeline.Close()
	if err := <-done; err != nil {
		t.Errorf("the floor ended with %v", err)
	}
	stop()
}
