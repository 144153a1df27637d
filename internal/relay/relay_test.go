package relay

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a holder that notes what it was asked for.
type office struct {
	mu      sync.Mutex
	done    []engine.Request
	bundles []*workflow.Bundle
	do      func(context.Context, engine.Request) (engine.Result, error)
}

func (o *office) Do(ctx context.Context, r engine.Request) (engine.Result, error) {
	o.mu.Lock()
	o.done = append(o.done, r)
	o.mu.Unlock()
	if o.do != nil {
		return o.do(ctx, r)
	}
	return engine.Result{Command: r.ID, Replayed: true, Target: &workflow.Instance{ID: r.Target}}, nil
}

func (o *office) AddBundle(_ context.Context, b *workflow.Bundle) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bundles = append(o.bundles, b)
	return nil
}

func (o *office) FireDue(context.Context) (int, error) { return 3, engine.ErrConflict }

func (o *office) Advance(_ context.Context, community, root string, to time.Time) (int, error) {
	return 0, fault.NewInvalid("programme", community+root, to.Format(time.RFC3339), "no")
}

func (o *office) Checkpoint(context.Context) error { return errors.New("disk full") }

// opened starts a server on a directory, and returns what stops it.
func opened(t *testing.T, dir string, o *office) (stop func()) {
	t.Helper()
	s, err := Listen(dir, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func dialled(t *testing.T, dir string) *Client {
	t.Helper()
	c, err := Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWorkIsHandedOver(t *testing.T) {
	dir, o := t.TempDir(), &office{}
	defer opened(t, dir, o)()
	c := dialled(t, dir)
	defer c.Close()
	t.Run("a command and its result", func(t *testing.T) {
		want := engine.Request{Command: workflow.Command{ID: "c", Community: "x", Root: "r", Target: "t"}, Values: map[string]any{"n": int64(1)}}
		got, err := c.Do(t.Context(), want)
		if err != nil || !got.Replayed || got.Command != "c" || got.Target == nil || got.Target.ID != "t" {
			t.Fatalf("got %+v, %v", got, err)
		}
		if diff := cmp.Diff([]engine.Request{want}, o.done, occurred(), requests()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a result and an error at once", func(t *testing.T) {
		if n, err := c.FireDue(t.Context()); n != 3 || !errors.Is(err, engine.ErrConflict) {
			t.Errorf("got %d, %v", n, err)
		}
	})
	t.Run("a fault", func(t *testing.T) {
		to := time.Date(2023, 6, 14, 9, 0, 0, 0, time.UTC)
		_, err := c.Advance(t.Context(), "community", "root", to)
		if want := fault.NewInvalid("programme", "communityroot", to.Format(time.RFC3339), "no"); !cmp.Equal(err, error(want)) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an ordinary error", func(t *testing.T) {
		if err := c.Checkpoint(t.Context()); err == nil || err.Error() != "disk full" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("text that is not UTF-8 is refused as the engine does, not mended", func(t *testing.T) {
		_, err := c.Do(t.Context(), engine.Request{Command: workflow.Command{Reason: "\xff"}})
		var r *workflow.Refusal
		if !errors.As(err, &r) || !r.Has(workflow.ReasonField) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("definitions", func(t *testing.T) { handsOverDefinitions(t, c, o) })
	t.Run("the caller's context ends the wait", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.FireDue(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func handsOverDefinitions(t *testing.T, c *Client, o *office) {
	files := workflows.Files()
	b, problems := workflow.Load(files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if err := c.AddBundle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if len(o.bundles) != 1 || o.bundles[0].Hash != b.Hash || o.bundles[0].Definition("visit") == nil {
		t.Errorf("got %d sets", len(o.bundles))
	}
	wrong := *b
	wrong.Hash = "0"
	if err := c.AddBundle(t.Context(), &wrong); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a wrong hash gave %v", err)
	}
	wrong.Files = map[string][]byte{"a/a.yaml": []byte("workflow: [")}
	if err := c.AddBundle(t.Context(), &wrong); fault.KindOf(err) != fault.Invalid {
		t.Errorf("broken definitions gave %v", err)
	}
}

func TestSixteenAtOnce(t *testing.T) {
	dir, o := t.TempDir(), &office{}
	defer opened(t, dir, o)()
	var wg sync.WaitGroup
	for n := range 16 {
		wg.Go(func() {
			c, err := Dial(t.Context(), dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			for k := range 20 {
				id := fmt.Sprintf("%d/%d", n, k)
				if got, err := c.Do(t.Context(), engine.Request{Command: workflow.Command{ID: id}}); err != nil || got.Command != id {
					t.Errorf("%s: got %q, %v", id, got.Command, err)
				}
			}
		})
	}
	wg.Wait()
	if len(o.done) != 16*20 {
		t.Errorf("%d commands arrived, want %d", len(o.done), 16*20)
	}
}

func TestStopping(t *testing.T) {
	t.Run("what is being worked on comes to its end, and the socket goes", func(t *testing.T) {
		dir, started, goOn := t.TempDir(), make(chan struct{}), make(chan struct{})
		stop := opened(t, dir, &office{do: func(ctx context.Context, r engine.Request) (engine.Result, error) {
			close(started)
			<-goOn
			return engine.Result{Command: r.ID}, ctx.Err()
		}})
		c := dialled(t, dir)
		defer c.Close()
		answered := make(chan error, 1)
		go func() {
			_, err := c.Do(t.Context(), engine.Request{Command: workflow.Command{ID: "a"}})
			answered <- err
		}()
		<-started
		stopped := make(chan struct{})
		go func() { stop(); close(stopped) }()
		for { // until it takes no more
			_, err := Dial(t.Context(), dir)
			if errors.Is(err, ErrNobody) {
				break
			}
		}
		close(goOn)
		if err := <-answered; err != nil {
			t.Errorf("the running command: %v", err)
		}
		<-stopped
		if _, err := os.Stat(filepath.Join(dir, Directory)); !os.IsNotExist(err) {
			t.Errorf("the socket's directory is still there: %v", err)
		}
		if _, err := c.FireDue(t.Context()); !errors.Is(err, ErrGone) {
			t.Errorf("afterwards: got %v, want ErrGone", err)
		}
	})
	t.Run("a holder that breaks off in the middle is gone", func(t *testing.T) {
		dir := t.TempDir()
		defer opened(t, dir, &office{do: func(context.Context, engine.Request) (engine.Result, error) {
			panic(errors.New("power cut")) // net/http ends the connection without an answer
		}})()
		c := dialled(t, dir)
		defer c.Close()
		if _, err := c.Do(t.Context(), engine.Request{}); !errors.Is(err, ErrGone) {
			t.Errorf("got %v, want ErrGone", err)
		}
	})
}

func TestNobodyListens(t *testing.T) {
	t.Run("where there is nothing", func(t *testing.T) {
		if _, err := Dial(t.Context(), t.TempDir()); !errors.Is(err, ErrNobody) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("behind a stale socket, which the next holder replaces", func(t *testing.T) {
		dir := t.TempDir()
		l, _, err := listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false) // as when the process is killed
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNobody) {
			t.Errorf("got %v", err)
		}
		defer opened(t, dir, &office{})()
		dialled(t, dir).Close()
	})
	t.Run("behind a socket that does not answer", func(t *testing.T) {
		dir := t.TempDir()
		l, remove, err := listen(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer remove()
		defer func() { _ = l.Close() }()
		if _, err := Dial(t.Context(), dir); !errors.Is(err, ErrNobody) {
			t.Errorf("got %v", err)
		}
	})
}

func TestOnlyTheOwnerGetsIn(t *testing.T) {
	for name, dir := range map[string]string{"in the data directory": t.TempDir(), "elsewhere": long(t)} {
		t.Run(name, func(t *testing.T) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			defer opened(t, dir, &office{})()
			path, err := find(dir)
			if err != nil {
				t.Fatal(err)
			}
			for at, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
				info, err := os.Stat(at)
				if err != nil {
					t.Fatal(err)
				}
				if got := info.Mode().Perm(); got != want {
					t.Errorf("%s has mode %o, want %o", at, got, want)
				}
			}
		})
	}
}

// long is a directory whose path no socket's address has room for.
func long(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("樟溪", 20))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAPathThatIsTooLong(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir := long(t)
	t.Run("is listened for elsewhere", func(t *testing.T) {
		stop := opened(t, dir, &office{})
		path, err := find(dir)
		if err != nil || strings.HasPrefix(path, dir) {
			t.Fatalf("found %s, %v", path, err)
		}
		t.Setenv("TMPDIR", "/nowhere") // the other process may have another
		dialled(t, dir).Close()
		stop()
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is still there", path)
		}
	})
	t.Run("but not on behalf of a copy of the directory", func(t *testing.T) {
		defer opened(t, dir, &office{})()
		twin := t.TempDir()
		if err := os.CopyFS(filepath.Join(twin, Directory), os.DirFS(filepath.Join(dir, Directory))); err != nil {
			t.Fatal(err)
		}
		if _, err := Dial(t.Context(), twin); !errors.Is(err, ErrNobody) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("and not in a place that others can open", func(t *testing.T) {
		tmp := t.TempDir()
		t.Setenv("TMPDIR", tmp)
		open := filepath.Join(tmp, fmt.Sprintf("linli-%d", os.Getuid()))
		if err := os.Mkdir(open, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(open, 0o777); err != nil {
			t.Fatal(err)
		}
		if s, err := Listen(dir, &office{}, nil); err == nil {
			_ = s.listen.Close()
			t.Error("it listens there")
		}
	})
}
