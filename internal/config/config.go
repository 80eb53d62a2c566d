// Package config turns the text of .wf-ci.yml into checked, plain structs.
//
// The structs in this file are the whole definition of the configuration: the
// tags of a field carry its key, its documentation, its default, what it may
// be, and which direction is stricter. Everything else is read from those tags
// by reflection, so that nothing can drift from anything:
//
//	[Parse]            text → *Config, or every mistake with its line and column
//	[Config.Set]       the same checks for one value from a flag or the environment
//	[Config.Settings]  every key with its value and where that value comes from
//	[Config.Digest]    a name for the effective configuration
//	[Weakened]         what one configuration demands less of than another
//	[Schema]           the JSON Schema for editors
//
// The tags:
//
//	key       the key in the file
//	doc       what it means, in a sentence
//	default   the value when the key is absent; none: the zero value
//	defaults  other defaults for the keys below this one, "key=value ..."
//	enum      the words it may be, best known first
//	min, max  the least and the greatest value (numbers and durations)
//	format    what a text has to look like, see formats.go
//	strict    which way is stricter: "high" or "low" (of an enum: its later or
//	          its earlier words; of a yes or no: yes is high), "few" (of a
//	          list: every added word is less strict), "many" (of a list: every
//	          removed word is), "closed" (of a list where none means that
//	          everything is let through: an added word is, and so is none),
//	          "same" (cannot be compared: every change counts)
//	must      "yes": the key may not be absent
//	asked     "yes": a gate that runs only where the file mentions it, so that
//	          taking it out is less strict
//	needs     another key without which this one would do nothing
//	inherit   the top-level key whose value counts when this one is absent
//	rest      this list takes the keys that are no field; its field that is
//	          named here receives the key
//	any       of these keys, one at least has to be there
//	unique    no two elements of this list may agree in these keys
//
// The package reads no file, no environment and no clock: bytes in, values
// out. (One exception: time zone names are looked up in the system's database
// where there is one.)
package config

import (
	"iter"
	"reflect"
	"time"
)

// Config is the effective configuration: what the file says, the built-in
// values for all that it leaves out, and what was set on top by [Config.Set].
type Config struct {
	// DefaultBranch is the branch that changes are merged into. Empty: it is
	// detected from git.
	DefaultBranch string `key:"default_branch" format:"branch" doc:"Branch that changes are merged into. Absent: detected from git."`

	// Timeout is the time-out of every gate that has none of its own.
	Timeout time.Duration `key:"timeout" default:"10m" min:"100ms" max:"24h" doc:"Time that a gate may take, unless it says otherwise itself."`

	Gates    Gates    `key:"gates" doc:"The gates and their thresholds. A key that is no built-in gate makes a gate of your own."`
	Worktree Worktree `key:"worktree" doc:"Parallel work trees for agents."`
	Costs    Costs    `key:"costs" doc:"Bookkeeping of costs. The budgets themselves are in costs/budget-config.json."`

	// Waivers are in the order of the file.
	Waivers []Waiver `key:"waivers" unique:"gate fingerprint" doc:"Known findings that may pass until a day. Each needs a reason, an owner and an end."`

	// origins holds, for every key that was written or set, where.
	origins map[string]string
}

// Gates holds the options of every gate: a field for each that is built in, in
// the order of the contract, and Custom for the user's own.
type Gates struct {
	Secrets      SecretsGate     `key:"secrets" defaults:"scope=all" doc:"Secrets in the tree and in git's history."`
	History      HistoryGate     `key:"history" defaults:"scope=all" doc:"Secret-shaped assignments in recent commits."`
	EnvFiles     Gate            `key:"env-files" defaults:"scope=all" doc:"Environment files with secrets that git does not ignore."`
	Permissions  Gate            `key:"permissions" doc:"Files that everybody may write to."`
	SAST         SASTGate        `key:"sast" doc:"Static analysis for security."`
	Deps         DepsGate        `key:"deps" doc:"Dependencies with known vulnerabilities."`
	Tests        TestsGate       `key:"tests" defaults:"scope=all" doc:"The test suite's result."`
	Coverage     CoverageGate    `key:"coverage" doc:"How much of the code the tests cover."`
	Duplication  DuplicationGate `key:"duplication" doc:"Copied code."`
	Complexity   ComplexityGate  `key:"complexity" doc:"Functions that branch too much."`
	Lint         LintGate        `key:"lint" doc:"Findings of linters."`
	Types        TypesGate       `key:"types" doc:"Code covered by type annotations."`
	Bundle       BundleGate      `key:"bundle" doc:"Size of what is shipped to browsers."`
	Checkpoints  CheckpointsGate `key:"checkpoints" asked:"yes" doc:"Approvals by people: of schemas, research and implementation. The gate runs where this key is there."`
	Budget       Gate            `key:"budget" defaults:"scope=all" doc:"What the cost ledger says has been spent."`
	Suppressions Gate            `key:"suppressions" doc:"Markers in the change that silence a tool."`

	// Custom are the user's own gates, sorted by id.
	Custom []CustomGate `rest:"ID" any:"run sarif" doc:"A gate of your own: any command, any SARIF 2.1.0 file, or both."`
}

// Scope says which findings of a gate may block.
type Scope string

const (
	ScopeAll    Scope = "all"    // every finding, wherever it is
	ScopeChange Scope = "change" // findings in the change; the others are reported
)

// Severity is how bad a finding is, in SARIF's words.
type Severity string

const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityNote    Severity = "note"
)

// Gate is what every gate can be told.
type Gate struct {
	Enabled  bool     `key:"enabled" default:"true" strict:"high" doc:"Whether the gate runs."`
	Required bool     `key:"required" default:"true" strict:"high" doc:"Whether an error in the gate (it could not look) makes the verdict inconclusive."`
	Scope    Scope    `key:"scope" default:"change" enum:"all change" strict:"low" doc:"Which findings may block: all, or those in the change."`
	BlockOn  Severity `key:"block_on" default:"error" enum:"error warning note" strict:"high" doc:"The least severity that blocks."`

	// Timeout is the gate's own, or else Config.Timeout; never zero.
	Timeout time.Duration `key:"timeout" inherit:"timeout" min:"100ms" max:"24h" doc:"Time that the gate may take. Absent: the top-level timeout."`
}

// Depth is how much of git's history the secrets gate reads.
type Depth string

const (
	DepthFull   Depth = "full"   // all commits reachable from HEAD
	DepthChange Depth = "change" // the commits of the change
	DepthNone   Depth = "none"   // the tree only
)

// SecretsGate are the options of the gate secrets.
type SecretsGate struct {
	Gate
	// Verify is asked by local runs only. Empty: nobody is.
	Verify string `key:"verify" format:"command" strict:"same" doc:"Shell command line that local runs give each secret that was found, on its standard input (WF_CI_RULE is the rule): status 0 says that it still works, 1 that it does not. As the base has it, never the change. Absent: no secret leaves."`

	History Depth `key:"history" default:"full" enum:"full change none" strict:"low" doc:"Commits to read besides the tree: full (all reachable from HEAD), those of the change, or none."`
}

// HistoryGate are the options of the gate history.
type HistoryGate struct {
	Gate
	Commits int `key:"commits" default:"10" min:"1" max:"100000" strict:"high" doc:"How many commits before HEAD are looked at."`
}

// SASTGate are the options of the gate sast.
type SASTGate struct {
	Gate

	// Rules are files with rules of your own. Empty: the built-in ones only.
	Rules []string `key:"rules" format:"file" strict:"same" doc:"Files with rules of your own, beside the built-in ones, relative to the root of the repository."`

	// Engines are sorted names. Empty: wf-ci, and gosec where there is go.
	Engines []string `key:"engines" format:"sast-engine" strict:"same" doc:"Engines that look: wf-ci, gosec, semgrep, opengrep, bandit, ruff, eslint, ast-grep. Absent: wf-ci, and gosec where there are Go modules and a Go toolchain. One that is named and is not there is an error."`

	SemgrepRules string `key:"semgrep_rules" format:"file" strict:"same" doc:"Rules for semgrep and opengrep, a file of the repository; nothing is fetched."`
	AstGrepRules string `key:"ast_grep_rules" format:"file" strict:"same" doc:"Rules for ast-grep, a file of the repository."`
	BanditConfig string `key:"bandit_config" format:"file" strict:"same" doc:"Configuration of bandit, a file of the repository. Absent: all its rules."`
	RuffConfig   string `key:"ruff_config" format:"file" strict:"same" doc:"Configuration of ruff (ruff.toml), a file of the repository. Absent: its rules S."`
	ESLintConfig string `key:"eslint_config" format:"file" strict:"same" doc:"Configuration of eslint (a flat one), a file of the repository. Absent: eslint-plugin-security, eslint-plugin-no-unsanitized and the rules against eval."`
}

// DepsGate are the options of the gate deps.
type DepsGate struct {
	Gate

	// Engines are sorted, without repetition. Empty: our own.
	Engines []string `key:"engines" format:"deps-engine" strict:"same" doc:"What looks for vulnerabilities: own (OSV, and govulncheck where there is a go command), npm-audit, pip-audit, cargo-audit, osv-scanner. Absent: own."`

	MaxAge  time.Duration `key:"max_age" default:"168h" min:"1h" max:"8760h" strict:"low" doc:"How old the database may be where osv.dev cannot be asked."`
	Unknown Severity      `key:"unknown_severity" default:"warning" enum:"error warning note" strict:"low" doc:"What a vulnerability counts as that nobody has rated."`
	Dev     Severity      `key:"dev" default:"warning" enum:"error warning note" strict:"low" doc:"The most that a vulnerability counts as in what only development needs. Malware always counts in full."`
}

// TestsGate are the options of the gate tests.
type TestsGate struct {
	Gate
	Min float64 `key:"min" default:"100" min:"0" max:"100" strict:"high" doc:"Least percentage of tests that pass."`

	// Reports are results to judge instead of running the projects. Empty: run.
	Reports []string `key:"reports" format:"file" strict:"same" doc:"Files of results (JUnit XML, go test -json, jest --json), relative to the root of the repository; * and ** are allowed. Absent: the projects' own tests are run."`

	// Run writes Reports. Empty: an earlier step does.
	Run string `key:"run" needs:"reports" format:"command" strict:"same" doc:"Shell command line that runs the tests and writes the reports. Absent: an earlier step does."`
}

// CoverageGate are the options of the gate coverage.
type CoverageGate struct {
	Gate
	Min float64 `key:"min" default:"80" min:"0" max:"100" strict:"high" doc:"Least percentage of lines covered, in each project."`

	Patch    float64 `key:"patch" default:"80" min:"0" max:"100" strict:"high" doc:"Least percentage of the change's executable lines covered."`
	MinLines int     `key:"min_lines" default:"20" min:"0" max:"1000000" strict:"low" doc:"Executable lines that a change has to have to be judged by patch, and lines without a test that it has to add for a total below min to block."`

	// Report is the coverage report to read. Empty: looked for.
	Report string `key:"report" format:"file" strict:"same" doc:"Coverage report to read, relative to the root of the repository. Absent: looked for, and where there is none the tests are run."`

	// Run writes Report. Empty: an earlier step does.
	Run string `key:"run" needs:"report" format:"command" strict:"same" doc:"Shell command line that runs the tests and writes the report. Absent: an earlier step does."`

	// BaseReport is the report of the base's tests. Empty: what an earlier run on
	// this machine has kept.
	BaseReport string `key:"base_report" format:"file" strict:"same" doc:"Coverage report of the base's tests, relative to the root of the repository, to compare the uncovered lines of each project with."`
}

// DuplicationGate are the options of the gate duplication.
type DuplicationGate struct {
	Gate
	Max float64 `key:"max" default:"5" min:"0" max:"100" strict:"low" doc:"Greatest percentage of copied lines."`
}

// ComplexityGate are the options of the gate complexity.
type ComplexityGate struct {
	Gate
	Max int `key:"max" default:"10" min:"1" max:"1000" strict:"low" doc:"Greatest cyclomatic complexity of a function."`

	Above int `key:"above" default:"0" min:"0" max:"1000000" strict:"low" doc:"How many functions may be above max: up to it, those that the change does not touch are warnings, also where there is no base."`
}

// LintGate are the options of the gate lint.
type LintGate struct {
	Gate
	Max int `key:"max" default:"0" min:"0" max:"1000000" strict:"low" doc:"Greatest number of errors; up to it they are warnings."`

	// Reports are judged instead of running the projects' linters. Empty: run.
	Reports []string `key:"reports" format:"file" strict:"same" doc:"SARIF files of an earlier step, judged instead of running the projects' linters, relative to the root of the repository."`

	// Linters are the only ones to run. Empty: all that apply.
	Linters []string `key:"linters" enum:"go eslint biome oxlint ruff flake8 pylint clippy actionlint syntax" strict:"same" doc:"The only linters to run. Absent: all that the projects have configured."`
}

// TypesGate are the options of the gate types.
type TypesGate struct {
	Gate
	Min float64 `key:"min" default:"90" min:"0" max:"100" strict:"high" doc:"Least percentage of typed symbols, in each project."`

	// Report is the report to read. Empty: the projects' tools are run.
	Report string `key:"report" format:"file" strict:"same" doc:"Report of an earlier step to read (type-coverage --json-output --detail, mypy --any-exprs-report, pyright --verifytypes --outputjson), relative to the root of the repository. Absent: the projects' own tools are run."`
}

// BundleGate are the options of the gate bundle.
type BundleGate struct {
	Gate
	MaxGrowth float64 `key:"max_growth" default:"5" min:"0" max:"1000" strict:"low" doc:"Greatest growth in percent of the size at the base."`

	MinGrowthBytes int    `key:"min_growth_bytes" default:"1024" min:"0" max:"1000000000" strict:"low" doc:"Growth in bytes that does not block, whatever its percentage."`
	Measure        string `key:"measure" default:"gzip" enum:"gzip raw brotli" strict:"same" doc:"The size that is judged: gzip, raw or brotli. All three are reported."`

	// Entries are files to bundle. Empty: looked for.
	Entries []string `key:"entries" format:"file" strict:"same" doc:"Files to bundle and to measure, relative to the root of the repository. Absent: looked for in index.html and package.json."`

	// Paths are files that a build wrote. Empty: the entries are bundled.
	Paths []string `key:"paths" format:"file" strict:"same" doc:"Files that an earlier step built, relative to the root of the repository; * and ** are allowed. They are measured instead of a bundle of the entries."`

	// Baseline is a verdict at the base. Empty: the base's own tree is measured.
	Baseline string `key:"baseline" needs:"paths" format:"file" strict:"same" doc:"Verdict of a run at the base (wf-ci run --output json=FILE), for paths that are not committed there."`
}

// CheckpointsGate are the options of the gate checkpoints. The lists are
// sorted, without repetition.
type CheckpointsGate struct {
	Gate

	// Schema are patterns besides the built-in ones.
	Schema []string `key:"schema" format:"pattern" strict:"many" doc:"Paths of schemas and migrations, besides those that are known."`

	// Implementation is empty where no implementation needs an approval.
	Implementation []string `key:"implementation" format:"pattern" strict:"many" doc:"Paths whose change needs an approval."`

	Research bool `key:"research" default:"true" strict:"high" doc:"Whether a GO or NO-GO in a research document needs an approval."`

	Fixes bool `key:"fixes" strict:"high" doc:"Whether a commit \"fix: …\" of the change needs its debug report: a finished session in .debug that names it."`

	// Approvers is empty where everybody may approve.
	Approvers []string `key:"approvers" format:"person" strict:"closed" doc:"Who may approve: the author of the commit that brings the record. Absent: everybody."`

	CodeOwners bool `key:"code_owners" strict:"high" doc:"Whether whoever approves has to own every file that is approved, as CODEOWNERS says; a review by such an owner counts as an approval."`

	RequireOther bool `key:"require_other" strict:"high" doc:"Whether whoever approves has to be another than the authors of the change."`
}

// CustomGate is a gate of the user's own: a command, a SARIF file, or both.
type CustomGate struct {
	// ID is the key under gates.
	ID string

	Gate

	// Run is a shell command line; it may have several lines. Empty: nothing is
	// run, and SARIF was written by an earlier step.
	Run string `key:"run" format:"command" strict:"same" doc:"Shell command line. Without sarif, its exit status decides."`

	// SARIF is the file with the findings, relative to the root of the
	// repository whatever Dir is. Empty: none.
	SARIF string `key:"sarif" format:"file" strict:"same" doc:"SARIF 2.1.0 file with the findings, relative to the root of the repository, written by run or by an earlier step."`

	// Severity maps SARIF levels and rule ids to severities. It always holds
	// error, warning and note; a rule id outranks its result's level.
	Severity map[string]Severity `key:"severity" needs:"sarif" default:"error=error warning=warning note=note" enum:"error warning note" strict:"low" doc:"What a SARIF level or a rule id counts as."`

	// Env are sorted names, without repetition.
	Env []string `key:"env" needs:"run" format:"variable" strict:"few" doc:"Names of environment variables that the command may see besides the clean set."`

	// Dir is the command's working directory in the tree. Empty: its root.
	Dir string `key:"dir" format:"folder" strict:"same" doc:"Working directory, relative to the root of the repository. Absent: the root."`
}

// Worktree are the options of wf-ci worktree.
type Worktree struct {
	MaxActive int   `key:"max_active" default:"4" min:"1" max:"100" doc:"How many work trees may be active at a time."`
	Ports     Ports `key:"ports" default:"8100-8199" doc:"Ports given out to work trees, first and last."`

	Keep time.Duration `key:"keep" default:"168h" min:"1h" max:"8760h" doc:"How long a removed work tree can be restored."`
}

// Ports is a range of TCP ports, both ends included.
type Ports struct{ First, Last int }

// Costs are the options of wf-ci costs.
type Costs struct {
	Timezone string `key:"timezone" default:"UTC" format:"zone" doc:"Time zone (IANA name) in which days and months begin and end."`
}

// Date is a day, written 2027-01-31; dates compare as strings do.
type Date string

// Waiver lets one known finding pass until a day.
type Waiver struct {
	Gate        string `key:"gate" must:"yes" format:"gate" doc:"Id of the gate that reports the finding."`
	Fingerprint string `key:"fingerprint" must:"yes" format:"fingerprint" doc:"The finding's fingerprint, as reported."`
	Reason      string `key:"reason" must:"yes" format:"words" doc:"Why the finding may pass."`
	Owner       string `key:"owner" must:"yes" format:"words" doc:"Who answers for it."`
	Expires     Date   `key:"expires" must:"yes" doc:"The last day on which the waiver counts."`
}

// Default returns the built-in configuration.
func Default() *Config {
	c := &Config{origins: make(map[string]string)}
	root().fill(reflect.ValueOf(c).Elem())
	c.settle()
	return c
}

// BuiltIn returns the ids of the built-in gates, in the order of [Gates].
func BuiltIn() []string { return root().child("gates").keys() }

// All returns the id and the common options of every gate: the built-in ones
// in the order of [Gates], then the user's own by id.
func (g *Gates) All() iter.Seq2[string, *Gate] {
	return func(yield func(string, *Gate) bool) {
		v := reflect.ValueOf(g).Elem()
		for _, f := range root().child("gates").fields {
			if !yield(f.key, common(v.FieldByIndex(f.index))) {
				return
			}
		}
		for i := range g.Custom {
			if !yield(g.Custom[i].ID, &g.Custom[i].Gate) {
				return
			}
		}
	}
}

// Get returns the common options of one gate, nil if there is no such gate.
func (g *Gates) Get(id string) *Gate {
	for i, gate := range g.All() {
		if i == id {
			return gate
		}
	}
	return nil
}

// common finds the options that all gates share in the options of one gate.
func common(v reflect.Value) *Gate {
	if g, ok := v.Addr().Interface().(*Gate); ok {
		return g
	}
	return v.FieldByName("Gate").Addr().Interface().(*Gate)
}
