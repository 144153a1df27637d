package app

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
)

// checkMemory is how many bytes checking may take before garbage is collected after all; the built-in set takes a fifth of it.
const checkMemory = 256 << 20

type checkCmd struct {
	setFlags

	Alone bool     `help:"只看所给的文件，不与内置定义合并 / Take the given files alone, without the built-in ones."`
	Paths []string `arg:"" optional:"" name:"path" help:"定义文件或目录；不写则检查内置定义 / Definition files or directories; without any, the built-in ones."`
}

// Run prints every mistake, or a line for each sound definition. It opens no data.
func (c *checkCmd) Run(s *session) error {
	// A third of the time of this short process would go into collecting garbage that its end frees anyway.
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(checkMemory)
	d := builtIn()
	if c.Alone {
		d = &definitions{files: map[string][]byte{}, shown: map[string]string{}, named: map[string]bool{}}
	}
	if err := d.withFiles(append(c.Workflows, c.Paths...)); err != nil {
		return err
	}
	b, problems := d.load()
	if len(problems) > 0 {
		s.problems(s.out, problems)
		return errFound
	}
	for _, def := range b.Definitions() {
		if len(c.Paths) > 0 && !d.named[def.Name+"/"+def.Name+".yaml"] {
			continue
		}
		s.say("%s：%s，%d 个状态，%d 个事件", "%s: %s, %d states, %d events", def.Name, s.text(def.Title), len(def.States), len(def.Events))
	}
	return nil
}

// problems prints each mistake as file:line:column: what; what to do.
func (c console) problems(w io.Writer, ps workflow.Problems) {
	for _, p := range ps {
		_, _ = fmt.Fprintln(w, p.In(c.lang))
	}
	c.note("共 %d 处问题。", "%d mistakes.", len(ps))
}

type graphCmd struct {
	setFlags

	Workflow string `arg:"" help:"流程名称，如 fundraise / Name of a workflow, such as fundraise."`
}

// Run prints the diagram of one workflow.
func (c *graphCmd) Run(s *session) error {
	b, err := loadDefinitions(c.Workflows)
	if err != nil {
		return err
	}
	d := b.Definition(c.Workflow)
	if d == nil {
		var names []string
		for _, d := range b.Definitions() {
			names = append(names, d.Name)
		}
		return fault.New(fault.NotFound, "unknown_workflow", fmt.Sprintf("没有流程“%s”；现有：%s", c.Workflow, strings.Join(names, "、")),
			fmt.Sprintf("there is no workflow %q; there are: %s", c.Workflow, strings.Join(names, ", ")))
	}
	_, err = io.WriteString(s.out, strings.TrimRight(workflow.Mermaid(d), "\n")+"\n")
	return err
}

type versionCmd struct{}

// Run prints what was built, from what.
func (versionCmd) Run(s *session) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		s.line("linli (unknown build)")
		return nil
	}
	revision, dirty := "", ""
	for _, v := range info.Settings {
		switch {
		case v.Key == "vcs.revision":
			revision = " " + v.Value[:min(12, len(v.Value))]
		case v.Key == "vcs.modified" && v.Value == "true":
			dirty = "+"
		}
	}
	s.line("linli %s%s%s %s", info.Main.Version, revision, dirty, info.GoVersion)
	return nil
}

type keysCmd struct {
	New keysNewCmd `cmd:"" help:"新建密钥文件（PostgreSQL 用；请立即另存备份）/ Write a new key file, for PostgreSQL; keep a copy of it elsewhere."`
}

type keysNewCmd struct {
	File string `arg:"" help:"文件路径 / Path of the file."`
}

// Run writes a key file. SQLite directories make their own.
func (c *keysNewCmd) Run(s *session) error {
	if _, err := os.Lstat(c.File); err == nil {
		return fault.New(fault.Refused, "key_file_exists", c.File+" 已存在；密钥文件不会被覆盖", c.File+" exists already; a key file is never overwritten")
	}
	if err := keysCreate(c.File); err != nil {
		return err
	}
	s.say("已写入 %s。没有它就读不出个人信息，也无法核查历史：请另存一份备份，并用 LINLI_KEYS_FILE 指明它。",
		"Wrote %s. Without it personal data cannot be read and the history not be checked: keep a copy elsewhere, and name it with LINLI_KEYS_FILE.", c.File)
	return nil
}
