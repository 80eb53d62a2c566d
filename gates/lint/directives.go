package lint

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// directive is staticcheck's own way to pass a place over, with a reason:
// //lint:ignore SA4000,SA4006 reason, or //lint:file-ignore.
var directive = lazyregexp.New(`^\s*//lint:(ignore|file-ignore)\s+(\S+)\s+\S`)
var trailing = lazyregexp.New(`//lint:(ignore)\s+(\S+)\s+\S`)

// ignored takes out what a directive passes over. One that the change itself
// adds does not count: the gate suppressions reports it. `//nolint` is
// golangci-lint's word, and not obeyed.
func (m *goModule) ignored(ctx context.Context, all []gates.Finding) ([]gates.Finding, error) {
	var list []gates.Finding
	for _, f := range all {
		data, err := m.session.text(ctx, string(f.Path))
		if err != nil {
			return list, err
		}
		if f.Rule == compileError || !passedOver(m.session.target, f, data) {
			list = append(list, f)
		}
	}
	return list, nil
}

func passedOver(t *gates.Target, f gates.Finding, data []byte) bool {
	if !bytes.Contains(data, []byte("//lint:")) {
		return false
	}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		g := directive.FindSubmatch(line)
		if g == nil {
			g = trailing.FindSubmatch(line)
		}
		if g == nil || !names(string(g[2]), f.Rule) {
			continue
		}
		if file := string(g[1]) == "file-ignore"; !file && n != f.Line && n != f.Line-1 {
			continue
		}
		if t.Change.Everything() || !t.Change.HasLines(string(f.Path), n, n) {
			return true
		}
	}
	return false
}

// names says whether a comma-separated list of patterns names a check.
func names(list, check string) bool {
	for pattern := range strings.SplitSeq(list, ",") {
		if ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(check)); err == nil && ok {
			return true
		}
	}
	return false
}

// checks reads which checks of staticcheck the module asks for, from its
// staticcheck.conf: "all", "inherit" and "SA*" add, "-SA1019" takes out.
func (m *goModule) checks() (func(string) bool, error) {
	name := path.Join(m.project.Dir, "staticcheck.conf")
	data, err := m.session.text(context.Background(), name)
	if err != nil || data == nil {
		return func(string) bool { return true }, err
	}
	var conf struct {
		Checks []string `toml:"checks"`
	}
	if err := toml.Unmarshal(data, &conf); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(conf.Checks) == 0 {
		return func(string) bool { return true }, nil
	}
	return func(check string) bool { return selected(conf.Checks, check) }, nil
}

func selected(list []string, check string) bool {
	on := false
	for _, word := range list {
		pattern, off := strings.CutPrefix(word, "-")
		if pattern == "all" || pattern == "inherit" || pattern == "default" || names(pattern, check) {
			on = !off
		}
	}
	return on
}
