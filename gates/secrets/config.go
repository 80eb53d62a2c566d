package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"

	"github.com/wf-ci/wf-ci/gates"
)

const configPath = ".gitleaks.toml"

// rules are a configuration, ready for use.
type rules struct {
	config.Config
	scanner
}

// loadRules is the policy's .gitleaks.toml, or gitleaks' own rules.
//
// gitleaks' loader is not used: it keeps its state in globals, validates only
// the first configuration of a process and gives an empty one from the third
// on. Only its types and its Translate are, on configurations that extend
// nothing any more.
func loadRules(ctx context.Context, t *gates.Target) (*rules, error) {
	data, err := t.ReadPolicy(ctx, configPath)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", configPath, err)
	}
	if data == nil {
		return builtin()
	}
	vc, err := parseConfig(configPath, data)
	if err != nil {
		return nil, err
	}
	if err := extend(ctx, t, configPath, vc, 0); err != nil {
		return nil, err
	}
	return compile(configPath, *vc)
}

var (
	// defaults are gitleaks' own rules as text. Shared: never written to.
	defaults = sync.OnceValues(func() (*config.ViperConfig, error) {
		return parseConfig("gitleaks' own configuration", []byte(config.DefaultConfig))
	})
	builtin = sync.OnceValues(func() (*rules, error) {
		vc, err := defaults()
		if err != nil {
			return nil, err
		}
		return compile("", *vc)
	})
	// translating guards Translate, which is not safe for concurrent use.
	translating sync.Mutex
)

// parseConfig reads one file. Its errors hold nothing of its values: people
// write secrets into allowlists.
func parseConfig(name string, data []byte) (*config.ViperConfig, error) {
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(bytes.NewReader(data)); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, col := at.Position()
			return nil, fmt.Errorf("%s:%d:%d: %w", name, row, col, at)
		}
		return nil, fmt.Errorf("%s: not TOML that can be read", name)
	}
	var vc config.ViperConfig
	if err := v.Unmarshal(&vc); err != nil {
		return nil, fmt.Errorf("%s: %s: wrong type", name, quotedNames(err))
	}
	if err := modernise(&vc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := checkPatterns(&vc); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &vc, nil
}

var keyName = regexp.MustCompile(`'[\w\[\].-]+'`)

// quotedNames are the keys that a decoding error names, without the values.
func quotedNames(err error) string {
	var names []string
	for line := range strings.Lines(err.Error()) {
		if name := keyName.FindString(line); name != "" {
			names = append(names, strings.ToLower(strings.Trim(name, "'")))
		}
	}
	return strings.Join(names, ", ")
}

// modernise turns the deprecated single allowlists into the lists of today.
func modernise(vc *config.ViperConfig) error {
	for i := range vc.Rules {
		r := &vc.Rules[i]
		if r.AllowList == nil {
			continue
		}
		if len(r.Allowlists) > 0 {
			return fmt.Errorf("rule %q: [rules.allowlist] is deprecated and cannot stand beside [[rules.allowlists]]", r.ID)
		}
		r.Allowlists, r.AllowList = append(r.Allowlists, r.AllowList), nil
	}
	if vc.AllowList != nil {
		if len(vc.Allowlists) > 0 {
			return errors.New("[allowlist] is deprecated and cannot stand beside [[allowlists]]")
		}
		vc.Allowlists, vc.AllowList = append(vc.Allowlists, vc.AllowList), nil
	}
	return nil
}

// checkPatterns compiles every expression: Translate would panic.
func checkPatterns(vc *config.ViperConfig) error {
	var errs []error
	check := func(where string, patterns ...string) {
		for _, p := range patterns {
			if _, err := regexp.Compile(p); err != nil {
				errs = append(errs, fmt.Errorf("%s: not a regular expression: %s", where, patternFault(err)))
			}
		}
	}
	for _, r := range vc.Rules {
		check(fmt.Sprintf("rule %q: path", r.ID), r.Path)
		check(fmt.Sprintf("rule %q: regex", r.ID), r.Regex)
		for _, a := range r.Allowlists {
			check(fmt.Sprintf("rule %q: allowlist paths", r.ID), a.Paths...)
			check(fmt.Sprintf("rule %q: allowlist regexes", r.ID), a.Regexes...)
		}
	}
	for _, a := range vc.Allowlists {
		check("allowlist paths", a.Paths...)
		check("allowlist regexes", a.Regexes...)
	}
	return errors.Join(errs...)
}

func patternFault(err error) string {
	var fault *syntax.Error
	if errors.As(err, &fault) {
		return string(fault.Code)
	}
	return "cannot be compiled"
}

// maxExtend is how often one configuration can extend another, as in gitleaks.
const maxExtend = 2

// extend merges into a configuration what it extends.
func extend(ctx context.Context, t *gates.Target, name string, vc *config.ViperConfig, depth int) error {
	e := vc.Extend
	vc.Extend = config.Extend{}
	switch {
	case depth == maxExtend:
		return nil
	case e.UseDefault && e.Path != "":
		return fmt.Errorf("%s: extend.path and extend.useDefault are both set", name)
	case e.UseDefault:
		base, err := defaults()
		if err != nil {
			return err
		}
		merge(vc, base, e.DisabledRules)
	case e.Path != "":
		base, err := readExtended(ctx, t, name, e.Path)
		if err != nil {
			return err
		}
		if err := extend(ctx, t, e.Path, base, depth+1); err != nil {
			return err
		}
		merge(vc, base, e.DisabledRules)
	}
	return nil
}

// readExtended reads the file that extend.path names: policy too, so from
// where policy comes from, and never from outside the tree.
func readExtended(ctx context.Context, t *gates.Target, name, file string) (*config.ViperConfig, error) {
	clean := path.Clean(file)
	if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
		return nil, fmt.Errorf("%s: extend.path %q leads out of the tree", name, file)
	}
	data, err := t.ReadPolicy(ctx, clean)
	if err != nil {
		return nil, fmt.Errorf("%s: read extend.path %q: %w", name, file, err)
	}
	if data == nil {
		return nil, fmt.Errorf("%s: extend.path %q is not there", name, file)
	}
	return parseConfig(clean, data)
}

// merge puts the rules and allowlists of base under those of vc, as gitleaks'
// Config.extend does. base is not written to.
func merge(vc, base *config.ViperConfig, disabled []string) {
	own := make(map[string]int) // the last rule of a name counts
	for i, r := range vc.Rules {
		own[r.ID] = i
	}
	last := make(map[string]int)
	for i, r := range base.Rules {
		last[r.ID] = i
	}
	merged := vc.Rules[:0:0]
	for i, r := range base.Rules {
		if last[r.ID] != i || slices.Contains(disabled, r.ID) {
			continue
		}
		if k, ok := own[r.ID]; ok {
			over := vc.Rules[k]
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
				r.Regex = over.Regex
			}
			if over.Path != "" {
				r.Path = over.Path
			}
			r.Tags = slices.Concat(r.Tags, over.Tags)
			r.Keywords = slices.Concat(r.Keywords, over.Keywords)
			r.Allowlists = slices.Concat(r.Allowlists, over.Allowlists)
			delete(own, r.ID)
		}
		merged = append(merged, r)
	}
	for i, r := range vc.Rules {
		if k, ok := own[r.ID]; ok && k == i {
			merged = append(merged, r)
		}
	}
	vc.Rules = merged
	vc.Allowlists = slices.Clone(vc.Allowlists)
	for _, a := range base.Allowlists {
		if len(a.TargetRules) == 0 { // gitleaks forgets the others
			vc.Allowlists = append(vc.Allowlists, a)
		}
	}
}

// compile makes a configuration that extends nothing ready for use. name is
// the policy's file; empty: none.
func compile(name string, vc config.ViperConfig) (r *rules, err error) {
	translating.Lock()
	defer translating.Unlock()
	defer func() {
		if recover() != nil {
			// Its words would hold the expression.
			err = fmt.Errorf("%s: regular expressions that cannot be compiled together", name)
		}
	}()
	silence()
	c, err := vc.Translate()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(c.Rules) == 0 {
		return nil, fmt.Errorf("%s has no rules, so nothing would be found: add [extend] with useDefault = true", name)
	}
	for id, rule := range c.Rules {
		rule.Tags = slices.Clip(rule.Tags) // the detector appends to it, from several goroutines
		c.Rules[id] = rule
	}
	c.Path = name
	return &rules{Config: c, scanner: newLibrary(c)}, nil
}
