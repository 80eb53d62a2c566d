//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Nobody waits for what a pipe may say, where a file of settings could be.
func TestOptionalIsNoPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, ".wf-ci.yml")
	if data, err := optional(pipe); data != nil || err != nil {
		t.Errorf("what is not there: %q, %v", data, err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	if _, err := optional(pipe); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a pipe: %v", err)
	}
	if _, err := timezone(dir, ""); err == nil {
		t.Error("a pipe names a time zone")
	}
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	if zone, err := timezone(dir, "Europe/Berlin"); zone != "Europe/Berlin" || err != nil {
		t.Errorf("the budget's zone: %q, %v", zone, err)
	}
}
