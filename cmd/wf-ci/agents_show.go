package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/report"
	"github.com/wf-ci/wf-ci/workflow/agents"
)

// agentsListCmd lists the agents.
type agentsListCmd struct {
	Category  string `placeholder:"C" help:"Only this category."`
	Installed bool   `help:"Only what is installed on this machine."`
	agentsOptions
}

// listed is an agent with what is known about it here.
type listed struct {
	agents.Agent
	Call      string `json:"call"`
	Installed bool   `json:"installed"`
}

func (h *agentHouse) listed(a agents.Agent) listed {
	return listed{a, h.installed.Call(a), h.installed.Has(a)}
}

func (c *agentsListCmd) Run(a *app) error {
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	list := []listed{}
	for _, agent := range h.router.All() {
		l := h.listed(agent)
		if (c.Category == "" || l.Category == c.Category) && (!c.Installed || l.Installed) {
			list = append(list, l)
		}
	}
	if c.JSON {
		return writeJSON(a.rawOut, list)
	}
	for _, l := range list {
		mark := " "
		if l.Installed {
			mark = "*"
		}
		says := l.Says
		if l.Gone != "" {
			says = "GONE: " + l.Gone + "; take " + l.Instead
		}
		fmt.Fprintln(a.stdout, report.Visible(fmt.Sprintf("%s %-48s %s", mark, l.ID, says)))
	}
	fmt.Fprintf(a.stdout, "%d agents; * is installed on this machine\n", len(list))
	return nil
}

// agentsShowCmd shows one agent.
type agentsShowCmd struct {
	Agent string `arg:"" help:"Its id, or the name it is called by."`
	agentsOptions
}

func (c *agentsShowCmd) Run(a *app) error {
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	found, err := h.router.Find(c.Agent)
	if err != nil {
		return usageError{err.Error()}
	}
	l := h.listed(found)
	if c.JSON {
		return writeJSON(a.rawOut, l)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  %s\n", l.ID, l.Says)
	for _, row := range [][2]string{
		{"call it", l.Call}, {"category", l.Category}, {"keywords", strings.Join(l.Keywords, ", ")},
		{"specialist in", strings.Join(l.Types, ", ")}, {"can also do", strings.Join(l.Also, ", ")},
		{"knows", strings.Join(l.Domains, ", ")}, {"example", l.Example}, {"model", l.Model},
		{"gone", l.Gone}, {"instead", l.Instead}, {"described by", l.Source},
		{"installed", map[bool]string{true: "yes", false: "no"}[l.Installed]},
	} {
		if row[1] != "" {
			fmt.Fprintf(&b, "  %-14s %s\n", row[0]+":", row[1])
		}
	}
	_, err = fmt.Fprint(a.stdout, visibleLines(b.String()))
	return err
}

// agentsChainCmd prints a chain.
type agentsChainCmd struct {
	Chain string `arg:"" optional:"" help:"Chain. Without one, they are listed."`
	agentsOptions
}

func (c *agentsChainCmd) Run(a *app) error {
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	if c.Chain == "" {
		if c.JSON {
			return writeJSON(a.rawOut, h.catalog.Chains)
		}
		for _, chain := range h.catalog.Chains {
			fmt.Fprintln(a.stdout, report.Visible(fmt.Sprintf("%-16s %s", chain.ID, chain.Says)))
		}
		return nil
	}
	chain, ok := h.catalog.Chain(c.Chain)
	if !ok {
		return usagef("no chain %q; wf-ci agents chain lists them", c.Chain)
	}
	if c.JSON {
		return writeJSON(a.rawOut, chain)
	}
	var b bytes.Buffer
	if err := chain.Mermaid(&b); err != nil {
		return err
	}
	_, err = a.stdout.Write(b.Bytes())
	return err
}

// agentsTreeCmd prints a decision tree.
type agentsTreeCmd struct {
	Tree string `arg:"" optional:"" help:"Tree. Without one, they are listed."`
	agentsOptions
}

func (c *agentsTreeCmd) Run(a *app) error {
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	if c.Tree == "" {
		if c.JSON {
			return writeJSON(a.rawOut, h.catalog.Trees)
		}
		for _, t := range h.catalog.Trees {
			fmt.Fprintln(a.stdout, report.Visible(fmt.Sprintf("%-16s %s", t.ID, t.Ask)))
		}
		return nil
	}
	tree, ok := h.catalog.Tree(c.Tree)
	if !ok {
		return usagef("no tree %q; wf-ci agents tree lists them", c.Tree)
	}
	if c.JSON {
		return writeJSON(a.rawOut, tree)
	}
	var b bytes.Buffer
	if err := tree.Mermaid(&b); err != nil {
		return err
	}
	_, err = a.stdout.Write(b.Bytes())
	return err
}

// agentsDoctorCmd looks for stale ids.
type agentsDoctorCmd struct {
	Files []string `arg:"" optional:"" help:"Files to look at. Default: CLAUDE.md and its like and .claude, here and at home."`
	agentsOptions
}

// maxStale is how many places are shown.
const maxStale = 200

func (c *agentsDoctorCmd) Run(a *app) error {
	h, err := a.agents(c.agentsOptions)
	if err != nil {
		return err
	}
	skills := slices.Concat(agents.Skills(h.dir), agents.Skills(h.home))
	checker, err := agents.NewChecker(h.catalog, h.installed, skills)
	if err != nil {
		return undecided{err}
	}
	found, files, err := c.look(a, h, checker)
	if err != nil {
		return undecided{fmt.Errorf("read the instructions: %w", err)}
	}
	for i := range found {
		found[i].File = h.short(found[i].File)
	}
	if c.JSON {
		if err := writeJSON(a.rawOut, map[string]any{"files": files, "stale": found}); err != nil {
			return err
		}
	} else {
		printStale(a, found, files)
	}
	if len(found) > 0 {
		return refused{}
	}
	return nil
}

func (c *agentsDoctorCmd) look(a *app, h *agentHouse, k *agents.Checker) (found []agents.Stale, files int, err error) {
	found = []agents.Stale{}
	if len(c.Files) > 0 {
		for _, name := range c.Files {
			list, err := checkFile(k, inside(a.dir, name))
			if err != nil {
				return found, files, err
			}
			found, files = append(found, list...), files+1
		}
		return found, files, nil
	}
	dirs := []string{h.dir}
	if h.home != "" && h.home != h.dir {
		dirs = append(dirs, filepath.Join(h.home, ".claude"))
	}
	for i, dir := range dirs {
		if _, err := os.Stat(dir); i > 0 && err != nil {
			continue // no instructions at home
		}
		list, n, err := k.CheckDir(dir, i > 0)
		if err != nil {
			return found, files, err
		}
		found, files = append(found, list...), files+n
	}
	return found, files, nil
}

func checkFile(k *agents.Checker, path string) ([]agents.Stale, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return k.Check(path, f)
}

// short is a path as people write it.
func (h *agentHouse) short(path string) string {
	if rel, err := filepath.Rel(h.dir, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	if rel, err := filepath.Rel(h.home, path); err == nil && h.home != "" && filepath.IsLocal(rel) {
		return "~/" + filepath.ToSlash(rel)
	}
	return path
}

func printStale(a *app, found []agents.Stale, files int) {
	for i, s := range found {
		if i == maxStale {
			fmt.Fprintf(a.stdout, "… and %d more (--json has them all)\n", len(found)-maxStale)
			break
		}
		line := fmt.Sprintf("%s:%d:%d: %s is %s (%s)", s.File, s.Line, s.Column, s.ID, s.Kind, s.Why)
		if s.Now != "" {
			line += "; write " + s.Now
		}
		fmt.Fprintln(a.stdout, report.Visible(line))
	}
	fmt.Fprintf(a.stdout, "%d files, %d stale agents\n", files, len(found))
}
