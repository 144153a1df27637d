package relay

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/linli/linli/internal/fault"
)

// raw sends bytes and returns the first line of what comes back.
func raw(t *testing.T, dir, text string) string {
	t.Helper()
	path, err := find(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, text); err != nil {
		return err.Error()
	}
	if err := c.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	line, _, _ := strings.Cut(string(answer), "\r\n")
	return line
}

func TestBadBytes(t *testing.T) {
	dir, o := t.TempDir(), &office{}
	defer opened(t, dir, o)()
	post := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: linli\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
	}
	for name, c := range map[string]struct{ send, want string }{
		"nothing":                {"", ""},
		"no HTTP":                {"\x00\xff\x00\xff\r\n\r\n", "HTTP/1.1 400 Bad Request"},
		"endless headers":        {"POST / HTTP/1.1\r\nA: " + strings.Repeat("a", 1<<20), "HTTP/1.1 431 Request Header Fields Too Large"},
		"another path":           {post("/v9/do", "{}"), "HTTP/1.1 404 Not Found"},
		"another method":         {"GET /v1/do HTTP/1.1\r\nHost: linli\r\nConnection: close\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"},
		"no body":                {post(pathDo, ""), "HTTP/1.1 400 Bad Request"},
		"no JSON":                {post(pathDo, "\xff{"), "HTTP/1.1 400 Bad Request"},
		"the wrong JSON":         {post(pathDo, `[1]`), "HTTP/1.1 400 Bad Request"},
		"an unknown field":       {post(pathDo, `{"Surprise":1}`), "HTTP/1.1 400 Bad Request"},
		"an unknown type":        {post(pathDo, `{"Values":{"f":{"t":"float128","v":1}}}`), "HTTP/1.1 400 Bad Request"},
		"a value without a type": {post(pathDo, `{"Values":{"f":1}}`), "HTTP/1.1 400 Bad Request"},
		"a value that is null":   {post(pathDo, `{"Values":{"f":null}}`), "HTTP/1.1 400 Bad Request"},
		"a number too large":     {post(pathDo, `{"Values":{"f":{"t":"int64","v":9223372036854775808}}}`), "HTTP/1.1 400 Bad Request"},
		"deep nesting":           {post(pathDo, strings.Repeat(`{"Values":`, 20_000)), "HTTP/1.1 400 Bad Request"},
		"more behind it":         {post(pathDo, `{} {}`), "HTTP/1.1 400 Bad Request"},
		"a body cut short":       {"POST /v1/do HTTP/1.1\r\nHost: linli\r\nContent-Length: 100\r\n\r\n{", "HTTP/1.1 400 Bad Request"},
		"too much":               {"POST /v1/do HTTP/1.1\r\nHost: linli\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + huge(), "HTTP/1.1 413 Request Entity Too Large"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := raw(t, dir, c.send); got != c.want && !strings.Contains(got, "broken pipe") && !strings.Contains(got, "connection reset") {
				t.Errorf("answered %q, want %q", got, c.want)
			}
		})
	}
	if len(o.done) > 0 {
		t.Errorf("%d commands were carried out", len(o.done))
	}
	dialled(t, dir).Close() // and it still works
}

// huge is a chunked body of one text that is longer than what is taken.
func huge() string {
	return fmt.Sprintf("%x\r\n\"%s\r\n0\r\n\r\n", maxBody+2, strings.Repeat("a", maxBody+1))
}

func TestAnotherVersion(t *testing.T) {
	dir := t.TempDir()
	l, remove, err := listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		_, _ = c.Read(make([]byte, 4096))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"result\":{\"protocol\":2}}")
	}()
	_, err = Dial(t.Context(), dir)
	if fault.KindOf(err) != fault.Locked || errors.Is(err, ErrNobody) {
		t.Errorf("got %v, want that the directory is in use", err)
	}
	_ = l.Close()
	<-done
}
