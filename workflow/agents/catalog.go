// Package agents knows the agents that coding tools can hand a task to, and
// chooses one for a task.
//
//	[Builtin]            the catalog: agents, task types, domains, chains, trees
//	[Catalog.With]       the same with a file of the user's
//	[Installed]          what is installed on this machine
//	[Router.Route]       task → agent, with the reasons, or none
//	[Train], [Recommend] what recorded outcomes add to that
//	[Check]              ids in instructions that are renamed or gone
//
// It is plain data and plain functions: no environment, no clock, no database
// (that is workflow/agents/metrics).
package agents

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

// Agent is one that a task can be given to.
type Agent struct {
	ID       string   `yaml:"id" json:"id"`                       // plugin:agent, or a plain name. Required
	Name     string   `yaml:"name" json:"name,omitempty"`         // what it is called upstream; empty: as in the id
	Category string   `yaml:"category" json:"category"`           // Optional
	Says     string   `yaml:"says" json:"description"`            // what it is for. Required
	Keywords []string `yaml:"keywords" json:"keywords"`           // words and phrases of a task. Required
	Types    []string `yaml:"types" json:"specialties,omitempty"` // task types of a specialist
	Also     []string `yaml:"also" json:"capabilities,omitempty"` // task types that it can do
	Domains  []string `yaml:"domains" json:"domains,omitempty"`   // places in a repository that it knows
	Example  string   `yaml:"example" json:"example,omitempty"`
	Model    string   `yaml:"model" json:"model,omitempty"`
	Gone     string   `yaml:"gone" json:"gone,omitempty"`       // why it cannot be had any more
	Instead  string   `yaml:"instead" json:"instead,omitempty"` // the id of what does its work now
	Source   string   `yaml:"-" json:"source"`                  // where it is described: built-in, a file, or installed
}

// Call is the name to call the agent by.
func (a Agent) Call() string {
	if a.Name != "" {
		return a.Name
	}
	return a.ID
}

// Role is the part of the id after the plugin's name: several plugins bring
// the same one.
func (a Agent) Role() string {
	_, role, ok := strings.Cut(a.ID, ":")
	if !ok {
		return a.ID
	}
	return role
}

// Type is a kind of task with the words that tell it.
type Type struct {
	Type  string   `yaml:"type" json:"type"`
	Words []string `yaml:"words" json:"words"`
}

// Word sends a task that holds it to an agent, when nothing else does.
type Word struct {
	Word  string `yaml:"word" json:"word"`
	Agent string `yaml:"agent" json:"agent"`
}

// Domain is a part of a repository: its folder names and its file names. A file
// is a whole name, an ending (.py, _test.go) or a pattern with *.
type Domain struct {
	Domain string   `yaml:"domain" json:"domain"`
	Agent  string   `yaml:"agent" json:"agent"`
	Parts  []string `yaml:"parts" json:"parts,omitempty"`
	Files  []string `yaml:"files" json:"files,omitempty"`
}

// Chain is several agents on one task.
type Chain struct {
	ID    string `yaml:"id" json:"id"`
	Says  string `yaml:"says" json:"description"`
	Steps []Step `yaml:"steps" json:"steps"`
}

// Step is one agent's part of a chain.
type Step struct {
	ID    string   `yaml:"id" json:"id"`
	Agent string   `yaml:"agent" json:"agent"`
	Does  string   `yaml:"does" json:"does"`
	After []string `yaml:"after" json:"after,omitempty"`
	When  string   `yaml:"when" json:"when,omitempty"` // only when this is found
}

// Tree is a question whose answers lead to agents.
type Tree struct {
	ID      string   `yaml:"id" json:"id"`
	Ask     string   `yaml:"ask" json:"ask"`
	Answers []Answer `yaml:"answers" json:"answers"`
}

// Answer leads to an agent, or to a further question.
type Answer struct {
	When    string   `yaml:"when" json:"when"`
	Agent   string   `yaml:"agent" json:"agent,omitempty"`
	Ask     string   `yaml:"ask" json:"ask,omitempty"`
	Answers []Answer `yaml:"answers" json:"answers,omitempty"`
}

// Catalog is everything that routing goes by.
type Catalog struct {
	Agents  []Agent  `yaml:"agents" json:"agents"`
	Types   []Type   `yaml:"types" json:"types"`
	Words   []Word   `yaml:"words" json:"words"`
	Domains []Domain `yaml:"domains" json:"domains"`
	Chains  []Chain  `yaml:"chains" json:"chains"`
	Trees   []Tree   `yaml:"trees" json:"trees"`
}

//go:embed data/*.yml data/upstream.tsv
var data embed.FS

// Builtin is the catalog of the program.
func Builtin() (*Catalog, error) {
	c := new(Catalog)
	for _, name := range []string{"routing.yml", "agents.yml", "chains.yml"} {
		text, err := data.ReadFile("data/" + name)
		if err != nil {
			return nil, err
		}
		if c, err = c.with(name, "built-in", text); err != nil {
			return nil, err
		}
	}
	if err := c.check(c, places{file: "built-in"}); err != nil {
		return nil, err
	}
	return c, nil
}

// Agent finds an agent by its id or its name upstream.
func (c *Catalog) Agent(id string) (Agent, bool) {
	at := slices.IndexFunc(c.Agents, func(a Agent) bool { return a.ID == id })
	if at < 0 {
		at = slices.IndexFunc(c.Agents, func(a Agent) bool { return a.Name == id && id != "" })
	}
	if at < 0 {
		return Agent{}, false
	}
	return c.Agents[at], true
}

// Find is [Catalog.Agent] for what a person typed: its error names the nearest
// ids.
func (c *Catalog) Find(id string) (Agent, error) {
	if a, ok := c.Agent(id); ok {
		return a, nil
	}
	if near := c.Nearest(id); near != "" {
		return Agent{}, fmt.Errorf("no agent %q in the catalog; do you mean %s?", id, near)
	}
	return Agent{}, fmt.Errorf("no agent %q in the catalog; see wf-ci agents list", id)
}

// Nearest is the id that is most like one that is not there: the same role in
// another plugin, or a few letters apart. Empty: none is.
func (c *Catalog) Nearest(id string) string {
	best, least := "", max(2, len(id)/4)+1
	for _, a := range c.Agents {
		if a.Gone != "" {
			continue
		}
		d := min(distance(id, a.ID), distance(id, a.Call()))
		if !strings.Contains(id, ":") {
			d = min(d, distance(id, a.Role()))
		}
		if d < least {
			best, least = a.ID, d
		}
	}
	if best != "" {
		return best
	}
	role := Agent{ID: id}.Role()
	for _, a := range c.Agents {
		if a.Gone == "" && a.Role() == role {
			return a.ID
		}
	}
	return ""
}

// distance is the number of letters to change, add or take away.
func distance(a, b string) int {
	if len(a) > 200 || len(b) > 200 {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		above := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := above
			if a[i] != b[j] {
				change++
			}
			above = row[j+1]
			row[j+1] = min(change, row[j]+1, above+1)
		}
	}
	return row[len(b)]
}
