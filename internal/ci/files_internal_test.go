package ci

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// A delimiter that occurs in the value is not used, however unlikely.
func TestDelimiterOccurs(t *testing.T) {
	taken := bytes.Repeat([]byte{7}, 16)
	value := "x\nghadelimiter_" + strings.Repeat("07", 16) + "\nverdict=pass"
	got, err := newDelimiter(bytes.NewReader(append(taken, bytes.Repeat([]byte{8}, 16)...)), value)
	if err != nil || got != "ghadelimiter_"+strings.Repeat("08", 16) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := newDelimiter(bytes.NewReader(bytes.Repeat(taken, 10)), value); err == nil {
		t.Error("a delimiter that occurs in the value was used")
	}
	file := filepath.Join(t.TempDir(), "output")
	if err := output(file, bytes.NewReader(nil), "a", "b"); err == nil {
		t.Error("no randomness, and no error")
	}
}
