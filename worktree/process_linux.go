package worktree

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// processesIn lists the programs that work in a directory. Those of other users
// cannot be seen: blind says how many.
func processesIn(dir string) (found []Process, blind string) {
	dir = resolve(dir)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, "/proc cannot be read"
	}
	unseen := 0
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		inside, err := worksIn(pid, dir)
		if os.IsPermission(err) {
			unseen++
		}
		if !inside {
			continue
		}
		if pr, ok := readProcess(pid); ok {
			found = append(found, pr)
		}
	}
	if unseen > 0 {
		blind = plural(unseen, "program") + " of other users could not be looked at"
	}
	return found, blind
}

// worksIn says whether a program's working directory is a directory or below it.
func worksIn(pid int, dir string) (bool, error) {
	cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	return err == nil && (cwd == dir || strings.HasPrefix(cwd, dir+"/")), err
}

// readProcess reads /proc/PID/stat; false: it has ended.
func readProcess(pid int) (Process, bool) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return Process{}, false
	}
	return parseStat(pid, string(data))
}

// parseStat reads "PID (NAME) STATE …"; the name may hold anything, also ") ".
func parseStat(pid int, text string) (Process, bool) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return Process{}, false
	}
	f := strings.Fields(text[end+1:]) // from the third field on; see proc(5)
	if len(f) < 20 {
		return Process{}, false
	}
	return Process{PID: pid, Name: text[open+1 : end], Terminal: f[4] != "0", started: f[19]}, true
}

// end ends a program, if it is still the one that was seen, and still inside. The
// handle is taken first: what it names does not change.
func (pr Process) end(dir string, kill bool) {
	handle, err := os.FindProcess(pr.PID)
	if err != nil {
		return
	}
	defer func() { _ = handle.Release() }()
	now, there := readProcess(pr.PID)
	inside, _ := worksIn(pr.PID, resolve(dir))
	if !there || !inside || now.started != pr.started || pr.PID == os.Getpid() {
		return
	}
	signal := syscall.SIGTERM
	if kill {
		signal = syscall.SIGKILL
	}
	_ = handle.Signal(signal) // it is looked at again
}

// listenersOn are the programs that listen on a port, as far as they are the
// user's own.
func listenersOn(port int) []Process {
	var sockets []string
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err == nil {
			sockets = append(sockets, listeningSockets(string(data), port)...)
		}
	}
	holders, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil || len(sockets) == 0 {
		return nil
	}
	var found []Process
	for _, fd := range holders {
		if target, err := os.Readlink(fd); err != nil || !slices.Contains(sockets, target) {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(fd, "/")[2])
		if pr, ok := readProcess(pid); err == nil && ok {
			found = append(found, pr)
		}
	}
	return found
}

// listeningSockets reads /proc/net/tcp: the sockets that listen on a port, as
// links in /proc/PID/fd name them.
func listeningSockets(table string, port int) []string {
	var out []string
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			out = append(out, "socket:["+f[9]+"]")
		}
	}
	return out
}
