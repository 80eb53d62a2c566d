package session

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// ContextSchema names the form of a [Context] as JSON.
const ContextSchema = "wf-ci/context/v1"

// CommitSubject is how the subject of the commits begins that end a day.
const CommitSubject = "chore: end of day"

// Context is .claude/context.json: the same as our blocks of PROJECT_CONTEXT.md
// say, for programs, under the reference's keys. Lists are never nil.
type Context struct {
	Schema     string        `json:"schema"`
	Project    string        `json:"project"`
	Branch     string        `json:"branch"`
	Head       string        `json:"head"`
	Base       string        `json:"session_base"` // the day's commits come after it; empty: after none
	Updated    time.Time     `json:"last_updated"`
	Started    time.Time     `json:"session_started,omitzero"` // zero: nobody said
	Duration   string        `json:"session_duration"`         // empty: not known
	Completed  []Achievement `json:"completed_tasks"`
	InProgress []Work        `json:"in_progress"`
	Blockers   []string      `json:"blockers"`
	ByHand     []string      `json:"blockers_by_hand"` // that a person wrote into the document
	Decisions  []string      `json:"decisions"`
	Tomorrow   []string      `json:"tomorrow_priorities"`
	Metrics    Metrics       `json:"metrics"`
	Checklist  *Ticked       `json:"checklist,omitempty"`
	// Given is what was said on the command line in this session.
	Given Given `json:"given"`
	// TodosDone are todos that were done at the time: not completed again.
	TodosDone []string `json:"todos_done"`
}

// Achievement is something that was completed.
type Achievement struct {
	Source    string `json:"source"` // git, task, todo
	Text      string `json:"description"`
	Commit    string `json:"commit,omitempty"`
	Completed bool   `json:"completed"`
}

// Metrics are the day's figures. What is not known is absent, never zero.
type Metrics struct {
	Commits    *int     `json:"commits,omitempty"`
	Others     int      `json:"commits_of_others,omitempty"`
	Files      *int     `json:"files_changed,omitempty"`
	TestsAdded *int     `json:"tests_added,omitempty"`
	Coverage   *float64 `json:"coverage,omitempty"` // percent
	Cost       string   `json:"cost_usd,omitempty"`
}

// Ticked says who went through the checklist, and when.
type Ticked struct {
	By string    `json:"by"`
	At time.Time `json:"at"`
}

// Given is what a person says at the end of the day.
type Given struct {
	Decisions []string `json:"decisions,omitempty"`
	Next      []string `json:"next,omitempty"`
}

// savedName is where the context for programs is.
const savedName = ".claude/context.json"

// readSaved reads what the last end has saved, key by key: what another program
// has written in another form is passed over. False: nothing is there.
func readSaved(dir string) (Context, bool) {
	c, _, ok := readSavedKeys(dir)
	return c, ok
}

func readSavedKeys(dir string) (c Context, keys map[string]json.RawMessage, ok bool) {
	if !insideTree(dir, savedName) {
		return c, nil, false
	}
	data, err := readFile(filepath.Join(dir, filepath.FromSlash(savedName)), readLimit)
	if err != nil || json.Unmarshal(data, &keys) != nil || keys == nil {
		return c, nil, false
	}
	for key, into := range map[string]any{
		"schema": &c.Schema, "project": &c.Project, "branch": &c.Branch, "head": &c.Head, "session_base": &c.Base, "last_updated": &c.Updated,
		"session_started": &c.Started, "session_duration": &c.Duration, "completed_tasks": &c.Completed, "in_progress": &c.InProgress,
		"blockers": &c.Blockers, "blockers_by_hand": &c.ByHand, "decisions": &c.Decisions, "tomorrow_priorities": &c.Tomorrow, "metrics": &c.Metrics, "checklist": &c.Checklist,
		"given": &c.Given, "todos_done": &c.TodosDone,
	} {
		if raw, there := keys[key]; there {
			_ = json.Unmarshal(raw, into) // another form: as if it were not there
		}
	}
	return c, keys, true
}

// encode is the context as a file. Keys of others, that were there, stay.
func (c Context) encode(others map[string]json.RawMessage) ([]byte, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var ours map[string]json.RawMessage
	if err := json.Unmarshal(data, &ours); err != nil {
		return nil, err
	}
	for _, key := range optionalKeys {
		delete(others, key)
	}
	for key, raw := range others {
		if _, there := ours[key]; !there {
			ours[key] = raw
		}
	}
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(ours)
	return buf.Bytes(), err
}

// optionalKeys are ours and may be absent.
var optionalKeys = []string{"session_started", "checklist"}

// Blocks are our part of PROJECT_CONTEXT.md.
func (c Context) Blocks() []Block {
	header := []string{"Last Updated: " + c.Updated.Format(time.RFC3339)}
	if c.Duration != "" {
		header = append(header, "Session Duration: "+c.Duration)
	}
	if c.Branch != "" || c.Head != "" {
		header = append(header, fmt.Sprintf("Branch: %s at %.12s", orNone(Clean(c.Branch)), orNone(c.Head)))
	}
	if c.Checklist != nil {
		header = append(header, fmt.Sprintf("Security checklist: ticked by %s on %s", c.Checklist.By, c.Checklist.At.Format(time.DateOnly)))
	}
	for i := range header {
		header[i] += "  " // a break, in Markdown
	}
	var done []string
	for _, a := range c.Completed {
		done = append(done, a.Text)
	}
	return []Block{
		{Name: "header", Lines: header},
		{Name: "completed", Heading: "Completed This Session", Lines: marked("- [x] ", done)},
		{Name: "in-progress", Heading: "In Progress", Lines: c.progressLines()},
		{Name: "blockers", Heading: "Blockers", Lines: marked("- ", c.Blockers)},
		{Name: "decisions", Heading: "Decisions Made", Lines: marked("- ", c.Decisions)},
		{Name: "tomorrow", Heading: "Tomorrow's Priorities", Lines: numbered(c.Tomorrow)},
		{Name: "metrics", Heading: "Session Metrics", Lines: c.Metrics.lines()},
	}
}

func (c Context) progressLines() []string {
	if len(c.InProgress) == 0 {
		return nil
	}
	return workTable(c.InProgress)
}

func marked(mark string, items []string) []string {
	var lines []string
	for _, text := range items {
		lines = append(lines, mark+text)
	}
	return lines
}

func numbered(items []string) []string {
	var lines []string
	for i, text := range items {
		lines = append(lines, fmt.Sprintf("%d. %s", i+1, text))
	}
	return lines
}

func (m Metrics) lines() []string {
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	if m.Commits != nil {
		others := ""
		if m.Others > 0 {
			others = fmt.Sprintf(" (and %d of others)", m.Others)
		}
		add("- Commits: %d%s", *m.Commits, others)
	}
	if m.Files != nil {
		add("- Files Changed: %d", *m.Files)
	}
	if m.TestsAdded != nil {
		add("- Tests Added: %d", *m.TestsAdded)
	}
	if m.Coverage != nil {
		add("- Coverage: %.1f%%", *m.Coverage)
	}
	if m.Cost != "" {
		add("- Cost: $%s", m.Cost)
	}
	return lines
}

// Same says whether two contexts say the same: when they were made, and how long
// the day had been by then, aside.
func (c Context) Same(o Context) bool {
	c.Updated, c.Duration, o.Updated, o.Duration = time.Time{}, "", time.Time{}, ""
	a, errA := json.Marshal(c)
	b, errB := json.Marshal(o)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// AllBlockers are those that we know of and those that a person wrote.
func (c Context) AllBlockers() []string { return slices.Concat(c.Blockers, c.ByHand) }

// Markdown is the context for people.
func (c Context) Markdown() string {
	c.Blockers = c.AllBlockers()
	return string(ParseDocument([]byte("## Project Context: " + Clean(c.Project) + "\n")).plain(c.Blocks()))
}

// plain is a document with blocks, without our marks.
func (d Document) plain(blocks []Block) []byte {
	out := d.Bytes()
	for _, b := range blocks {
		lines := headed(b)
		if b.Heading != "" && len(b.Lines) == 0 {
			continue
		}
		out = append(out, '\n')
		for _, line := range lines {
			if line != "" {
				out = append(out, line+"\n"...)
			}
		}
	}
	return out
}
