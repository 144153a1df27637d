package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"github.com/alecthomas/kong"

	"github.com/linli/linli/internal/bench"
)

type benchCmd struct {
	Clients  int           `default:"64" help:"同时请求的客户端数 / Clients that ask at once."`
	Duration time.Duration `default:"10s" help:"每个服务器测量多久 / How long each server is measured."`
	DB       string        `name:"db" env:"LINLI_BENCH_DB" placeholder:"DSN" help:"可在其上新建数据库的 PostgreSQL 服务器；默认用临时目录里的 SQLite / A PostgreSQL server on which a database may be made; by default SQLite in a temporary directory."`
	Only     []string      `placeholder:"NAME,…" help:"只测这些：lifecycle、single、one_row、bulk、start、idle、large / Measure only these: lifecycle, single, one_row, bulk, start, idle, large."`
	Large    bool          `help:"也测一百万个实例的大库（要几分钟）/ Also measure a database with a million instances; takes some minutes."`
	Profile  string        `placeholder:"FILE" help:"把服务器的 CPU 剖析写入文件 / Write a processor profile of the server."`
	JSON     bool          `name:"json" help:"以 JSON 输出 / Print JSON."`
}

// Run measures the server, beside the same work done the ordinary way and with nothing behind it, on a database of its own.
func (c *benchCmd) Run(s *session) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program's own file: %w", err)
	}
	only := c.Only
	if c.Large && len(only) == 0 {
		only = bench.Measures()
	} else if c.Large {
		only = append(only, bench.Large)
	}
	r, err := bench.Run(s.ctx, bench.Config{
		Program: program, Clients: c.Clients, Duration: c.Duration, DSN: c.DB, Only: only, Profile: c.Profile, Now: s.sys.Now,
		Note: func(zh, en string) { s.note("%s", "%s", s.words(zh, en)) },
	})
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(s.out)
		out.SetIndent("", "  ")
		return out.Encode(r)
	}
	s.measured(r)
	return nil
}

// measured prints what a benchmark came to.
func (s *session) measured(r *bench.Report) {
	s.say("数据库 %s，%d 个客户端，处理器 %d 个（客户端、服务器、数据库共用）", "Database %s, clients %d, processors %d (shared by clients, server and database)",
		r.Database, r.Clients, r.Cores)
	for _, c := range []struct {
		zh, en string
		*bench.Comparison
	}{
		{"完整流程", "Lifecycle", r.Lifecycle}, {"单个客户端", "One client", r.Single}, {"同一项目", "One programme", r.OneRow},
	} {
		if c.Comparison == nil {
			continue
		}
		s.say("\n%s（%d 个客户端）：对照的 %.2f 倍，下限的 %.0f%%", "\n%s (clients: %d): %.2f times the control, %.0f %% of the floor",
			s.words(c.zh, c.en), c.Clients, c.Ratio, 100*c.FloorShare)
		s.figures(s.words("邻里", "Linli"), c.Ours)
		s.figures(s.words("对照", "Control"), c.Control)
		s.figures(s.words("下限", "Floor"), c.Floor)
		s.say("  对照的连接数 %d", "  The control's pool: %d", c.Pool)
	}
	if b := r.Bulk; b != nil {
		s.say("\n批量（%d 个客户端）：对照的 %.1f 倍", "\nBulk (clients: %d): %.1f times the control", b.Clients, b.Ratio)
		s.figures(s.words("邻里", "Linli"), b.Ours)
	}
	if l := r.Large; l != nil {
		s.say("\n%d 个实例的库达到 %d 个实例的库的 %.0f%%", "\nWith instances %d, compared with %d: %.0f %% of the rate", l.LargeRows, l.SmallRows, 100*l.Share)
		s.figures(s.words("小库", "Small"), l.Small)
		s.figures(s.words("大库", "Large"), l.Large)
	}
	if h := r.History; h != nil {
		s.say("\n核对：收到确认 %d 次，历史里有 %d 次", "\nChecked: acknowledged %d, in the history %d", h.Acknowledged, h.Found)
	}
	s.targets(r.Targets)
}

func (s *session) figures(name string, f bench.Figures) {
	s.say("  %s  %.0f 次/秒，p50 %.2f 毫秒，p99 %.2f 毫秒，最长 %.0f 毫秒，CPU %.0f 微秒/次（数据库 %.0f），落盘 %.3f 次/次，客户端 CPU %.1f 微秒/请求",
		"  %s  %.0f/s, p50 %.2f ms, p99 %.2f ms, longest %.0f ms, CPU %.0f µs each (database %.0f), fsyncs %.3f each, generator %.1f µs a request",
		name, f.Rate, f.P50, f.P99, f.Max, f.CPU, f.DatabaseCPU, f.Fsyncs, f.Generator)
	if f.Exhausted {
		s.say("    项目在时间到之前用完", "    The programmes ran out before the time was over")
	}
}

func (s *session) targets(all []bench.Target) {
	s.line("")
	for _, t := range all {
		mark, relation := "✓", "≥"
		if !t.Met {
			mark = "✗"
		}
		if t.Most {
			relation = "<"
		}
		s.line("%s %s  (%s %.2f)", mark, s.colon(s.words(t.Zh, t.En), fmt.Sprintf("%.2f", t.Value)), relation, t.Bound)
	}
}

// benchPartCmd is a process that a benchmark starts; it speaks with it over its standard input and output.
type benchPartCmd struct {
	Name string `arg:""`
}

// Run works until the benchmark closes the input.
func (c *benchPartCmd) Run(s *session) error {
	if c.Name != bench.PartServer {
		return bench.Part(s.ctx, c.Name, os.Stdin, s.out, s.sys.Now)
	}
	order, rest, err := bench.ReadOrder(os.Stdin)
	if err != nil {
		return err
	}
	return s.benchServer(order, rest)
}

// benchServer is `linli serve` as it always is, without a limit that anybody could reach and without a log line for each request,
// which the servers it is compared with do not write either.
func (s *session) benchServer(order bench.PartOrder, in io.Reader) (err error) {
	var serve serveCmd
	parser, err := kong.New(&serve)
	if err != nil {
		return fmt.Errorf("read the flags: %w", err)
	}
	args := []string{"--listen=" + order.Listen, "--data=" + order.Dir, "--rate=1e9", "--burst=1000000000", "--no-log-requests", "--keys=", "--otel-endpoint="}
	if order.DSN != "" {
		args = append(args, "--db="+order.DSN)
	}
	if _, err := parser.Parse(args); err != nil {
		return fmt.Errorf("read the flags: %w", err)
	}
	if order.Profile != "" {
		stop, err := profile(order.Profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	var commits atomic.Int64
	part := *s
	part.ctx, part.out = ctx, s.err
	part.onCommit = func(commit func() error) error {
		commits.Add(1)
		return commit()
	}
	go func() {
		defer stop()
		questions, answers := json.NewDecoder(in), json.NewEncoder(s.out)
		for {
			var question struct{}
			if err := questions.Decode(&question); err != nil {
				return // the benchmark has ended
			}
			if err := answers.Encode(bench.Counters{Commits: commits.Load()}); err != nil {
				return
			}
		}
	}()
	return serve.Run(&part)
}

// profile writes a processor profile until what it returns is called.
func profile(name string) (stop func() error, err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("write a profile: %w", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
