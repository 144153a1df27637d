package app

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli/linli/internal/testdb"
)

// served is a `linli serve` or `linli demo` in a process of its own.
type served struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string
	said  []string // what it printed until it was up
	out   *bufio.Scanner
	log   bytes.Buffer
	since time.Time
}

// start starts the program and waits until it answers.
func start(t *testing.T, dir string, args ...string) *served {
	t.Helper()
	s := &served{t: t, since: time.Now(), cmd: linli(context.WithoutCancel(t.Context()), dir, append(args, "--listen", "127.0.0.1:0")...)}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = &s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	s.out = bufio.NewScanner(out)
	url := regexp.MustCompile(`https?://127\.0\.0\.1:\d+`)
	for s.url == "" && s.out.Scan() {
		s.said = append(s.said, s.out.Text())
		s.url = url.FindString(s.out.Text())
	}
	if s.url == "" {
		_ = s.cmd.Wait()
		t.Fatalf("it does not serve: %s\n%s", strings.Join(s.said, "\n"), s.log.String())
	}
	return s
}

// stop sends a signal and returns how the process ended, and what it still said.
func (s *served) stop(signal os.Signal) (string, error) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	var rest []string
	for s.out.Scan() {
		rest = append(rest, s.out.Text())
	}
	return strings.Join(rest, "\n"), s.cmd.Wait()
}

// get asks for a path without a token, and waits until the server takes connections.
func (s *served) get(client *http.Client, path string) (int, string) {
	s.t.Helper()
	for range 100 {
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			s.t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	s.t.Fatalf("no answer from %s", s.url)
	return 0, ""
}

func TestServeStartsAndStops(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "serve", "--metrics", "127.0.0.1:0")
	for _, path := range []string{"/healthz", "/readyz", "/api/docs", "/api/v1/openapi.json"} {
		if status, body := s.get(http.DefaultClient, path); status != 200 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := s.get(http.DefaultClient, "/api/v1/me"); status != 401 {
		t.Errorf("without a token: %d", status)
	}
	var figures string
	for figures == "" && s.out.Scan() {
		figures = regexp.MustCompile(`http://127\.0\.0\.1:\d+/metrics`).FindString(s.out.Text())
	}
	m := *s
	m.url = figures
	if status, body := m.get(http.DefaultClient, ""); status != 200 || !strings.Contains(body, `linli_http_requests_total{method="GET",route="/api/v1/me",status="401"} 1`) {
		t.Errorf("figures: %d %s", status, body)
	}
	rest, err := s.stop(syscall.SIGTERM)
	if err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, s.log.String())
	}
	if !strings.Contains(rest, "init --community lg") || !strings.Contains(rest, "已停止") {
		t.Errorf("it said %q", rest)
	}
	for line := range strings.Lines(s.log.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not JSON: %s", line)
		}
	}
	if !strings.Contains(s.log.String(), `"route":"/api/docs"`) || strings.Contains(s.log.String(), "healthz") {
		t.Errorf("log: %s", s.log.String())
	}
}

func TestServeRefusesWhatIsNotSafe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"an address that others reach, without TLS", "--behind-proxy", []string{"--listen", "0.0.0.0:0"}},
		{"all addresses", "--behind-proxy", []string{"--listen", ":0"}},
		{"half a certificate", "--tls-key", []string{"--tls-cert", "x.pem"}},
		{"a certificate that is not there", "TLS", []string{"--tls-cert", "x.pem", "--tls-key", "y.pem"}},
		{"an address in use", "--listen", []string{"--listen", taken.Addr().String()}},
		{"a limit of nothing", "大于 0", []string{"--time-limit", "0s"}},
		{"a public address that is none", "https://", []string{"--public-url", "linli.example.org"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var errs bytes.Buffer
			cmd := linli(t.Context(), dir, append([]string{"serve"}, c.args...)...)
			cmd.Stderr = &errs
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != ExitUsage || !strings.Contains(errs.String(), c.want) {
				t.Errorf("%v: %s", err, errs.String())
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "linli-data")); err == nil {
		t.Error("a refused start made a data directory")
	}
}

// selfSigned writes a certificate for 127.0.0.1 and returns a client that trusts it.
func selfSigned(t *testing.T, dir string, serial int64) *http.Client {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}}
}

func TestServeOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	client := selfSigned(t, dir, 1)
	s := start(t, dir, "serve", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
	if !strings.HasPrefix(s.url, "https://") {
		t.Fatal(s.url)
	}
	res, err := client.Get(s.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Strict-Transport-Security") == "" || res.ProtoMajor != 2 {
		t.Errorf("%s %v", res.Proto, res.Header)
	}
	t.Run("a renewed certificate is taken up", func(t *testing.T) {
		time.Sleep(20 * time.Millisecond) // another modification time
		renewed := selfSigned(t, dir, 2)
		if status, _ := s.get(renewed, "/healthz"); status != 200 {
			t.Errorf("%d", status)
		}
	})
	if _, err := s.stop(os.Interrupt); err != nil {
		t.Errorf("%v\n%s", err, s.log.String())
	}
}

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

func TestDemoServesWhatItPrints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, dir, "demo")
	var lines []string
	for s.out.Scan() {
		lines = append(lines, s.out.Text())
		if strings.Contains(s.out.Text(), "curl") && len(curls(lines)) == 3 {
			break
		}
	}
	commands := curls(lines)
	if len(commands) != 3 {
		t.Fatalf("it printed:\n%s", strings.Join(lines, "\n"))
	}
	s.get(http.DefaultClient, "/readyz")
	t.Run("every role has a token that works", func(t *testing.T) {
		for _, role := range []string{"lead", "worker", "finance", "approver", "block", "volunteer", "auditor", "admin"} {
			m := regexp.MustCompile(`(?m)^  ` + role + ` +(\S+)`).FindStringSubmatch(strings.Join(lines, "\n"))
			if m == nil {
				t.Errorf("no token for %s", role)
				continue
			}
			if body := shell(t, "curl -s "+s.url+"/api/v1/me -H 'Authorization: Bearer "+m[1]+"'"); !strings.Contains(body, role) {
				t.Errorf("%s: %s", role, body)
			}
		}
	})
	t.Run("the printed commands do what is said of them, twice", func(t *testing.T) {
		for range 2 {
			if got := shell(t, commands[0]); !strings.Contains(got, `"items":[`) || !strings.Contains(got, "fund_wishes") {
				t.Errorf("reading: %s", got)
			}
			if got := shell(t, commands[1]); !strings.Contains(got, `"status":409`) || !strings.Contains(got, `"reasons":[{`) {
				t.Errorf("refused: %s", got)
			}
			if got := shell(t, commands[2]); !strings.Contains(got, `"state":"purchasing"`) {
				t.Errorf("carried out: %s", got)
			}
		}
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/api/v1/communities/zhangxi/programmes/ZX-2023/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	token := regexp.MustCompile(`Bearer (\S+?)'`).FindStringSubmatch(commands[0])
	req.Header.Set("Authorization", "Bearer "+token[1])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if line, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || !strings.Contains(line, "snapshot") {
		t.Errorf("stream: %q, %v", line, err)
	}
	began := time.Now()
	if _, err := s.stop(syscall.SIGTERM); err != nil {
		t.Errorf("%v\n%s", err, s.log.String())
	}
	if took := time.Since(began); took > stopWithin/2 {
		t.Errorf("it took %s to stop", took)
	}
}

// curls picks the commands to try from what a demonstration prints.
func curls(lines []string) []string {
	var out []string
	for _, l := range lines {
		if strings.HasPrefix(l, "  curl ") {
			out = append(out, strings.TrimSpace(l))
		}
	}
	return out
}

// shell runs a printed curl command as it is pasted or, where there is no curl, does what it says.
func shell(t *testing.T, line string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v %s", line, err, out)
		}
		return string(out)
	}
	words := regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1)
	for n := range words {
		words[n] = strings.Trim(words[n], "'")
	}
	method, body := http.MethodGet, ""
	header := http.Header{}
	for n := 3; n+1 < len(words); n += 2 {
		switch words[n] {
		case "-H":
			name, value, _ := strings.Cut(words[n+1], ": ")
			header.Set(name, value)
		case "-d":
			method, body = http.MethodPost, words[n+1]
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, words[2], strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
