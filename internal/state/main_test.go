package state_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/state"
)

// helperEnv makes the test program one of the helpers below, for tests that
// need another process.
const helperEnv = "WF_CI_STATE_HELPER"

func TestMain(m *testing.M) {
	helpers := map[string]func(args []string) error{
		"write": writeForever, "count": countUp, "hold": holdLock, "short": writeShort,
	}
	if help, ok := helpers[os.Getenv(helperEnv)]; ok {
		if err := help(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start runs a helper beside the test.
func start(t *testing.T, helper string, args ...string) *os.Process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.StartProcess(self, append([]string{self}, args...), &os.ProcAttr{
		Env:   append(os.Environ(), helperEnv+"="+helper),
		Files: []*os.File{nil, nil, os.Stderr},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// contents are what the writer writes in turn: of different lengths, and large
// enough to be caught halfway.
func contents() [2][]byte {
	return [2][]byte{bytes.Repeat([]byte("old\n"), 1<<17), bytes.Repeat([]byte("newer\n"), 1<<18)}
}

func writeForever(args []string) error {
	for i := 0; ; i++ {
		if err := state.Write(args[0], contents()[i%2], 0o644); err != nil {
			return err
		}
	}
}

// countUp adds to a number in a file, under its lock.
func countUp(args []string) error {
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	for range n {
		if err := addOne(args[0]); err != nil {
			return err
		}
	}
	return nil
}

func addOne(path string) error {
	unlock, err := state.Lock(context.Background(), path)
	if err != nil {
		return err
	}
	defer unlock()
	data, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	old, _ := strconv.Atoi(string(data))
	return state.Write(path, []byte(strconv.Itoa(old+1)), 0o644)
}

// holdLock takes the lock, says so by a file, and never lets it go.
func holdLock(args []string) error {
	if _, err := state.Lock(context.Background(), args[0]); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(args[0]), "held"), nil, 0o600); err != nil {
		return err
	}
	time.Sleep(time.Minute)
	return nil
}
