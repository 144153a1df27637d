package app

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/testdb"
)

// linli starts the program as a process of its own; TestMain has put it on the path.
func linli(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "linli", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LANG=", "LC_ALL=", "LC_MESSAGES=")
	return cmd
}

// run runs the program to its end, which must be a good one, and returns what it printed.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := linli(t.Context(), dir, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("linli %s: %v\n%s%s", strings.Join(args, " "), err, out.String(), errs.String())
	}
	return out.String()
}

// stopAt runs the program and sends it a signal after so many lines of progress. It returns how it ended.
func stopAt(t *testing.T, lines int, signal os.Signal, dir string, args ...string) error {
	t.Helper()
	cmd := linli(t.Context(), dir, args...)
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(progress)
	for seen := 0; seen < lines && scan.Scan(); {
		if strings.HasPrefix(scan.Text(), "… ") {
			seen++
		}
	}
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, progress)
	return cmd.Wait()
}

func TestADemoThatWasStoppedCarriesOn(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	want := run(t, whole, "demo", "--once")
	t.Run("after a kill, more than once", func(t *testing.T) {
		dir := t.TempDir()
		for _, at := range []int{2, 5, 8} {
			if err := stopAt(t, at, os.Kill, dir, "demo", "--once"); err == nil {
				t.Fatalf("the process survived being killed after %d lines", at)
			}
		}
		if got := run(t, dir, "demo", "--once"); got != want {
			t.Errorf("the report differs from that of an undisturbed run:\n%s", got)
		}
		if got, want := run(t, dir, "history", "ZX-2023"), run(t, whole, "history", "ZX-2023"); got != want {
			t.Errorf("the history differs from that of an undisturbed run:\n%s", got)
		}
		if got := run(t, dir, "audit"); !strings.Contains(got, "全部相符") {
			t.Error(got)
		}
	})
	t.Run("after Ctrl-C, which ends it cleanly and says so", func(t *testing.T) {
		dir := t.TempDir()
		err := stopAt(t, 4, os.Interrupt, dir, "demo")
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != ExitInterrupted {
			t.Fatalf("it ended with %v, want exit status %d", err, ExitInterrupted)
		}
		if got := run(t, dir, "demo", "--once"); got != want {
			t.Errorf("the report differs from that of an undisturbed run:\n%s", got)
		}
	})
}

func TestTheDemoOnPostgres(t *testing.T) {
	t.Parallel()
	db, dir := testdb.EmptyPostgres(t), t.TempDir()
	keys := filepath.Join(dir, "keys")
	run(t, dir, "keys", "new", keys)
	at := []string{"--db", db.DSN, "--keys", keys}
	report := run(t, dir, append([]string{"demo", "--once"}, at...)...)
	if !strings.Contains(report, "778.9元") {
		t.Errorf("the report lacks the sum of the charity sale:\n%s", report)
	}
	if got := run(t, dir, append([]string{"audit"}, at...)...); !strings.Contains(got, "全部相符") {
		t.Error(got)
	}
	t.Run("several processes write at once", func(t *testing.T) {
		first := linli(t.Context(), dir, append([]string{"run"}, at...)...)
		progress, err := first.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Start(); err != nil {
			t.Fatal(err)
		}
		if !bufio.NewScanner(progress).Scan() {
			t.Error("run said nothing")
		}
		run(t, dir, append([]string{"tick"}, at...)...)
		if err := first.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, progress)
		if err := first.Wait(); err != nil {
			t.Errorf("run did not end well: %v", err)
		}
	})
	t.Run("without its keys nothing is read", func(t *testing.T) {
		var errs bytes.Buffer
		cmd := linli(t.Context(), dir, "show", "--db", db.DSN)
		cmd.Stderr = &errs
		err := cmd.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != ExitData || !strings.Contains(errs.String(), "找不到密钥文件") {
			t.Errorf("got %v: %s", err, errs.String())
		}
	})
}

// The whole process must stay below 100 ms, so that an editor can check at every save.
func BenchmarkCheck(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		if err := linli(b.Context(), dir, "check").Run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/check")
}

func TestRunAndClose(t *testing.T) {
	a, err := Open(t.Context(), Config{Data: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if err := a.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
