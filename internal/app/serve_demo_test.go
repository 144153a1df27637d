package app

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
