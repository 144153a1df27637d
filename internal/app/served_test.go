package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// site is data that servers work on, and a token that opens it.
type site struct {
	dir   string   // where the processes run: keys, checkpoints and a SQLite database are below it
	flags []string // of every command
	token string
}

// newSite makes a community with the definitions of testdata/lamps. dsn is "" for a SQLite directory.
func newSite(t *testing.T, dsn string) *site {
	t.Helper()
	p := &site{dir: t.TempDir()}
	if dsn != "" {
		p.flags = []string{"--db", dsn}
		run(t, p.dir, "keys", "new", filepath.Join(p.dir, "linli-data", "linli.keys"))
	}
	lamps, err := filepath.Abs(filepath.Join("testdata", "lamps"))
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, p.dir, append([]string{"init", "--community", "lg", "--name", "樟溪社区", "--admin", "李明", "--role", "worker", "--workflows", lamps}, p.flags...)...)
	if p.token = regexp.MustCompile(`(?m)^linli_lg_\S+$`).FindString(out); p.token == "" {
		t.Fatalf("init printed no token:\n%s", out)
	}
	return p
}

// audit checks every chain and row from outside, with the server's own keys and checkpoints.
func (p *site) audit(t *testing.T) {
	t.Helper()
	if got := run(t, p.dir, append([]string{"audit"}, p.flags...)...); !strings.Contains(got, "全部相符") {
		t.Error(got)
	}
}

// daemon is a running server.
type daemon struct {
	url string
	cmd *exec.Cmd

	log   bytes.Buffer // standard error; whole once ended is closed
	ended chan struct{}
	err   error // how it ended, once ended is closed
}

// announced is how a server says where it is.
var announced = regexp.MustCompile(`邻里已启动：(http://127\.0\.0\.1:\d+)`)

// serve starts a server on any free port, and returns when it takes requests. It is killed when the test ends, if it still runs.
func (p *site) serve(t *testing.T) *daemon {
	t.Helper()
	s, err := p.start(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

// start is serve for what is no test's own goroutine.
func (p *site) start(ctx context.Context) (*daemon, error) {
	s := &daemon{ended: make(chan struct{})}
	s.cmd = linli(ctx, p.dir, append([]string{"serve", "--listen", "127.0.0.1:0", "--rate=-1", "--no-log-requests"}, p.flags...)...)
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && s.url == "" {
		if m := announced.FindStringSubmatch(lines.Text()); m != nil {
			s.url = m[1]
			break
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, out)
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	if s.url == "" {
		<-s.ended
		return nil, fmt.Errorf("the server did not start: %w\n%s", s.err, s.log.String())
	}
	return s, nil
}

// kill ends it without a warning, and returns when it is gone.
func (s *daemon) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
}

// stop asks it to end, and returns how long that took and how it ended.
func (s *daemon) stop(t *testing.T, within time.Duration) (time.Duration, error) {
	t.Helper()
	begun := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(within):
		t.Errorf("it did not end within %v", within)
		s.kill()
	}
	return time.Since(begun), s.err
}

// apiClient is one with connections and a token of its own. It is safe for concurrent use.
type apiClient struct {
	http  *http.Client
	token string
}

// newClient makes a client whose connections are closed when the test ends. A request may take as long as the server lets it: a client
// that gives up before the server does would not know what comes of it, and neither would the test.
func newClient(t *testing.T, token string) *apiClient {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &apiClient{http: &http.Client{Transport: transport, Timeout: time.Minute}, token: token}
}

// ask is a request in the community.
type ask struct {
	method, path string // the path below /api/v1/communities/lg
	key          string // Idempotency-Key
	ifMatch      int64  // 0: none
	body         any    // nil: none
}

// reply is an answer: to a command, to a read of an instance, or a problem.
type reply struct {
	Status   int
	Replayed bool

	Command  string `json:"command"`
	Seq      int64  `json:"seq"`
	Instance string `json:"instance"`
	State    string `json:"state"`
	Version  int64  `json:"version"`
	Code     string `json:"code"` // of a problem, or of a programme
	Detail   string `json:"detail"`
	Fields   struct {
		Reading int64 `json:"reading"`
		Pulses  int64 `json:"pulses"`
	} `json:"fields"`
}

// errAnswer says that a server answered with what no client can take.
var errAnswer = errors.New("the answer makes no sense")

// do asks one server. An error means that there was no answer, unless it is errAnswer.
func (v *apiClient) do(ctx context.Context, base string, a ask) (reply, error) {
	var body io.Reader
	if a.body != nil {
		b, err := json.Marshal(a.body)
		if err != nil {
			return reply{}, err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, a.method, base+"/api/v1/communities/lg"+a.path, body)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+v.token)
	if a.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.key != "" {
		req.Header.Set("Idempotency-Key", a.key)
	}
	if a.ifMatch > 0 {
		req.Header.Set("If-Match", fmt.Sprintf(`"%d"`, a.ifMatch))
	}
	res, err := v.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		return reply{}, err // it was cut off: not an answer
	}
	r := reply{Status: res.StatusCode, Replayed: res.Header.Get("Idempotency-Replayed") == "true"}
	if err := json.Unmarshal(content, &r); err != nil {
		return reply{}, fmt.Errorf("%w: status %d, which is not JSON: %w", errAnswer, res.StatusCode, err)
	}
	if want := "application/problem+json"; r.Status >= http.StatusBadRequest && res.Header.Get("Content-Type") != want {
		return r, fmt.Errorf("%w: status %d with the content type %s, want %s", errAnswer, r.Status, res.Header.Get("Content-Type"), want)
	}
	return r, nil
}

// must asks one server and takes only a good answer.
func (v *apiClient) must(t *testing.T, base string, a ask) reply {
	t.Helper()
	r, err := v.do(t.Context(), base, a)
	if err != nil || r.Status >= http.StatusMultipleChoices {
		t.Fatalf("%s %s: %v, %+v", a.method, a.path, err, r)
	}
	return r
}

// programme makes a programme with so many lamps, and returns its id and theirs.
func (v *apiClient) programme(t *testing.T, base, code string, lamps int) (id string, of []string) {
	t.Helper()
	id = v.must(t, base, ask{method: http.MethodPost, path: "/programmes", body: map[string]any{"workflow": "lamps", "code": code}}).Instance
	for n := range lamps {
		body := map[string]any{"workflow": "lamp", "key": fmt.Sprint(n)}
		of = append(of, v.must(t, base, ask{method: http.MethodPost, path: "/instances/" + id + "/items", body: body}).Instance)
	}
	return id, of
}

// recorded is an entry of a history as it is read over HTTP.
type recorded struct {
	Seq     int64  `json:"seq"`
	Command string `json:"command"`
	Kind    string `json:"kind"`
	Event   string `json:"event"`
	Target  string `json:"target"`
	Reason  string `json:"reason"`
}

// history reads the whole history of a programme, which must be without gaps.
func (v *apiClient) history(t *testing.T, base, programme string) []recorded {
	t.Helper()
	var out []recorded
	for {
		var page struct {
			Items []recorded `json:"items"`
			Next  string     `json:"next_cursor"`
		}
		url := fmt.Sprintf("%s/api/v1/communities/lg/programmes/%s/history?limit=200&after=%d", base, programme, len(out))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+v.token)
		res, err := v.http.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		err = errors.Join(json.NewDecoder(res.Body).Decode(&page), res.Body.Close())
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("read the history: status %d, %v", res.StatusCode, err)
		}
		for _, e := range page.Items {
			if e.Seq != int64(len(out))+1 {
				t.Fatalf("entry %d of %s follows %d entries", e.Seq, programme, len(out))
			}
			out = append(out, e)
		}
		if page.Next == "" {
			return out
		}
	}
}

// ledger is what clients were told. It is safe for concurrent use.
type ledger struct {
	mu    sync.Mutex
	acked map[string]reply // by key: the first answer that said it was done
	wrong []string
}

func newLedger() *ledger { return &ledger{acked: map[string]reply{}} }

// done notes an answer that says that a command was carried out. A key has one command, whenever it is asked about.
func (l *ledger) done(key string, r reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	was, again := l.acked[key]
	if !again {
		l.acked[key] = r
		return
	}
	if r.Command != was.Command || r.Seq != was.Seq || r.Version != was.Version || r.State != was.State {
		l.wrong = append(l.wrong, fmt.Sprintf("%s was answered with %+v, and later with %+v", key, was, r))
	}
	if !r.Replayed {
		l.wrong = append(l.wrong, key+" was answered a second time without Idempotency-Replayed")
	}
}

// mistake notes what should not have happened.
func (l *ledger) mistake(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
}

// count is how many commands were acknowledged.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acked)
}

// verify holds the histories against what was said: every acknowledged command stands there once, under the id and the seq of its
// answer; no command stands there twice; and nothing that was not acknowledged, but what may (keys of commands without an answer).
// The clients put their keys into the reasons.
func (l *ledger) verify(t *testing.T, entries []recorded, may map[string]bool) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, w := range l.wrong {
		if n == 10 {
			t.Errorf("… and %d more", len(l.wrong)-n)
			break
		}
		t.Error(w)
	}
	found, commands := map[string][]recorded{}, map[string]bool{}
	for _, e := range entries {
		if commands[e.Command] {
			t.Errorf("the command %s stands in the histories twice", e.Command)
		}
		commands[e.Command] = true
		if e.Reason != "" {
			found[e.Reason] = append(found[e.Reason], e)
		}
	}
	for key, r := range l.acked {
		if got := found[key]; len(got) != 1 || got[0].Seq != r.Seq || got[0].Command != r.Command {
			t.Errorf("%s was answered with %+v; the history has %+v", key, r, got)
		}
	}
	for key, got := range found {
		if _, ok := l.acked[key]; !ok && !may[key] || len(got) > 1 {
			t.Errorf("nobody was told of %s; the history has %+v", key, got)
		}
	}
}
