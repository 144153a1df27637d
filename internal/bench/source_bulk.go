package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// bulkSource marks people present and absent, a list a request; each client has a hall of its own.
type bulkSource struct {
	*wire
	track *track
	path  []string
	asked []int // by client: the rows of the request under way
	round []int // by client
	blind bool
}

func newBulk(w *wire, t *track, clients int, blind bool) (*bulkSource, error) {
	if clients > len(t.set.Halls) {
		return nil, fmt.Errorf("%d clients want a hall each, and there are %d", clients, len(t.set.Halls))
	}
	path := []string{"/api/v1/communities/", t.set.Community, "/bulk"}
	return &bulkSource{wire: w, track: t, path: path, asked: make([]int, clients), round: make([]int, clients), blind: blind}, nil
}

// listLengths are how many rows the requests have, in turn.
func listLengths() []int { return []int{100, 300, 500} }

func (s *bulkSource) next(client int, b []byte) ([]byte, bool) {
	seats := s.track.set.Halls[client].Seats
	n := min(listLengths()[s.round[client]%len(listLengths())], len(seats))
	s.round[client]++
	s.asked[client] = n
	var body strings.Builder
	body.WriteString(`{"rows":[`)
	for i, seat := range seats[:n] {
		if i > 0 {
			body.WriteByte(',')
		}
		event := "come"
		if s.track.seats[client][i] {
			event = "leave"
		}
		body.WriteString(`{"target":"` + seat + `","event":"` + event + `"}`)
	}
	body.WriteString(`]}`)
	tokens := s.track.set.Tokens[worker]
	return s.post(b, s.path, tokens[client%len(tokens)], body.String()), true
}

var errSomeRefused = errors.New("not all rows of a list were carried out")

func (s *bulkSource) judge(client, status int, body []byte) (int, error) {
	n := s.asked[client]
	if status != 200 {
		return 0, fmt.Errorf("a list of %d: status %d: %s", n, status, excerpt(body))
	}
	if s.blind {
		return n, nil
	}
	if !bytes.Contains(body, []byte(`"done":`+strconv.Itoa(n)+`,`)) || !bytes.Contains(body, []byte(`"refused":0`)) {
		return 0, fmt.Errorf("%w: %s", errSomeRefused, excerpt(body))
	}
	for i := range n {
		s.track.seats[client][i] = !s.track.seats[client][i]
	}
	s.track.marked += n
	return n, nil
}

func (s *bulkSource) leave(int) {}
