package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/linli/linli/internal/fault"
	"github.com/linli/linli/internal/workflow"
	"github.com/linli/linli/workflows"
)

// definitions is a set of definition files before it is compiled.
type definitions struct {
	files map[string][]byte // "fundraise/fundraise.yaml" → content
	shown map[string]string // the same name → the path that people know the file by
	named map[string]bool   // the files that somebody named, rather than the built-in ones
}

// builtIn is the set that the program carries.
func builtIn() *definitions {
	files := workflows.Files()
	d := &definitions{files: files, shown: map[string]string{}, named: map[string]bool{}}
	for name := range files {
		d.shown[name] = "workflows/" + name
	}
	return d
}

// withFiles lays the definitions of files and directories over the set: what has the same name is replaced.
func (d *definitions) withFiles(paths []string) error {
	for _, path := range paths {
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return fault.New(fault.Invalid, "no_such_file", "找不到 "+path+"；请核对路径", "there is no "+path+"; check the path")
		}
		if err != nil {
			return fmt.Errorf("read definitions: %w", err)
		}
		if !info.IsDir() {
			if err := d.add(path); err != nil {
				return err
			}
			continue
		}
		if err := d.addDir(path); err != nil {
			return err
		}
	}
	return nil
}

func (d *definitions) addDir(dir string) error {
	found := false
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != dir && strings.HasPrefix(e.Name(), "."):
			return filepath.SkipDir
		case e.IsDir() || filepath.Ext(path) != ".yaml" && filepath.Ext(path) != ".yml":
			return nil
		}
		found = true
		return d.add(path)
	})
	if err != nil {
		return fmt.Errorf("read definitions in %s: %w", dir, err)
	}
	if !found {
		return fault.New(fault.Invalid, "no_definitions", dir+" 里没有流程定义（*.yaml）", "there are no definitions (*.yaml) in "+dir)
	}
	return nil
}

// add reads one file. It belongs to the workflow that its name says; a folder of another name is the loader's to refuse.
func (d *definitions) add(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read a definition: %w", err)
	}
	base := filepath.Base(path)
	folder := filepath.Base(filepath.Dir(absolute(path)))
	name := folder + "/" + base
	if stem := strings.TrimSuffix(base, filepath.Ext(base)); folder != stem && d.files[stem+"/"+base] != nil {
		name = stem + "/" + base // a single file, copied out of its folder to be changed
	}
	if other, taken := d.shown[name]; taken && d.named[name] && other != path {
		return fault.New(fault.Invalid, "definition_twice", path+" 与 "+other+" 是同一个流程；请只保留一个",
			path+" and "+other+" define the same workflow; keep one of them")
	}
	d.files[name], d.shown[name], d.named[name] = content, path, true
	return nil
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// load compiles the set. The positions of problems are the paths that people know.
func (d *definitions) load() (*workflow.Bundle, workflow.Problems) {
	b, problems := workflow.Load(d.files)
	for n := range problems {
		if shown := d.shown[problems[n].Pos.File]; shown != "" {
			problems[n].Pos.File = shown
		}
	}
	return b, problems
}

// loadDefinitions compiles the built-in set with the given directories laid over it. Mistakes are a *brokenSet.
func loadDefinitions(dirs []string) (*workflow.Bundle, error) {
	d := builtIn()
	if err := d.withFiles(dirs); err != nil {
		return nil, err
	}
	b, problems := d.load()
	if len(problems) > 0 {
		return nil, &brokenSet{problems}
	}
	return b, nil
}

// brokenSet is a set of definitions that cannot be used.
type brokenSet struct{ problems workflow.Problems }

// Error lists every mistake in English, on a line of its own.
func (b *brokenSet) Error() string { return b.problems.Error() }
