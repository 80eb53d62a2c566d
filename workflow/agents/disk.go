package agents

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const (
	maxFiles  = 5000     // that are looked at below one folder
	maxHead   = 64 << 10 // of an agent's file; its head is in there
	maxListed = 4 << 20  // of the list of plugins
)

// ReadInstalled looks for what is installed: the project's .claude/agents, the
// user's, and the plugins'. home may be empty. The notes say what could not be
// read; that is no reason to stop.
func ReadInstalled(project, home string) (Installed, []string) {
	in := Installed{Looked: true}
	var notes []string
	add := func(dir, plugin string) {
		list, err := readAgents(dir, plugin)
		if err != nil {
			notes = append(notes, err.Error())
		}
		in.Agents = append(in.Agents, list...)
	}
	add(filepath.Join(project, ".claude", "agents"), "")
	if home == "" {
		return in, notes
	}
	if home != project {
		add(filepath.Join(home, ".claude", "agents"), "")
	}
	plugins, err := readPlugins(filepath.Join(home, ".claude", "plugins", "installed_plugins.json"))
	if err != nil {
		notes = append(notes, err.Error())
	}
	for _, p := range plugins {
		add(filepath.Join(p.dir, "agents"), p.name)
	}
	return in, notes
}

// readAgents are the agents of a folder and those below it. Links are not
// followed: a checkout has no business outside of itself.
func readAgents(dir, plugin string) ([]Local, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var list []Local
	err = markdown(root, ".", func(name string) error {
		l, err := readAgent(root, name)
		if err != nil || l.Name == "" {
			return err
		}
		l.Plugin, l.File = plugin, filepath.Join(dir, filepath.FromSlash(name))
		list = append(list, l)
		return nil
	})
	return list, err
}

// markdown calls fn for the Markdown files of a folder, in order.
func markdown(root *os.Root, dir string, fn func(name string) error) error {
	n := 0
	return fs.WalkDir(root.FS(), dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.Type().IsRegular() || !strings.EqualFold(path.Ext(name), ".md") {
			return nil
		}
		if n++; n > maxFiles {
			return fmt.Errorf("%s: more than %d files", filepath.Join(root.Name(), dir), maxFiles)
		}
		return fn(name)
	})
}

func readAgent(root *os.Root, name string) (Local, error) {
	f, err := root.Open(name)
	if err != nil {
		return Local{}, err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, maxHead))
	if err != nil {
		return Local{}, err
	}
	return frontmatter(string(head)), nil
}

// frontmatter reads the name and the description at the head of an agent's file.
// It is no YAML reader: the descriptions that are in use are often no YAML.
func frontmatter(text string) Local {
	var l Local
	s := bufio.NewScanner(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	s.Buffer(nil, maxHead+1)
	if !s.Scan() || strings.TrimSpace(s.Text()) != "---" {
		return l
	}
	key := ""
	for s.Scan() && strings.TrimSpace(s.Text()) != "---" {
		line := s.Text()
		if k, v, ok := strings.Cut(line, ":"); ok && k != "" && k[0] != ' ' && k[0] != '\t' {
			key, line = k, v
		}
		value := strings.Trim(strings.TrimSpace(line), `"'`)
		switch {
		case value == "|" || value == ">" || value == "|-" || value == ">-":
		case key == "name" && l.Name == "":
			l.Name = value
		case key == "description":
			l.Says = strings.TrimSpace(l.Says + " " + value)
		}
	}
	return l
}

type plugin struct{ name, dir string }

// readPlugins reads Claude Code's list of installed plugins.
func readPlugins(file string) ([]plugin, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list struct {
		Plugins map[string][]struct {
			InstallPath string `json:"installPath"`
		} `json:"plugins"`
	}
	if err := json.NewDecoder(io.LimitReader(f, maxListed)).Decode(&list); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var out []plugin
	for name, places := range list.Plugins {
		short, _, _ := strings.Cut(name, "@")
		for _, p := range places {
			if filepath.IsAbs(p.InstallPath) {
				out = append(out, plugin{short, p.InstallPath})
			}
		}
	}
	slices.SortFunc(out, func(a, b plugin) int { return strings.Compare(a.name+"\x00"+a.dir, b.name+"\x00"+b.dir) })
	return out, nil
}
