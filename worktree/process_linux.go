package worktree

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
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
		cwd, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if os.IsPermission(err) {
			unseen++
		}
		if err != nil || cwd != dir && !strings.HasPrefix(cwd, dir+"/") {
			continue
		}
		name, err := os.ReadFile(filepath.Join("/proc", e.Name(), "comm"))
		if err != nil {
			continue // it has ended
		}
		found = append(found, Process{PID: pid, Name: strings.TrimSpace(string(name))})
	}
	if unseen > 0 {
		blind = plural(unseen, "program") + " of other users could not be looked at"
	}
	return found, blind
}
