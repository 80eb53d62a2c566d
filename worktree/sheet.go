package worktree

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/internal/state"
)

// SheetName is the task sheet of a worktree.
const SheetName = "WORKTREE_TASK.md"

// Task is one task of a feature plan.
type Task struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Needs []string `json:"needs,omitempty"`
	Hours float64  `json:"hours,omitempty"`
	Agent string   `json:"agent,omitempty"`
}

// Sheet is what is to be done in a worktree.
type Sheet struct {
	Title string
	Agent string
	Tasks []Task
}

// render is the sheet as Markdown.
func (s *Sheet) render(w spawning, ports []int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", oneLine(s.Title))
	fmt.Fprintf(&b, "**Branch:** %s\n", w.Branch)
	if len(ports) == 2 {
		fmt.Fprintf(&b, "**Ports:** %d, %d\n", ports[0], ports[1])
	}
	if s.Agent != "" {
		fmt.Fprintf(&b, "**Agent:** %s\n", oneLine(s.Agent))
	}
	fmt.Fprintf(&b, "**Base:** %s\n\n## Tasks\n\n", w.Base)
	for _, t := range s.Tasks {
		fmt.Fprintf(&b, "- [ ] %s", oneLine(t.Title))
		if t.Hours > 0 {
			fmt.Fprintf(&b, " (%g h)", t.Hours)
		}
		if len(t.Needs) > 0 {
			fmt.Fprintf(&b, " — needs %s", oneLine(strings.Join(t.Needs, ", ")))
		}
		b.WriteByte('\n')
	}
	b.WriteString("\n## Blockers\n\n")
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// writeSheet writes the sheet where git does not see it: it is for whoever works
// here, no part of the change.
func (p *Project) writeSheet(ctx context.Context, t Tree, text string, r *record, out *Spawned) error {
	path := filepath.Join(t.Path, SheetName)
	if _, err := os.Lstat(path); err == nil {
		out.Notes = append(out.Notes, SheetName+" is tracked: it was left as it is")
		return nil
	}
	ignored, err := p.ignored(ctx, t, []string{SheetName})
	if err != nil {
		return err
	}
	if !slices.Contains(ignored, SheetName) {
		if err := p.exclude(SheetName); err != nil {
			return err
		}
	}
	return state.Write(path, []byte(text), 0o644)
}

// exclude adds a name to the repository's own list of ignored files.
func (p *Project) exclude(name string) error {
	dir := filepath.Join(p.Common, "info")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, "exclude")
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return state.Write(path, []byte(appendLine(string(old), "/"+name)), 0o644)
}

// Progress is what the check boxes of a sheet say.
type Progress struct {
	Done     int      `json:"done"`
	Total    int      `json:"total"`
	Percent  int      `json:"percent"`
	Blockers []string `json:"blockers"`
}

// progress reads the sheet of a worktree, or its TASK.md.
func progress(dir string) Progress {
	for _, name := range []string{SheetName, "TASK.md"} {
		data, err := readRegular(filepath.Join(dir, name), envLimit)
		if err != nil {
			continue
		}
		if pr := parseProgress(string(data)); pr.Total > 0 || len(pr.Blockers) > 0 {
			return pr
		}
	}
	return Progress{Blockers: []string{}}
}

// parseProgress counts "- [ ]" and "- [x]". Under a heading with "blocker" they
// are blockers, as is a task that begins with BLOCKED.
func parseProgress(text string) Progress {
	pr := Progress{Blockers: []string{}}
	blockers := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			blockers = strings.Contains(strings.ToLower(line), "blocker")
			continue
		}
		done, what, ok := checkbox(line)
		switch {
		case blockers && ok && !done:
			pr.Blockers = append(pr.Blockers, what)
		case blockers && !ok && strings.HasPrefix(line, "- "):
			pr.Blockers = append(pr.Blockers, strings.TrimSpace(line[2:]))
		case blockers || !ok:
		default:
			pr.Total++
			if done {
				pr.Done++
			} else if strings.HasPrefix(what, "BLOCKED") {
				pr.Blockers = append(pr.Blockers, what)
			}
		}
	}
	if pr.Total > 0 {
		pr.Percent = 100 * pr.Done / pr.Total
	}
	return pr
}

func checkbox(line string) (done bool, what string, ok bool) {
	if len(line) < 5 || !strings.ContainsRune("-*+", rune(line[0])) || line[1:3] != " [" || line[4] != ']' {
		return false, "", false
	}
	switch line[3] {
	case 'x', 'X':
		done = true
	case ' ', '/':
	default:
		return false, "", false
	}
	return done, strings.TrimSpace(line[5:]), true
}

// composeName and databaseName are names that Compose and databases take.
func composeName(s string) string { return strings.ToLower(strings.ReplaceAll(asciiOnly(s), ".", "-")) }

func databaseName(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "_", ".", "_").Replace(asciiOnly(slug(s))))
}

func asciiOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7e {
			return '-'
		}
		return r
	}, s)
}
