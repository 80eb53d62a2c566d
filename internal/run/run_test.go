//go:build unix

package run_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/internal/run"
)

func sh(t *testing.T, script string) run.Command {
	t.Helper()
	return run.Command{Name: "sh", Args: []string{"-c", script}, Dir: t.TempDir(), Contain: true, Grace: 300 * time.Millisecond}
}

func newRunner() *run.Runner { return &run.Runner{Env: []string{"PATH=" + os.Getenv("PATH")}} }

func TestExitStatuses(t *testing.T) {
	for _, tt := range []struct {
		script string
		exit   int
	}{
		{"exit 0", 0}, {"exit 1", 1}, {"exit 137", 137}, {"kill -9 $$", 137}, {"kill -15 $$", 143}, {"no-such-program-here", 127},
	} {
		res, err := newRunner().Run(context.Background(), sh(t, tt.script))
		var exit *run.ExitError
		if res.Exit != tt.exit || (tt.exit != 0) != errors.As(err, &exit) {
			t.Errorf("%q: exit %d, %v; want %d", tt.script, res.Exit, err, tt.exit)
		}
	}
}

func TestAMissingProgramIsNotStarted(t *testing.T) {
	var missing *run.NotStartedError
	_, err := newRunner().Run(context.Background(), run.Command{Name: "no-such-program-here", Dir: t.TempDir()})
	if !errors.As(err, &missing) || !missing.Missing {
		t.Errorf("got %v", err)
	}
	// A program of the checkout is not found through a relative PATH.
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "tool"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := &run.Runner{Env: []string{"PATH=.:" + os.Getenv("PATH")}}
	if _, err := r.Run(context.Background(), run.Command{Name: "tool", Dir: dir}); !errors.As(err, &missing) {
		t.Errorf("a program of the working directory was run: %v", err)
	}
}

func TestStderrIsInTheError(t *testing.T) {
	_, err := newRunner().Run(context.Background(), sh(t, "echo one >&2; echo two >&2; exit 3"))
	if err == nil || err.Error() != "sh: exit status 3: one; two" {
		t.Errorf("got %v", err)
	}
}

func TestOutputIsBounded(t *testing.T) {
	c := sh(t, "echo first; head -c 50000000 /dev/zero; echo; echo last")
	c.Keep = 1000
	res, err := newRunner().Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	out := res.Stdout.Bytes
	if len(out) > 1100 || !bytes.HasPrefix(out, []byte("first\n")) || !bytes.HasSuffix(out, []byte("last\n")) || res.Stdout.Dropped != 50000000+6+1+5-1000 {
		t.Errorf("kept %d bytes, dropped %d: %.40q…", len(out), res.Stdout.Dropped, out)
	}
	if !bytes.Contains(out, []byte(" bytes left out ")) {
		t.Error("what is left out is not said")
	}
}

func TestTimeIsUp(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 100*time.Millisecond, errors.New("time is up"))
	defer cancel()
	start := time.Now()
	_, err := newRunner().Run(ctx, sh(t, "trap '' TERM; sleep 60 & wait; sleep 60"))
	if err == nil || err.Error() != "sh: time is up" {
		t.Errorf("got %v", err)
	}
	if d := time.Since(start); d > 10*time.Second {
		t.Errorf("took %s", d)
	}
}

// A child that leaves a process behind, in its group or out of it, holding its
// output open, does not keep us waiting and does not leave it behind.
func TestNoDescendantOutlivesTheCall(t *testing.T) {
	for name, script := range map[string]string{
		"same group": "sleep 60 & echo $! >pid",
		"own group":  "setsid sleep 60 & sleep 0.2; pgrep -n -x sleep >pid || true; echo $! >pid",
		"daemon":     "setsid sh -c 'echo $$ >pid; exec sleep 60' >/dev/null 2>&1 & sleep 0.3",
	} {
		t.Run(name, func(t *testing.T) {
			c := sh(t, script)
			if _, err := newRunner().Run(context.Background(), c); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(filepath.Join(c.Dir, "pid"))
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
			if err != nil {
				t.Fatal(err)
			}
			for range 50 { // a killed process stays until its parent looks
				if !running(pid) {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Errorf("process %d is still there", pid)
		})
	}
}

func running(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestStdinThatNeverEndsDoesNotBlock(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	c := sh(t, "exit 0")
	c.Stdin = r
	if _, err := newRunner().Run(context.Background(), c); err != nil {
		t.Error(err)
	}
}

func TestCleanEnv(t *testing.T) {
	environ := []string{
		"PATH=/bin", "LC_ALL=C", "GITHUB_TOKEN=x", "ACTIONS_RUNTIME_TOKEN=x", "ACTIONS_RESULTS_URL=x", "DOCKER_HOST=x",
		"GITHUB_OUTPUT=/x", "INPUT_GITHUB-TOKEN=x", "AWS_SECRET_ACCESS_KEY=x", "SSH_AUTH_SOCK=x", "GIT_DIR=x",
		"GOPROXY=https://user:pass@proxy.example", "DATABASE_URL=x", "broken",
	}
	if got := run.CleanEnv(environ); !slices.Equal(got, []string{"PATH=/bin", "LC_ALL=C"}) {
		t.Errorf("a child would see %q", got)
	}
	if got := run.Pick(environ, []string{"DATABASE_URL"}); !slices.Equal(got, []string{"DATABASE_URL=x"}) {
		t.Errorf("picked %q", got)
	}
}

func TestTheChildSeesOnlyItsEnvironment(t *testing.T) {
	t.Setenv("WF_CI_TEST_LEAK", "leaked")
	c := sh(t, "env")
	c.Env = []string{"EXTRA=1", "PATH=/usr/bin:/bin"}
	res, err := newRunner().Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	out := string(res.Stdout.Bytes)
	if strings.Contains(out, "leaked") || !strings.Contains(out, "EXTRA=1\n") || !strings.Contains(out, "PATH=/usr/bin:/bin\n") {
		t.Errorf("the child saw:\n%s", out)
	}
}

// slow is a writer that has its turn late, as a reader on a busy machine has.
type slow struct {
	bytes.Buffer
	waited bool
}

func (s *slow) Write(p []byte) (int, error) {
	if !s.waited {
		s.waited = true
		time.Sleep(time.Second) // more than the grace
	}
	return s.Buffer.Write(p)
}

func TestOutputIsNeverCut(t *testing.T) {
	c := sh(t, "echo one; echo two")
	out := &slow{}
	c.Stdout = out
	if _, err := newRunner().Run(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "one\ntwo\n" {
		t.Errorf("%q", got)
	}
}

func TestAnOutputWithoutEndIsAnError(t *testing.T) {
	t.Parallel()
	c := sh(t, "echo one; setsid sh -c 'echo $$ >pid; exec sleep 60' & sleep 0.3")
	c.Contain = false
	res, err := newRunner().Run(context.Background(), c)
	if err == nil || !strings.Contains(err.Error(), "stayed open") || len(res.Stdout.Bytes) != 0 {
		t.Errorf("%v, %q", err, res.Stdout.Bytes)
	}
	data, err := os.ReadFile(filepath.Join(c.Dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}
