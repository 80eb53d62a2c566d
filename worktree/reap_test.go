package worktree_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/worktree"
)

// program starts a shell line in a directory; ended says whether it has ended
// within a while.
func program(t *testing.T, dir, line string) (pid int, ended func() bool) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "echo ready; "+line)
	cmd.Dir = dir
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	_, err = out.Read(make([]byte, 6)) // it is at its line
	must(t, err)
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-done })
	return cmd.Process.Pid, func() bool {
		select {
		case <-done:
			return true
		case <-time.After(200 * time.Millisecond):
			return false
		}
	}
}

func TestReap(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux says which programs work in a directory")
	}
	k := newKit(t)
	s := k.spawn("task")
	polite, politeEnded := program(t, s.Path, "exec sleep 60")
	stubborn, stubbornEnded := program(t, s.Path+"/src", "trap '' TERM; while :; do sleep 0.1; done")
	_, otherEnded := program(t, k.Dir, "exec sleep 60")
	var shown []int
	o := worktree.RemoveOptions{Reap: func(list []worktree.Process) {
		for _, pr := range list {
			shown = append(shown, pr.PID)
		}
		if politeEnded() || stubbornEnded() {
			t.Error("ended before it was shown")
		}
	}}

	_, err := k.project().Remove(ctx, "task", worktree.RemoveOptions{})
	if !slices.Contains(refusedFor(err), "processes") || !strings.Contains(err.Error(), strconv.Itoa(polite)) {
		t.Fatalf("without --reap: %v", err)
	}
	k.in(s.Path).Write("a.txt", "edited\n")
	if _, err := k.project().Remove(ctx, "task", o); !slices.Contains(refusedFor(err), "uncommitted") || len(shown) > 0 || politeEnded() {
		t.Fatalf("refused for something else: %v, shown %v", err, shown)
	}
	o.Force = true
	_, err = k.project().Remove(ctx, "task", o)
	must(t, err)
	if !slices.Contains(shown, polite) || !slices.Contains(shown, stubborn) || !politeEnded() || !stubbornEnded() {
		t.Errorf("shown %v, want %d and %d, and both ended", shown, polite, stubborn)
	}
	if otherEnded() {
		t.Error("a program elsewhere was ended")
	}
}

// Who sits at a terminal is never ended.
func TestReapLeavesTerminals(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil || runtime.GOOS != "linux" {
		t.Skip("it takes Linux, and script(1) for a terminal")
	}
	k := newKit(t)
	s := k.spawn("task")
	cmd := exec.Command("script", "-qec", "cd "+s.Path+" && touch ready.log && exec sleep 60", os.DevNull)
	cmd.Dir = k.home
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.Path, "ready.log")); err == nil {
			break
		}
	}
	_, err := k.project().Remove(ctx, "task", worktree.RemoveOptions{Reap: func(list []worktree.Process) { t.Errorf("would end %v", list) }})
	if !slices.Contains(refusedFor(err), "processes") || !strings.Contains(err.Error(), "at a terminal") {
		t.Errorf("%v", err)
	}
}

// Nobody is ended for a port; who is there is named.
func TestListenersAreNamed(t *testing.T) {
	k := newKit(t)
	s := k.spawn("task")
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Ports[1])))
	if err != nil {
		t.Skipf("the port is taken: %v", err)
	}
	defer l.Close()
	p := k.project()
	p.SetFree(worktree.PortFree)
	r, err := p.Remove(ctx, "task", worktree.RemoveOptions{})
	must(t, err)
	want := "listens on the port " + strconv.Itoa(s.Ports[1])
	if runtime.GOOS == "linux" {
		want += ": kill " + strconv.Itoa(os.Getpid())
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), want) {
		t.Errorf("notes %q, want %q", r.Notes, want)
	}
	if c, err := net.Dial("tcp", l.Addr().String()); err != nil {
		t.Errorf("the listener is gone: %v", err)
	} else {
		c.Close()
	}
}
