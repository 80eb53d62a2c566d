package coverage

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/wf-ci/wf-ci/gates/project"
)

// leftovers are what the tools of an ecosystem write into a project's
// directory, and cannot be told to write elsewhere.
var leftovers = map[project.Kind][]string{
	project.Node:   {"coverage", ".nyc_output"},
	project.Python: {".coverage", ".pytest_cache", "coverage.xml"},
	project.Rust:   {"target", "Cargo.lock"},
}

// absent are those of the leftovers that are not there.
func absent(root *os.Root, p project.Project) []string {
	var names []string
	for _, name := range leftovers[p.Kind] {
		name = filepath.FromSlash(path.Join(p.Dir, name))
		if _, err := root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
		}
	}
	return names
}

// tidyUp takes them away again. What cannot be taken away turns no verdict.
func tidyUp(root *os.Root, names []string) {
	for _, name := range names {
		_ = root.RemoveAll(name)
	}
}
