package session

import (
	"encoding/json"
	"path/filepath"
	"time"
)

// ContextSchema names the form of a [Context] as JSON.
const ContextSchema = "wf-ci/context/v1"

// CommitSubject is how the subject of the commits begins that end a day.
const CommitSubject = "chore: end of day"

// Context is .claude/context.json: the same as our blocks of PROJECT_CONTEXT.md
// say, for programs, under the reference's keys.
type Context struct {
	Schema     string        `json:"schema"`
	Project    string        `json:"project"`
	Branch     string        `json:"branch"`
	Head       string        `json:"head"`
	Updated    time.Time     `json:"last_updated"`
	Started    time.Time     `json:"session_started,omitzero"`
	Duration   string        `json:"session_duration"` // empty: not known
	Completed  []Achievement `json:"completed_tasks"`
	InProgress []Work        `json:"in_progress"`
	Blockers   []string      `json:"blockers"`
	Decisions  []string      `json:"decisions"`
	Tomorrow   []string      `json:"tomorrow_priorities"`
	Metrics    Metrics       `json:"metrics"`
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
	Files      *int     `json:"files_changed,omitempty"`
	TestsAdded *int     `json:"tests_added,omitempty"`
	Coverage   *float64 `json:"coverage,omitempty"` // percent
	Cost       string   `json:"cost_usd,omitempty"`
}

// savedName is where the context for programs is.
const savedName = ".claude/context.json"

// readSaved reads what the last end has saved; false: nothing that can be read.
func readSaved(dir string) (Context, bool) {
	if !insideTree(dir, savedName) {
		return Context{}, false
	}
	data, err := readFile(filepath.Join(dir, filepath.FromSlash(savedName)), readLimit)
	if err != nil {
		return Context{}, false
	}
	var c Context
	if json.Unmarshal(data, &c) != nil {
		return Context{}, false
	}
	return c, true
}
