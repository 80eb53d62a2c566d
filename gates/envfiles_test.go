package gates_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// Each line of an env file, and the name that is found in it; empty: none.
var envLines = []struct{ line, want string }{
	{"API_KEY=abc", "API_KEY"},
	{"APIKEY=abc", "APIKEY"},
	{"MY_API_KEY_2=abc", "MY_API_KEY_2"},
	{"DB_PASSWORD=hunter", "DB_PASSWORD"},
	{"SECRET=hunter", "SECRET"},
	{"GITHUB_TOKEN=hunter", "GITHUB_TOKEN"},
	{"github_token=hunter", "github_token"},
	{"spring.datasource.password=hunter", "spring.datasource.password"},
	{"  PASSWORD = hunter", "PASSWORD"},
	{"export PASSWORD=hunter", "PASSWORD"},
	{"\texport\tPASSWORD=hunter", "PASSWORD"},
	{"PASSWORD: hunter", "PASSWORD"},
	{`PASS~WORD="hunter"`, "PASSWORD"},
	{`PASS~WORD='hunter'`, "PASSWORD"},
	{`PASS~WORD="hunter`, "PASSWORD"},
	{`PASS~WORD="hunter" # a note`, "PASSWORD"},
	{"PASSWORD=hunter # a note", "PASSWORD"},
	{"PASSWORD=hunter\r", "PASSWORD"},
	{"PASSWORD=hunter\\", "PASSWORD"},
	{"PASSWORD=na\xefve", "PASSWORD"},
	{"PASSWORD==", "PASSWORD"},
	{"\ufeffPASSWORD=hunter", "PASSWORD"}, // only where it starts the file: see below

	{"", ""},
	{"# PASSWORD=hunter", ""},
	{"PASSWORD", ""},
	{"PASS~WORD=", ""},
	{"PASSWORD=\r", ""},
	{"PASS~WORD=   ", ""},
	{`PASS~WORD=""`, ""},
	{`PASS~WORD=''`, ""},
	{`PASS~WORD=" "`, ""},
	{`PASS~WORD="" # set it in the vault`, ""},
	{`PASS~WORD='' # set it in the vault`, ""},
	{"PASSWORD= # set it in the vault", ""},
	{"PASSWORD=$OTHER", ""},
	{"PASSWORD=${OTHER}", ""},
	{`PASS~WORD="${OTHER:-}"`, ""},
	{"PASSWORD={{ vault }}", ""},
	{"PASSWORD=<your password>", ""},
	{"PASSWORD=%OTHER%", ""},
	{"PASSWORD=****", ""},
	{"PASSWORD=xxxx", ""},
	{"PASSWORD=...", ""},
	{"PASSWORD=vault:secret/db", ""},
	{`PASS~WORD="encrypted:BD9c"`, ""},
	{"HOST=example.com", ""},
	{"KEY=abc", ""},
	{"unset PASSWORD=hunter", ""},
	{"echo a PASSWORD=hunter", ""},
}

// The lines are planted as files of their own, all in one tree.
func TestEnvFileLines(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	var want []string
	for i, tt := range envLines {
		name := fmt.Sprintf("%02d/.env", i)
		above := "A=1\n\n"
		if strings.HasPrefix(tt.line, "\ufeff") {
			above = ""
		}
		repo.Write(name, above+plain(tt.line)+"\nB=2\n")
		if tt.want != "" {
			want = append(want, fmt.Sprintf("%s:%d env-file-secret %s is set in an env file that git does not ignore", name, strings.Count(above, "\n")+1, tt.want))
		}
	}
	r := runOne(t, newTarget(t, repo, ""), gates.EnvFiles())
	if r.Err != nil || r.Outcome.Examined.Files != int64(len(envLines)) || r.Outcome.Examined.Bytes == 0 {
		t.Errorf("%v, examined %+v", r.Err, r.Outcome.Examined)
	}
	var got []string
	for _, f := range r.Outcome.Findings {
		got = append(got, fmt.Sprintf("%s:%d %s %s", f.Path, f.Line, f.Rule, f.Message))
		if f.Severity != gates.SeverityError {
			t.Errorf("%s is a %s", f.Path, f.Severity)
		}
	}
	sameList(t, "findings", got, want)
}

// Which files are env files: tracked, untracked, ignored, templates, links, and
// names of any bytes.
func TestEnvFileNames(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	const set = "TOKEN=abc\nTOKEN_2=abc\n"
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte(set), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		".env", "prod.env", ".ENV.local", "app/deep/down/.env.production", "two\nlines/.env", "caf\xe9/.env", `"q"/.env`, ".envrc", "forced/.env",
		// no env files, or none that hold values
		"env", "environment.ts", ".env.example", ".env.SAMPLE", ".env.template", "config/.env.dist", ".env.production.example", "venv/.env/settings.py", "readme.md",
	} {
		repo.Write(name, set)
	}
	repo.Git("add", "--all")
	repo.Write(".gitignore", "ignored*\nforced\n")
	repo.Commit("one")
	repo.Write("untracked.env", set)
	repo.Write("ignored/.env", set)
	repo.Write("ignored.env", "TOKEN=${OTHER}\n")
	repo.Write("ignored/.env.example", set)
	repo.Write("ignored/caf\xe9.env", "TOKEN=abc\n")
	repo.Write("ignored/large.env", set+strings.Repeat("#", 1<<20))
	repo.Write("large.env", set+strings.Repeat("#", 1<<20))
	symlink(t, repo, outside, "link/.env")
	symlink(t, repo, "TOKEN=abc", "odd/.env") // git keeps where a link points to as its content
	symlink(t, repo, outside, "ignored/link.env")
	symlink(t, repo, filepath.Dir(outside), "ignored/linked")
	symlink(t, repo, "nowhere", "ignored/broken.env")
	if err := os.Mkdir(filepath.Join(repo.Dir, "ignored", "dir.env"), 0o755); err != nil {
		t.Fatal(err)
	}
	gittest.At(t, filepath.Join(repo.Dir, "ignored", "dir.env")).Git("init", "--quiet") // git lists it as "dir.env/"

	r := runOne(t, newTarget(t, repo, ""), gates.EnvFiles())
	if r.Err != nil {
		t.Error(r.Err)
	}
	got := make(map[string]string)
	for _, f := range r.Outcome.Findings {
		got[string(f.Path)] += fmt.Sprintf("%s %s %d, ", f.Rule, f.Severity, f.Line)
		if strings.Contains(f.Message, "abc") {
			t.Errorf("the value is shown: %s", f.Message)
		}
	}
	const blocks = "env-file-secret error 1, env-file-secret error 2, "
	for _, name := range []string{".env", "prod.env", ".ENV.local", "app/deep/down/.env.production", "two\nlines/.env", "caf\xe9/.env", `"q"/.env`, ".envrc", "forced/.env", "untracked.env"} {
		if got[name] != blocks {
			t.Errorf("%q: %q, want %q", name, got[name], blocks)
		}
		delete(got, name)
	}
	for _, name := range []string{"ignored/.env", "ignored/caf\xe9.env"} {
		if got[name] != "env-file-ignored warning 0, " {
			t.Errorf("%q: %q, want a warning", name, got[name])
		}
		delete(got, name)
	}
	for name, findings := range got {
		t.Errorf("%q: %s", name, findings)
	}
}

func TestEnvFilesWithNothingToLookAt(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	if r := runOne(t, newTarget(t, repo, ""), gates.EnvFiles()); r.Skipped != "no files" {
		t.Errorf("an empty tree: %+v", r)
	}
	repo.Write("a.txt", "TOKEN=abc\n")
	if r := runOne(t, newTarget(t, repo, ""), gates.EnvFiles()); r.Err != nil || len(r.Outcome.Findings) != 0 || r.Outcome.Examined.Files != 1 {
		t.Errorf("no env files: %+v", r)
	}
}

// An ignored env file that cannot be read was not looked at.
func TestAnEnvFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root reads everything")
	}
	repo := gittest.New(t)
	repo.Write(".gitignore", ".env\n")
	repo.Write(".env", "TOKEN=abc\n")
	if err := os.Chmod(filepath.Join(repo.Dir, ".env"), 0); err != nil {
		t.Fatal(err)
	}
	if r := runOne(t, newTarget(t, repo, ""), gates.EnvFiles()); r.Err == nil {
		t.Error("it passed")
	}
}
