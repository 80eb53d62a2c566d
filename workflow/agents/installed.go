package agents

import (
	"slices"
	"strings"
	"sync"
)

// Local is an agent that is installed on this machine.
type Local struct {
	Name   string `json:"name"`
	Plugin string `json:"plugin,omitempty"` // empty: a file of the user's or of the project's
	Says   string `json:"description,omitempty"`
	File   string `json:"file"`
}

// Installed is what is installed. The zero value: nothing is known about it.
type Installed struct {
	Looked bool // it was looked for
	Agents []Local
}

// builtinTool is the category of agents that the tool itself brings.
const builtinTool = "built-in"

// find is the installed file of an agent: under its name upstream, or the one
// in the id.
func (i Installed) find(a Agent) (Local, bool) {
	plugin, role, ok := strings.Cut(a.ID, ":")
	if !ok {
		plugin, role = "", a.ID
	}
	at := slices.IndexFunc(i.Agents, func(l Local) bool {
		if l.Plugin != "" && l.Plugin != plugin {
			return false
		}
		return l.Name == a.Name && a.Name != "" || l.Name == a.ID || l.Name == role && (l.Plugin == plugin || plugin != "" && l.Plugin == "")
	})
	if at < 0 {
		return Local{}, false
	}
	return i.Agents[at], true
}

// Has says whether an agent is installed.
func (i Installed) Has(a Agent) bool {
	if a.Category == builtinTool && a.Source == builtinTool {
		return i.Looked
	}
	_, ok := i.find(a)
	return ok
}

// extra are the installed agents that no catalog has.
func (i Installed) extra(c *Catalog) []Agent {
	var list []Agent
	for _, l := range i.Agents {
		id := l.Name
		if l.Plugin != "" {
			id = l.Plugin + ":" + l.Name
		}
		if !idShape.MatchString(id) || slices.ContainsFunc(c.Agents, func(a Agent) bool { f, ok := i.find(a); return ok && f == l }) ||
			slices.ContainsFunc(list, func(a Agent) bool { return a.ID == id }) {
			continue
		}
		if words := describedBy(l); len(words) > 0 {
			list = append(list, Agent{ID: id, Name: l.Name, Category: "installed", Says: l.Says, Keywords: words, Source: l.File})
		}
	}
	return list
}

func (i Installed) says(s Score) string {
	switch {
	case !i.Looked:
		return "whether it is installed was not looked for"
	case s.Installed:
		return "installed on this machine"
	}
	return "not installed on this machine"
}

// maxDescribed is how many words of a description become keywords.
const maxDescribed = 12

// describedBy are the keywords of an agent that only its file describes: the
// words of its name, then the longer words of its description.
func describedBy(l Local) []string {
	var words []string
	add := func(w string) {
		if len(words) < maxDescribed && !common()[plain(w)] && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	for _, w := range split(l.Name) {
		add(w)
	}
	for _, w := range split(l.Says) {
		if len(w) >= 4 {
			add(w)
		}
	}
	return words
}

func split(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return r == '-' || r == '_' || r == ' ' || r == '.' || r == ',' || r == ':' || r == '\n' || r == '\t' || r == '/' || r == '(' || r == ')' || r == '"' || r == '\''
	})
}

// common are words, in their plain form, that say nothing about what an agent is
// for.
var common = sync.OnceValue(func() map[string]bool { return set(commonWords) })

const commonWords = "agent agents expert experts specialist pro engineer developer use uses used using when need needs this that these with from your you they them and the for into over their " +
	"code coding task tasks work works working help helps must should will can make makes create creates creating build builds building handle handles " +
	"master masters best practices modern proactively including include includes across complex advanced based want wants user users system systems also such than then " +
	"project projects software development applications application application's any all more most other others what which where about after before between through"

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		m[plain(w)] = true
	}
	return m
}

// Call is the name to call an agent by: the one that it is installed under, or
// else the one that it has upstream.
func (i Installed) Call(a Agent) string {
	l, ok := i.find(a)
	switch {
	case ok && l.Plugin != "" && l.Name != a.Name:
		return l.Plugin + ":" + l.Name
	case ok:
		return l.Name
	}
	return a.Call()
}
