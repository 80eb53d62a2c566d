package scan

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/sources"
)

var ctx = context.Background()

// library reads a configuration as gitleaks does. It must not extend another.
func library(t testing.TB, text string) config.Config {
	t.Helper()
	logging.Logger = zerolog.Nop()
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	var vc config.ViperConfig
	if err := v.Unmarshal(&vc); err != nil {
		t.Fatal(err)
	}
	c, err := vc.Translate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// rulesOf are the rules of a configuration as gitleaks has read it.
func rulesOf(c config.Config) Rules {
	out := Rules{Allowlists: allowlistsOf(c.Allowlists), Path: c.Path}
	seen := make(map[string]bool)
	for _, id := range c.OrderedRules {
		if seen[id] {
			continue // the last of an id counts
		}
		seen[id] = true
		from := c.Rules[id]
		r := Rule{
			ID: id, Description: from.Description, SecretGroup: from.SecretGroup, Entropy: from.Entropy,
			Keywords: from.Keywords, Tags: from.Tags, Allowlists: allowlistsOf(from.Allowlists), SkipReport: from.SkipReport,
		}
		if from.Regex != nil {
			r.Regex = from.Regex.String()
		}
		if from.Path != nil {
			r.Path = from.Path.String()
		}
		for _, q := range from.RequiredRules {
			r.Required = append(r.Required, Required{q.RuleID, q.WithinLines, q.WithinColumns})
		}
		out.Rules = append(out.Rules, r)
	}
	return out
}

func allowlistsOf(list []*config.Allowlist) []Allowlist {
	var out []Allowlist
	for _, from := range list {
		a := Allowlist{
			And: from.MatchCondition == config.AllowlistMatchAnd, Target: from.RegexTarget,
			Commits: slices.Sorted(slices.Values(from.Commits)), StopWords: slices.Sorted(slices.Values(from.StopWords)),
		}
		for _, re := range from.Paths {
			a.Paths = append(a.Paths, re.String())
		}
		for _, re := range from.Regexes {
			a.Regexes = append(a.Regexes, re.String())
		}
		out = append(out, a)
	}
	return out
}

// pair is our detector and gitleaks', with the same rules.
type pair struct {
	ours   *Detector
	theirs *detect.Detector
}

func newPair(t testing.TB, text string) pair {
	c := library(t, text)
	for id, r := range c.Rules {
		r.Tags = slices.Clip(r.Tags)
		c.Rules[id] = r
	}
	d := detect.NewDetector(c)
	d.MaxDecodeDepth = maxDepth
	d.IgnoreGitleaksAllow = true
	return pair{New(rulesOf(c)), d}
}

var defaultPair = sync.OnceValue(func() pair { return newPair(&testing.T{}, config.DefaultConfig) })

// theirHits are gitleaks' hits.
func (p pair) theirHits(f Fragment) []Hit {
	var out []Hit
	for _, r := range p.theirs.Detect(detect.Fragment(sources.Fragment{Raw: f.Text, FilePath: f.Path, CommitSHA: f.Commit, StartLine: f.Line})) {
		out = append(out, Hit{
			Rule: r.RuleID, StartLine: r.StartLine, EndLine: r.EndLine, StartColumn: r.StartColumn, EndColumn: r.EndColumn,
			Line: r.Line, Match: r.Match, Secret: r.Secret, Entropy: r.Entropy, Tags: r.Tags,
		})
	}
	return out
}
