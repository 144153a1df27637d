package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// Client hands work to the process that holds a data directory. It is safe for concurrent use. Its errors are those of the work, as if
// it had been done in this process, and ErrGone.
type Client struct{ http http.Client }

var _ Work = (*Client)(nil)

// Dial looks for the process that takes commands for a data directory and greets it. The error is ErrNobody if there is none, and a
// fault.Locked if it is of a version that this one does not get along with.
func Dial(ctx context.Context, dir string) (*Client, error) {
	path, err := find(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	c := &Client{http.Client{Transport: &http.Transport{
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
		DisableCompression: true, MaxIdleConnsPerHost: maxAtOnce, IdleConnTimeout: idleTimeout / 2,
	}}}
	if err := c.greet(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// dial connects, and makes sure that the other end is somebody who could have opened the data as well.
func dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err //nolint:wrapcheck // wrapped by net/http and again by call
	}
	if u, ok := c.(*net.UnixConn); ok {
		uid, known, err := peer(u)
		if err != nil || known && uid != os.Getuid() && uid != 0 && os.Getuid() != 0 {
			return nil, errors.Join(fmt.Errorf("the process that listens on %s belongs to another user (%d)", path, uid), err, c.Close())
		}
	}
	return c, nil
}

// greet finds out whether the other end answers, and which version it speaks.
func (c *Client) greet(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	g, err := call[greeting](short, c, pathGreet, nothing{})
	switch {
	case ctx.Err() != nil:
		return ctx.Err() //nolint:wrapcheck // the caller's own
	case err != nil && (errors.Is(err, ErrGone) || short.Err() != nil):
		return fmt.Errorf("%w: %w", ErrNobody, err)
	case err != nil:
		return err
	case g.Protocol != protocol:
		return otherVersion(fmt.Errorf("it speaks version %d, this program %d", g.Protocol, protocol))
	}
	return nil
}

func otherVersion(err error) error {
	return fault.Wrap(err, fault.Locked, "relay_version", "数据目录正被另一版本的程序使用；请先停止它，或用同一版本的程序",
		"the data directory is held by another version of this program; stop that one first, or use the same version")
}

// Close gives the connections free.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Do carries out one request. After ErrGone it may have been carried out: give the request an ID beforehand, and ask again with
// the same one.
func (c *Client) Do(ctx context.Context, req engine.Request) (engine.Result, error) {
	// JSON would mend a text that is not UTF-8, and the holder would store what nobody typed.
	if bad := req.CheckTexts(); len(bad) > 0 {
		return engine.Result{}, &workflow.Refusal{Command: req.ID, Target: req.Target, Event: req.Event, Reasons: bad}
	}
	r, err := call[result](ctx, c, pathDo, newRequest(req))
	return r.engine(), err
}

// AddBundle stores a checked set of definitions.
func (c *Client) AddBundle(ctx context.Context, b *workflow.Bundle) error {
	_, err := call[nothing](ctx, c, pathBundle, bundle{b.Hash, b.Files})
	return err
}

// FireDue fires what is due now and returns how many timers it ended.
func (c *Client) FireDue(ctx context.Context) (int, error) {
	return call[int](ctx, c, pathFireDue, nothing{})
}

// Advance moves the clock of a replayed programme.
func (c *Client) Advance(ctx context.Context, community, root string, to time.Time) (int, error) {
	return call[int](ctx, c, pathAdvance, advance{community, root, to})
}

// Checkpoint has the holder append to its checkpoint file.
func (c *Client) Checkpoint(ctx context.Context) error {
	_, err := call[nothing](ctx, c, pathCheckpoint, nothing{})
	return err
}

// call sends one operation and reads its answer.
func call[Out any](ctx context.Context, c *Client, path string, in any) (Out, error) {
	var out reply[Out]
	body, err := json.Marshal(in)
	if err != nil {
		return out.Result, fault.Wrap(err, fault.Invalid, "unreadable_input", "输入无法识别："+err.Error(), "the input cannot be read: "+err.Error())
	}
	if len(body) > maxBody {
		return out.Result, fault.New(fault.Invalid, "too_large", fmt.Sprintf("一次请求最多 %d 字节；请分批进行", maxBody),
			fmt.Sprintf("a request has at most %d bytes; do it in parts", maxBody))
	}
	status, answer, err := c.post(ctx, path, body)
	if err != nil {
		return out.Result, err
	}
	if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
		return out.Result, otherVersion(fmt.Errorf("it does not know %s", path))
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		return out.Result, otherVersion(fmt.Errorf("its answer with status %d cannot be read: %w", status, err))
	}
	if status != http.StatusOK && out.Error == nil {
		return out.Result, otherVersion(fmt.Errorf("it answers with status %d", status))
	}
	return out.Result, out.Error.error()
}

// post makes one exchange. Whatever goes wrong on the way is ErrGone, unless the caller's own time is over.
func (c *Client) post(ctx context.Context, path string, body []byte) (int, []byte, error) {
	limited, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, "http://linli"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("prepare a request to the process that holds the data: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(req)
	if err != nil {
		return 0, nil, lost(ctx, limited, err)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxBody+1))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return 0, nil, lost(ctx, limited, err)
	}
	return answer.StatusCode, content, nil
}

func lost(ctx, limited context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for the process that holds the data: %w", context.Cause(ctx))
	case limited.Err() != nil:
		return fault.Wrap(err, fault.Unavailable, "relay_timeout", "持有数据目录的程序一直没有答复，尚不知是否已保存；请先查看历史",
			"the program that holds the data directory does not answer, and it is not known whether this was saved; look at the history first")
	}
	return fmt.Errorf("%w: %w", ErrGone, err)
}
