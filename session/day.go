package session

import (
	"time"

	"github.com/wf-ci/wf-ci/costs"
)

// DaySchema names the form of a [Day] as JSON.
const DaySchema = "wf-ci/day/v1"

// Day is what has to be known when the day begins. Lists are never nil.
type Day struct {
	Schema     string     `json:"schema"`
	Project    string     `json:"project"`
	Root       string     `json:"root"`
	Types      []string   `json:"types"` // node, python, rust, go
	Now        time.Time  `json:"now"`
	Session    Session    `json:"session"`
	Git        *GitState  `json:"git"` // null: no repository
	Files      []File     `json:"context_files"`
	Changed    []string   `json:"changed"` // since the context was saved
	Completed  []string   `json:"completed"`
	InProgress []Work     `json:"in_progress"`
	Blockers   []string   `json:"blockers"`
	Queue      []Item     `json:"queue"`
	Todos      []Todo     `json:"todos"`
	Costs      *Costs     `json:"costs"` // null: not known, see notes
	Worktrees  []Worktree `json:"worktrees"`
	Resources  Resources  `json:"resources"`
	Checks     []Check    `json:"checks"`
	Notes      []string   `json:"notes"` // what could not be looked at, and the like
}

// Session is the day itself.
type Session struct {
	Started   time.Time `json:"started"`
	Continued bool      `json:"continued"` // it had begun before
	Base      string    `json:"base"`      // commit after which the day's work comes; empty: all of it
}

// GitState is where the repository stands.
type GitState struct {
	Branch        string   `json:"branch"` // empty: detached
	Head          string   `json:"head"`   // empty: no commit yet
	DefaultBranch string   `json:"default_branch"`
	Upstream      string   `json:"upstream"`
	Ahead         int      `json:"ahead"` // of the upstream, or else of the default branch
	Behind        int      `json:"behind"`
	Against       string   `json:"against"` // what Ahead and Behind are counted against; empty: nothing
	Staged        int      `json:"staged"`
	Unstaged      int      `json:"unstaged"`
	Untracked     int      `json:"untracked"`
	Conflicts     int      `json:"conflicts"`
	Commits       []Commit `json:"commits"` // the last five
}

// Commit is a commit in a list.
type Commit struct {
	ID      string    `json:"id"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
	Age     string    `json:"age"`
}

// File is a context file that was read.
type File struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
	Note  string `json:"note,omitempty"` // what is wrong with it
}

// Costs is where the budget stands.
type Costs struct {
	Known     bool          `json:"known"` // the ledger has entries
	Today     costs.Nano    `json:"today"`
	MTD       costs.Nano    `json:"mtd"`
	Budget    costs.Nano    `json:"budget"`
	Percent   float64       `json:"percent_used"`
	Remaining costs.Nano    `json:"remaining"`
	PerTask   *costs.Nano   `json:"average_per_task"` // null: no entry names a task
	Alerts    []costs.Alert `json:"alerts"`
}

// Worktree is a worktree of this repository, or a row of the registry.
type Worktree struct {
	Name     string    `json:"name"`
	Path     string    `json:"path"`
	Branch   string    `json:"branch"`
	Ports    []int     `json:"ports"`
	Main     bool      `json:"main"`
	Active   bool      `json:"active"`
	Missing  bool      `json:"missing"` // its directory is not there
	Last     time.Time `json:"last_commit"`
	Stale    bool      `json:"stale"`
	Advice   string    `json:"advice"` // what to do with a stale one
	Progress string    `json:"progress"`
	Blockers []string  `json:"blockers"`
}

// Resources is what is left.
type Resources struct {
	Active     int   `json:"worktrees_active"`
	Max        int   `json:"worktrees_max"`
	NextPorts  []int `json:"next_ports"` // empty: none is free, or not known
	FreeMemory int64 `json:"free_memory_bytes"`
}

// Check is a quick look that warns, and blocks nothing.
type Check struct {
	Name    string `json:"name"`
	Status  string `json:"status"` // ok, warning, unknown
	Message string `json:"message"`
}
