//go:build !unix

package run

import (
	"os"
	"os/exec"
)

func setGroup(*exec.Cmd) {}

func endGroup(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

func killGroup(int)         {}
func killStragglers(string) {}

func exitStatus(cmd *exec.Cmd) int {
	if cmd.ProcessState == nil {
		return -1
	}
	return cmd.ProcessState.ExitCode()
}

func executableNames(path string) []string {
	return []string{path, path + ".exe", path + ".cmd", path + ".bat"}
}

func isExecutable(os.FileInfo) bool { return true }
