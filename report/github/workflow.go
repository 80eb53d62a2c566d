package github

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Workflow is what a file in .github/workflows says of running wf-ci.
type Workflow struct {
	Path       string
	Jobs       []WorkflowJob // that run wf-ci, or come after one that does
	Pull       bool          // it runs on pull requests
	Filters    []string      // what keeps it from some of them: "paths", "branches", …
	Branches   []string      // those that the filter "branches" lets through
	Push       bool          // it runs on pushes to every branch
	MergeGroup bool
}

// runsUs says whether a step runs wf-ci. `uses: ./` is our own repository.
func runsUs(uses, run string) bool {
	action, _, _ := strings.Cut(uses, "@")
	owner, name, _ := strings.Cut(action, "/")
	return action == "./" || action == "." || owner != "" && name == "wf-ci" ||
		strings.Contains(run, "wf-ci run") || strings.Contains(run, "wf-ci action")
}

// ReadWorkflow reads a workflow. The error is that of the YAML.
func ReadWorkflow(path string, data []byte) (Workflow, error) {
	w := Workflow{Path: path}
	var doc struct {
		On   yaml.Node `yaml:"on"`
		Jobs map[string]jobYAML
	}
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return w, fmt.Errorf("%s: %w", path, err)
	}
	w.Jobs = ourJobs(doc.Jobs)
	w.events(&doc.On)
	return w, nil
}

// events reads "on", which is a word, a list or a map.
func (w *Workflow) events(on *yaml.Node) {
	var words []string
	var filters map[string]yaml.Node
	switch on.Kind {
	case yaml.ScalarNode:
		words = []string{on.Value}
	case yaml.SequenceNode:
		_ = on.Decode(&words)
	case yaml.MappingNode:
		_ = on.Decode(&filters)
		for name := range filters {
			words = append(words, name)
		}
	}
	w.Pull = slices.Contains(words, "pull_request") || slices.Contains(words, "pull_request_target")
	w.MergeGroup = slices.Contains(words, "merge_group")
	push := filters["push"]
	w.Push = slices.Contains(words, "push") && !slices.ContainsFunc(push.Content, func(n *yaml.Node) bool {
		return slices.Contains([]string{"branches", "branches-ignore", "tags"}, n.Value)
	})
	for _, event := range []string{"pull_request", "pull_request_target"} {
		if node := filters[event]; node.Kind == yaml.MappingNode {
			w.filter(&node)
		}
	}
	slices.Sort(w.Filters)
}

// filter reads what an event is filtered by. Types are a filter where they leave
// out a new pull request, or new commits of one.
func (w *Workflow) filter(event *yaml.Node) {
	for i := 0; i+1 < len(event.Content); i += 2 {
		key := event.Content[i].Value
		var values words
		_ = event.Content[i+1].Decode(&values)
		if key == "types" && slices.Contains(values, "opened") && slices.Contains(values, "synchronize") {
			continue
		}
		if key == "branches" {
			w.Branches = append(w.Branches, values...)
		}
		w.Filters = append(w.Filters, key)
	}
}

// filtersFor are the filters that may keep a pull request for a branch out.
func (w Workflow) filtersFor(branch string) []string {
	through := slices.Contains(w.Branches, branch) && !slices.ContainsFunc(w.Branches, func(b string) bool { return strings.HasPrefix(b, "!") })
	return slices.DeleteFunc(slices.Clone(w.Filters), func(f string) bool { return f == "branches" && through })
}

// Advice is one thing that [Diagnose] says.
type Advice struct {
	Good bool
	Text string
}

// Diagnose says whether the verdict really stands between a change and a branch,
// and whether it can keep one out for ever.
func Diagnose(p Protection, workflows []Workflow) []Advice {
	var out []Advice
	say := func(good bool, format string, args ...any) {
		out = append(out, Advice{good, fmt.Sprintf(format, args...)})
	}
	ours := 0
	for _, r := range p.Required {
		from, known := provider(r.Context, workflows)
		own := r.Context == "wf-ci" || strings.HasPrefix(r.Context, "wf-ci / ")
		if !known && !own {
			continue
		}
		ours++
		say(true, "the branch %s requires %q", p.Branch, r.Context)
		switch r.App {
		case actionsApp:
			say(true, "%q counts only from GitHub Actions", r.Context)
		case 0:
			say(false, "%q counts from anybody who may write checks or statuses: set its source to GitHub Actions", r.Context)
		default:
			say(false, "%q counts only from the app %d: a workflow's own token (GitHub Actions, %d) never satisfies it", r.Context, r.App, actionsApp)
		}
		if own && !known {
			from = running(workflows)
			out = append(out, twice(r.Context, workflows)...)
		}
		out = append(out, deadlocks(p, r.Context, from)...)
		out = append(out, hollow(r.Context, workflows)...)
	}
	if ours == 0 {
		say(false, "the branch %s requires none of wf-ci's checks: require the job that runs it%s, or the check run `wf-ci`", p.Branch, jobs(workflows))
	}
	return out
}

// deadlocks are the ways in which a required check never comes.
func deadlocks(p Protection, name string, from []Workflow) (out []Advice) {
	say := func(format string, args ...any) { out = append(out, Advice{false, fmt.Sprintf(format, args...)}) }
	if len(from) == 0 {
		say("no workflow here brings %q: a change waits for it for ever", name)
	}
	for _, w := range from {
		filters := w.filtersFor(p.Branch)
		switch {
		case !w.Pull:
			say("%s brings %q and does not run on pull_request: a change waits for it for ever", w.Path, name)
		case len(filters) > 0:
			say("%s brings %q and is filtered by %s: a change that the filter leaves out waits for ever; let wf-ci choose what applies instead",
				w.Path, name, strings.Join(filters, ", "))
		}
		if p.MergeQueue && !w.MergeGroup {
			say("the branch has a merge queue, and %s, which brings %q, does not run on merge_group: the queue waits for ever", w.Path, name)
		}
	}
	return out
}

// twice are the workflows that make a check run on the head of a pull request for
// the push of that commit too. The push is compared with the one before it.
func twice(name string, workflows []Workflow) (out []Advice) {
	for _, w := range workflows {
		if w.Push && slices.ContainsFunc(w.Jobs, func(j WorkflowJob) bool { return j.Runs }) {
			out = append(out, Advice{false, fmt.Sprintf("%s makes %q for a push to any branch, beside that of the pull request, and the one that ends last counts: "+
				"let it run on pushes to the default branch only (push: {branches: [main]})", w.Path, name)})
		}
	}
	return out
}

// provider are the workflows with a job of this name.
func provider(name string, workflows []Workflow) (from []Workflow, known bool) {
	for _, w := range workflows {
		if slices.ContainsFunc(w.Jobs, func(j WorkflowJob) bool { return j.brings(name) }) {
			from = append(from, w)
		}
	}
	return from, len(from) > 0
}

// hollow is why the success of a job of this name may say nothing of the verdict.
func hollow(name string, workflows []Workflow) (out []Advice) {
	for _, w := range workflows {
		for _, j := range w.Jobs {
			if !j.brings(name) {
				continue
			}
			for _, fault := range j.faults() {
				out = append(out, Advice{false, fmt.Sprintf("the job %q of %s %s", j.Name, w.Path, fault)})
			}
		}
	}
	return out
}

func running(workflows []Workflow) (from []Workflow) {
	for _, w := range workflows {
		if len(w.Jobs) > 0 && w.Pull {
			from = append(from, w)
		}
	}
	return from
}

func jobs(workflows []Workflow) string {
	var names []string
	for _, w := range workflows {
		for _, j := range w.Jobs {
			names = append(names, fmt.Sprintf("%q", j.Name))
		}
	}
	if len(names) == 0 {
		return " (no workflow here runs it yet)"
	}
	return " (" + strings.Join(names, ", ") + ")"
}
