package main

import (
	"os"
	"strconv"
	"strings"
)

// memoryMiB is how much memory the gates may take together: three quarters of
// what the machine, or the container we are in, has left. Zero: not known.
func memoryMiB() int {
	free := meminfo("MemAvailable:")
	if limit := cgroupLimit(); limit > 0 && (free == 0 || limit < free) {
		free = limit
	}
	return int(free >> 20 * 3 / 4)
}

// meminfo is a figure of /proc/meminfo in bytes; zero where there is none.
func meminfo(key string) int64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Fields(line)
		if len(f) >= 2 && f[0] == key {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// cgroupLimit is the container's memory in bytes; zero where there is no limit.
func cgroupLimit() int64 {
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n < 1<<50 {
			return n
		}
	}
	return 0
}
