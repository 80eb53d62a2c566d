package worktree

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// planLimit bounds a feature plan.
const planLimit = 1 << 20

// ParsePlan reads the tasks of a feature plan (YAML, and so JSON): tasks with id,
// title, needs, hours and agent. Other keys are somebody else's.
func ParsePlan(name string, data []byte) ([]Task, error) {
	if len(data) > planLimit {
		return nil, fmt.Errorf("%s: above %d MiB", name, planLimit>>20)
	}
	var plan struct {
		Tasks []Task `yaml:"tasks"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&plan); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	known := make(map[string]bool)
	for i, t := range plan.Tasks {
		if t.ID == "" || known[t.ID] {
			return nil, fmt.Errorf("%s: task %d: want an id that no other task has, not %q", name, i+1, t.ID)
		}
		known[t.ID] = true
	}
	for _, t := range plan.Tasks {
		for _, need := range t.Needs {
			if !known[need] {
				return nil, fmt.Errorf("%s: task %q needs %q, which is no task", name, t.ID, need)
			}
		}
	}
	if len(plan.Tasks) == 0 {
		return nil, fmt.Errorf("%s: no tasks", name)
	}
	return plan.Tasks, nil
}
