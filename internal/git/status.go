package git

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Status is where a work tree stands.
type Status struct {
	Head     string // commit; empty before the first one
	Branch   string // empty: detached
	Upstream string // "origin/main"; empty: none
	// Ahead and Behind count commits against Upstream; both are zero where that
	// is not here (Tracked false).
	Ahead, Behind int
	Tracked       bool
	// Staged, Unstaged, Untracked and Conflicts count paths. A path that is
	// staged and changed again counts twice.
	Staged, Unstaged, Untracked, Conflicts int
	// Dirty are the tracked paths that differ, in git's order.
	Dirty []string
}

// Clean says that there is nothing that a commit could take up.
func (s Status) Clean() bool { return s.Staged+s.Unstaged+s.Untracked+s.Conflicts == 0 }

// Status asks where the work tree stands, in one call.
func (r *Repo) Status(ctx context.Context) (Status, error) { return r.StatusIn(ctx, r.Dir) }

// StatusIn is [Repo.Status] of another work tree of the same repository.
func (r *Repo) StatusIn(ctx context.Context, dir string) (Status, error) {
	out, err := r.output(ctx, r.command(dir, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal", "--ignore-submodules=dirty"))
	if err != nil {
		return Status{}, fmt.Errorf("read the state of %s: %w", dir, err)
	}
	return parseStatus(out)
}

// parseStatus reads `status --porcelain=v2 --branch -z`.
func parseStatus(out string) (Status, error) {
	var s Status
	records := splitNUL(out)
	for i := 0; i < len(records); i++ {
		record := records[i]
		kind, rest, _ := strings.Cut(record, " ")
		switch kind {
		case "#":
			if err := s.header(rest); err != nil {
				return s, err
			}
		case "1", "2", "u":
			if err := s.entry(kind, rest); err != nil {
				return s, err
			}
			if kind == "2" {
				i++ // the path that it came from
			}
		case "?":
			s.Untracked++
		case "!":
		default:
			return s, fmt.Errorf("git status said %.80q", record)
		}
	}
	return s, nil
}

func (s *Status) header(text string) error {
	key, value, _ := strings.Cut(text, " ")
	switch key {
	case "branch.oid":
		if value != "(initial)" {
			s.Head = value
		}
	case "branch.head":
		if value != "(detached)" {
			s.Branch = value
		}
	case "branch.upstream":
		s.Upstream = value
	case "branch.ab":
		ahead, behind, _ := strings.Cut(value, " ")
		var err error
		if s.Ahead, err = strconv.Atoi(strings.TrimPrefix(ahead, "+")); err == nil {
			s.Behind, err = strconv.Atoi(strings.TrimPrefix(behind, "-"))
		}
		if err != nil {
			return fmt.Errorf("git status said %.80q", text)
		}
		s.Tracked = true
	}
	return nil
}

// fieldsBefore is how many fields of an entry come before its path.
var fieldsBefore = map[string]int{"1": 7, "2": 8, "u": 9}

func (s *Status) entry(kind, text string) error {
	f := strings.SplitN(text, " ", fieldsBefore[kind]+1)
	if len(f) != fieldsBefore[kind]+1 || len(f[0]) != 2 {
		return fmt.Errorf("git status said %.80q", text)
	}
	s.Dirty = append(s.Dirty, f[len(f)-1])
	switch {
	case kind == "u":
		s.Conflicts++
		return nil
	case f[0][0] != '.':
		s.Staged++
	}
	if f[0][1] != '.' {
		s.Unstaged++
	}
	return nil
}
