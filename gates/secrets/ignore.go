package secrets

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
)

const ignorePath = ".gitleaksignore"

// ignores are the lines of a .gitleaksignore: "file:rule:line" for the tree
// and every commit, "commit:file:rule:line" for one commit.
type ignores struct {
	lines []string
	used  map[string]bool // line -> it spoke for something
}

func loadIgnores(ctx context.Context, t *gates.Target) (*ignores, error) {
	data, err := t.ReadPolicy(ctx, ignorePath)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ignorePath, err)
	}
	return parseIgnores(string(data)), nil
}

func parseIgnores(text string) *ignores {
	g := &ignores{used: make(map[string]bool)}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		// Paths may have been written on Windows.
		parts := strings.Split(line, ":")
		if n := len(parts); n == 3 || n == 4 {
			parts[n-3] = strings.ReplaceAll(parts[n-3], `\`, "/")
		}
		line = strings.Join(parts, ":")
		if _, ok := g.used[line]; !ok {
			g.lines = append(g.lines, line)
			g.used[line] = false
		}
	}
	return g
}

func (g *ignores) has(f found) bool {
	line := fmt.Sprintf("%s:%s:%d", f.path, f.rule, f.startLine)
	return g.use(line) || f.commit != "" && g.use(f.commit+":"+line)
}

func (g *ignores) use(line string) bool {
	_, ok := g.used[line]
	if ok {
		g.used[line] = true
	}
	return ok
}

func (g *ignores) logUnused(log *slog.Logger) {
	for _, l := range g.lines {
		if !g.used[l] {
			log.Info(ignorePath+": nothing matches this line any more", "line", l)
		}
	}
}
