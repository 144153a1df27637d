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
)

// served is a `linli serve` or `linli demo` in a process of its own.
type served struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string
	said  []string // what it printed until it was up
	out   *bufio.Scanner
	log   said // on standard error
	since time.Time
}

// said is what a process says while somebody may read it.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

// String is what was said so far.
func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
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
	m := &served{t: t, url: figures}
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
	if res.StatusCode != http.StatusOK || res.Header.Get("Strict-Transport-Security") == "" || res.ProtoMajor != 2 {
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
