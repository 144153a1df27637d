package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.uber.org/goleak"

	"github.com/linli/linli/internal/engine"
	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/relay"
	"github.com/linli/linli/internal/store"
	"github.com/linli/linli/internal/workflow"
)

// small lays the files of a small programme into a directory and loads it.
func small(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	archive, err := txtar.ParseFile(filepath.Join("testdata", "script", "bundle.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if err := txtar.Write(archive, dir); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "load", "first.yaml")
	return dir
}

// held starts `linli run` on a directory and returns when it takes commands, with what ends it by a signal.
func held(t *testing.T, dir string) (end func(os.Signal)) {
	t.Helper()
	cmd := linli(context.WithoutCancel(t.Context()), dir, "run", "--verbose")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end = func(s os.Signal) {
		if cmd.ProcessState != nil {
			return
		}
		_ = cmd.Process.Signal(s)
		if err := cmd.Wait(); err != nil && s != os.Kill {
			t.Errorf("run did not end well: %v\n%s", err, log.String())
		}
	}
	t.Cleanup(func() { end(os.Kill) })
	for range 600 {
		c, err := relay.Dial(t.Context(), filepath.Join(dir, "linli-data"))
		if err == nil {
			c.Close()
			return end
		}
		time.Sleep(10 * time.Millisecond)
	}
	end(os.Kill)
	t.Fatalf("run takes no commands:\n%s", log.String())
	return nil
}

// drawn is what no two runs have in common.
var drawn = regexp.MustCompile(`[A-Z2-7]{26}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// told is what a command printed and how it ended.
type told struct {
	Command, Out, Err string
	Status            int
}

func tell(t *testing.T, dir string, args ...string) told {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := linli(t.Context(), dir, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	got := told{Command: strings.Join(args, " ")}
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &exit):
		got.Status = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	got.Out, got.Err = drawn.ReplaceAllString(out.String(), "ID"), drawn.ReplaceAllString(errs.String(), "ID")
	return got
}

func TestCommandsSayTheSameThroughAnotherProcess(t *testing.T) {
	t.Parallel()
	alone, shared := small(t), small(t)
	end := held(t, shared)
	recruit := func(args ...string) []string { return append([]string{"fire", "ZX-1/recruit"}, args...) }
	for _, args := range [][]string{
		{"tick"},
		recruit("edit", "target=3", "--as", "worker"),
		recruit("edit", "target=x", "--as", "worker"),
		recruit("edit", "target=4", "--as", "worker", "--if-version", "1"),
		recruit("edit", "nothing=4", "--as", "worker", "--lang", "en"),
		recruit("form", "--as", "worker"),
		recruit("publish", "--as", "nobody"),
		recruit("publish", "--as", "worker", "deadline=2099-12-31", "risk_text=注意安全", "--key", "k1"),
		recruit("publish", "--as", "worker", "deadline=2099-12-31", "risk_text=注意安全", "--key", "k1"),
		recruit("publish", "--as", "worker", "deadline=2099-12-30", "--key", "k1"),
		recruit("create", "--workflow", "membership", "--as", "worker", "person=示例义工一", "--occurred", "2023-06-14/afternoon"),
		recruit("skip", "--as", "worker", "--on-behalf", "示例书记", "--via", "paper", "--reason", "不需要"),
		recruit("edit", "risk_text=a\xffb", "--as", "worker"),
		recruit("edit", "target=5", "--as", "worker", "--reason", "\xff"),
		{"fire", "ZX-1/train", "waive", "--need", "nothing", "--as", "lead", "--reason", "试"},
		{"undo", "ZX-1", "#99", "--as", "worker", "--reason", "试"},
		{"undo", "ZX-1", "#6", "--as", "worker", "--reason", "录错了", "--lang", "en"},
		{"undo", "ZX-1", "#6", "--as", "worker", "--reason", "录错了"},
		{"load", "first.yaml"},
		{"bundle", "adopt", "--workflows", "own", "--as", "worker"},
		{"bundle", "adopt", "--workflows", "own", "--as", "lead"},
		{"bundle", "adopt", "--workflows", "broken", "--as", "lead"},
		{"bundle", "list", "--workflows", "own"},
		{"fire", "ZX-1", "create", "--workflow", "visit", "--slot", "nowhere", "--as", "worker"},
		{"show", "ZX-1/recruit"},
		{"audit"},
	} {
		if diff := cmp.Diff(tell(t, alone, args...), tell(t, shared, args...)); diff != "" {
			t.Errorf("alone (-) and through another process (+): %s", diff)
		}
	}
	end(os.Interrupt)
	if got := run(t, shared, "audit"); !strings.Contains(got, "全部相符") {
		t.Error(got)
	}
}

func TestADemoThroughAnotherProcess(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	want := run(t, whole, "demo", "--once")
	for name, signal := range map[string]os.Signal{"that goes on": nil, "that is killed in the middle": os.Kill, "that is stopped in the middle": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			end := held(t, dir)
			if got := played(t, dir, func() {
				if signal != nil {
					end(signal)
				}
			}); got != want {
				t.Errorf("the report differs from that of an undisturbed run:\n%s", got)
			}
			if got := run(t, dir, "history", "ZX-2023"); got != run(t, whole, "history", "ZX-2023") {
				t.Error("the history differs from that of an undisturbed run")
			}
			if got := run(t, dir, "audit"); !strings.Contains(got, "全部相符") {
				t.Error(got)
			}
		})
	}
}

// played runs the demonstration, does something in the middle of it, and returns what it printed in the end.
func played(t *testing.T, dir string, middle func()) string {
	t.Helper()
	cmd := linli(t.Context(), dir, "demo", "--once")
	var out bytes.Buffer
	cmd.Stdout = &out
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	scan, seen := bufio.NewScanner(progress), 0
	for scan.Scan() {
		told.WriteString(scan.Text() + "\n")
		if strings.HasPrefix(scan.Text(), "… ") {
			if seen++; seen == 4 {
				middle()
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the demonstration ended with %v:\n%s", err, told.String())
	}
	if seen <= 4 {
		t.Fatalf("there was no middle:\n%s", told.String())
	}
	return out.String()
}

func TestAKilledHolderIsNoObstacle(t *testing.T) {
	t.Parallel()
	dir := small(t)
	held(t, dir)(os.Kill)
	if _, err := os.Lstat(filepath.Join(dir, "linli-data", relay.Directory, "socket")); err != nil {
		t.Fatalf("the stale socket that this is about is not there: %v", err)
	}
	run(t, dir, "fire", "ZX-1/recruit", "edit", "target=3", "--as", "worker")
	end := held(t, dir) // in the place of the stale one
	run(t, dir, "fire", "ZX-1/recruit", "edit", "target=4", "--as", "worker")
	end(os.Interrupt)
	if got := run(t, dir, "show", "ZX-1/recruit"); !strings.Contains(got, "（target）：4") {
		t.Error(got)
	}
}

func TestSixteenProcessesAtOnce(t *testing.T) {
	t.Parallel()
	dir := small(t)
	end := held(t, dir)
	before := strings.Count(run(t, dir, "history", "ZX-1"), "\n#")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { run(t, dir, "fire", "ZX-1/recruit", "edit", "target=3", "--as", "worker") })
	}
	wg.Wait()
	if got := strings.Count(run(t, dir, "history", "ZX-1"), "\n#") - before; got != 16 {
		t.Errorf("%d commands are in the history, want 16", got)
	}
	marks, err := os.ReadFile(filepath.Join(dir, "linli-data", CheckpointFile))
	if err != nil || bytes.Count(marks, []byte("\n")) < 2 {
		t.Errorf("the holder did not write checkpoints: %v\n%s", err, marks)
	}
	end(os.Interrupt)
}

func TestAHolderThatTakesNoCommands(t *testing.T) {
	t.Parallel()
	dir := small(t)
	lock := func() *store.Store {
		s, err := store.Open(t.Context(), store.Config{Dir: filepath.Join(dir, "linli-data"), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("is waited for", func(t *testing.T) {
		s := lock()
		time.AfterFunc(lockPatience/5, func() { _ = s.Close() })
		run(t, dir, "tick")
	})
	t.Run("but not for ever", func(t *testing.T) {
		s := lock()
		defer func() { _ = s.Close() }()
		if got := tell(t, dir, "tick"); got.Status != ExitData || !strings.Contains(got.Err, "正被另一个程序使用") {
			t.Errorf("got %+v", got)
		}
	})
}

// sole is a session on a directory of its own, in this process.
func sole(t *testing.T, dir string) (*session, dataFlags) {
	t.Helper()
	sys := System{Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }, Now: time.Now}
	return &session{console: console{out: io.Discard, err: io.Discard, lang: langEN}, ctx: t.Context(), sys: sys}, dataFlags{Data: dir}
}

func TestALostConnection(t *testing.T) {
	request := engine.Request{Command: workflow.Command{Community: "x", Root: "x", Target: "x", Kind: workflow.KindEdit}}
	t.Run("leaves nothing running", func(t *testing.T) {
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		s, f := sole(t, t.TempDir())
		a, err := s.openApp(f, false)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- a.Run(ctx) }()
		err = s.writing(f, func(d *desk) error {
			if _, err := d.commands.Do(t.Context(), request); fault.KindOf(err) != fault.NotFound {
				t.Errorf("through the holder: got %v", err)
			}
			if _, err := d.commands.Advance(t.Context(), "x", "x", time.Now()); fault.KindOf(err) != fault.Invalid {
				t.Errorf("through the holder: got %v", err)
			}
			cancel()
			if err := errors.Join(<-done, a.Close()); err != nil {
				t.Errorf("the holder's end: %v", err)
			}
			if n, err := d.commands.FireDue(t.Context()); n != 0 || err != nil {
				t.Errorf("after the holder's end: %d, %v", n, err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("got %v", err)
		}
		if err := s.writing(f, func(d *desk) error { return nil }); err != nil {
			t.Errorf("the data is not free again: %v", err)
		}
	})
	t.Run("is made again under the same id, and the answer does not call it a repetition", repeatsUnnoticed)
	t.Run("that cannot be made again leaves the outcome unknown, and that is said", func(t *testing.T) {
		tries := 0
		h := newHandover(access{}, func() (access, error) { return access{}, errors.New("still held") })
		err := h.try(func(commander) error { tries++; return relay.ErrGone })
		if fault.KindOf(err) != fault.Unavailable || tries != 1 {
			t.Errorf("got %v after %d tries", err, tries)
		}
	})
	t.Run("is not made again for ever", func(t *testing.T) {
		c, tries := &relay.Client{}, 0
		h := newHandover(access{client: c}, func() (access, error) { return access{client: c}, nil })
		err := h.try(func(commander) error { tries++; return relay.ErrGone })
		if fault.KindOf(err) != fault.Unavailable || tries != maxHandovers {
			t.Errorf("got %v after %d tries", err, tries)
		}
	})
}

// breaking carries every command out, and breaks off before the answer to the first.
type breaking struct {
	relayed
	once *sync.Once
}

func (b breaking) Do(ctx context.Context, req engine.Request) (engine.Result, error) {
	res, err := b.relayed.Do(ctx, req)
	b.once.Do(func() { panic(http.ErrAbortHandler) })
	return res, err
}

func repeatsUnnoticed(t *testing.T) {
	s, f := sole(t, filepath.Join(small(t), "linli-data"))
	a, err := s.openApp(f, false)
	if err != nil {
		t.Fatal(err)
	}
	server, err := relay.Listen(f.Data, breaking{relayed{a.Engine, a}, &sync.Once{}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx) }()
	err = s.writing(f, func(d *desk) error {
		p, err := d.goTo("ZX-1/recruit")
		if err != nil {
			return err
		}
		worker, err := d.person(d.ctx, "zhangxi", "worker")
		if err != nil {
			return err
		}
		res, err := d.commands.Do(d.ctx, engine.Request{
			Command: workflow.Command{
				Community: "zhangxi", Root: p.head.Root, Target: p.at().ID, Kind: workflow.KindEdit, Actor: workflow.Actor{Person: worker},
			},
			Values: map[string]any{"target": int64(9)},
		})
		if err != nil || res.Replayed || res.Seq != p.head.Seq+1 || res.Version != p.at().Version+1 {
			t.Errorf("got %+v, %v", res, err)
		}
		after, err := d.goTo("ZX-1/recruit")
		if err == nil && (after.head.Seq != p.head.Seq+1 || after.at().Body.Data["target"] != int64(9)) {
			t.Errorf("it was not carried out exactly once: the history went from %d to %d", p.head.Seq, after.head.Seq)
		}
		return err
	})
	cancel()
	if err := errors.Join(err, <-done, a.Close()); err != nil {
		t.Error(err)
	}
}
