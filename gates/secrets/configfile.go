package secrets

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"

	"github.com/wf-ci/wf-ci/gates/secrets/scan"
)

// parseConfig reads one file. Its errors hold nothing of its values: people
// write secrets into allowlists.
//
// The types are gitleaks', its loader is not: that keeps its state in globals,
// ends in a panic on an expression that does not compile, validates only the
// first configuration of a process and gives an empty one from the third on.
func parseConfig(name string, data []byte) (*file, error) {
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
	r := configReader{name: name, lines: keyLines(data)}
	r.unknownKeys(v)
	return r.file(&vc)
}

var invalidKeys = regexp.MustCompile(`'([\w\[\].-]*)' has invalid keys: (.*)`)

// unknownKeys are faults: gitleaks passes over them, and what they were meant to
// say goes unsaid.
func (r *configReader) unknownKeys(v *viper.Viper) {
	err := v.UnmarshalExact(new(config.ViperConfig))
	if err == nil {
		return
	}
	found := invalidKeys.FindAllStringSubmatch(err.Error(), -1)
	for _, m := range found {
		for _, key := range strings.Split(m[2], ", ") {
			at := strings.TrimPrefix(strings.ToLower(m[1])+"."+key, ".")
			if !keyShape.MatchString(key) {
				key = "…" // anything can stand there
			}
			r.fault(at, "unknown key %q", key)
		}
	}
	if len(found) == 0 {
		r.fault("", "%s: unknown keys", quotedNames(err))
	}
}

var keyShape = regexp.MustCompile(`^[A-Za-z_-]{1,24}$`)

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

// configReader turns gitleaks' types into ours, and checks them.
type configReader struct {
	name  string
	lines map[string]int // "rules[0].regex" -> line
	errs  []error
}

// fault notes what is wrong at a key, or at the nearest one above it.
func (r *configReader) fault(key, format string, args ...any) {
	place := r.name
	for k := key; k != ""; {
		if line, ok := r.lines[k]; ok {
			place = fmt.Sprintf("%s:%d", r.name, line)
			break
		}
		k = k[:max(0, strings.LastIndexByte(k, '.'))]
	}
	r.errs = append(r.errs, fmt.Errorf("%s: %s", place, fmt.Sprintf(format, args...)))
}

func (r *configReader) file(vc *config.ViperConfig) (*file, error) {
	f := &file{name: r.name, extend: extend{vc.Extend.Path, vc.Extend.UseDefault, vc.Extend.DisabledRules}}
	for i := range vc.Rules {
		f.rules = append(f.rules, r.rule(fmt.Sprintf("rules[%d]", i), vc, i))
	}
	if vc.AllowList != nil {
		if len(vc.Allowlists) > 0 {
			r.fault("allowlist", "[allowlist] is deprecated and cannot stand beside [[allowlists]]")
		}
		vc.Allowlists = append(vc.Allowlists, vc.AllowList)
	}
	for i, a := range vc.Allowlists {
		key := fmt.Sprintf("allowlists[%d]", i)
		if vc.AllowList != nil {
			key = "allowlist"
		}
		list := r.allowlist(key, "allowlist", scan.Allowlist{Commits: a.Commits, Paths: a.Paths, Target: a.RegexTarget, Regexes: a.Regexes, StopWords: a.StopWords}, a.Condition)
		if len(a.TargetRules) > 0 {
			f.aimed = append(f.aimed, aimed{a.TargetRules, list})
		} else {
			f.global = append(f.global, list)
		}
	}
	return f, errors.Join(r.errs...)
}

func (r *configReader) rule(key string, vc *config.ViperConfig, i int) scan.Rule {
	from := &vc.Rules[i]
	out := scan.Rule{
		ID: from.ID, Description: from.Description, Regex: from.Regex, Path: from.Path,
		SecretGroup: from.SecretGroup, Entropy: from.Entropy, Tags: from.Tags, SkipReport: from.SkipReport,
	}
	for _, k := range from.Keywords {
		if k == "" {
			r.fault(key+".keywords", "rule %q: a keyword is empty, and gitleaks finds none in any text: take it out", from.ID)
		}
		out.Keywords = append(out.Keywords, strings.ToLower(k))
	}
	r.patterns(key+".regex", fmt.Sprintf("rule %q: regex", from.ID), from.Regex)
	r.patterns(key+".path", fmt.Sprintf("rule %q: path", from.ID), from.Path)
	single := from.AllowList != nil
	if single {
		if len(from.Allowlists) > 0 {
			r.fault(key+".allowlist", "rule %q: [rules.allowlist] is deprecated and cannot stand beside [[rules.allowlists]]", from.ID)
		}
		from.Allowlists = append(from.Allowlists, from.AllowList)
	}
	for k, a := range from.Allowlists {
		at := fmt.Sprintf("%s.allowlists[%d]", key, k)
		if single {
			at = key + ".allowlist"
		}
		out.Allowlists = append(out.Allowlists, r.allowlist(at, fmt.Sprintf("rule %q: allowlist", from.ID), scan.Allowlist{
			Commits: a.Commits, Paths: a.Paths, Target: a.RegexTarget, Regexes: a.Regexes, StopWords: a.StopWords}, a.Condition))
	}
	for _, q := range from.Required {
		if q.ID == "" {
			r.fault(key+".required", "rule %q: a required rule has no id", from.ID)
		}
		out.Required = append(out.Required, scan.Required{ID: q.ID, WithinLines: q.WithinLines, WithinColumns: q.WithinColumns})
	}
	return out
}

// allowlist checks a list and gives it its condition.
func (r *configReader) allowlist(key, what string, a scan.Allowlist, condition string) scan.Allowlist {
	r.patterns(key+".paths", what+" paths", a.Paths...)
	r.patterns(key+".regexes", what+" regexes", a.Regexes...)
	if len(a.Commits)+len(a.Paths)+len(a.Regexes)+len(a.StopWords) == 0 {
		r.fault(key, "%s: must contain at least one check for: commits, paths, regexes, or stopwords", what)
	}
	switch strings.ToUpper(condition) {
	case "AND", "&&":
		a.And = true
	case "", "OR", "||":
	default:
		r.fault(key+".condition", "%s: condition: want and or or", what)
	}
	switch a.Target {
	case "secret":
		a.Target = ""
	case "", "match", "line":
	default:
		r.fault(key+".regextarget", "%s: regexTarget: want secret, match or line", what)
	}
	return a
}

// patterns checks expressions, and that they can be joined as gitleaks does.
func (r *configReader) patterns(key, what string, patterns ...string) {
	good := true
	for _, p := range patterns {
		if _, err := regexp.Compile(p); err != nil {
			good = false
			r.fault(key, "%s: not a regular expression: %s", what, patternFault(err))
		}
	}
	if good && len(patterns) > 1 {
		if _, err := regexp.Compile("(?:" + strings.Join(patterns, "|") + ")"); err != nil {
			r.fault(key, "%s: cannot be compiled together: %s", what, patternFault(err))
		}
	}
}

func patternFault(err error) string {
	var fault *syntax.Error
	if errors.As(err, &fault) {
		return string(fault.Code)
	}
	return "cannot be compiled"
}

// finish checks the configuration as a whole, when it extends nothing any more.
func (f *file) finish() (scan.Rules, error) {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(f.name+": "+format, args...)) }
	counts := last(f.rules)
	var out scan.Rules
	for i, r := range f.rules {
		if counts[r.ID] == i {
			out.Rules = append(out.Rules, r)
		}
	}
	if len(out.Rules) == 0 {
		return out, fmt.Errorf("%s has no rules, so nothing would be found: add [extend] with useDefault = true", f.name)
	}
	for i := range out.Rules {
		r := &out.Rules[i]
		if strings.TrimSpace(r.ID) == "" {
			fault("a rule has no id")
		}
		if r.Regex == "" && r.Path == "" {
			fault("%s: both |regex| and |path| are empty, this rule will have no effect", r.ID)
		}
		if r.SecretGroup < 0 {
			fault("rule %q: secretGroup is %d", r.ID, r.SecretGroup)
		}
		if math.IsNaN(r.Entropy) {
			fault("rule %q: entropy is not a number", r.ID)
		}
		if r.Regex != "" && r.SecretGroup > 0 {
			if re, err := regexp.Compile(r.Regex); err == nil && r.SecretGroup > re.NumSubexp() {
				fault("rule %q: secretGroup is %d, and the regex has %d groups", r.ID, r.SecretGroup, re.NumSubexp())
			}
		}
		for _, q := range r.Required {
			if _, ok := counts[q.ID]; !ok {
				fault("rule %q: the required rule %q is not there", r.ID, q.ID)
			}
		}
	}
	for _, a := range f.aimed {
		for _, id := range a.rules {
			i := slices.IndexFunc(out.Rules, func(r scan.Rule) bool { return r.ID == id })
			if i < 0 {
				fault("an allowlist is for the rule %q, which is not there", id)
				continue
			}
			r := &out.Rules[i]
			r.Allowlists = append(slices.Clip(r.Allowlists), a.list)
		}
	}
	out.Allowlists, out.Path = f.global, f.name
	return out, errors.Join(errs...)
}
