package bench_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linli/linli/internal/app"
	"github.com/linli/linli/internal/bench"
	"github.com/linli/linli/internal/testdb"
)

// TestMain is also the program of which a benchmark starts its parts.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "bench-part" {
		os.Exit(app.Main(context.Background(), os.Args[1:], app.Machine()))
	}
	os.Exit(testdb.Main(m))
}

// TestEverythingIsMeasuredAndNothingLost takes every measure for a moment. It says nothing about speed: Run itself compares what was
// acknowledged with the history, one by one.
func TestEverythingIsMeasuredAndNothingLost(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, dsn := range map[string]string{"sqlite": "", "postgres": os.Getenv(testdb.Variable)} {
		t.Run(name, func(t *testing.T) {
			profile := filepath.Join(t.TempDir(), "cpu.pprof")
			r, err := bench.Run(t.Context(), bench.Config{
				Program: program, Clients: 4, Duration: 150 * time.Millisecond, DSN: dsn, Only: bench.Measures(), Profile: profile, Now: time.Now,
				Programmes: 120, Seats: 10, SmallRows: 500, LargeRows: 1000,
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.Database != name {
				t.Errorf("the database is %s", r.Database)
			}
			for what, c := range map[string]*bench.Comparison{bench.Lifecycle: r.Lifecycle, bench.Single: r.Single, bench.OneRow: r.OneRow} {
				compared(t, what, c)
			}
			measured(t, "bulk", r.Bulk.Ours)
			measured(t, "small", r.Large.Small)
			measured(t, "large", r.Large.Large)
			counted := r.Lifecycle.Ours.Transitions + r.Single.Ours.Transitions + r.OneRow.Ours.Transitions + r.Bulk.Ours.Transitions
			if r.History.Found != r.History.Acknowledged || r.History.Found < counted {
				t.Errorf("%d were counted, %d acknowledged and %d found in the history", counted, r.History.Acknowledged, r.History.Found)
			}
			if r.Ratio != r.Lifecycle.Ratio || r.FloorShare != r.Lifecycle.FloorShare {
				t.Errorf("ratio %v, floor share %v", r.Ratio, r.FloorShare)
			}
			targets := []string{}
			for _, target := range r.Targets {
				targets = append(targets, target.Name)
			}
			for _, want := range bench.Measures() {
				if !slices.Contains(targets, want) {
					t.Errorf("%s is not judged", want)
				}
			}
			if info, err := os.Stat(profile); err != nil || info.Size() == 0 {
				t.Errorf("the profile: %v", err)
			}
		})
	}
}

func TestNothingIsLeftWhenABenchmarkIsCutShort(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for name, dsn := range map[string]string{"sqlite": "", "postgres": os.Getenv(testdb.Variable)} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			_, err = bench.Run(ctx, bench.Config{
				Program: program, Clients: 4, Duration: time.Hour, DSN: dsn, Only: []string{bench.OneRow}, Now: time.Now, Programmes: 1,
				Note: func(_, en string) {
					if strings.HasPrefix(en, "Measuring") {
						time.AfterFunc(100*time.Millisecond, stop)
					}
				},
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
			left, err := filepath.Glob(filepath.Join(dir, "linli-bench-*"))
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestMistakesInTheOrderAreSaid(t *testing.T) {
	for name, c := range map[string]bench.Config{
		"no clients": {Duration: time.Second}, "no time": {Clients: 1}, "an unknown measure": {Clients: 1, Duration: time.Second, Only: []string{"all"}},
	} {
		if _, err := bench.Run(t.Context(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func compared(t *testing.T, what string, c *bench.Comparison) {
	t.Helper()
	measured(t, what+" ours", c.Ours)
	measured(t, what+" control", c.Control)
	measured(t, what+" floor", c.Floor)
	if c.Ratio <= 0 || c.FloorShare <= 0 || len(c.Pools) != 4 || c.Pools["1"] <= 0 || c.Pool == 0 {
		t.Errorf("%s: %+v", what, c)
	}
	if c.Floor.AnswerBytes < c.Ours.AnswerBytes-20 || c.Floor.AnswerBytes > c.Ours.AnswerBytes+20 {
		t.Errorf("%s: the floor answers with %d bytes, ours with %d", what, c.Floor.AnswerBytes, c.Ours.AnswerBytes)
	}
}

func measured(t *testing.T, what string, f bench.Figures) {
	t.Helper()
	if f.Rate <= 0 || f.P50 <= 0 || f.P99 < f.P50 || f.Max < f.P99 || f.Transitions <= 0 || len(f.Rates) != 3 || f.AnswerBytes == 0 {
		t.Errorf("%s: %+v", what, f)
	}
}
