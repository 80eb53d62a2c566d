package worktree_test

import (
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/worktree"
)

func TestRewrite(t *testing.T) {
	for _, c := range []struct{ name, in, want, compose, database string }{
		{name: "exactly PORT", in: "PORT=3000\nDB_PORT=5432\nREDIS_PORT=6379\nEXPORT=1\nPORTAL=3000\n", want: "PORT=8100\nDB_PORT=5432\nREDIS_PORT=6379\nEXPORT=1\nPORTAL=3000\n"},
		{name: "quotes, export, comments", in: "export PORT=\"3000\" # web\n  PORT='3000'\nPORT = 3000\t# x\n#PORT=3000\n", want: "export PORT=\"8100\" # web\n  PORT='8100'\nPORT = 8100\t# x\n#PORT=3000\n"},
		{name: "none: added", in: "A=1", want: "A=1\nPORT=8100\n"},
		{name: "empty", in: "", want: "PORT=8100\n"},
		{name: "CRLF", in: "PORT=3000\r\nA=1\r\n", want: "PORT=8100\r\nA=1\r\n"},
		{name: "CRLF, added", in: "A=1\r\n", want: "A=1\r\nPORT=8100\r\n"},
		{
			name: "URLs of this machine on the old port",
			in:   "PORT=3000\nA=http://localhost:3000/x?y=localhost:3000\nB=\"http://127.0.0.1:3000\"\nC=http://[::1]:3000\nD=http://localhost:30001\nE=http://example.com:3000\nF=http://localhost:3001\n",
			want: "PORT=8100\nA=http://localhost:8100/x?y=localhost:8100\nB=\"http://127.0.0.1:8100\"\nC=http://[::1]:8100\nD=http://localhost:30001\nE=http://example.com:3000\nF=http://localhost:3001\n",
		},
		{name: "a value over several lines", in: "KEY=\"-----BEGIN\nPORT=3000\n-----END\"\nPORT=3000\n", want: "KEY=\"-----BEGIN\nPORT=3000\n-----END\"\nPORT=8100\n"},
		{name: "an open quote", in: "KEY=\"x\nPORT=3000\n", want: "KEY=\"x\nPORT=8100\n"},
		{name: "an escaped quote", in: "KEY=\"a\\\"b\"\nPORT=3000\n", want: "KEY=\"a\\\"b\"\nPORT=8100\n"},
		{name: "not a number", in: "PORT=${BASE}\nA=http://localhost:3000\n", want: "PORT=8100\nA=http://localhost:3000\n"},
		{name: "no value", in: "PORT=\n", want: "PORT=8100\n"},
		{name: "no newline at the end", in: "PORT=3000", want: "PORT=8100"},
		{name: "not an assignment", in: "what is PORT=3000\n", want: "what is PORT=3000\nPORT=8100\n"},
		{name: "compose", compose: "app-x", in: "PORT=1\nCOMPOSE_PROJECT_NAME=app\n", want: "PORT=8100\nCOMPOSE_PROJECT_NAME=app-x\n"},
		{name: "compose, added", compose: "app-x", in: "PORT=1\n", want: "PORT=8100\nCOMPOSE_PROJECT_NAME=app-x\n"},
		{
			name: "databases", database: "x", in: "PORT=1\nDATABASE_URL=\"postgres://u:p@h:5432/app?sslmode=off\"\nDB_NAME=app\nOTHER=app\n",
			want: "PORT=8100\nDATABASE_URL=\"postgres://u:p@h:5432/app_x?sslmode=off\"\nDB_NAME=app_x\nOTHER=app\n",
		},
	} {
		if got := worktree.Rewrite(c.in, 8100, c.compose, c.database); got != c.want {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
}

// Whatever the file is: twice is the same as once, and lines that have nothing to
// do with a port stay.
func FuzzRewrite(f *testing.F) {
	f.Add("PORT=3000\nA=http://localhost:3000\n")
	f.Add("export PORT='1\n2'#\r\nX=\"")
	f.Fuzz(func(t *testing.T, text string) {
		once := worktree.Rewrite(text, 8100, "", "")
		if twice := worktree.Rewrite(once, 8100, "", ""); twice != once {
			t.Fatalf("%q\nonce  %q\ntwice %q", text, once, twice)
		}
		if !strings.Contains(text, "PORT") && !strings.HasPrefix(once, text) {
			t.Fatalf("%q became %q", text, once)
		}
	})
}

func TestEnvNames(t *testing.T) {
	for name, want := range map[string]bool{
		".env": true, ".env.local": true, "a/b/.env": true, "prod.env": true, ".envrc": true, ".dev.vars": true,
		".env.example": false, ".env.sample": false, "env": false, "environment.ts": false, "a.env.template": false,
	} {
		if got := worktree.IsEnvName(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestTaskNames(t *testing.T) {
	for in, want := range map[string]string{"login": "login", "feature/login": "login", "api/auth": "api/auth", "übung": "übung"} {
		if got, err := worktree.TaskName(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "a b", "a\nb", "a..b", "a~1", "x.lock", "a//b", "/a", "a/", "-", "a@{b", "a\x00b", ".a", "a/.b", "a\\b", "a:b"} {
		if got, err := worktree.TaskName(in); err == nil && in != "-" {
			t.Errorf("%q: taken as %q", in, got)
		}
		if _, err := worktree.TaskName(worktree.ValidName(in)); err != nil {
			t.Errorf("%q: what is to be tried cannot be one: %v", in, err)
		}
	}
	for in, want := range map[string]string{"": "task", "fix login": "fix-login", "a..b": "a.b", "x.lock": "x", "a//.b/": "a/b", "..": "task", "a@{b": "a-{b", strings.Repeat("x", 300): "task"} {
		if got := worktree.ValidName(in); got != want {
			t.Errorf("for %.20q try %q, want %q", in, got, want)
		}
	}
	// What a name becomes as a folder never leads anywhere else.
	for in, want := range map[string]string{"a/b": "a-b", "..": "task", "a/../b": "a-..-b", "": "task", "a b\nc": "a-b-c", "-x": "x", "CON:": "CON"} {
		if got := worktree.Slug(in); got != want {
			t.Errorf("slug of %q: %q", in, got)
		}
	}
}

func TestProgress(t *testing.T) {
	p := worktree.ParseProgress("# T\n- [x] a\n- [ ] b\n* [X] c\n- [ ] BLOCKED by d\n- no box\n## Blockers\n- [ ] the key\n- [x] gone\n- a word\n## More\n- [ ] e\n")
	if p.Done != 2 || p.Total != 5 || p.Percent != 40 || strings.Join(p.Blockers, "|") != "BLOCKED by d|the key|a word" {
		t.Errorf("%+v", p)
	}
}
