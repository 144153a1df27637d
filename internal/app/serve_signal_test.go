package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli/linli/internal/testdb"
)

// clerk writes people into the registry as fast as she can and remembers what was acknowledged.
type clerk struct {
	t     *testing.T
	token string

	mu    sync.Mutex
	acked map[string]string // idempotency key → instance
}

// post registers one person; "" if there was no answer.
func (c *clerk) post(url, key string) (instance string, replayed bool) {
	req, err := http.NewRequest(http.MethodPost, url+"/api/v1/communities/lg/people", strings.NewReader(`{"input":{"name":"示例`+key+`"}}`))
	if err != nil {
		c.t.Error(err)
		return "", false
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", false
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", false
	}
	var answer struct{ Instance string }
	if res.StatusCode != http.StatusCreated || json.Unmarshal(body, &answer) != nil {
		if res.StatusCode != http.StatusServiceUnavailable {
			c.t.Errorf("%d %s", res.StatusCode, body)
		}
		return "", false
	}
	return answer.Instance, res.Header.Get("Idempotency-Replayed") == "true"
}

// work registers people from several connections until the server goes.
func (c *clerk) work(url, round string) (enough chan struct{}, done func()) {
	enough = make(chan struct{})
	var once sync.Once
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for n := range 8 {
		wg.Go(func() {
			for m := 0; ; m++ {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprintf("%s-%d-%d", round, n, m)
				id, _ := c.post(url, key)
				if id == "" {
					return
				}
				c.mu.Lock()
				c.acked[key] = id
				if len(c.acked) > 100 {
					once.Do(func() { close(enough) })
				}
				c.mu.Unlock()
			}
		})
	}
	return enough, func() { close(stop); wg.Wait() }
}

func TestWhatWasAcknowledgedStays(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.Database) {
		dir := t.TempDir()
		var at []string
		if db.Kind != "sqlite" {
			run(t, dir, "keys", "new", "k")
			at = []string{"--db", db.DSN, "--keys", "k"}
		}
		out := run(t, dir, append([]string{"init", "--community", "lg", "--name", "樟溪", "--admin", "示例", "--role", "worker"}, at...)...)
		c := &clerk{t: t, token: regexp.MustCompile(`linli_lg_\S+`).FindString(out), acked: map[string]string{}}
		for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			c.acked = map[string]string{}
			s := start(t, dir, append([]string{"serve", "--rate=-1"}, at...)...)
			enough, done := c.work(s.url, signal.String())
			select {
			case <-enough:
			case <-time.After(time.Minute):
				t.Fatalf("too slow: %s", s.log.String())
			}
			_, err := s.stop(signal)
			done()
			if signal == syscall.SIGTERM && err != nil {
				t.Errorf("%v\n%s", err, s.log.String())
			}
			again := start(t, dir, append([]string{"serve", "--rate=-1"}, at...)...)
			for key, id := range c.acked {
				if got, replayed := c.post(again.url, key); got != id || !replayed {
					t.Fatalf("%s: %s was acknowledged as %s, and now it is %q (replayed: %v)", signal, key, id, got, replayed)
				}
			}
			if _, err := again.stop(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
		if got := run(t, dir, append([]string{"audit"}, at...)...); !strings.Contains(got, "全部相符") {
			t.Error(got)
		}
	})
}
