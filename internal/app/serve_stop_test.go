package app

import (
	"net/http"
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
