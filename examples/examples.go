// Package examples carries the data files that come with Linli, so that the demonstration needs nothing but the binary.
// The files are plain data (docs/data-file.md): copy one, change it, and load it.
package examples

import _ "embed" // for the data files

//go:embed zhangxi/programme.yaml
var zhangxi []byte

//go:embed first/programme.yaml
var first []byte

// The names under which the files are known, relative to the root of the repository.
const (
	ZhangxiName = "examples/zhangxi/programme.yaml"
	FirstName   = "examples/first/programme.yaml"
)

// Zhangxi returns a copy of the data file of the demonstration: the programme 左邻右舍创家园 of the community 樟溪社区, from
// forming the team to the awards.
func Zhangxi() []byte { return append([]byte(nil), zhangxi...) }

// First returns a copy of the small, commented data file that a new user copies.
func First() []byte { return append([]byte(nil), first...) }
