package bench

import (
	"errors"
	"strings"
	"testing"
)

func TestAnswersAreReadAsTheyArrive(t *testing.T) {
	tests := map[string]struct{ whole, body string }{
		"with a length": {"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nabcde", "abcde"},
		"empty":         {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
		"in chunks":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"},
		"no chunks":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for n := range test.whole {
				if _, done, err := readAnswer([]byte(test.whole[:n])); done || err != nil {
					t.Fatalf("after %d bytes: done %v, %v", n, done, err)
				}
			}
			a, done, err := readAnswer([]byte(test.whole))
			if !done || err != nil {
				t.Fatalf("the whole: done %v, %v", done, err)
			}
			if a.status != 200 || string(a.whole()) != test.body || a.size != len(test.whole) {
				t.Errorf("status %d, body %q, %d bytes", a.status, a.whole(), a.size)
			}
		})
	}
}

func TestStrangeAnswersAreRefused(t *testing.T) {
	for _, in := range []string{"SSH-2.0-x y\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "\r\n\r\n"} {
		if _, _, err := readAnswer([]byte(in)); !errors.Is(err, errStrange) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestQuantiles(t *testing.T) {
	var took []uint32
	for n := range 100 {
		took = append(took, uint32(n+1)*1000)
	}
	for q, want := range map[float64]float64{0.5: 50, 0.99: 99, 1: 100} {
		if got := quantile(took, q); got != want {
			t.Errorf("%v: %v ms, want %v", q, got, want)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("no answers took some time")
	}
}

func TestRequestsAreWholeAndTheirKeysNew(t *testing.T) {
	w := &wire{prefix: "x-", keys: firstKey}
	first := string(w.post(nil, []string{"/a/", "b"}, "tok", `{"input":{}}`))
	second := string(w.post(nil, []string{"/a/", "b"}, "tok", `{"input":{}}`))
	for _, want := range []string{"POST /a/b HTTP/1.1\r\n", "Authorization: Bearer tok\r\n", "Content-Length: 12\r\n", "Idempotency-Key: x-1000000001\r\n"} {
		if !strings.Contains(first, want) {
			t.Errorf("%q lacks %q", first, want)
		}
	}
	if first == second || len(first) != len(second) {
		t.Errorf("the second request is %q", second)
	}
}
