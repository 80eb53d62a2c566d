package ci_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/internal/ci"
	"github.com/wf-ci/wf-ci/internal/ci/runnertest"
)

func TestOutput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	e := env("GITHUB_OUTPUT", file)
	values := map[string]string{
		"verdict": "pass", "empty": "", "lines": "a\nb\n\n", "json": `["a","b"]`, "cr": "a\r\nb\r",
		"hostile": "x\nverdict=fail\n_GitHubActionsFileCommandDelimeter_\nverdict<<E\nfail\nE\n", "failed-gates": "[]",
	}
	for name, value := range values {
		if err := ci.Output(e, name, value); err != nil {
			t.Fatal(err)
		}
	}
	got := outputs(t, file)
	if len(got) != len(values) {
		t.Errorf("%d outputs, want %d", len(got), len(values))
	}
	for name, want := range values {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}

// What holds meanwhile is gone when it is taken, and nothing else is.
func TestMeanwhile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	e := env("GITHUB_OUTPUT", file)
	values := [][2]string{{"verdict", "inconclusive"}, {"exit-code", "3"}}
	for _, before := range []string{"", "other=x\n", "no=end"} {
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		take := ci.Meanwhile(e, values)
		if got := outputs(t, file); got["verdict"] != "inconclusive" || got["exit-code"] != "3" {
			t.Errorf("%q", got)
		}
		take()
		if data, err := os.ReadFile(file); err != nil || string(data) != before {
			t.Errorf("%q is left, want %q", data, before)
		}
	}
	take := ci.Meanwhile(e, values)
	if err := ci.Output(e, "theirs", "1"); err != nil {
		t.Fatal(err)
	}
	take()
	if got := outputs(t, file); got["theirs"] != "1" || got["verdict"] != "inconclusive" {
		t.Errorf("%q", got)
	}
	ci.Meanwhile(env(), values)()
}

// What a child wrote into the file before us is its own line.
func TestOutputAfterRest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	if err := os.WriteFile(file, []byte("other=x\nno=end"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ci.Output(env("GITHUB_OUTPUT", file), "verdict", "pass"); err != nil {
		t.Fatal(err)
	}
	if got := outputs(t, file); got["verdict"] != "pass" || got["no"] != "end" || len(got) != 3 {
		t.Errorf("%v", got)
	}
}

func TestOutputErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "output")
	e := env("GITHUB_OUTPUT", file)
	if err := ci.Output(env(), "a", "b"); !errors.Is(err, ci.ErrNoFile) {
		t.Errorf("without a file: %v, want ErrNoFile", err)
	}
	for _, name := range []string{"", "a=b", "a<<b", "a\nb", "a b", "é", "-a", strings.Repeat("a", 200)} {
		if err := ci.Output(e, name, "v"); err == nil {
			t.Errorf("the name %q was taken", name)
		}
	}
	if err := ci.Output(e, "a", strings.Repeat("x", ci.MaxOutputFile)); err == nil {
		t.Error("a value above the bound was taken")
	}
	if _, err := os.Stat(file); err == nil && len(outputs(t, file)) > 0 {
		t.Error("an error left an output behind")
	}
	if err := ci.Output(e, "a", strings.Repeat("x", ci.MaxOutputFile/2)); err != nil {
		t.Error(err)
	}
	if err := ci.Output(e, "b", strings.Repeat("x", ci.MaxOutputFile/2)); err == nil {
		t.Error("outputs above the bound together were taken")
	}
	if err := ci.Output(env("GITHUB_OUTPUT", t.TempDir()), "a", "b"); err == nil {
		t.Error("a directory was written to")
	}
}

func TestSummary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "summary")
	e := env("GITHUB_STEP_SUMMARY", file)
	for _, text := range []string{"# One", "two\n\n\n", "\xff"} {
		if cut, err := ci.Summary(e, text); cut || err != nil {
			t.Fatal(cut, err)
		}
	}
	if got, want := summary(t, file), "# One\ntwo\n\uFFFD\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := ci.Summary(env(), "x"); !errors.Is(err, ci.ErrNoFile) {
		t.Errorf("without a file: %v, want ErrNoFile", err)
	}
	if _, err := ci.Summary(env("GITHUB_STEP_SUMMARY", t.TempDir()), "x"); err == nil {
		t.Error("a directory was written to")
	}
}

// The summary never grows above what is shown, and says where it was cut.
func TestSummaryCut(t *testing.T) {
	for _, there := range []int{0, 1, 1 << 19, 1<<20 - 60, 1<<20 - 10, 1<<20 - 1, 1 << 20} {
		for _, unit := range []string{"x", "é", "😀", "a line\n"} {
			file := filepath.Join(t.TempDir(), "summary")
			if err := os.WriteFile(file, []byte(strings.Repeat("-", there)), 0o600); err != nil {
				t.Fatal(err)
			}
			cut, err := ci.Summary(env("GITHUB_STEP_SUMMARY", file), strings.Repeat(unit, 1<<20/len(unit)+1))
			if !cut || err != nil {
				t.Fatal(cut, err)
			}
			got := summary(t, file) // fails above the bound
			switch {
			case !utf8.Valid(readFile(t, file)):
				t.Errorf("%q after %d: a rune was cut in two", unit, there)
			case there < 1<<20-60 && !strings.Contains(got[len(got)-60:], "Cut here"):
				t.Errorf("%q after %d: does not say that it was cut: %q", unit, there, got[len(got)-60:])
			case there <= 1<<19 && len(got) < ci.MaxSummaryFile-16:
				t.Errorf("%q after %d: only %d bytes", unit, there, len(got))
			}
		}
	}
	file := filepath.Join(t.TempDir(), "summary")
	exact := strings.Repeat("x", ci.MaxSummaryFile-1)
	if cut, err := ci.Summary(env("GITHUB_STEP_SUMMARY", file), exact); cut || err != nil {
		t.Error("a summary that fits was cut", err)
	}
}

func FuzzOutput(f *testing.F) {
	for _, s := range append([]string{"a\nb", "ghadelimiter_", "x\n\n", "\r\n", "a<<b\nc\nb"}, hostile...) {
		f.Add(s, s)
	}
	file := filepath.Join(f.TempDir(), "output")
	e := env("GITHUB_OUTPUT", file)
	f.Fuzz(func(t *testing.T, before, value string) {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for name, v := range map[string]string{"a": before, "b": value} {
			if err := ci.Output(e, name, v); err != nil {
				t.Fatal(err)
			}
		}
		got := outputs(t, file)
		if len(got) != 2 || got["a"] != strings.ToValidUTF8(before, "\uFFFD") || got["b"] != strings.ToValidUTF8(value, "\uFFFD") {
			t.Errorf("%q and %q came back as %q", before, value, got)
		}
	})
}

func outputs(t *testing.T, file string) map[string]string {
	t.Helper()
	var r runnertest.Runner
	if err := r.ReadOutputs(readFile(t, file)); err != nil {
		t.Fatal(err)
	}
	return r.Outputs
}

func summary(t *testing.T, file string) string {
	t.Helper()
	var r runnertest.Runner
	if err := r.ReadSummary(readFile(t, file)); err != nil {
		t.Fatal(err)
	}
	return r.Summary
}

func readFile(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestState(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	if err := ci.State(env("GITHUB_STATE", file), "wf_ci", "{\"id\":\"a\"}\nx=y"); err != nil {
		t.Fatal(err)
	}
	if got := outputs(t, file); len(got) != 1 || got["wf_ci"] != "{\"id\":\"a\"}\nx=y" {
		t.Errorf("%q", got)
	}
	if err := ci.State(env(), "wf_ci", "x"); !errors.Is(err, ci.ErrNoFile) {
		t.Errorf("%v", err)
	}
}
