package session

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/internal/git"
	"github.com/wf-ci/wf-ci/internal/state"
)

// Learning is something that the day taught.
type Learning struct {
	Kind   string `json:"kind"` // pattern, mistake, tool, optimization, decision
	Text   string `json:"text"`
	Commit string `json:"commit,omitempty"`
}

// kinds are the kinds of learnings, with the trailers that bring them and the
// heading below which they come.
var kinds = []struct {
	kind, heading string
	trailers      []string
}{
	{"pattern", "New Patterns Discovered", []string{"learned", "learning", "pattern"}},
	{"mistake", "Mistakes to Avoid", []string{"mistake"}},
	{"tool", "Useful Tools/Commands", []string{"tool"}},
	{"optimization", "Performance Optimizations", []string{"optimization", "optimisation"}},
	{"decision", "Architectural Decisions", []string{"decision"}},
}

// ParseLearning reads "kind: text", and plain text as a pattern.
func ParseLearning(text string) Learning {
	if kind, rest, ok := trailer(text); ok {
		return Learning{Kind: kind, Text: Clean(rest)}
	}
	return Learning{Kind: "pattern", Text: Clean(text)}
}

func trailer(line string) (kind, text string, ok bool) {
	key, text, found := strings.Cut(line, ":")
	if !found || strings.TrimSpace(text) == "" {
		return "", "", false
	}
	key = strings.ToLower(strings.TrimSpace(key))
	for _, k := range kinds {
		if slices.Contains(k.trailers, key) {
			return k.kind, strings.TrimSpace(text), true
		}
	}
	return "", "", false
}

// learnings are the trailers of commits, oldest first, each once. Lines that
// are indented continue the one before.
func learnings(commits []git.Entry, mask func(string) string) []Learning {
	var list []Learning
	for i := len(commits) - 1; i >= 0; i-- {
		open := false
		var own []Learning
		for line := range strings.Lines(commits[i].Body) {
			line = strings.TrimRight(line, "\r\n")
			switch kind, text, ok := trailer(line); {
			case ok && line[0] != ' ' && line[0] != '\t':
				own = append(own, Learning{Kind: kind, Text: text, Commit: commits[i].ID})
				open = true
			case open && line != "" && (line[0] == ' ' || line[0] == '\t'):
				own[len(own)-1].Text += " " + strings.TrimSpace(line)
			default:
				open = false
			}
		}
		for _, l := range own {
			l.Text = Clean(mask(l.Text))
			if !slices.ContainsFunc(list, func(o Learning) bool { return o.key() == l.key() }) {
				list = append(list, l)
			}
		}
	}
	return list
}

// key tells learnings apart: case and signs have no say.
func (l Learning) key() string { return strings.Join(words(l.Text), " ") }

const (
	claudeName = "CLAUDE.md"
	// ClaudeLimit is the size of CLAUDE.md, in characters, above which Claude
	// Code warns: older learnings are moved away.
	ClaudeLimit = 40_000
	learnedDir  = "docs/learnings"
	// learnedPrefix is how the names of our blocks in CLAUDE.md begin.
	learnedPrefix = "learnings-"
	logLimit      = 16 << 20
)

// Learned is what [Desk.Learn] did.
type Learned struct {
	Added   []Learning `json:"added"`
	Rotated []string   `json:"rotated"` // files that older ones were moved to
	Note    string     `json:"note,omitempty"`
}

// Learn writes down what is not written down yet: in a dated block of
// CLAUDE.md, and in the log of all projects in the home directory.
func (d Desk) Learn(ctx context.Context, home string, list []Learning, dur string, limit int) (Learned, error) {
	out := Learned{Added: []Learning{}, Rotated: []string{}}
	data, err := readFile(filepath.Join(d.Dir, claudeName), documentLimit)
	if err != nil && !missing(err) {
		return out, err
	}
	seen, err := d.learnedBefore(data)
	if err != nil {
		return out, err
	}
	for _, l := range list {
		if key := l.key(); key != "" && !seen[key] {
			seen[key] = true
			out.Added = append(out.Added, l)
		}
	}
	if len(out.Added) == 0 {
		return out, nil
	}
	doc := addLearnings(data, out.Added, d.Now)
	doc, moved := rotate(doc, limit, d.Now)
	for _, m := range moved {
		if err := d.append(m.file, m.text); err != nil {
			return out, err
		}
		if !slices.Contains(out.Rotated, m.file) {
			out.Rotated = append(out.Rotated, m.file)
		}
	}
	if utf8.RuneCount(doc) > limit {
		out.Note = fmt.Sprintf("%s has %d characters, more than %d, and what is left is yours: shorten it", claudeName, utf8.RuneCount(doc), limit)
	}
	if err := d.write(claudeName, doc); err != nil {
		return out, err
	}
	return out, d.log(ctx, home, out.Added, dur)
}

// learnedBefore are the keys of all that is written down: here, and in what was
// moved away.
func (d Desk) learnedBefore(claude []byte) (map[string]bool, error) {
	seen := make(map[string]bool)
	remember := func(data []byte) {
		for line := range strings.Lines(string(data)) {
			if text, ok := listItem(line); ok {
				seen[Learning{Text: Clean(text)}.key()] = true
			}
		}
	}
	remember(claude)
	entries, err := os.ReadDir(filepath.Join(d.Dir, filepath.FromSlash(learnedDir)))
	if err != nil && !missing(err) {
		return nil, err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), ".md") && insideTree(d.Dir, learnedDir+"/x") {
			if data, err := readFile(filepath.Join(d.Dir, filepath.FromSlash(learnedDir), e.Name()), documentLimit); err == nil {
				remember(data)
			}
		}
	}
	return seen, nil
}

// addLearnings puts learnings into the block of the day.
func addLearnings(data []byte, list []Learning, now time.Time) []byte {
	day := now.Format(time.DateOnly)
	name := learnedPrefix + day
	doc := ParseDocument(data)
	var old []Learning
	for _, p := range doc.parts {
		if p.name == name {
			old = learningsOf(p.body)
		}
	}
	if len(data) == 0 {
		doc = ParseDocument([]byte("# Project Learnings\n\n"))
	}
	block := Block{Name: name, Lines: learnedLines(day, append(old, list...))}
	i := slices.IndexFunc(doc.parts, func(p part) bool { return p.name == name })
	if i < 0 { // at the end, not below the title
		fresh := render(name, block.Lines, doc.lineEnd())
		out := doc.Bytes()
		if len(out) > 0 && out[len(out)-1] != '\n' {
			out = append(out, doc.lineEnd()...)
		}
		return append(out, fresh.raw...)
	}
	return doc.Update([]Block{block}, nil)
}

func learnedLines(day string, list []Learning) []string {
	lines := []string{"## Session Learnings - " + day, ""}
	for _, k := range kinds {
		var items []string
		for _, l := range list {
			if l.Kind == k.kind {
				items = append(items, "- "+l.Text)
			}
		}
		if len(items) > 0 {
			lines = append(append(append(lines, "### "+k.heading, ""), items...), "")
		}
	}
	return lines
}

// learningsOf reads the lines of a block.
func learningsOf(lines []string) []Learning {
	var list []Learning
	kind := ""
	for _, line := range lines {
		if heading, level := headingOf(line); level > 0 {
			kind = ""
			for _, k := range kinds {
				if k.heading == heading {
					kind = k.kind
				}
			}
			continue
		}
		if text, ok := strings.CutPrefix(line, "- "); ok && kind != "" {
			list = append(list, Learning{Kind: kind, Text: text})
		}
	}
	return list
}

// move is a block that goes to another file.
type move struct {
	file string
	text []byte
}

// rotate takes the oldest blocks out until the document is small enough; that of
// today stays.
func rotate(data []byte, limit int, now time.Time) ([]byte, []move) {
	doc := ParseDocument(data)
	var names []string
	for _, p := range doc.parts {
		if strings.HasPrefix(p.name, learnedPrefix) && p.name != learnedPrefix+now.Format(time.DateOnly) {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	var moved []move
	for _, name := range names {
		if utf8.RuneCount(doc.Bytes()) <= limit {
			break
		}
		i := slices.IndexFunc(doc.parts, func(p part) bool { return p.name == name })
		month := strings.TrimPrefix(name, learnedPrefix)
		month = month[:min(len(month), len("2006-01"))]
		moved = append(moved, move{learnedDir + "/" + month + ".md", doc.parts[i].raw})
		doc.parts = slices.Delete(doc.parts, i, i+1)
	}
	return doc.Bytes(), moved
}

// append adds to a file of the project.
func (d Desk) append(name string, text []byte) error {
	old, err := readFile(filepath.Join(d.Dir, filepath.FromSlash(name)), documentLimit)
	if err != nil && !missing(err) {
		return err
	}
	if bytes.Contains(old, text) {
		return nil
	}
	return d.write(name, append(old, text...))
}

// logEntry is a line of ~/.claude/learnings.jsonl.
type logEntry struct {
	Date     time.Time  `json:"date"`
	Project  string     `json:"project"`
	Duration string     `json:"session_duration"`
	Key      []Learning `json:"key_learnings"`
	Types    []string   `json:"applicable_to"`
}

// log adds a line to the log of all projects, with what it does not know of this
// one yet: an end may have been taken back. No home, no log.
func (d Desk) log(ctx context.Context, home string, list []Learning, dur string) error {
	if home == "" {
		return nil
	}
	dir := filepath.Join(home, ".claude")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, "learnings.jsonl")
	unlock, err := state.Lock(ctx, path)
	if err != nil {
		return err
	}
	defer unlock()
	if list = d.notLogged(path, list); len(list) == 0 {
		return nil
	}
	line, err := json.Marshal(logEntry{d.Now.UTC().Truncate(time.Second), d.Project, dur, list, Detect(d.Dir)})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	// A line that was cut by a full disk ends here, and does not swallow ours.
	if end, err := f.Seek(0, io.SeekEnd); err == nil && end > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, end-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return err
	}
	return f.Sync()
}

// notLogged leaves out what the log knows of this project. A log that is too
// large, and a line that is none, knows nothing.
func (d Desk) notLogged(path string, list []Learning) []Learning {
	data, err := readFile(path, logLimit)
	if err != nil {
		return list
	}
	known := make(map[string]bool)
	for line := range bytes.Lines(data) {
		var e logEntry
		if json.Unmarshal(line, &e) == nil && e.Project == d.Project {
			for _, l := range e.Key {
				known[l.key()] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(l Learning) bool { return known[l.key()] })
}
