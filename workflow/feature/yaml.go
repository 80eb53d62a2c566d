package feature

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader reads the nodes of one file.
type reader struct {
	name string
	file *File
	odd  map[string]bool // keys that were left out
}

func (r *reader) wrong(n *yaml.Node, format string, args ...any) error {
	return mistake{r.name, n.Line, n.Column, fmt.Sprintf(format, args...)}
}

// names of a key, the first being ours; the others are those of task-master and
// of habit.
var taskKeys = [][]string{
	{"id"}, {"title", "name"}, {"needs", "dependencies", "depends_on"}, {"hours", "estimate"}, {"agent"}, {"phase"},
	{"status"}, {"done"}, {"subtasks", "steps"}, {"description"}, {"details"}, {"priority"}, {"testStrategy"},
}

var topKeys = [][]string{{"tasks"}, {"feature"}, {"title"}, {"infrastructure"}, {"metadata"}, {"version"}, {"description"}}

// ours is the name of a key here. One that is nearly a known one is a slip of
// the hand, and would lose what it says.
func (r *reader) ours(key *yaml.Node, known [][]string) (string, error) {
	for _, names := range known {
		if slices.Contains(names, key.Value) {
			return names[0], nil
		}
	}
	if r.odd[key.Value] {
		return "", nil
	}
	for _, names := range known {
		for _, n := range names {
			if distance(strings.ToLower(key.Value), n, 2) < 2 {
				return "", r.wrong(key, "no key %q: did you mean %q?", key.Value, n)
			}
		}
	}
	if r.odd == nil {
		r.odd = make(map[string]bool)
	}
	r.odd[key.Value] = true
	r.file.Notes = append(r.file.Notes, fmt.Sprintf("%s:%d: the key %.60q says nothing to wf-ci", r.name, key.Line, key.Value))
	return "", nil
}

// fields calls fn for the keys of a mapping, each once.
func (r *reader) fields(n *yaml.Node, known [][]string, fn func(key string, v *yaml.Node) error) error {
	if n.Kind != yaml.MappingNode {
		return r.wrong(n, "want keys and values")
	}
	var seen []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := r.ours(n.Content[i], known)
		if err != nil {
			return err
		}
		if key == "" {
			continue
		}
		if slices.Contains(seen, key) {
			return r.wrong(n.Content[i], "the key %q is there twice", key)
		}
		seen = append(seen, key)
		if n.Content[i+1].Kind == yaml.AliasNode {
			return r.wrong(n.Content[i+1], "an alias (*%s): write it out", n.Content[i+1].Value)
		}
		if err := fn(key, n.Content[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) top(n *yaml.Node) (*File, error) {
	if n.Kind == yaml.SequenceNode {
		return r.file, r.tasks(n)
	}
	err := r.fields(n, topKeys, func(key string, v *yaml.Node) (err error) {
		switch key {
		case "tasks":
			return r.tasks(v)
		case "feature", "title":
			if text, err := r.text(v); err != nil || r.file.Feature == "" {
				r.file.Feature = text
				return err
			}
		case "infrastructure":
			return r.fields(v, [][]string{{"compute_hours"}, {"storage_gb"}}, func(key string, v *yaml.Node) (err error) {
				if key == "storage_gb" {
					r.file.StorageGB, err = r.hours(v)
				} else {
					r.file.ComputeHours, err = r.hours(v)
				}
				return err
			})
		}
		return nil
	})
	return r.file, err
}

func (r *reader) tasks(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return r.wrong(n, "want a list of tasks")
	}
	r.file.Tasks = make([]Task, 0, len(n.Content))
	for _, one := range n.Content {
		t, err := r.task(one)
		if err != nil {
			return err
		}
		r.file.Tasks = append(r.file.Tasks, t)
	}
	return nil
}

func (r *reader) task(n *yaml.Node) (Task, error) {
	t := Task{line: n.Line, Needs: []string{}}
	err := r.fields(n, taskKeys, func(key string, v *yaml.Node) (err error) {
		switch key {
		case "id":
			t.ID, err = r.text(v)
		case "title":
			t.Title, err = r.text(v)
		case "needs":
			t.Needs, err = r.texts(v)
		case "hours":
			t.Hours, err = r.hours(v)
		case "agent":
			t.Agent, err = r.text(v)
		case "phase":
			t.Phase, err = r.text(v)
		case "status":
			var s string
			s, err = r.text(v)
			t.Done = slices.Contains([]string{"done", "completed", "cancelled"}, s)
		case "done":
			t.Done = v.Value == "true"
		case "subtasks":
			t.Steps, err = r.steps(v)
		}
		return err
	})
	if err != nil {
		return t, err
	}
	t.Needs = wholes(t)
	return t, nil
}

// wholes are the needs of a task of task-master: one that needs the part 2.1
// needs task 2.
func wholes(t Task) []string {
	for i, need := range t.Needs {
		whole, part, ok := strings.Cut(need, ".")
		if ok && digits(whole) && digits(part) {
			t.Needs[i] = whole
		}
	}
	return slices.DeleteFunc(t.Needs, func(n string) bool { return n == t.ID && digits(n) && len(t.Steps) > 0 })
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// text is a scalar as it is written.
func (r *reader) text(n *yaml.Node) (string, error) {
	switch {
	case n.Kind != yaml.ScalarNode:
		return "", r.wrong(n, "want a text")
	case n.Tag == "!!null":
		return "", nil
	}
	return strings.TrimSpace(n.Value), nil
}

// texts is a list of scalars, or some with commas between them.
func (r *reader) texts(n *yaml.Node) ([]string, error) {
	list := []string{}
	if n.Kind == yaml.ScalarNode {
		for s := range strings.SplitSeq(n.Value, ",") {
			if s = strings.TrimSpace(s); s != "" && n.Tag != "!!null" {
				list = append(list, s)
			}
		}
		return list, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, r.wrong(n, "want a list of ids")
	}
	for _, e := range n.Content {
		text, err := r.text(e)
		if err == nil && text == "" {
			err = r.wrong(e, "want an id")
		}
		if err != nil {
			return nil, err
		}
		list = append(list, text)
	}
	return list, nil
}

func (r *reader) hours(n *yaml.Node) (Hours, error) {
	text, err := r.text(n)
	if err != nil || n.Tag == "!!null" {
		return 0, err
	}
	h, err := ParseHours(text)
	if err != nil {
		return 0, r.wrong(n, "%v", err)
	}
	return h, nil
}

// steps are the titles of a list of subtasks.
func (r *reader) steps(n *yaml.Node) ([]string, error) {
	if n.Kind != yaml.SequenceNode {
		if n.Tag == "!!null" {
			return nil, nil
		}
		return nil, r.wrong(n, "want a list")
	}
	var steps []string
	for _, e := range n.Content {
		if e.Kind == yaml.MappingNode {
			e = value(e, "title")
		}
		if e == nil || e.Kind != yaml.ScalarNode {
			continue
		}
		steps = append(steps, strings.TrimSpace(e.Value))
	}
	return steps, nil
}

// tagged reads a tasks.json of task-master that has several lists: {"master":
// {"tasks": […]}, "other": …}.
func (r *reader) tagged(n *yaml.Node, tag string) (*File, error) {
	var names []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; v.Kind == yaml.MappingNode && value(v, "tasks") != nil {
			names = append(names, n.Content[i].Value)
		}
	}
	switch {
	case len(names) == 0:
		return r.top(n)
	case tag == "" && len(names) == 1:
		tag = names[0]
	case tag == "":
		tag = "master"
	}
	if !slices.Contains(names, tag) {
		return nil, r.wrong(n, "no list of tasks %q: there are %s (--tag)", tag, strings.Join(names, ", "))
	}
	f, err := r.top(value(n, tag))
	if err == nil && len(names) > 1 {
		f.Notes = append(f.Notes, fmt.Sprintf("of the lists %s this is %s; --tag chooses another", strings.Join(names, ", "), tag))
	}
	return f, err
}
