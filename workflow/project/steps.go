package project

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Part is a project of the repository, as far as a workflow has to know it.
type Part struct {
	Kind    string // go, node, python, rust
	Dir     string // slashes; "." is the root
	Manager string // npm, pnpm, yarn, bun, pip, poetry, uv, pipenv
	Lock    string // path of its lock file, or of requirements.txt; empty: none
	Pin     string // path of the file that names the version of the language; empty: none
	Tests   bool   // it has some
	Test    string // the script test of package.json; empty: none
	// Coverage: what vitest measures coverage with is among its packages.
	Coverage bool
	Linters  []string
}

// step is one step of a job. What is not set is not written.
type step struct {
	name, uses, dir, run string
	with                 [][2]string
	lenient              bool // what it finds is judged by the gates: the job goes on
}

// actionStep is the line of the template before which the steps come.
const actionStep = "      - uses: wf-ci/wf-ci@v1\n"

// partLimit is how many parts get steps: a workflow is to be read.
const partLimit = 6

// odd is in names that would say something to GitHub or to YAML: nobody has such a
// project, and a checkout may bring one.
var odd = lazyregexp.New(`[\x00-\x1f\x7f]|\$\{\{`)

// steps are those that test and lint what the repository holds: the image of the
// action has no toolchain, and judges what they write.
func steps(parts []Part) string {
	var b strings.Builder
	set := make(map[string]bool)
	parts = slices.DeleteFunc(slices.Clone(parts), func(p Part) bool { return odd.MatchString(p.Dir + p.Lock + p.Pin) })
	for i, p := range parts {
		if i == partLimit {
			fmt.Fprintf(&b, "      # %d more projects: test and lint them likewise.\n", len(parts)-i)
			break
		}
		for _, s := range p.steps() {
			if s.uses != "" && set[s.uses] {
				continue // one version of a language for all
			}
			set[s.uses] = s.uses != ""
			s.write(&b)
		}
	}
	return b.String()
}

func (p Part) steps() []step {
	of := map[string]func(Part) []step{"go": goSteps, "node": nodeSteps, "python": pythonSteps, "rust": rustSteps}[p.Kind]
	if of == nil {
		return nil
	}
	list := of(p)
	for i := range list {
		if list[i].uses == "" && p.Dir != "." {
			list[i].dir, list[i].name = p.Dir, list[i].name+" in "+p.Dir
		}
	}
	return list
}

// write writes a step as YAML. Values of the repository's are quoted: a folder
// may be called anything.
func (s step) write(b *strings.Builder) {
	lines := []string{}
	add := func(key, value string) { lines = append(lines, key+": "+value) }
	if s.name != "" {
		add("name", scalar(s.name))
	}
	if s.uses != "" {
		add("uses", s.uses)
	}
	if s.dir != "" {
		add("working-directory", scalar(s.dir))
	}
	if s.lenient {
		add("continue-on-error", "true")
	}
	if s.run != "" {
		add("run", block(s.run, "          "))
	}
	for i, l := range lines {
		b.WriteString([]string{"      - ", "        "}[min(i, 1)] + l + "\n")
	}
	if len(s.with) > 0 {
		b.WriteString("        with:\n")
	}
	for _, kv := range s.with {
		b.WriteString("          " + kv[0] + ": " + block(kv[1], "            ") + "\n")
	}
}

var plain = lazyregexp.New(`^[A-Za-z][A-Za-z0-9 ._/-]*$`)

// scalar is a text on one line of YAML.
func scalar(s string) string {
	if plain.MatchString(s) && s != "true" && s != "false" {
		return s
	}
	quoted, err := json.Marshal(s) // JSON is YAML
	if err != nil {
		return `""`
	}
	return string(quoted)
}

// block is a text of several lines, or a scalar.
func block(s, indent string) string {
	if !strings.Contains(s, "\n") {
		if strings.ContainsAny(s, "\"\\") || strings.Contains(s, " #") || strings.Contains(s, ": ") || !strings.ContainsAny(s[:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			return scalar(s)
		}
		return s
	}
	return "|\n" + indent + strings.ReplaceAll(s, "\n", "\n"+indent)
}
