// Package workflows holds Linli's built-in definitions: the neighbourhood programme, its activities, their items and the
// community registry, one folder each. The files are data; this package only carries them in the binary.
package workflows

import (
	"embed"
	"io/fs"
)

//go:embed */*.yaml
var embedded embed.FS

// Files returns the built-in definition files: path such as "fundraise/fundraise.yaml" → content. The map and the
// contents are the caller's own.
func Files() map[string][]byte {
	files := map[string][]byte{}
	err := fs.WalkDir(embedded, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := embedded.ReadFile(path)
		if err != nil {
			return err
		}
		files[path] = content
		return nil
	})
	if err != nil {
		panic("workflows: the embedded definitions cannot be read: " + err.Error()) // the binary itself is damaged
	}
	return files
}
