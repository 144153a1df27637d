package app

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// following reads the stream of a programme, over as many connections as it takes.
type following struct {
	*apiClient
	programme string

	mu   sync.Mutex
	from int64 // the seq that the entries begin behind
	last int64 // id of the last message; -1: none yet
	seqs []int64
}

// follow reads from one server until the stream ends, or after so many entries if that is positive. It goes on behind the last message
// that arrived over any connection. An entry that is cut off has not arrived: a client takes a message at the empty line that ends it.
func (f *following) follow(ctx context.Context, base string, most int) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v1/communities/lg/programmes/"+f.programme+"/stream", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+f.token)
	if at := f.at(); at >= 0 {
		req.Header.Set("Last-Event-ID", strconv.FormatInt(at, 10))
	}
	endless := http.Client{Transport: f.http.Transport}
	res, err := endless.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the stream: status %d", res.StatusCode)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	event, id := "", int64(-1)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			event = value
		case "id":
			if id, err = strconv.ParseInt(value, 10, 64); err != nil {
				return fmt.Errorf("the id of a message: %w", err)
			}
		case "":
			if lines.Text() == "" && id >= 0 && f.take(event, id) == most && most > 0 {
				return nil
			}
			if lines.Text() == "" {
				event, id = "", -1
			}
		}
	}
	return lines.Err()
}

// at is the id of the last message.
func (f *following) at() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// take notes a message and returns how many entries arrived.
func (f *following) take(event string, id int64) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = id
	if event == "snapshot" {
		f.from = id
	} else {
		f.seqs = append(f.seqs, id)
	}
	return len(f.seqs)
}
