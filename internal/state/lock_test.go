package state_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

func TestLockGoroutines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				if err := addOne(path); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := read(t, path); got != "40" {
		t.Errorf("counted %s, want 40: the lock let two in", got)
	}
}

func TestLockProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "n")
	var helpers []*os.Process
	for range 4 {
		helpers = append(helpers, start(t, "count", path, "20"))
	}
	for _, p := range helpers {
		if status, err := p.Wait(); err != nil || !status.Success() {
			t.Errorf("helper: %v %v", status, err)
		}
	}
	if got := read(t, path); got != "80" {
		t.Errorf("counted %s, want 80: the lock let two in", got)
	}
}

// The lock of a process that was killed is free at once.
func TestLockStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	p := start(t, "hold", path)
	held := filepath.Join(filepath.Dir(path), "held")
	for range 500 {
		if _, err := os.Stat(held); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := state.Lock(ctx, path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Lock beside a holder = %v, want the deadline", err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	unlock, err := state.Lock(ctx, path)
	if err != nil {
		t.Fatalf("Lock after its holder died: %v", err)
	}
	unlock()
	unlock()
}

// One that waited for a lock file which somebody deleted notices, and takes the
// new one: it never holds a lock that keeps nobody out.
func TestLockDeleted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	unlock, err := state.Lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan error, 1)
	go func() {
		second, err := state.Lock(t.Context(), path)
		if err == nil {
			second()
		}
		got <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := os.Remove(path + ".lock"); err != nil {
		t.Skip(err) // Windows keeps an open file
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	unlock()
}

func TestLockErrors(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("other errors there")
	}
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "link.lock")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "dir.lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := mkfifo(filepath.Join(dir, "pipe.lock")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "dir", "pipe", "missing/x"} {
		path := filepath.Join(dir, name)
		_, err := state.Lock(t.Context(), path)
		if err == nil || !strings.HasPrefix(err.Error(), "lock "+path) {
			t.Errorf("Lock(%s) = %v, want an error that names it", name, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "elsewhere")); err == nil {
		t.Error("the link was followed")
	}
}
