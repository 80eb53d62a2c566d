//go:build unix

package run

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// setGroup gives the child a process group of its own.
func setGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func endGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGTERM) }

// killGroup ends what is left of a child's group. The system gives the id to
// nobody else while a process is in the group; with none in it the call fails,
// and that is fine.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) }

// killStragglers ends the processes that carry the cookie. Where there is no
// /proc, the group is all that can be ended.
func killStragglers(cookie string) {
	for range 3 { // one may fork between our look and our kill
		found := false
		names, err := filepath.Glob("/proc/[0-9]*/environ")
		if err != nil {
			return
		}
		for _, name := range names {
			env, err := os.ReadFile(name)
			if err != nil || !strings.Contains("\x00"+string(env), "\x00"+cookie+"\x00") {
				continue
			}
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			if err == nil && pid != os.Getpid() {
				found = true
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if !found {
			return
		}
	}
}

// exitStatus is the status as a shell would say it.
func exitStatus(cmd *exec.Cmd) int {
	if cmd.ProcessState == nil {
		return -1
	}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return cmd.ProcessState.ExitCode()
}

func executableNames(path string) []string { return []string{path} }

func isExecutable(info os.FileInfo) bool { return info.Mode()&0o111 != 0 }
