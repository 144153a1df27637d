package app

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestACommandIsTakenWhileRequestsEnd hands a command to a server that has been told to stop and still answers: the data is its own, so
// that nobody else could carry the command out.
func TestACommandIsTakenWhileRequestsEnd(t *testing.T) {
	t.Parallel()
	dir := small(t)
	s := start(t, dir, "serve", "--drain", "8s")
	if status, body := s.get(http.DefaultClient, "/readyz"); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		status, body := s.get(http.DefaultClient, "/readyz")
		if status == http.StatusServiceUnavailable {
			break
		}
		if n == 100 {
			t.Fatalf("it does not say that it is stopping: %d %s", status, body)
		}
		time.Sleep(20 * time.Millisecond)
	}
	run(t, dir, "fire", "ZX-1/recruit", "edit", "target=3", "--as", "worker")
	if status, body := s.get(http.DefaultClient, "/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("the command waited for the server's end: %d %s", status, body)
	}
	if _, err := s.stop(syscall.Signal(0)); err != nil { // no second signal, which would not wait
		t.Errorf("%v\n%s", err, s.log.String())
	}
	if got := run(t, dir, "show", "ZX-1/recruit"); !strings.Contains(got, "（target）：3") {
		t.Error(got)
	}
}

func TestARenewedKeyIsTakenUp(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	selfSigned(t, dir, 1)
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	stamp := func(path string, when time.Time) {
		t.Helper()
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	stamp(cert, at)
	stamp(key, at)
	c, err := newCertificate(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	served := func() int64 {
		t.Helper()
		pair, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	selfSigned(t, dir, 2)
	stamp(cert, at) // as a copy that keeps the times does
	stamp(key, at)
	if got := served(); got != 1 {
		t.Fatalf("neither file looks changed, and certificate %d is served", got)
	}
	stamp(key, at.Add(time.Second))
	if got := served(); got != 2 {
		t.Errorf("the key's file has changed, and certificate %d is served", got)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if got := served(); got != 2 {
		t.Errorf("while there is no key, certificate %d is served", got)
	}
}
