package bench

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// answer is one HTTP answer as far as a client needs to read it.
type answer struct {
	status int
	body   []byte // still in chunks if chunked
	size   int    // of the whole, in bytes
	chunks bool
}

var errStrange = errors.New("the server answers with something other than HTTP/1.1")

// readAnswer looks for one whole answer at the beginning of what has arrived. Done is false as long as some of it is missing.
func readAnswer(in []byte) (a answer, done bool, err error) {
	head := bytes.Index(in, []byte("\r\n\r\n"))
	if head < 0 {
		return a, false, nil
	}
	if len(in) < 12 || !bytes.HasPrefix(in, []byte("HTTP/1.1 ")) {
		return a, false, fmt.Errorf("%w: %q", errStrange, excerpt(in))
	}
	if a.status, err = strconv.Atoi(string(in[9:12])); err != nil {
		return a, false, fmt.Errorf("%w: %q", errStrange, excerpt(in))
	}
	rest := in[head+4:]
	length, known := contentLength(in[:head+2])
	switch {
	case known && len(rest) < length:
		return a, false, nil
	case known:
		a.body, a.size = rest[:length], head+4+length
		return a, true, nil
	case bytes.Contains(in[:head+2], []byte("\r\nTransfer-Encoding: chunked\r\n")):
		// One request is under way on a connection, so that the last chunk ends what has arrived.
		done = bytes.HasSuffix(rest, []byte("\r\n0\r\n\r\n")) || string(rest) == "0\r\n\r\n"
		a.body, a.size, a.chunks = rest, len(in), true
		return a, done, nil
	default:
		return a, false, fmt.Errorf("%w: neither a length nor chunks: %q", errStrange, excerpt(in))
	}
}

func contentLength(head []byte) (int, bool) {
	const name = "\r\nContent-Length: "
	at := bytes.Index(head, []byte(name))
	if at < 0 {
		return 0, false
	}
	n := 0
	for _, c := range head[at+len(name):] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

// whole joins the chunks of a body.
func (a answer) whole() []byte {
	if !a.chunks {
		return a.body
	}
	var out []byte
	rest := a.body
	for {
		line, after, found := bytes.Cut(rest, []byte("\r\n"))
		n, err := strconv.ParseInt(string(line), 16, 32)
		if !found || err != nil || n <= 0 || int(n)+2 > len(after) {
			return out
		}
		out = append(out, after[:n]...)
		rest = after[n+2:]
	}
}
