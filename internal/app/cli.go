package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/linli/linli/internal/fault"
)

// System is the machine as a command line sees it. Tests hand in another.
type System struct {
	Out, Err io.Writer
	Getenv   func(string) string
	Now      func() time.Time
	Program  string // what a person types to run it
}

// Machine is the real System.
func Machine() System {
	program := "linli"
	switch at := filepath.ToSlash(os.Args[0]); {
	case strings.Contains(at, "/go-build"):
		program = "go run ./cmd/linli"
	case strings.Contains(at, "/"):
		program = at
	}
	return System{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv, Now: time.Now, Program: program}
}

// grammar is the whole command line. Every flag can also be set by an environment variable LINLI_NAME.
type grammar struct {
	Lang string `enum:",zh,en" default:"" placeholder:"zh|en" help:"输出语言，默认随系统 / Language of the output; by default the system's."`

	Demo    demoCmd    `cmd:"" help:"演示：重演樟溪社区的项目，然后提供服务 / Play the example programme, then serve it."`
	Serve   serveCmd   `cmd:"" help:"提供 HTTP 服务，并执行到期的定时事项，直到被停止 / Serve over HTTP and fire what falls due until stopped."`
	Init    initCmd    `cmd:"" help:"建立社区、第一位管理员和她的凭证 / Make a community, its first administrator and her token."`
	Token   tokenCmd   `cmd:"" help:"接口凭证 / Tokens for the HTTP interface."`
	Load    loadCmd    `cmd:"" help:"载入项目数据文件 / Load a programme's data file."`
	Check   checkCmd   `cmd:"" help:"检查流程定义 / Check definitions."`
	Graph   graphCmd   `cmd:"" help:"输出流程图（Mermaid）/ Print a workflow's diagram (Mermaid)."`
	Show    showCmd    `cmd:"" help:"查看项目、活动或其中一项 / Show programmes, a programme, an activity or an item."`
	Why     whyCmd     `cmd:"" help:"现在能做什么，不能做的为什么 / What can be done now, and why the rest cannot."`
	History historyCmd `cmd:"" help:"操作历史 / What was done, when and by whom."`
	Report  reportCmd  `cmd:"" help:"结项报告 / The closing report."`
	Audit   auditCmd   `cmd:"" help:"核查历史与数据是否被改动 / Check that nobody has changed the history or the data."`
	Fire    fireCmd    `cmd:"" help:"执行一个操作 / Carry out an event."`
	Undo    undoCmd    `cmd:"" help:"撤销一次操作 / Take a command back."`
	Bundle  bundleCmd  `cmd:"" help:"流程版本 / Sets of definitions."`
	Keys    keysCmd    `cmd:"" help:"密钥文件 / The key file."`
	Tick    tickCmd    `cmd:"" help:"执行现在到期的定时事项，然后退出 / Fire what is due now, and exit."`
	Run     runCmd     `cmd:"" help:"持续执行到期的定时事项，直到被停止 / Fire what falls due until stopped."`
	Bench   benchCmd   `cmd:"" help:"测速：用一个临时的数据库 / Measure the speed, on a throw-away database."`
	Version versionCmd `cmd:"" help:"版本 / The version."`

	BenchPart benchPartCmd `cmd:"" hidden:""`
}

// dataFlags are the flags of every command that touches data.
type dataFlags struct {
	Data       string `default:"./linli-data" placeholder:"DIR" help:"数据目录，默认 ./linli-data / Data directory, by default ./linli-data."`
	DB         string `name:"db" placeholder:"DSN" help:"postgres://… 地址；默认用数据目录里的 SQLite / A postgres:// address; by default SQLite in the data directory."`
	KeysFile   string `name:"keys" env:"LINLI_KEYS_FILE" placeholder:"FILE" help:"密钥文件，默认 DIR/linli.keys / Key file, by default DIR/linli.keys."`
	Checkpoint string `placeholder:"FILE" help:"检查点文件，默认 DIR/checkpoints.jsonl / Checkpoint file, by default DIR/checkpoints.jsonl."`
	Community  string `placeholder:"ID" help:"社区，只有一个时不用写 / Community; not needed when there is only one."`
	Verbose    bool   `help:"把运行日志写到标准错误 / Log to standard error."`
}

// setFlags are the flags of every command that uses definitions from outside the database.
type setFlags struct {
	Workflows []string `placeholder:"DIR" help:"补充或替换流程定义的目录 / Directories of definitions that add to or replace the built-in ones."`
}

// session is what a command runs with.
type session struct {
	console
	ctx context.Context //nolint:containedctx // one command's life
	sys System

	log        *slog.Logger                    // of a process that serves; nil: what --verbose says
	committers int                             // 0: what suits the database
	onCommit   func(commit func() error) error // nil, or what a benchmark counts commits with
}

// openApp opens the data, for reading or for writing. The caller must close it with finish.
func (s *session) openApp(f dataFlags, readOnly bool) (*App, error) {
	log := slog.New(slog.DiscardHandler)
	switch {
	case s.log != nil:
		log = s.log
	case f.Verbose:
		log = slog.New(slog.NewTextHandler(s.sys.Err, nil))
	}
	return Open(s.ctx, Config{
		Data: f.Data, DB: f.DB, KeysFile: f.KeysFile, Checkpoint: f.Checkpoint, ReadOnly: readOnly, Now: s.sys.Now, Log: log,
		Committers: s.committers, OnCommit: s.onCommit,
	})
}

// finish appends to the checkpoint file and closes the data; err is what the command came to. A checkpoint that cannot be
// written is said, but does not turn what was carried out into a failure that somebody repeats.
func (s *session) finish(a *App, err error) error {
	if !a.cfg.ReadOnly {
		if cerr := a.Checkpoint(context.WithoutCancel(s.ctx)); cerr != nil {
			s.note("注意：操作已保存，但检查点文件没有写成：%v", "Note: the command is stored, but the checkpoint file was not written: %v", cerr)
		}
	}
	return errors.Join(err, a.Close())
}

// Main carries out one command line and returns the exit status.
func Main(ctx context.Context, args []string, sys System) (code int) {
	s := &session{console: console{out: sys.Out, err: sys.Err, lang: pickLang("", sys.Getenv)}, ctx: ctx, sys: sys}
	if sys.Getenv("LINLI_VERBOSE") == "" {
		defer func() {
			if r := recover(); r != nil {
				s.note("程序缺陷：%v。请报告；设 LINLI_VERBOSE=1 再运行可看到细节。", "A defect: %v. Please report it; run again with LINLI_VERBOSE=1 for the details.", r)
				code = ExitData
			}
		}()
	}
	var g grammar
	helped := false
	parser, err := kong.New(&g, kong.Name("linli"),
		kong.Description("邻里：社区项目的流程引擎 / Linli, a workflow engine for community programmes."),
		kong.Writers(sys.Out, sys.Err), kong.DefaultEnvars("LINLI"), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Exit(func(int) { helped = true }), kong.Bind(s))
	if err != nil {
		s.note("命令行定义有误：%v", "the command line is ill defined: %v", err)
		return ExitData
	}
	command, err := parser.Parse(args)
	switch {
	case helped:
		return ExitOK
	case err != nil:
		s.note("命令写法有误：%v\n用 linli --help 查看用法。", "The command line is not understood: %v\nSee linli --help.", err)
		return ExitUsage
	}
	s.lang = pickLang(g.Lang, sys.Getenv)
	err = command.Run()
	s.explain(err)
	return status(err)
}

// explain says on standard error what went wrong, in words that a person can act on.
func (s *session) explain(err error) {
	if err == nil || errors.Is(err, errFound) {
		return
	}
	var broken *brokenSet
	if errors.As(err, &broken) {
		s.problems(s.err, broken.problems)
		return
	}
	if refusal := refusalOf(err); refusal != nil {
		s.refusal(refusal, nil)
		return
	}
	if errors.Is(err, context.Canceled) {
		s.note("已停止。", "Stopped.")
		return
	}
	text, known := fault.TextOf(err)
	if !known {
		s.note("出错：%v", "Error: %v", err)
		return
	}
	field := ""
	if f := fieldOf(err); f != "" {
		field = s.colon(f, "")
	}
	_, _ = fmt.Fprintln(s.err, field+text.In(s.lang))
}

func fieldOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Field
	}
	return ""
}
