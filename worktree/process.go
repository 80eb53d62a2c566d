package worktree

// Process is a program whose working directory is in a worktree.
type Process struct {
	PID  int    `json:"pid"`
	Name string `json:"name"`
}
