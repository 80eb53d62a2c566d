package agents

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func builtin(t testing.TB) *Catalog {
	t.Helper()
	c, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCatalogIsWhole(t *testing.T) {
	c := builtin(t)
	if len(c.Agents) < 80 {
		t.Errorf("%d agents", len(c.Agents))
	}
	gone, renamed := 0, 0
	for _, a := range c.Agents {
		if a.Gone != "" {
			gone++
		}
		if a.Name != "" {
			renamed++
		}
		if a.Example == "" || a.Category == "" {
			t.Errorf("%s: no example or no category", a.ID)
		}
	}
	if gone != 3 || renamed < 50 {
		t.Errorf("%d gone, %d renamed", gone, renamed)
	}
	if len(c.Types) != 7 {
		t.Errorf("types %v", c.typeNames())
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"":                                    "",
		"Tests, testing, tested!":             "test test test",
		"latest contest":                      "latest contest",
		"plan planning plans planned explain": "plan plan plan plan explain",
		"CI/CD red-green-refactor":            "ci cd red green refactor",
		"queries query":                       "query query",
		"speed speeds class classes caching":  "speed speed class class cach",
		"Größe ändern 日本":                     "größ ändern 日本",
		"string status analysis 500s":         "string status analysis 500",
	} {
		if got := strings.Join(Words(in), " "); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// The sentences that the reference's way of matching gets wrong.
func TestTraps(t *testing.T) {
	r := NewRouter(builtin(t), Installed{})
	for task, want := range map[string]string{
		"Deploy the latest release":            "deployment-strategies:deployment-engineer",
		"Security review of the capital flow":  "full-stack-orchestration:security-auditor",
		"Please look at this pull request":     "git-pr-workflows:code-reviewer", // a phrase
		"Do it in red-green-refactor cycles":   "tdd-workflows:tdd-orchestrator",
		"Add type hints to the helpers":        "python-development:python-pro",
		"Make the contest rules greatest":      "",
		"An explanation for the plants":        "",
		"A prose text about terrorism in film": "",
	} {
		got := r.Route(Request{Task: task}).Agent
		if want == "" && got != "" && got != "documentation-generation:docs-architect" || want != "" && got != want {
			t.Errorf("%s: %q, want %q", task, got, want)
		}
	}
}

func TestScoreIsTheReferences(t *testing.T) {
	c, err := builtin(t).With("own.yml", []byte(`agents:
  - {id: "x:all", says: x, keywords: [aa, bb, cc, dd, ee], types: [debugging], domains: [python]}
  - {id: "x:some", says: x, keywords: [zz], also: [debugging]}
`))
	if err != nil {
		t.Fatal(err)
	}
	r := NewRouter(c, Installed{})
	points := func(q Request, id string) float64 {
		for _, s := range r.Route(q).Candidates {
			if s.Agent == id {
				return s.Points
			}
		}
		return 0
	}
	q := Request{Task: "aa bb cc dd ee crash", Paths: []string{"x/y.py"}}
	if got := points(q, "x:all"); got != 40+30+10+10 {
		t.Errorf("all: %g", got)
	}
	if got := points(Request{Task: "zz crash"}, "x:some"); got != 10+15+10 {
		t.Errorf("some: %g", got)
	}
	q.Records = map[string]Record{"x:all": {Good: 8, Uses: 8}}
	if got := points(q, "x:all"); got != 40+30+18+10 {
		t.Errorf("with a record: %g", got)
	}
	if r := (Record{}).Rate(); r != 0.5 {
		t.Errorf("unknown: %g", r)
	}
}

func TestRouteIsDeterministic(t *testing.T) {
	c := builtin(t)
	for _, g := range readGolden(t, "tuning")[:20] {
		a, b := NewRouter(c, Installed{}).Route(Request{Task: g.task}), NewRouter(c, Installed{}).Route(Request{Task: g.task})
		if a.Agent != b.Agent || !slices.Equal(a.Why, b.Why) {
			t.Errorf("%s: %v, %v", g.task, a, b)
		}
	}
}

func TestDomain(t *testing.T) {
	c := builtin(t)
	for file, want := range map[string]string{
		"src/auth/login.py": "auth", "api/v1/users.go": "api", "infra/main.tf": "infrastructure", "web/x.tsx": "frontend",
		"a/test_x.py": "testing", "x_test.go": "testing", "Dockerfile": "deployment", `src\db\x.go`: "database", "go.mod": "dependencies",
		"lib/x.py": "python", "x": "", "author/x.go": "", "capital.go": "",
	} {
		d, _ := c.Domain(file)
		if d.Domain != want {
			t.Errorf("%s: %q, want %q", file, d.Domain, want)
		}
	}
}

func TestBadCatalogs(t *testing.T) {
	c := builtin(t)
	for text, want := range map[string]string{
		"agents: [":                   "own.yml:1: ",
		"agents: {}":                  "own.yml:1: want a list",
		"- x":                         "own.yml:1: want keys and values",
		"\nagent: []":                 `own.yml:2: no key "agent"; there are: agents, types`,
		"agents:\n- {id: a b}":        "own.yml:2: agent \"a b\": an id is",
		"agents:\n- {id: a, says: x}": "own.yml:2: agent \"a\": needs keywords",
		"agents:\n- {id: a, says: x, keywords: ['!']}":                                  `own.yml:2: agent "a": keyword "!": no word in it`,
		"agents:\n- {id: a, id: b}":                                                     `own.yml:2: `,
		"agents:\n- {id: a, says: x, keywords: [x]}\n- {id: a, says: x, keywords: [x]}": `own.yml:3: agent "a" is there twice`,
		"agents:\n- {id: a, says: x, keywords: [x], domains: [moon]}":                   `own.yml:2: agent "a": no domain "moon"`,
		"words:\n- {word: x, agent: nobody-at-all}":                                     `own.yml:2: word "x": no agent "nobody-at-all"`,
		"words:\n- {word: x, agent: 'code-review-ai:architect-review'}":                 `is gone`,
		"domains:\n- {domain: x, agent: Explore, files: ['[']}":                         `own.yml:2: domain "x": file "[": a malformed pattern`,
		"trees:\n- {id: x, ask: y, answers: [{when: z}]}":                               `own.yml:2: tree "x": answer "z": needs when, and either`,
		"x: &a [*a]":                               "own.yml:1: ",
		"agents: &a []\ntypes: *a":                 "own.yml:2: an alias (*a)",
		"agents:\n- {id: a, says: x, keywords: x}": "own.yml:2: want a list",
	} {
		if _, err := c.With("own.yml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := c.With("own.yml", nil); err != nil {
		t.Error(err)
	}
}

func FuzzCatalog(f *testing.F) {
	f.Add("agents:\n- {id: a, says: x, keywords: [x]}")
	f.Add("trees:\n- {id: x, ask: y, answers: [{when: z, agent: Explore}]}")
	f.Add("words: [{word: x, agent: y}]")
	c := builtin(f)
	f.Fuzz(func(t *testing.T, text string) {
		own, err := c.With("own.yml", []byte(text))
		if err != nil {
			return
		}
		NewRouter(own, Installed{}).Route(Request{Task: text})
	})
}

func TestInstalled(t *testing.T) {
	dir := t.TempDir()
	home := filepath.Join(dir, "home")
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("p/.claude/agents/one.md", "---\nname: one\ndescription: >-\n  Knows zebras\n  and okapis.\n---\nname: two\n")
	write("p/.claude/agents/none.md", "no head")
	write("plug/agents/debugger.md", "---\nname: debugging-toolkit-debugger\ndescription: x: y\n---\n")
	write("home/.claude/plugins/installed_plugins.json", `{"version":2,"plugins":{"debugging-toolkit@m":[{"installPath":"`+filepath.ToSlash(filepath.Join(dir, "plug"))+`"}]}}`)
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "p/.claude/agents/link.md")); err != nil {
		t.Fatal(err)
	}
	in, notes := ReadInstalled(filepath.Join(dir, "p"), home)
	if len(notes) > 0 || len(in.Agents) != 2 || in.Agents[0].Says != "Knows zebras and okapis." {
		t.Fatalf("%v %+v", notes, in)
	}
	r := NewRouter(builtin(t), in)
	if got := r.Route(Request{Task: "count the zebras and okapis"}); got.Agent != "one" || !got.Candidates[0].Installed {
		t.Errorf("%+v", got)
	}
	if got := r.Route(Request{Task: "fix the crash"}); got.Agent != "debugging-toolkit:debugger" || !got.Candidates[0].Installed {
		t.Errorf("%+v", got)
	}
	write("home/.claude/plugins/installed_plugins.json", `{"plugins": 5}`)
	if _, notes := ReadInstalled(filepath.Join(dir, "p"), home); len(notes) != 1 || !strings.Contains(notes[0], "installed_plugins.json") {
		t.Error(notes)
	}
}

func FuzzFrontmatter(f *testing.F) {
	f.Add("---\nname: x\ndescription: |\n  a\n---\n")
	f.Fuzz(func(t *testing.T, text string) { describedBy(frontmatter(text)) })
}
