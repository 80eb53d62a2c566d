package feature

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// MaxFile is how large a file of tasks may be, in bytes: some hundred thousand
// tasks.
const MaxFile = 64 << 20

// File is what a file of tasks says.
type File struct {
	Feature string // name or title of the feature; may be empty
	Tasks   []Task
	// Infrastructure that it needs, for the estimate.
	ComputeHours, StorageGB Hours
	Notes                   []string // what was left out
}

// mistake is one place of a file.
type mistake struct {
	file         string
	line, column int
	text         string
}

func (m mistake) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.file, max(1, m.line), max(1, m.column), m.text)
}

// Read reads a file of tasks. Markdown is known by its name; all else is YAML,
// of which JSON is a part. tag chooses one of task-master's lists; empty: the
// only one, or master.
func Read(name string, data []byte, tag string) (*File, error) {
	switch {
	case len(data) > MaxFile:
		return nil, mistake{name, 1, 1, fmt.Sprintf("%d bytes: a file of tasks has %d at most", len(data), MaxFile)}
	case !utf8.Valid(data):
		return nil, mistake{name, 1, 1, "not UTF-8: this is no file of tasks"}
	}
	var f *File
	var err error
	switch strings.ToLower(path.Ext(strings.ReplaceAll(name, `\`, "/"))) {
	case ".md", ".markdown":
		f, err = readMarkdown(name, string(data))
	default:
		f, err = readYAML(name, data, tag)
	}
	if err != nil {
		return nil, err
	}
	return f, f.check(name)
}

// check looks at ids and needs.
func (f *File) check(name string) error {
	if len(f.Tasks) == 0 {
		return mistake{name, 1, 1, "no tasks: want tasks: [{id: a, title: …, needs: [], hours: 1}]"}
	}
	lines := make(map[string]int, len(f.Tasks))
	for _, t := range f.Tasks {
		if wrong := wrongID(t.ID); wrong != "" {
			return mistake{name, t.line, 1, wrong}
		}
		if first, twice := lines[t.ID]; twice {
			return mistake{name, t.line, 1, fmt.Sprintf("the id %q is there twice, first in line %d", t.ID, first)}
		}
		lines[t.ID] = t.line
	}
	for i := range f.Tasks {
		t := &f.Tasks[i]
		t.Needs = unique(t.Needs)
		for _, need := range t.Needs {
			if _, ok := lines[need]; !ok {
				return mistake{name, t.line, 1, fmt.Sprintf("task %q needs %q, which is no task%s", t.ID, need, f.near(need))}
			}
		}
		if t.Phase != "" && !slices.Contains(Phases(), t.Phase) {
			return mistake{name, t.line, 1, fmt.Sprintf("task %q: no phase %q: there are %s", t.ID, t.Phase, strings.Join(Phases(), ", "))}
		}
	}
	return nil
}

// unique takes out what is there again; most lists are short.
func unique(list []string) []string {
	out := make([]string, 0, len(list))
	if len(list) < 16 {
		for _, s := range list {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
		return out
	}
	seen := make(map[string]bool, len(list))
	for _, s := range list {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

// idLimit is how long an id may be, in bytes.
const idLimit = 100

func wrongID(id string) string {
	switch {
	case id == "":
		return "a task without an id"
	case len(id) > idLimit:
		return fmt.Sprintf("the id %.40q… has more than %d bytes", id, idLimit)
	case strings.ContainsFunc(id, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		return fmt.Sprintf("the id %q has characters that cannot be seen", id)
	}
	return ""
}

// near is a hint: the id that was probably meant.
func (f *File) near(id string) string {
	best, least := "", 3
	for _, t := range f.Tasks[:min(len(f.Tasks), 2000)] {
		if d := distance(id, t.ID, least); d < least {
			best, least = t.ID, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is how many letters differ, or most where that is more.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return min(row[len(b)], most)
}

// readYAML reads YAML and JSON.
func readYAML(name string, data []byte, tag string) (*File, error) {
	var root yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&root); err != nil && len(bytes.TrimSpace(data)) > 0 {
		return nil, yamlMistake(name, err)
	}
	if len(root.Content) == 0 {
		return &File{}, nil // nothing but comments
	}
	r := &reader{name: name, file: &File{}}
	top := root.Content[0]
	if top.Kind == yaml.MappingNode {
		if list := value(top, "tasks"); list == nil || list.Kind == yaml.MappingNode {
			return r.tagged(top, tag)
		}
	}
	return r.top(top)
}

// yamlMistake puts the place in front of what the YAML reader says.
func yamlMistake(name string, err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	var many *yaml.TypeError
	if errors.As(err, &many) && len(many.Errors) > 0 {
		text = many.Errors[0]
	}
	line := 1
	if n, _ := fmt.Sscanf(text, "line %d:", &line); n == 1 {
		_, text, _ = strings.Cut(text, ": ")
	}
	return mistake{name, line, 1, text}
}

// value is the value of a key; nil: it is not there.
func value(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
