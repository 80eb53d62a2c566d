package worktree

import (
	"errors"
	"fmt"
	"strings"
)

// Lift is the switch that lifts a reason to refuse.
type Lift string

const (
	LiftNever   Lift = ""        // nothing does
	LiftFiles   Lift = "files"   // --force: the user gives up files
	LiftCommits Lift = "commits" // --delete-branch=force: the user gives up commits
)

// Reason is one reason not to do something.
type Reason struct {
	Rule   string   `json:"rule"`
	Detail string   `json:"detail"`
	Hint   string   `json:"hint,omitempty"`
	Lift   Lift     `json:"lift,omitempty"`
	Paths  []string `json:"paths,omitempty"`
}

// RefusedError says that nothing was changed, and why.
type RefusedError struct {
	Name string
	Why  []Reason
}

func (e *RefusedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: refused, nothing was changed", e.Name)
	for _, r := range e.Why {
		fmt.Fprintf(&b, "\n  %s: %s", r.Rule, r.Detail)
		if r.Hint != "" {
			fmt.Fprintf(&b, " (%s)", r.Hint)
		}
	}
	return b.String()
}

// UsageError is a mistake of the caller's; nothing was changed.
type UsageError struct{ Message string }

func (e *UsageError) Error() string { return e.Message }

func usagef(format string, args ...any) error { return &UsageError{fmt.Sprintf(format, args...)} }

// ErrUnknownName says that no worktree has a name.
var ErrUnknownName = errors.New("no such worktree")
