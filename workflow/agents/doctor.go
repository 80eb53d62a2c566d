package agents

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Kinds of what is wrong with an id.
const (
	Renamed = "renamed" // upstream calls it otherwise now
	Gone    = "gone"    // it cannot be had any more
	Missing = "missing" // there never was one, or it is not installed
)

// Stale is a place where instructions name an agent by an id that does not work.
type Stale struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"` // in bytes, from 1
	ID     string `json:"id"`
	Kind   string `json:"kind"`
	Now    string `json:"now,omitempty"` // what to write; empty: nothing is known
	Why    string `json:"why"`
}

// Checker looks for stale ids. Make it with [NewChecker].
type Checker struct {
	catalog   *Catalog
	installed Installed
	skills    map[string]bool
	upstream  map[string]string // id → name, of agents besides the catalog
	plugins   map[string]bool   // plugins that are known whole
}

// NewChecker makes a checker. Skills are names that may stand where an agent's
// could.
func NewChecker(c *Catalog, installed Installed, skills []string) (*Checker, error) {
	text, err := data.ReadFile("data/upstream.tsv")
	if err != nil {
		return nil, err
	}
	k := &Checker{catalog: c, installed: installed, skills: make(map[string]bool), upstream: make(map[string]string), plugins: make(map[string]bool)}
	for _, s := range skills {
		k.skills[s] = true
	}
	for line := range strings.Lines(string(text)) {
		if id, name, _ := strings.Cut(strings.TrimSpace(line), "\t"); id != "" && id[0] != '#' {
			k.upstream[id] = name
		}
	}
	for id := range k.upstream {
		k.plugins[pluginOf(id)] = true
	}
	for _, a := range c.Agents {
		if a.Source == builtinTool {
			k.plugins[pluginOf(a.ID)] = true
		}
	}
	delete(k.plugins, "")
	return k, nil
}

func pluginOf(id string) string {
	plugin, _, ok := strings.Cut(id, ":")
	if !ok {
		return ""
	}
	return plugin
}

// window is how much of a line is looked at in one piece; overlap is what two
// pieces share, more than an id has.
const (
	window  = 64 << 10
	overlap = 512
)

// Check reads a file of instructions, of any size, a piece at a time.
func (k *Checker) Check(file string, r io.Reader) ([]Stale, error) {
	in := bufio.NewReaderSize(r, window)
	var out []Stale
	tail, line, column := "", 1, 1 // column of the tail
	for {
		piece, err := in.ReadSlice('\n')
		whole := err == nil || errors.Is(err, io.EOF)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return out, fmt.Errorf("%s: %w", file, err)
		}
		text := tail + string(piece)
		for _, s := range k.stale(text) {
			// What reaches into the overlap is looked at with the next piece.
			if whole || s.Column-1 < len(text)-overlap {
				s.File, s.Line, s.Column = file, line, s.Column+column-1
				out = append(out, s)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return once(out), nil
		case whole:
			tail, line, column = "", line+1, 1
		default:
			cut := max(0, len(text)-overlap)
			tail, column = text[cut:], column+cut
		}
	}
}

// once drops what two forms of the same place found.
func once(list []Stale) []Stale {
	slices.SortStableFunc(list, func(a, b Stale) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return slices.CompactFunc(list, func(a, b Stale) bool { return a.Line == b.Line && a.Column == b.Column })
}

var (
	pluginID = lazyregexp.New(`[A-Za-z0-9][A-Za-z0-9_.-]*:[A-Za-z0-9][A-Za-z0-9_.-]*`)
	called   = lazyregexp.New(`(?:subagent_type["']?\s*[:=]\s*["']?|\[AGENT:\s*)[A-Za-z0-9][A-Za-z0-9_.:-]*`)
	lastName = lazyregexp.New(`[A-Za-z0-9][A-Za-z0-9_.:-]*$`)
)

// stale are the stale ids of one piece of a line; Column counts from 1 in it.
func (k *Checker) stale(text string) []Stale {
	if !strings.Contains(text, ":") && !strings.Contains(text, "subagent_type") {
		return nil
	}
	var out []Stale
	for _, at := range pluginID.FindAllIndex([]byte(text), -1) {
		if at[0] > 0 && strings.ContainsRune("/:@\\", rune(text[at[0]-1])) || at[1] < len(text) && strings.ContainsRune("/:@", rune(text[at[1]])) {
			continue // part of an address or a path
		}
		if s, ok := k.judge(strings.TrimRight(text[at[0]:at[1]], ".-"), false); ok {
			s.Column = at[0] + 1
			out = append(out, s)
		}
	}
	for _, at := range called.FindAllIndex([]byte(text), -1) {
		name := lastName.FindStringIndex(text[at[0]:at[1]])
		if s, ok := k.judge(strings.TrimRight(text[at[0]+name[0]:at[1]], ".-:"), true); ok {
			s.Column = at[0] + name[0] + 1
			out = append(out, s)
		}
	}
	return out
}

// judge says whether an id is stale. An agent is called where the text can mean
// nothing else.
func (k *Checker) judge(id string, called bool) (Stale, bool) {
	s := Stale{ID: id}
	if l, ok := k.installed.find(Agent{ID: id}); ok && (l.Name == id || !strings.Contains(id, ":") || l.Plugin == pluginOf(id)) {
		return s, false // it works here, whatever upstream does
	}
	if a, ok := k.catalog.Agent(id); ok {
		return k.judgeKnown(s, a)
	}
	if name, ok := k.upstream[id]; ok {
		return renamed(s, name)
	}
	for _, name := range k.upstream {
		if name == id && id != "" {
			return s, false
		}
	}
	switch {
	case k.skills[id] || !called && !k.plugins[pluginOf(id)]:
		return s, false
	case strings.HasSuffix(id, "-skill") && !strings.Contains(id, ":"):
		return s, false // a skill; this is about agents
	}
	s.Kind, s.Now, s.Why = Missing, k.catalog.Nearest(id), "neither installed nor known"
	if a, ok := k.catalog.Agent(s.Now); ok {
		s.Now = a.Call()
	}
	return s, true
}

func (k *Checker) judgeKnown(s Stale, a Agent) (Stale, bool) {
	if a.Gone != "" {
		s.Kind, s.Why = Gone, a.Gone
		if to, ok := k.catalog.Agent(a.Instead); ok {
			s.Now = to.Call()
		}
		return s, true
	}
	if s.ID == a.Name {
		return s, false
	}
	return renamed(s, a.Name)
}

func renamed(s Stale, name string) (Stale, bool) {
	if name == "" || s.ID == name {
		return s, false
	}
	s.Kind, s.Now, s.Why = Renamed, name, "renamed upstream in May 2026"
	return s, true
}

// instructions are the files and folders that tools read their instructions
// from.
func instructions(settings bool) []string {
	if settings {
		return []string{"CLAUDE.md", "agents", "commands", "rules", "skills"}
	}
	return []string{"CLAUDE.md", "CLAUDE.local.md", "AGENTS.md", "GEMINI.md", ".claude"}
}

// CheckDir checks the instructions below a directory: CLAUDE.md and its like,
// and every Markdown file in .claude. With settings, the directory is a .claude
// itself, of which only what instructs is read. It returns how many files it
// read.
func (k *Checker) CheckDir(dir string, settings bool) (found []Stale, files int, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, 0, err
	}
	defer root.Close()
	check := func(name string) error {
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		list, err := k.Check(filepath.Join(dir, filepath.FromSlash(name)), f)
		found = append(found, list...)
		files++
		return err
	}
	for _, name := range instructions(settings) {
		info, err := root.Lstat(name)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			return found, files, err
		case info.IsDir():
			if err := markdown(root, name, check); err != nil {
				return found, files, err
			}
		case info.Mode()&os.ModeSymlink != 0 && inside(root, name, settings):
			// A link to another of these files, as AGENTS.md often is: it is read there.
		case !info.Mode().IsRegular():
			return found, files, fmt.Errorf("%s: not a regular file", filepath.Join(dir, name))
		default:
			if err := check(name); err != nil {
				return found, files, err
			}
		}
	}
	return found, files, nil
}

// inside says whether a link leads to a file of the same folder that is read
// anyway.
func inside(root *os.Root, name string, settings bool) bool {
	to, err := root.Readlink(name)
	return err == nil && slices.Contains(instructions(settings), path.Clean(filepath.ToSlash(to)))
}

// Skills are the names of the skills below a directory.
func Skills(dir string) []string {
	list, err := os.ReadDir(filepath.Join(dir, ".claude", "skills"))
	if err != nil {
		return nil // without it, a skill that is called as an agent is said to be missing
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
