package session

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

var errNotDir = syscall.ENOTDIR

// contextFiles are the files that tell an agent where things stand, in the
// order in which they count. The second name of a pair is where other tools
// keep the same.
var contextFiles = [][]string{
	{contextName, ".claude/" + contextName}, {"CLAUDE.md"}, {"TASK.md"}, {"PLANNING.md"}, {"Backlog.md"}, {".taskmaster/docs/prd.txt"},
}

const (
	contextName = "PROJECT_CONTEXT.md"
	readLimit   = 1 << 20 // bytes that a start reads of one file
)

// readContext reads the context files side by side; a file that is not there is
// left out.
func readContext(dir string) (files []File, text map[string]string) {
	type result struct {
		file File
		text string
		ok   bool
	}
	results := make([]result, len(contextFiles))
	each(len(contextFiles), func(i int) {
		for _, name := range contextFiles[i] {
			file, content, ok := readHead(dir, name)
			if ok {
				results[i] = result{file, content, true}
				return
			}
		}
	})
	text = make(map[string]string)
	files = []File{}
	for i, r := range results {
		if r.ok {
			files = append(files, r.file)
			text[contextFiles[i][0]] = r.text
		}
	}
	return files, text
}

// readHead reads the start of a file; false: it is not there. A link is not
// followed: a checkout may bring one.
func readHead(dir, name string) (File, string, bool) {
	f := File{Path: name}
	path := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Lstat(path)
	if err != nil {
		if missing(err) {
			return f, "", false
		}
		f.Note = "cannot be read"
		return f, "", true
	}
	f.Bytes = info.Size()
	if !info.Mode().IsRegular() || !insideTree(dir, name) {
		f.Note = "no regular file of this directory; not read"
		return f, "", true
	}
	file, err := os.Open(path)
	if err != nil {
		f.Note = "cannot be read"
		return f, "", true
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, readLimit))
	switch {
	case err != nil:
		f.Note = "cannot be read"
	case info.Size() > readLimit:
		f.Note = "larger than 1 MiB; the rest was not read"
	case !validText(data):
		f.Note = "not UTF-8"
	}
	return f, string(data), true
}

func validText(data []byte) bool { return strings.ToValidUTF8(string(data), "") == string(data) }

// insideTree says whether no folder on the way to a file is a link.
func insideTree(dir, name string) bool {
	parent := filepath.Dir(filepath.FromSlash(name))
	for parent != "." {
		info, err := os.Lstat(filepath.Join(dir, parent))
		if err != nil || !info.IsDir() {
			return false
		}
		parent = filepath.Dir(parent)
	}
	return true
}

// markers tell a project's types by files at its top (D1).
var markers = []struct {
	kind  string
	files []string
}{
	{"node", []string{"package.json"}},
	{"python", []string{"pyproject.toml", "setup.py", "requirements.txt"}},
	{"rust", []string{"Cargo.toml"}},
	{"go", []string{"go.mod"}},
}

// Detect gives the types of the project in a directory.
func Detect(dir string) []string {
	types := []string{}
	for _, m := range markers {
		for _, name := range m.files {
			if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
				types = append(types, m.kind)
				break
			}
		}
	}
	return types
}
