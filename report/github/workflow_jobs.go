package github

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// WorkflowJob is a job of a workflow whose end tells what wf-ci said: it runs wf-ci, or
// comes after one that does.
type WorkflowJob struct {
	Name   string // as its check has it, but for a matrix and expressions
	Runs   bool   // wf-ci; else it comes after such a job
	Matrix bool   // its checks have the values behind the name, in parentheses

	Always    bool // it runs however those before it ended
	Condition bool // it may be skipped
	Asks      bool // it looks at how those before it ended
	Soft      bool // it succeeds whatever wf-ci says
}

// jobYAML is a job as the file has it.
type jobYAML struct {
	Name     string
	If       string
	Needs    words
	Strategy struct{ Matrix yaml.Node }
	Soft     yaml.Node `yaml:"continue-on-error"`
	Steps    []stepYAML
}

type stepYAML struct {
	Uses, Run string
	With      map[string]yaml.Node
	Soft      yaml.Node `yaml:"continue-on-error"`
	all       yaml.Node
}

func (s *stepYAML) UnmarshalYAML(n *yaml.Node) error {
	type plain stepYAML
	s.all = *n
	return n.Decode((*plain)(s))
}

// words is a word, or a list of them.
type words []string

func (w *words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*w = words{n.Value}
		return nil
	}
	return n.Decode((*[]string)(w))
}

// ourJobs are the jobs that matter here, by name.
func ourJobs(all map[string]jobYAML) (out []WorkflowJob) {
	for id, job := range all {
		j := job.read(id)
		if j.Runs || after(all, job, map[string]bool{}) {
			out = append(out, j)
		}
	}
	slices.SortFunc(out, func(a, b WorkflowJob) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (job jobYAML) read(id string) WorkflowJob {
	j := WorkflowJob{Name: job.Name, Matrix: job.Strategy.Matrix.Kind != 0, Soft: on(job.Soft)}
	if j.Name == "" {
		j.Name = id
	}
	j.Always = strings.Contains(job.If, "always()") || strings.Contains(job.If, "!cancelled()")
	j.Condition = job.If != "" && !j.Always
	j.Asks = strings.Contains(job.If, "needs")
	for _, s := range job.Steps {
		if runsUs(s.Uses, s.Run) {
			j.Runs = true
			j.Soft = j.Soft || on(s.Soft) || on(s.With["warn-only"])
		}
		j.Asks = j.Asks || mentions(&s.all, "needs")
	}
	return j
}

// on says whether something is switched on, or may be.
func on(n yaml.Node) bool { return n.Value != "" && n.Value != "false" }

// after says whether a job comes after one that runs wf-ci. seen are the jobs
// that were asked: there may be circles, which GitHub takes no workflow with.
func after(all map[string]jobYAML, job jobYAML, seen map[string]bool) bool {
	return slices.ContainsFunc(job.Needs, func(id string) bool {
		before, ok := all[id]
		if !ok || seen[id] {
			return false
		}
		seen[id] = true
		return before.read(id).Runs || after(all, before, seen)
	})
}

// mentions says whether a word is in one of the texts of a node.
func mentions(n *yaml.Node, word string) bool {
	return strings.Contains(n.Value, word) || slices.ContainsFunc(n.Content, func(c *yaml.Node) bool { return mentions(c, word) })
}

// brings says whether a check of this name is the job's.
func (j WorkflowJob) brings(check string) bool {
	name := check
	if rest, ok := strings.CutSuffix(check, ")"); ok && j.Matrix && !strings.Contains(j.Name, "${{") {
		name, _, _ = strings.Cut(rest, " (")
	}
	// What an expression comes to is not known here.
	first, rest, expression := strings.Cut(j.Name, "${{")
	if !expression {
		return name == j.Name
	}
	_, last, _ := strings.Cut(rest, "}}")
	if i := strings.LastIndex(last, "}}"); i >= 0 {
		last = last[i+len("}}"):]
	}
	return len(name) >= len(first)+len(last) && strings.HasPrefix(name, first) && strings.HasSuffix(name, last)
}

// faults are why a green job may say nothing of the verdict.
func (j WorkflowJob) faults() (out []string) {
	if j.Soft {
		out = append(out, "is green whatever wf-ci says (continue-on-error, or warn-only)")
	}
	if j.Condition {
		out = append(out, "has an `if:`, and a job that GitHub skips counts as a success")
	}
	switch {
	case j.Runs:
	case !j.Always && !j.Condition:
		out = append(out, "is skipped where a job before it fails, and a job that GitHub skips counts as a success: give it `if: always()`")
	case j.Always && !j.Asks:
		out = append(out, "does not look at how the jobs before it ended (needs.<job>.result)")
	}
	return out
}
