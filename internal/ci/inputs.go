package ci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sethvargo/go-githubactions"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Secret is a value that no log may show. Convert it to a string to use it.
type Secret string

// String hides the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "[hidden]"
}

// GoString hides the value from %#v.
func (s Secret) GoString() string { return `"` + s.String() + `"` }

// MarshalText hides the value from JSON and from structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Inputs are what the workflow's step gives under "with:". What it does not
// give is empty: the defaults are those of the configuration.
type Inputs struct {
	Config           string
	Gates            []string
	SkipGates        []string
	BaseRef          string
	GitHubToken      Secret
	CheckRun         string // auto, true, false
	Comment          string // always, on-failure, never
	UploadSARIF      string // auto, true, false
	SARIFFile        string
	ReportJSON       string
	Ledger           string // auto, off, branch
	LedgerBranch     string // short name
	ProjectContext   string // auto, off
	WorkingDirectory string
	Category         string   // of this run among others of one commit
	Matrix           []string // what sets this leg of a matrix apart, in the order of the keys
	Timeout          time.Duration
	WarnOnly         bool
}

// ReadInputs reads INPUT_*, where the runner puts the inputs with their dashes
// kept (INPUT_GITHUB-TOKEN); a form with underscores, which a shell can set,
// works too. Paths of the runner's host are mapped into the container
// ([Workspace.Path]). The error names every input that is wrong; those are empty.
func ReadInputs(getenv func(string) string) (Inputs, error) {
	r := &inputReader{action: githubactions.New(githubactions.WithGetenv(getenv)), workspace: NewWorkspace(getenv)}
	in := Inputs{
		Config:           r.path("config"),
		Gates:            r.list("gates"),
		SkipGates:        r.list("skip-gates"),
		BaseRef:          r.line("base-ref"),
		GitHubToken:      Secret(r.line("github-token")),
		CheckRun:         r.choice("check-run", "auto", "true", "false"),
		Comment:          r.choice("comment", "always", "on-failure", "never"),
		UploadSARIF:      r.choice("upload-sarif", "auto", "true", "false"),
		SARIFFile:        r.path("sarif-file"),
		ReportJSON:       r.path("report-json"),
		Ledger:           r.choice("ledger", "auto", "off", "branch"),
		LedgerBranch:     r.branch("ledger-branch"),
		ProjectContext:   r.choice("project-context", "auto", "off"),
		WorkingDirectory: r.workspace.Handed(r.path("working-directory")),
		Category:         r.line("category"),
		Matrix:           r.matrix("matrix"),
		Timeout:          r.duration("timeout"),
		WarnOnly:         r.choice("warn-only", "true", "false") == "true",
	}
	return in, errors.Join(r.errs...)
}

// InputNames are all inputs of the action, in the order of its documentation.
func InputNames() []string {
	return []string{
		"config", "gates", "skip-gates", "base-ref", "github-token", "check-run", "comment", "upload-sarif",
		"sarif-file", "report-json", "ledger", "ledger-branch", "project-context", "working-directory", "category", "matrix", "timeout", "warn-only",
	}
}

type inputReader struct {
	action    *githubactions.Action
	workspace Workspace
	errs      []error
}

func (r *inputReader) fault(name, format string, args ...any) {
	r.errs = append(r.errs, fmt.Errorf("input %q: "+format, append([]any{name}, args...)...))
}

func (r *inputReader) get(name string) string {
	return first(r.action.GetInput(name), r.action.GetInput(strings.ReplaceAll(name, "-", "_")))
}

// line is an input of one line. The value is not in the error: it may be the
// token.
func (r *inputReader) line(name string) string {
	value := r.get(name)
	if strings.IndexFunc(value, func(c rune) bool { return c < ' ' || c == 0x7f }) >= 0 {
		r.fault(name, "one line without control characters is expected")
		return ""
	}
	return value
}

func (r *inputReader) path(name string) string { return r.workspace.Path(r.line(name)) }

// list is split at commas and white space, so that a YAML block of lines works.
func (r *inputReader) list(name string) []string {
	items := strings.FieldsFunc(r.get(name), func(c rune) bool {
		return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r'
	})
	if len(items) == 0 {
		return nil
	}
	return items
}

// branch is the short name of a branch, one that every git takes.
func (r *inputReader) branch(name string) string {
	value := strings.TrimPrefix(r.line(name), "refs/heads/")
	if value != "" && !branchName.MatchString(value) || !legalRef("refs/heads/"+first(value, "x")) {
		r.fault(name, "%s is not the name of a branch (letters, digits, dots, dashes, slashes)", show(value))
		return ""
	}
	return value
}

var branchName = lazyregexp.New(`^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$`)

// matrix is what the runner makes of toJSON(matrix): an object, or null outside of
// a matrix. A value that is no text, number or truth is its JSON.
func (r *inputReader) matrix(name string) []string {
	value := r.get(name)
	if value == "" {
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(value), &object); err != nil {
		r.fault(name, "it is set by the action itself, as ${{ toJSON(matrix) }}: leave it out")
		return nil
	}
	var list []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		var text string
		if json.Unmarshal(object[key], &text) != nil {
			var compact bytes.Buffer
			_ = json.Compact(&compact, object[key]) // it is JSON: it was read
			text = compact.String()
		}
		list = append(list, text)
	}
	return list
}

func (r *inputReader) choice(name string, allowed ...string) string {
	value := strings.ToLower(r.line(name))
	if value != "" && !slices.Contains(allowed, value) {
		r.fault(name, "%s is not one of %s", show(value), strings.Join(allowed, ", "))
		return ""
	}
	return value
}

func (r *inputReader) duration(name string) time.Duration {
	value := r.line(name)
	if value == "" {
		return 0
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 {
		r.fault(name, "%s is not a time like 90s or 10m", show(value))
		return 0
	}
	return d
}
