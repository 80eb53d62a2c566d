package session

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// State is where a task stands.
type State string

const (
	Open       State = "open"
	InProgress State = "in progress"
	Blocked    State = "blocked"
	Done       State = "done"
)

// Task is a line with a check box.
type Task struct {
	Text     string
	State    State
	Priority int // 0 the highest, as in P0; -1: it names none
	Line     int
}

// itemLimit bounds one item that is read from a file, in bytes.
const itemLimit = 300

// Tasks are the tasks of a task list such as TASK.md, in its order. What is
// below a heading like "In Progress", "Blocked" or "Done" is that, unless its
// box says otherwise. Code is passed over.
func Tasks(text string) []Task {
	var tasks []Task
	var code fence
	under, n := Open, 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if code.line(line) {
			continue
		}
		if heading, level := headingOf(line); level > 0 {
			under = stateOf(heading)
			continue
		}
		box, what, ok := checkbox(line)
		if !ok || what == "" {
			continue
		}
		t := Task{Text: what, State: under, Priority: priorityOf(what), Line: n}
		switch {
		case box == 'x' || box == 'X':
			t.State = Done
		case strings.ContainsRune("~-/", box):
			t.State = InProgress
		case box == '!' || hasWord(what, "blocked"):
			t.State = Blocked
		case under == Done:
			t.State = Open // its box is empty
		}
		tasks = append(tasks, t)
	}
	return tasks
}

func stateOf(heading string) State {
	switch h := strings.ToLower(heading); {
	case strings.Contains(h, "progress") || strings.Contains(h, "current"):
		return InProgress
	case strings.Contains(h, "block"):
		return Blocked
	case strings.Contains(h, "done") || strings.Contains(h, "complete"):
		return Done
	}
	return Open
}

// checkbox reads "- [x] what".
func checkbox(line string) (box rune, what string, ok bool) {
	rest, ok := listItem(line)
	if !ok || len(rest) < 3 || rest[0] != '[' {
		return 0, "", false
	}
	box, size := utf8.DecodeRuneInString(rest[1:])
	after := rest[1+size:]
	if !strings.HasPrefix(after, "]") || !strings.ContainsRune(" xX~-/!", box) {
		return 0, "", false
	}
	return box, Clean(after[1:]), true
}

// listItem reads "- text", "* text", "+ text" and "12. text".
func listItem(line string) (string, bool) {
	line = strings.TrimSpace(line)
	digits := strings.TrimLeft(line, "0123456789")
	switch {
	case len(line) > 1 && strings.ContainsRune("-*+", rune(line[0])) && line[1] == ' ':
		return strings.TrimSpace(line[2:]), true
	case len(digits) < len(line) && len(line)-len(digits) < 10 && (strings.HasPrefix(digits, ". ") || strings.HasPrefix(digits, ") ")):
		return strings.TrimSpace(digits[2:]), true
	}
	return "", false
}

// priorityOf finds P0 to P9, high and low in a task.
func priorityOf(text string) int {
	for _, word := range words(text) {
		if len(word) == 2 && word[0] == 'p' && word[1] >= '0' && word[1] <= '9' {
			return int(word[1] - '0')
		}
	}
	switch lower := strings.ToLower(text); {
	case strings.Contains(lower, "(critical)"), strings.Contains(lower, "[critical]"):
		return 0
	case strings.Contains(lower, "(high)"), strings.Contains(lower, "[high]"):
		return 1
	}
	return -1
}

// Sections is what the context of the last session says.
type Sections struct {
	Completed  []string
	InProgress []Work
	Blockers   []string
	Decisions  []string
	Tomorrow   []string
	Header     map[string]string // "Last Updated" and the like
}

// Work is something that is being worked on.
type Work struct {
	Task   string `json:"name"`
	Branch string `json:"branch"` // branch or worktree; may be empty
	Status string `json:"progress"`
	Hold   string `json:"blocker"` // what holds it up; empty: nothing
}

// ReadSections reads PROJECT_CONTEXT.md as people see it: what they wrote and
// what we did, below the reference's headings at any level.
func ReadSections(text string) Sections {
	s := Sections{Header: make(map[string]string)}
	var code fence
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if code.line(line) || strings.HasPrefix(line, "<!--") {
			continue
		}
		if heading, level := headingOf(line); level > 0 {
			section = sectionOf(heading)
			if strings.HasPrefix(heading, "Last Updated:") { // the short form of the reference
				s.header(heading)
			}
			continue
		}
		s.line(section, line)
	}
	return s
}

func sectionOf(heading string) string {
	h := strings.ToLower(heading)
	for _, known := range []struct{ word, section string }{
		{"completed", "completed"}, {"done", "completed"}, {"progress", "progress"}, {"blocker", "blockers"}, {"decision", "decisions"},
		{"tomorrow", "tomorrow"}, {"next session", "tomorrow"}, {"priorities", "tomorrow"}, {"metric", "other"},
	} {
		if strings.Contains(h, known.word) {
			return known.section
		}
	}
	if strings.Contains(h, "context") || strings.Contains(h, "last updated") {
		return ""
	}
	return "other"
}

func (s *Sections) line(section, line string) {
	if section == "" {
		s.header(line)
		return
	}
	if section == "progress" {
		if w, ok := workRow(line); ok {
			s.InProgress = append(s.InProgress, w)
			return
		}
	}
	text, ok := listItem(line)
	if !ok {
		return
	}
	box, what, boxed := checkbox(line)
	if boxed {
		text = what
	} else {
		text = Clean(text)
	}
	if text == "" {
		return
	}
	ticked := boxed && (box == 'x' || box == 'X')
	switch {
	case section == "completed":
		s.Completed = append(s.Completed, text)
	case ticked || section == "other":
	case section == "progress":
		s.InProgress = append(s.InProgress, Work{Task: text})
	case section == "blockers":
		s.Blockers = append(s.Blockers, text)
	case section == "decisions":
		s.Decisions = append(s.Decisions, text)
	case section == "tomorrow":
		s.Tomorrow = append(s.Tomorrow, text)
	}
}

func (s *Sections) header(line string) {
	key, value, ok := strings.Cut(strings.Trim(line, "*- "), ":")
	if ok && len(key) < 40 && s.Header[key] == "" {
		s.Header[key] = Clean(strings.Trim(value, "*"))
	}
}

// workRow reads a row of the table of what is in progress.
func workRow(line string) (Work, bool) {
	if !strings.HasPrefix(line, "|") {
		return Work{}, false
	}
	cells := tableCells(line)
	if len(cells) < 2 || strings.EqualFold(cells[0], "task") || strings.Trim(cells[0], ":- ") == "" {
		return Work{}, false
	}
	cells = append(cells, "", "")
	w := Work{Task: cells[0], Branch: cells[1], Status: cells[2], Hold: cells[3]}
	if strings.EqualFold(w.Hold, "none") {
		w.Hold = ""
	}
	return w, true
}

// tableCells takes a row apart at the bars that are not escaped.
func tableCells(line string) []string {
	line = strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|")
	var cells []string
	var cell strings.Builder
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line) && line[i+1] == '|':
			i++
			cell.WriteByte('|')
		case line[i] == '|':
			cells = append(cells, Clean(cell.String()))
			cell.Reset()
		default:
			cell.WriteByte(line[i])
		}
	}
	return append(cells, Clean(cell.String()))
}

// Clean makes one line of a text that came from somewhere: white space is
// blanks, what cannot be seen is gone, comments of Markdown cannot begin or end
// in it, and it has an end.
func Clean(text string) string {
	if len(text) > 4*itemLimit {
		text = text[:4*itemLimit]
	}
	text = strings.ToValidUTF8(text, "\ufffd")
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	text = strings.NewReplacer("<!--", "&lt;!--", "-->", "--&gt;").Replace(text)
	if len(text) <= itemLimit {
		return text
	}
	cut := itemLimit - len("…")
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strings.TrimSpace(text[:cut]) + "…"
}

// words are the words of a text, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func hasWord(text, word string) bool {
	for _, w := range words(text) {
		if w == word {
			return true
		}
	}
	return false
}
