package git

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/internal/run"
)

func TestAddOfAnOlderGit(t *testing.T) {
	var asked []string
	err := add(func(args ...string) error {
		asked = append(asked, strings.Join(args, " "))
		if slices.Contains(args, "--sparse") {
			return &run.ExitError{Name: "git", Exit: 129, Stderr: "error: unknown option `sparse'"}
		}
		return nil
	}, []string{"--all", "--", ":/"})
	if want := []string{"add --sparse --all -- :/", "add --all -- :/"}; err != nil || !slices.Equal(asked, want) {
		t.Errorf("%v: git was asked %q, want %q", err, asked, want)
	}
	broken := &run.ExitError{Name: "git", Exit: 128}
	if err := add(func(...string) error { return broken }, nil); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}
