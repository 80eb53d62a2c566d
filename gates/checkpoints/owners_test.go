package checkpoints

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The examples of GitHub's documentation, and its differences from .gitignore.
func TestOwnersOfFiles(t *testing.T) {
	const text = `# comment
*       @global1 @global2
*.js    @js-owner #inline comment
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @rooted
/scripts/ @doctocat @octocat
**/logs @logger
/apps/ @octocat
/apps/github
with\ space.md @spaced
src/**/gen @gen
`
	o := parseOwners("CODEOWNERS", []byte(text))
	if len(o.bad) > 0 {
		t.Fatal(o.bad)
	}
	for name, want := range map[string]string{
		"README":                   "@global1 @global2",
		"a/b.js":                   "@js-owner",
		"x.go":                     "docs@example.com",
		"a/x.txt":                  "@octo-org/octocats",
		"build/logs/a/b":           "@logger",
		"sub/build/logs.md":        "@global1 @global2",
		"docs/a.md":                "@rooted",
		"sub/docs/a.md":            "@global1 @global2",
		"x/apps/a.md":              "@octocat",
		"apps/a":                   "@octocat",
		"apps/github/a":            "",
		"deep/logs/a.md":           "@logger",
		"with space.md":            "@spaced",
		"src/gen/a.md":             "@gen",
		"src/a/b/gen/c/d.md":       "@gen",
		"scripts/x":                "@doctocat @octocat",
		"elsewhere/scripts/x.html": "@global1 @global2",
	} {
		if got := strings.Join(o.of(name), " "); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	o = parseOwners("CODEOWNERS", []byte("docs/* @a\r\n"))
	for name, want := range map[string]bool{"docs/a": true, "docs/a/b": false, "x/docs/a": false} {
		if got := len(o.of(name)) > 0; got != want {
			t.Errorf("docs/*: %s: %v", name, got)
		}
	}
}

func TestOwnersLinesThatCannotBeRead(t *testing.T) {
	o := parseOwners("CODEOWNERS", []byte("* @all\n!a @x\n\\#b @x\n[ab].c @x\n*.d x\n*.e @a/b/c\n/ @x\n*.f @-x\n../g @x\n*.h \xff@x.y\n\\ @x\n"))
	var got []string
	for _, f := range o.findings() {
		got = append(got, fmt.Sprintf("%s:%d %s %s", f.Path, f.Line, f.Severity, strings.TrimPrefix(f.Message, "the line counts for nothing, here as on GitHub: ")))
	}
	want := `CODEOWNERS:2 warning GitHub knows no !
CODEOWNERS:3 warning GitHub knows no \#
CODEOWNERS:4 warning GitHub knows no [a-z]
CODEOWNERS:5 warning "x" is no owner: want @account, @organisation/team or an address
CODEOWNERS:6 warning "@a/b/c" is no owner: want @account, @organisation/team or an address
CODEOWNERS:7 warning the pattern "/" names nothing
CODEOWNERS:8 warning "@-x" is no owner: want @account, @organisation/team or an address
CODEOWNERS:9 warning the pattern "../g" cannot be read
CODEOWNERS:10 warning it is not UTF-8`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if strings.Join(o.of("x.d"), "") != "@all" {
		t.Error("a bad line counts")
	}
}

// owned is a project with CODEOWNERS at its base, and its gate's target.
func owned(t *testing.T, text string) (*project, func(o Options) (string, error)) {
	p := newProject(t)
	p.Write("migrations/002_new.sql", "create table b;\n")
	p.commit(bob)
	return p, func(o Options) (string, error) {
		o.CodeOwners = true
		target := p.target()
		target.ReadPolicy = func(_ context.Context, name string) ([]byte, error) {
			if text == "" || name != ".github/CODEOWNERS" {
				return nil, nil
			}
			return []byte(text), nil
		}
		out, err := Gate(o).Run(ctx, target)
		var messages []string
		for _, f := range out.Findings {
			messages = append(messages, f.Message)
		}
		return strings.Join(messages, "\n"), err
	}
}

func TestRecordByACodeOwner(t *testing.T) {
	for _, tt := range []struct{ owners, author, want string }{
		{"migrations/ @bob\n", bob, ""},
		{"migrations/ ana@example.com\n", ana, ""},
		{"* @bob\nmigrations/ @ana\n", bob, "is not an owner of migrations/002_new.sql (@ana) (gates.checkpoints.code_owners)"},
		{"* @bob\nmigrations/\n", bob, "migrations/002_new.sql has no code owner in .github/CODEOWNERS"},
		{"*.go @bob\n", bob, "migrations/002_new.sql has no code owner in .github/CODEOWNERS"},
		{"* @org/db\n", bob, "who is in a team cannot be told from a commit"},
		{"* @org/db @bob\n", bob, ""},
	} {
		p, run := owned(t, tt.owners)
		p.approve(Options{}, Schema, noon)
		p.commit(tt.author)
		got, err := run(Options{})
		if err != nil || tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%q by %s: %q %v", tt.owners, tt.author, got, err)
		}
	}
	_, run := owned(t, "")
	if _, err := run(Options{}); err == nil || !strings.Contains(err.Error(), "there is no CODEOWNERS (.github/CODEOWNERS, CODEOWNERS, docs/CODEOWNERS)") {
		t.Error(err)
	}
	_, run = owned(t, strings.Repeat("#", ownersLimit+1))
	if _, err := run(Options{}); err == nil || !strings.Contains(err.Error(), "GitHub reads none above") {
		t.Error(err)
	}
	_, run = owned(t, "* @org/db\n!x @y\n")
	if got, err := run(Options{}); err != nil || !strings.Contains(got, "no approval is recorded (migrations/002_new.sql is owned by @org/db alone, and who is in a team cannot be told here: name people in .github/CODEOWNERS)") || !strings.Contains(got, "GitHub knows no !") {
		t.Error(got, err)
	}
}

func TestReviewByACodeOwner(t *testing.T) {
	const head, stale = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222"
	yes := Review{Login: "ana", State: "APPROVED", Commit: head}
	with := func(r Review, change func(*Review)) Review { change(&r); return r }
	tests := map[string]struct {
		list    []Review
		owners  string
		options Options
		want    string
	}{
		"an owner":            {[]Review{yes}, "", Options{}, ""},
		"another case":        {[]Review{with(yes, func(r *Review) { r.Login = "ANA" })}, "", Options{}, ""},
		"nobody":              {nil, "", Options{}, "no owner of migrations/002_new.sql (@ana, @bob, @org/db) has approved it"},
		"no owner":            {[]Review{with(yes, func(r *Review) { r.Login = "eve" })}, "", Options{}, "no owner of"},
		"stale":               {[]Review{with(yes, func(r *Review) { r.Commit = stale })}, "", Options{}, "the review by @ana is of commit 222222222222, and the change is at 111111111111"},
		"no commit":           {[]Review{with(yes, func(r *Review) { r.Commit = "" })}, "", Options{}, "the review by @ana is of commit"},
		"dismissed":           {[]Review{with(yes, func(r *Review) { r.State = "DISMISSED" })}, "", Options{}, "does not count any more (dismissed)"},
		"an unknown state":    {[]Review{with(yes, func(r *Review) { r.State = "MAYBE" })}, "", Options{}, "does not count any more (maybe)"},
		"a later no":          {[]Review{yes, with(yes, func(r *Review) { r.State = "CHANGES_REQUESTED" })}, "", Options{}, "@ana, an owner of migrations/002_new.sql, asks for changes"},
		"a later yes":         {[]Review{with(yes, func(r *Review) { r.State = "CHANGES_REQUESTED" }), yes}, "", Options{}, ""},
		"a later comment":     {[]Review{yes, with(yes, func(r *Review) { r.State = "COMMENTED" })}, "", Options{}, ""},
		"a later draft":       {[]Review{yes, with(yes, func(r *Review) { r.State = "PENDING" })}, "", Options{}, ""},
		"the author of it":    {[]Review{with(yes, func(r *Review) { r.Login = "bob" })}, "", Options{}, "the review by @bob does not count: an author of the change"},
		"who opened it":       {[]Review{with(yes, func(r *Review) { r.Login = "opener" })}, "* @opener\n", Options{}, "the review by @opener does not count: an author of the change"},
		"a member of a team":  {[]Review{with(yes, func(r *Review) { r.Login = "eve"; r.Teams = []string{"Org/DB"} })}, "", Options{}, ""},
		"of another team":     {[]Review{with(yes, func(r *Review) { r.Login = "eve"; r.Teams = []string{"org/web"} })}, "", Options{}, "no owner of"},
		"an address":          {[]Review{yes}, "* ana@example.com\n", Options{}, "no owner of"},
		"no owner at all":     {[]Review{yes}, "*.go @ana\n", Options{}, "has no code owner"},
		"not an approver":     {[]Review{yes}, "", Options{Approvers: []string{"@eve"}}, "not in gates.checkpoints.approvers"},
		"an approver":         {[]Review{yes}, "", Options{Approvers: []string{"@Ana"}}, ""},
		"one says no":         {[]Review{yes, {Login: "eve", State: "CHANGES_REQUESTED", Commit: head, Teams: []string{"org/db"}}}, "", Options{}, "@eve, an owner of"},
		"no of somebody else": {[]Review{yes, {Login: "eve", State: "CHANGES_REQUESTED", Commit: head}}, "", Options{}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if tt.owners == "" {
				tt.owners = "migrations/ @ana @bob @org/db\n"
			}
			_, run := owned(t, tt.owners)
			tt.options.Reviews = func(context.Context) (Reviews, error) {
				return Reviews{Author: "opener", Head: head, List: tt.list}, nil
			}
			got, err := run(tt.options)
			if err != nil || tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("%q %v, want %q", got, err, tt.want)
			}
		})
	}
	_, run := owned(t, "* @ana\n")
	if _, err := run(Options{Reviews: func(context.Context) (Reviews, error) { return Reviews{}, errors.New("no network") }}); err == nil || err.Error() != "ask for the reviews: no network" {
		t.Error(err)
	}
}

// A record that counts needs no review; the platform is not even asked.
func TestRecordGoesFirst(t *testing.T) {
	p, run := owned(t, "* @bob\n")
	p.approve(Options{}, Schema, noon)
	p.commit(bob)
	got, err := run(Options{Reviews: func(context.Context) (Reviews, error) { return Reviews{}, errors.New("asked") }})
	if got != "" || err != nil {
		t.Error(got, err)
	}
}

func FuzzOwners(f *testing.F) {
	f.Add("* @a\n", "a/b")
	f.Add("docs/* a@b.c #x\n\\ a/**/b/ @a/b\n", "docs/x")
	f.Add("/a?[ @x\n!b\n", "a")
	f.Fuzz(func(t *testing.T, text, name string) {
		o := parseOwners("CODEOWNERS", []byte(text))
		o.of(name)
		if n := len(o.rules) + len(o.bad); n > strings.Count(text, "\n")+1 {
			t.Errorf("%d lines", n)
		}
		for _, f := range o.findings() {
			if f.Line < 1 || f.Message == "" {
				t.Error(f)
			}
		}
	})
}

// The first place that is there counts, as on GitHub.
func TestPlacesOfOwners(t *testing.T) {
	p := newProject(t)
	target := p.target()
	target.ReadPolicy = func(_ context.Context, name string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(p.Dir, name))
		if errors.Is(err, os.ErrNotExist) {
			return nil, nil
		}
		return data, err
	}
	for _, name := range []string{"docs/CODEOWNERS", "CODEOWNERS", ".github/CODEOWNERS"} {
		p.Write(name, "* @"+strings.ReplaceAll(strings.TrimLeft(name, "."), "/", "-")+"\n")
		o, err := readOwners(ctx, target)
		if err != nil || o.path != name {
			t.Error(o, err)
		}
	}
}
