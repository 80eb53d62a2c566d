package secrets

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/secrets/scan"
)

const configPath = ".gitleaks.toml"

// rules are a configuration, ready for use.
type rules struct {
	scan.Rules
	scanner
	detector     *scan.Detector
	descriptions map[string]string
}

// loadRules is the policy's .gitleaks.toml, or gitleaks' own rules.
func loadRules(ctx context.Context, t *gates.Target) (*rules, error) {
	data, err := t.ReadPolicy(ctx, configPath)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", configPath, err)
	}
	if data == nil {
		return builtin(), nil
	}
	f, err := parseConfig(configPath, data)
	if err != nil {
		return nil, err
	}
	if err := f.extendBy(ctx, t, 0); err != nil {
		return nil, err
	}
	r, err := f.finish()
	if err != nil {
		return nil, err
	}
	return compile(r), nil
}

var builtin = sync.OnceValue(func() *rules { return compile(scan.Default()) })

// compile makes rules ready for use.
func compile(r scan.Rules) *rules {
	d := scan.New(r)
	out := &rules{Rules: r, detector: d, scanner: engine{d}, descriptions: make(map[string]string)}
	for _, rule := range r.Rules {
		out.descriptions[rule.ID] = rule.Description
	}
	return out
}

// file is one configuration file.
type file struct {
	name   string
	rules  []scan.Rule // the last of an id counts
	global []scan.Allowlist
	aimed  []aimed
	extend extend
}

// aimed is an allowlist for some rules.
type aimed struct {
	rules []string
	list  scan.Allowlist
}

// extend is what a file builds on.
type extend struct {
	path     string
	defaults bool
	disabled []string
}

// maxExtend is how often one configuration can extend another, as in gitleaks.
const maxExtend = 2

// extendBy merges into a configuration what it extends.
func (f *file) extendBy(ctx context.Context, t *gates.Target, depth int) error {
	e := f.extend
	switch {
	case depth == maxExtend:
		return nil
	case e.defaults && e.path != "":
		return fmt.Errorf("%s: extend.path and extend.useDefault are both set", f.name)
	case e.defaults:
		own := scan.Default()
		f.merge(&file{rules: own.Rules, global: own.Allowlists})
	case e.path != "":
		base, err := readExtended(ctx, t, f.name, e.path)
		if err != nil {
			return err
		}
		if err := base.extendBy(ctx, t, depth+1); err != nil {
			return err
		}
		f.merge(base)
	}
	return nil
}

// readExtended reads the file that extend.path names: policy too, so from
// where policy comes from, and never from outside the tree.
func readExtended(ctx context.Context, t *gates.Target, name, from string) (*file, error) {
	clean := path.Clean(from)
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return nil, fmt.Errorf("%s: extend.path %q leads out of the tree", name, from)
	}
	data, err := t.ReadPolicy(ctx, clean)
	if err != nil {
		return nil, fmt.Errorf("%s: read extend.path %q: %w", name, from, err)
	}
	if data == nil {
		return nil, fmt.Errorf("%s: extend.path %q is not there", name, from)
	}
	return parseConfig(clean, data)
}

// merge puts the rules and allowlists of base under those of f, as gitleaks'
// Config.extend does. base is not written to.
func (f *file) merge(base *file) {
	own := last(f.rules)
	inBase := last(base.rules)
	var merged []scan.Rule
	for i, r := range base.rules {
		if inBase[r.ID] != i || slices.Contains(f.extend.disabled, r.ID) {
			continue
		}
		if k, ok := own[r.ID]; ok {
			r = override(r, f.rules[k])
			delete(own, r.ID)
		}
		merged = append(merged, r)
	}
	for i, r := range f.rules {
		if k, ok := own[r.ID]; ok && k == i {
			merged = append(merged, r)
		}
	}
	f.rules = merged
	// gitleaks forgets the allowlists that base aims at rules.
	f.global = slices.Concat(f.global, base.global)
}

// last are the rules that count: of an id, the last.
func last(rules []scan.Rule) map[string]int {
	out := make(map[string]int)
	for i, r := range rules {
		out[r.ID] = i
	}
	return out
}

// override is a rule with what another of its id says.
func override(r, over scan.Rule) scan.Rule {
	if over.Description != "" {
		r.Description = over.Description
	}
	if over.Entropy != 0 {
		r.Entropy = over.Entropy
	}
	if over.SecretGroup != 0 {
		r.SecretGroup = over.SecretGroup
	}
	if over.Regex != "" {
		r.Regex, r.Cuts = over.Regex, nil
	}
	if over.Path != "" {
		r.Path = over.Path
	}
	r.Tags = slices.Concat(r.Tags, over.Tags)
	r.Keywords = slices.Concat(r.Keywords, over.Keywords)
	r.Allowlists = slices.Concat(r.Allowlists, over.Allowlists)
	return r
}
