package feature

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

var (
	// item is "- [ ] id: title (needs a, b; 3 h; agent x)".
	item = lazyregexp.New(`^[-*+] \[([ xX/])\] +(.*)$`)
	// itemID is an id in front of a title, bare, bold or as code.
	itemID  = lazyregexp.New("^(?:\\*\\*|`)?([\\pL\\pN_][\\pL\\pN_./-]*)(?:\\*\\*|`)?:(?:\\*\\*)? +(.+)$")
	heading = lazyregexp.New(`^# +(?:[Ff]eature: *)?(.+?) *$`)
	fence   = lazyregexp.New("^ {0,3}(```+|~~~+) *([A-Za-z]*)")
	rule    = lazyregexp.New(`^\|?[ :|-]*-[ :|-]*\|?$`)
)

// readMarkdown reads tasks from a check list, from a table with a column id, or
// from the first block of YAML with tasks.
func readMarkdown(name, text string) (*File, error) {
	m := &markdown{name: name, file: &File{}}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimRight(lines[i], " \t\r")
		if f := fence.FindStringSubmatch(line); f != nil {
			end := i + 1
			for end < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[end]), f[1]) {
				end++
			}
			if done, err := m.block(f[2], lines[i+1:min(end, len(lines))], i+1); done || err != nil {
				return m.file, err
			}
			i = end
			continue
		}
		if err := m.line(line, i+1); err != nil {
			return nil, err
		}
	}
	return m.file, nil
}

type markdown struct {
	name    string
	file    *File
	columns []string // of the table that is being read
}

// block reads a fenced block that is YAML and has tasks.
func (m *markdown) block(language string, lines []string, before int) (bool, error) {
	if !slices.Contains([]string{"yaml", "yml", "json"}, strings.ToLower(language)) {
		return false, nil
	}
	text := strings.Join(lines, "\n")
	if !strings.Contains(text, "tasks") || len(m.file.Tasks) > 0 {
		return false, nil
	}
	// Empty lines in front keep the lines' numbers.
	f, err := readYAML(m.name, []byte(strings.Repeat("\n", before)+text), "")
	if err != nil {
		return true, err
	}
	if f.Feature == "" {
		f.Feature = m.file.Feature
	}
	m.file = f
	return true, nil
}

func (m *markdown) line(line string, n int) error {
	if h := heading.FindStringSubmatch(line); h != nil && m.file.Feature == "" {
		m.file.Feature = h[1]
	}
	if strings.HasPrefix(strings.TrimSpace(line), "|") {
		return m.row(line, n)
	}
	m.columns = nil
	found := item.FindStringSubmatch(line)
	if found == nil {
		m.part(line)
		return nil
	}
	id := itemID.FindStringSubmatch(found[2])
	if id == nil {
		return mistake{m.name, n, 1, "a task without an id: want - [ ] id: title (needs other; 3 h; agent name)"}
	}
	t := Task{ID: id[1], Title: id[2], Needs: []string{}, Done: found[1] == "x" || found[1] == "X", line: n}
	if open := strings.LastIndexByte(t.Title, '('); open > 0 && strings.HasSuffix(t.Title, ")") {
		inner := t.Title[open+1 : len(t.Title)-1]
		known, err := m.details(&t, inner, n)
		if err != nil {
			return err
		}
		if known {
			t.Title = strings.TrimSpace(t.Title[:open])
		}
	}
	m.file.Tasks = append(m.file.Tasks, t)
	return nil
}

// part is an indented check box: a step of the task above it.
func (m *markdown) part(line string) {
	in := strings.TrimSpace(line)
	if found := item.FindStringSubmatch(in); found != nil && in != line && len(m.file.Tasks) > 0 {
		t := &m.file.Tasks[len(m.file.Tasks)-1]
		t.Steps = append(t.Steps, found[2])
	}
}

// details reads what stands in parentheses behind a title. What begins with
// none of the words is a part of the title.
func (m *markdown) details(t *Task, inner string, n int) (known bool, err error) {
	for part := range strings.SplitSeq(inner, ";") {
		part = strings.TrimSpace(part)
		word, rest, _ := strings.Cut(strings.Replace(part, ":", " ", 1), " ")
		switch word = strings.ToLower(word); {
		case word == "needs":
			err = m.set(t, "needs", rest, n)
		case word == "agent" || word == "phase":
			err = m.set(t, word, rest, n)
		case word == "hours":
			err = m.set(t, "hours", rest, n)
		case part != "" && part[0] >= '0' && part[0] <= '9' && strings.HasSuffix(part, "h"), strings.HasSuffix(part, " hours"):
			err = m.set(t, "hours", part, n)
		case known:
			return known, mistake{m.name, n, 1, fmt.Sprintf("task %q: %.60q: want needs …, 3 h, agent … or phase …", t.ID, part)}
		default:
			return false, nil
		}
		if err != nil {
			return true, err
		}
		known = true
	}
	return known, nil
}

func (m *markdown) set(t *Task, key, text string, n int) (err error) {
	text = strings.Trim(strings.TrimSpace(text), "`")
	switch key {
	case "id":
		t.ID = strings.Trim(text, "*")
	case "title", "task":
		t.Title = text
	case "needs":
		for need := range strings.SplitSeq(text, ",") {
			if need = strings.Trim(strings.TrimSpace(need), "`"); need != "" && need != "-" && need != "–" {
				t.Needs = append(t.Needs, need)
			}
		}
	case "hours":
		if text != "" && text != "-" {
			if t.Hours, err = ParseHours(text); err != nil {
				err = mistake{m.name, n, 1, fmt.Sprintf("task %q: %v", t.ID, err)}
			}
		}
	case "agent":
		t.Agent = text
	case "phase":
		t.Phase = strings.ToLower(text)
	}
	return err
}

// row reads a line of a table. A table without a column id is none of tasks.
func (m *markdown) row(line string, n int) error {
	cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	switch {
	case m.columns == nil:
		for _, c := range cells {
			m.columns = append(m.columns, strings.ToLower(strings.TrimSpace(c)))
		}
		return nil
	case rule.MatchString(strings.TrimSpace(line)) || !slices.Contains(m.columns, "id"):
		return nil
	case len(cells) != len(m.columns):
		return mistake{m.name, n, 1, fmt.Sprintf("%d cells in a table of %d columns", len(cells), len(m.columns))}
	}
	t := Task{Needs: []string{}, line: n}
	for i, key := range m.columns {
		if err := m.set(&t, key, cells[i], n); err != nil {
			return err
		}
	}
	m.file.Tasks = append(m.file.Tasks, t)
	return nil
}
