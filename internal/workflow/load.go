package workflow

import (
	"path"
	"slices"
	"sync"
)

// Load reads and checks a set of definition files together: path → content. Files whose names do not end in .yaml or
// .yml are left out. It returns a Bundle, or nil and every mistake of every file.
//
// It is a pure function: the same files give the same bundle and the same problems.
func Load(files map[string][]byte) (*Bundle, Problems) {
	var paths []string
	for p := range files {
		if ext := path.Ext(p); ext == ".yaml" || ext == ".yml" {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	if len(paths) == 0 {
		return nil, Problems{{
			Pos: Pos{".", 1, 1}, Code: codeNoDefinitions,
			What: Text{"没有流程定义", "there are no definitions"},
			Do:   Text{"请指明 .yaml 文件，或含有 .yaml 文件的目录", "name files or folders with .yaml files"},
		}}
	}
	drafts := make([]*draft, len(paths))
	inParallel(len(paths), func(n int) { drafts[n] = decode(paths[n], files[paths[n]]) })
	c := &checker{drafts: drafts, bundle: newBundle(drafts, files)}
	problems := c.run()
	if len(problems) > 0 {
		return nil, problems
	}
	return c.bundle, nil
}

// inParallel calls do for 0 … n-1 on a few goroutines and waits for all.
func inParallel(n int, do func(int)) {
	const workers = 4
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// checker looks for mistakes that only show when the definitions are seen together.
type checker struct {
	drafts   []*draft
	bundle   *Bundle
	problems Problems
	unread   bool // some file is no YAML, so that what others say about it cannot be judged
}

func (c *checker) run() Problems {
	first := map[string]*draft{}
	for _, d := range c.drafts {
		c.problems = append(c.problems, d.problems...)
		d.problems = nil
		if other := first[d.name]; other != nil {
			c.problems.add(d.at("workflow"), codeDuplicateFlow,
				phrase("流程“%s”在 %s 里也有定义", "the workflow %q is also defined in %s", d.name, other.file),
				Text{"请删除其中一个，或改名", "remove or rename one of the two"})
			continue
		}
		first[d.name] = d
		c.unread = c.unread || !d.ok
	}
	var judged []*draft
	for _, d := range c.drafts {
		if d.ok && first[d.name] == d {
			judged = append(judged, d)
		}
	}
	c.checkNames(judged)
	c.checkMachines(judged)
	c.checkTree(judged)
	c.compile(judged)
	return c.problems.sorted()
}
