package state_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/wf-ci/wf-ci/internal/state"
)

func TestWriteFrom(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	write := func(text string, fail error) error {
		return state.WriteFrom(path, 0o640, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, fail)
		})
	}
	if err := write("old", nil); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := write("half", broken); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	data, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || string(data) != "old" || info.Mode().Perm() != 0o640 {
		t.Errorf("%q %v %v", data, err, info)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".wf-ci-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := state.WriteFrom(filepath.Dir(path), 0o644, func(io.Writer) error { return nil }); err == nil {
		t.Error("a directory was replaced")
	}
}
