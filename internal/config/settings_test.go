package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestSpecs checks the tags of every key.
func TestSpecs(t *testing.T) {
	sentence := regexp.MustCompile(`^[A-Z].*\.$`)
	var check func(s *spec, path string)
	check = func(s *spec, path string) {
		if path != "" && !sentence.MatchString(s.doc) {
			t.Errorf("%s: doc %q is no sentence", path, s.doc)
		}
		if !slices.Contains([]string{"", "high", "low", "same", "few", "many", "closed"}, s.strict) {
			t.Errorf("%s: strict %q", path, s.strict)
		}
		if s.inherit != "" && root().child(s.inherit) == nil {
			t.Errorf("%s: inherits from %q", path, s.inherit)
		}
		if s.needs != "" && s.doc == "" {
			t.Errorf("%s: needs %q", path, s.needs)
		}
		for _, c := range s.fields {
			check(c, join(path, c.key))
		}
		if s.rest != nil {
			check(s.rest, join(path, "*"))
		}
		if s.shape == list {
			for _, c := range s.elem.fields {
				check(c, path+"[]."+c.key)
			}
		}
	}
	check(root(), "")
}

func TestDefault(t *testing.T) {
	c := Default()
	if c.Timeout != 10*time.Minute || c.Worktree != (Worktree{4, Ports{8100, 8199}, 7 * 24 * time.Hour}) || c.Costs.Timezone != "UTC" {
		t.Errorf("got %+v", c)
	}
	scopes := make(map[Scope][]string)
	for id, g := range c.Gates.All() {
		scopes[g.Scope] = append(scopes[g.Scope], id)
		if want := (Gate{true, true, g.Scope, SeverityError, c.Timeout}); *g != want {
			t.Errorf("%s: got %+v", id, *g)
		}
	}
	want := []string{"secrets", "history", "env-files", "tests", "budget"}
	if diff := cmp.Diff(want, scopes[ScopeAll]); diff != "" {
		t.Errorf("scope all (-want +got):\n%s", diff)
	}
	if len(scopes[ScopeAll])+len(scopes[ScopeChange]) != len(BuiltIn()) {
		t.Errorf("scopes: %v", scopes)
	}
}

// TestParseStructs checks that values arrive where programs read them.
func TestParseStructs(t *testing.T) {
	c := parse(t, `
gates:
  secrets: {history: change, timeout: 90s}
  coverage: {min: 72.5, report: cover.out}
  zoo: {sarif: zoo.sarif, severity: {warning: note, Z1: error}}
  art: {run: make art, env: [B, A], dir: ./art/, required: false}
waivers:
  - {gate: zoo, fingerprint: f, reason: r, owner: o, expires: 2027-01-31}
`)
	common := Gate{Enabled: true, Required: true, Scope: ScopeChange, BlockOn: SeverityError, Timeout: 10 * time.Minute}
	optional := common
	optional.Required = false
	levels := map[string]Severity{"error": "error", "warning": "warning", "note": "note"}
	want := Default()
	want.Gates.Secrets.History = DepthChange
	want.Gates.Secrets.Timeout = 90 * time.Second
	want.Gates.Coverage.Min = 72.5
	want.Gates.Coverage.Report = "cover.out"
	want.Gates.Custom = []CustomGate{
		{ID: "art", Gate: optional, Run: "make art", Severity: levels, Env: []string{"A", "B"}, Dir: "art"},
		{ID: "zoo", Gate: common, SARIF: "zoo.sarif", Severity: map[string]Severity{"error": "error", "warning": "note", "note": "note", "Z1": "error"}},
	}
	want.Waivers = []Waiver{{"zoo", "f", "r", "o", "2027-01-31"}}
	if diff := cmp.Diff(want, c, cmpopts.IgnoreUnexported(Config{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if g := c.Gates.Get("zoo"); g != &c.Gates.Custom[1].Gate {
		t.Error("Get returns a copy")
	}
	if g := c.Gates.Get("nope"); g != nil {
		t.Errorf("got %+v", g)
	}
}

func TestOrigins(t *testing.T) {
	c := parse(t, "timeout: 5m\ngates:\n  coverage:\n    min: 70\n")
	set(t, c, "worktree.max_active", "7", "env WF_CI_WORKTREE_MAX_ACTIVE")
	set(t, c, "timeout", "2m", "flag --timeout")
	set(t, c, "gates.lint.timeout", "1m", "flag --lint-timeout")
	want := map[string]Setting{
		"default_branch":         {"default_branch", "", "built-in"},
		"timeout":                {"timeout", "2m", "flag --timeout"},
		"gates.secrets.timeout":  {"gates.secrets.timeout", "2m", "flag --timeout"},
		"gates.lint.timeout":     {"gates.lint.timeout", "1m", "flag --lint-timeout"},
		"gates.coverage.min":     {"gates.coverage.min", "70", ".wf-ci.yml:4:10"},
		"gates.coverage.enabled": {"gates.coverage.enabled", "true", "built-in"},
		"worktree.max_active":    {"worktree.max_active", "7", "env WF_CI_WORKTREE_MAX_ACTIVE"},
	}
	for _, s := range c.Settings() {
		if w, ok := want[s.Key]; ok && s != w {
			t.Errorf("got %+v, want %+v", s, w)
		}
		delete(want, s.Key)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
	if got := c.Origin("gates.coverage"); got != ".wf-ci.yml:4:5" {
		t.Errorf("a gate that is mentioned: %q", got)
	}
	if got := c.Origin("gates.lint"); got != "built-in" {
		t.Errorf("a gate that is not: %q", got)
	}
	if got := c.Timeout; got != 2*time.Minute {
		t.Errorf("timeout %v", got)
	}
}

func set(t *testing.T, c *Config, key, value, origin string) {
	t.Helper()
	if err := c.Set(key, value, origin); err != nil {
		t.Fatal(err)
	}
}

// TestSetEveryKey sets every key to the value that it has.
func TestSetEveryKey(t *testing.T) {
	c := parse(t, "gates: {secrets: {verify: make}, g: {run: make, sarif: a, env: [A, B], dir: d, severity: {a.b.c: note}}, coverage: {report: r, run: make, base_report: b}, tests: {reports: [a, b], run: make}, types: {report: r}, bundle: {paths: [a], baseline: b}, sast: {semgrep_rules: a, ast_grep_rules: b, bandit_config: c, ruff_config: d, eslint_config: e}}\ndefault_branch: main")
	before := c.Digest()
	for _, s := range c.Settings() {
		set(t, c, s.Key, s.Value, "flag")
		if got := c.Origin(s.Key); got != "flag" {
			t.Errorf("%s: origin %q", s.Key, got)
		}
	}
	if c.Digest() != before {
		t.Error("another configuration")
	}
}

func TestSetErrors(t *testing.T) {
	tests := []struct{ key, value, want string }{
		{"timeout", "600", "flag x: timeout: want a duration such as 10m, found \"600\"\n  a number needs a unit: 600s or 600m"},
		{"timeot", "5m", "flag x: \"timeot\": unknown key \"timeot\"\n  did you mean \"timeout\"?"},
		{"gates.covrage.min", "5", "flag x: \"gates.covrage.min\": unknown gate \"covrage\"\n  did you mean \"coverage\"?"},
		{"gates.coverage.mni", "5", "flag x: \"gates.coverage.mni\": unknown key \"mni\"\n  did you mean \"min\"?"},
		{"gates.coverage.min", "101", "flag x: gates.coverage.min: 101 is out of range: want a number from 0 to 100"},
		{"gates.coverage.min.x", "1", "flag x: \"gates.coverage.min.x\": nothing below \"min\" can be set"},
		{"gates.coverage", "80", "flag x: \"gates.coverage\" is a section: set a key in it\n  known here: enabled, required, scope, block_on, timeout, min, patch, min_lines, report, run, base_report"},
		{"worktree", "80", "flag x: \"worktree\" is a section: set a key in it\n  known here: max_active, ports, keep"},
		{"waivers", "80", "flag x: \"waivers\" can be written in the file only"},
		{"waivers[0].gate", "80", "flag x: \"waivers[0].gate\": unknown key \"waivers[0]\"\n  known here: default_branch, timeout, gates, worktree, costs, waivers"},
		{"gates.g.env", "A,1B", "flag x: gates.g.env: want the name of an environment variable"},
		{"gates.g.severity", "error", "flag x: \"gates.g.severity\" is a section: set a key in it"},
		{"gates.g.severity.", "error", "flag x: want text that is not blank, found \"\""},
		{"gates.g.severity.X", "eror", "flag x: gates.g.severity.X: want error, warning or note, found \"eror\"\n  did you mean \"error\"?"},
		{"", "80", "flag x: \"\": unknown key \"\"\n  known here: default_branch, timeout, gates, worktree, costs, waivers"},
		{"gates.g.run", "a\x1bb", "flag x: gates.g.run: character '\\x1b', which cannot be seen: want a command line"},
	}
	c := parse(t, "gates: {g: {run: make}}")
	before := c.Digest()
	for _, tt := range tests {
		err := c.Set(tt.key, tt.value, "flag x")
		if err == nil || err.Error() != tt.want {
			t.Errorf("Set(%q, %q)\n got %v\nwant %s", tt.key, tt.value, err, tt.want)
		}
		if _, ok := err.(Error); !ok {
			t.Errorf("%s: error of type %T", tt.key, err)
		}
	}
	if c.Digest() != before {
		t.Error("an error changed the configuration")
	}
}

// TestSettingsHideSecrets: config show ends in logs too.
func TestSettingsHideSecrets(t *testing.T) {
	c := parse(t, "gates: {g: {run: 'TOKEN=hunter2hunter2 make'}}")
	for _, s := range c.Settings() {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("got %+v", s)
		}
	}
	if c.Gates.Custom[0].Run != "TOKEN=hunter2hunter2 make" {
		t.Error("the command itself was changed")
	}
}

func TestDigest(t *testing.T) {
	same := []string{
		"",
		"# a comment\n",
		"timeout: 10m",
		"timeout: 600s",
		"gates:\n",
		"gates: {coverage: {min: 80}}",
		"gates: {coverage: {min: 80.0}}",
		"worktree: {ports: 8100-8199}\ngates: {lint: {timeout: 10m}}",
	}
	want := Default().Digest()
	if !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(want) {
		t.Fatalf("got %q", want)
	}
	for _, text := range same {
		if got := parse(t, text).Digest(); got != want {
			t.Errorf("another digest: %s", text)
		}
	}
	seen := map[string]string{want: ""}
	for _, text := range []string{
		"timeout: 9m",
		"gates: {lint: {timeout: 9m}}",
		"gates: {lint: {enabled: false}}",
		"gates: {coverage: {min: 80.5}}",
		"gates: {a: {run: x}}",
		"gates: {b: {run: x}}",
		"gates: {a: {run: x, env: [A]}}",
		"gates: {a: {sarif: x}}",
		"waivers: [{gate: lint, fingerprint: a, reason: r, owner: o, expires: 2027-01-31}]",
		"waivers: [{gate: lint, fingerprint: a, reason: r, owner: o, expires: 2027-02-28}]",
	} {
		d := parse(t, text).Digest()
		if other, ok := seen[d]; ok {
			t.Errorf("the same digest: %q and %q", text, other)
		}
		seen[d] = text
	}
}

// TestDigestAsked: a gate that runs only where it is mentioned.
func TestDigestAsked(t *testing.T) {
	if parse(t, "gates: {checkpoints: {}}").Digest() == Default().Digest() {
		t.Error("asking for a gate changes nothing")
	}
}

// TestDigestOrder: order means nothing in the file.
func TestDigestOrder(t *testing.T) {
	a := parse(t, `
gates:
  b: {run: x, env: [B, A]}
  a: {run: y}
waivers:
  - {gate: a, fingerprint: "1", reason: r, owner: o, expires: 2027-01-31}
  - {gate: b, fingerprint: "2", reason: r, owner: o, expires: 2027-01-31}
`)
	b := parse(t, `
waivers:
  - {owner: o, gate: b, fingerprint: "2", reason: r, expires: "2027-01-31"}
  - {gate: a, fingerprint: "1", reason: r, owner: o, expires: 2027-01-31}
gates: {a: {run: y}, b: {env: [A, B], run: "x"}}
`)
	if a.Digest() != b.Digest() {
		t.Error("the digests differ")
	}
	if !reflect.DeepEqual(a.Gates, b.Gates) {
		t.Error("the gates differ")
	}
}

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		Default()
	}
}

func BenchmarkParse(b *testing.B) {
	data := []byte("gates:\n  coverage: {min: 80, report: coverage.out}\n  my-check: {run: \"make check\", sarif: out.sarif}\n")
	for b.Loop() {
		if _, err := Parse("f", data); err != nil {
			b.Fatal(err)
		}
	}
}
