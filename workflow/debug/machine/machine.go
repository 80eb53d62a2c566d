// Package machine looks at the machine: what it is, what listens on it, which
// processes belong to a project, and how much memory they take. It reads /proc,
// and knows nothing where there is none.
package machine

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoProc says that this system has no /proc.
var ErrNoProc = errors.New("this system has no /proc")

// Process is one process.
type Process struct {
	PID     int    `json:"pid"`
	Name    string `json:"name"`
	Command string `json:"command"` // may hold secrets
	Dir     string `json:"dir,omitempty"`
	Memory  int64  `json:"memory_bytes"`
}

// Port is a TCP port that something listens on.
type Port struct {
	Port    int    `json:"port"`
	Address string `json:"address"`
	PID     int    `json:"pid,omitempty"` // zero: somebody else's
	Name    string `json:"name,omitempty"`
}

// related are programs that a project may hang on, wherever they run.
var related = []string{"node", "python", "python3", "nginx", "postgres", "redis-server", "mysqld", "mongod", "java", "ruby", "php-fpm", "deno", "bun", "uvicorn", "gunicorn"}

// Processes are those of the programs that projects hang on, and those that run
// in the directory.
func Processes(dir string) ([]Process, error) {
	var out []Process
	err := eachProcess(func(pid int, proc string) {
		p := Process{PID: pid, Name: commOf(proc)}
		cwd, err := os.Readlink(filepath.Join(proc, "cwd"))
		here := err == nil && (cwd == dir || strings.HasPrefix(cwd, dir+string(filepath.Separator)))
		if pid == os.Getpid() || !here && !slices.Contains(related, p.Name) {
			return
		}
		if err == nil {
			p.Dir = cwd
		}
		p.Command, p.Memory = commandOf(proc), resident(proc)
		out = append(out, p)
	})
	slices.SortFunc(out, func(a, b Process) int { return cmp.Compare(a.PID, b.PID) })
	return out, err
}

func eachProcess(fn func(pid int, proc string)) error {
	entries, err := os.ReadDir("/proc")
	if err != nil || len(entries) == 0 {
		return ErrNoProc
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			fn(pid, filepath.Join("/proc", e.Name()))
		}
	}
	return nil
}

func commOf(proc string) string {
	b, _ := os.ReadFile(filepath.Join(proc, "comm")) // it may have ended
	return strings.TrimSpace(string(b))
}

func commandOf(proc string) string {
	b, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
	return strings.TrimSpace(strings.ReplaceAll(string(b[:min(len(b), 4096)]), "\x00", " "))
}

// resident is the memory of a process, in bytes.
func resident(proc string) int64 {
	b, _ := os.ReadFile(filepath.Join(proc, "statm"))
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// Resident is the memory of all processes that have a variable in their
// environment, together, and how many there are.
func Resident(mark string) (bytesUsed int64, processes int, err error) {
	err = eachProcess(func(_ int, proc string) {
		env, err := os.ReadFile(filepath.Join(proc, "environ"))
		if err != nil || !bytes.Contains(append([]byte{0}, env...), []byte("\x00"+mark+"\x00")) {
			return
		}
		bytesUsed += resident(proc)
		processes++
	})
	return bytesUsed, processes, err
}

// Listening are the TCP ports that something listens on.
func Listening() ([]Port, error) {
	owners := socketOwners()
	var out []Port
	for _, name := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(name)
		if err != nil {
			if name == "/proc/net/tcp" {
				return nil, ErrNoProc
			}
			continue
		}
		for port, inode := range listeners(string(data)) {
			if o, ok := owners[inode]; ok {
				port.PID, port.Name = o.PID, o.Name
			}
			out = append(out, port)
		}
	}
	slices.SortFunc(out, func(a, b Port) int { return cmp.Or(cmp.Compare(a.Port, b.Port), strings.Compare(a.Address, b.Address)) })
	return slices.Compact(out), nil
}

// listeners reads the kernel's table of sockets.
func listeners(table string) func(yield func(Port, string) bool) {
	return func(yield func(Port, string) bool) {
		for line := range strings.Lines(table) {
			f := strings.Fields(line)
			if len(f) < 10 || f[3] != "0A" {
				continue
			}
			host, port, ok := strings.Cut(f[1], ":")
			n, err := strconv.ParseUint(port, 16, 16)
			if !ok || err != nil {
				continue
			}
			if !yield(Port{Port: int(n), Address: kernelAddress(host)}, f[9]) {
				return
			}
		}
	}
}

// kernelAddress reads an address as the kernel prints it: words of four bytes,
// each the wrong way round.
func kernelAddress(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil || len(b)%4 != 0 {
		return "?"
	}
	for i := 0; i < len(b); i += 4 {
		slices.Reverse(b[i : i+4])
	}
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return "?"
	}
	return a.Unmap().String()
}

func socketOwners() map[string]Process {
	owners := map[string]Process{}
	_ = eachProcess(func(pid int, proc string) { // without it, ports have no names
		fds, err := os.ReadDir(filepath.Join(proc, "fd"))
		if err != nil {
			return
		}
		for _, fd := range fds {
			to, err := os.Readlink(filepath.Join(proc, "fd", fd.Name()))
			if inode, ok := strings.CutPrefix(to, "socket:["); err == nil && ok {
				owners[strings.TrimSuffix(inode, "]")] = Process{PID: pid, Name: commOf(proc)}
			}
		}
	})
	return owners
}

// System is what the machine says of itself, a line each.
func System() []string {
	var out []string
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		out = append(out, "kernel "+strings.TrimSpace(string(b)))
	}
	for _, key := range []string{"PRETTY_NAME"} {
		if v := valueOf("/etc/os-release", key, "="); v != "" {
			out = append(out, strings.Trim(v, `"`))
		}
	}
	for _, key := range []string{"MemTotal", "MemAvailable"} {
		if v := valueOf("/proc/meminfo", key, ":"); v != "" {
			out = append(out, fmt.Sprintf("%s %s", key, strings.TrimSpace(v)))
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		out = append(out, "load "+strings.Join(strings.Fields(string(b))[:3], " "))
	}
	return out
}

// valueOf is the value of a key in a file of lines.
func valueOf(name, key, sep string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if k, v, ok := strings.Cut(lines.Text(), sep); ok && k == key {
			return v
		}
	}
	return ""
}
