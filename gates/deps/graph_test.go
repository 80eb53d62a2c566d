package deps

import (
	"fmt"
	"strings"
	"testing"
)

// Every format tells what is direct, what brings the others, and what only
// development needs. In all of them the project ships a, which needs b; it
// develops with c, which needs b and d.
func TestGraph(t *testing.T) {
	const manifest = `{"dependencies": {"a": "^1.0.0"}, "devDependencies": {"c": "^1.0.0"}}`
	const want = "a direct; b via a; c direct dev; d via c dev"
	for _, c := range []struct{ name, beside, text, lock, want string }{
		{"package-lock.json", "", "", `{"lockfileVersion": 2, "packages": {"": ` + manifest + `,
			"node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1"}}, "node_modules/c": {"version": "1.0.0", "dependencies": {"b": "1", "d": "1"}},
			"node_modules/b": {"version": "1.0.0"}, "node_modules/c/node_modules/d": {"version": "1.0.0"}}}`, want},
		{"pnpm-lock.yaml", "", "", `lockfileVersion: '9.0'
importers:
  .:
    dependencies: {a: {specifier: ^1.0.0, version: 1.0.0(x@1.0.0)}}
    devDependencies: {c: {specifier: ^1.0.0, version: 1.0.0}}
packages: {a@1.0.0: {}, b@1.0.0: {}, c@1.0.0: {}, d@1.0.0: {}}
snapshots:
  a@1.0.0(x@1.0.0): {dependencies: {b: 1.0.0}}
  c@1.0.0: {dependencies: {b: 1.0.0}, optionalDependencies: {d: 1.0.0}}
`, want},
		{"pnpm-lock.yaml", "", "", `lockfileVersion: 5.4
dependencies: {a: 1.0.0_x@1.0.0}
devDependencies: {c: 1.0.0}
packages:
  /a/1.0.0_x@1.0.0: {dependencies: {b: 1.0.0}}
  /b/1.0.0: {}
  /c/1.0.0: {dependencies: {b: 1.0.0, d: 1.0.0}}
  /d/1.0.0: {dev: true}
`, want},
		{"yarn.lock", "package.json", manifest, "# yarn lockfile v1\na@^1.0.0:\n  version \"1.0.0\"\n  dependencies:\n    b \"^1.0.0\"\nb@1.0.0, b@^1.0.0:\n  version \"1.0.0\"\nc@^1.0.0:\n  version \"1.0.0\"\n  dependencies:\n    b \"1.0.0\"\n    d \"^1.0.0\"\nd@^1.0.0:\n  version \"1.0.0\"\n", want},
		{"yarn.lock", "package.json", manifest, `__metadata: {version: 8}
"a@npm:^1.0.0": {version: 1.0.0, resolution: "a@npm:1.0.0", dependencies: {b: "npm:^1.0.0"}}
"b@npm:^1.0.0": {version: 1.0.0, resolution: "b@npm:1.0.0"}
"c@npm:^1.0.0": {version: 1.0.0, resolution: "c@npm:1.0.0", dependencies: {b: "npm:^1.0.0", d: "npm:^1.0.0"}}
"d@npm:^1.0.0": {version: 1.0.0, resolution: "d@npm:1.0.0"}
`, want},
		{"bun.lock", "", "", `{"lockfileVersion": 1, "workspaces": {"": ` + manifest + `}, "packages": {
			"a": ["a@1.0.0", "", {"dependencies": {"b": "1"}}, ""], "b": ["b@1.0.0", "", {}, ""], // a comment
			"c": ["c@1.0.0", "", {"dependencies": {"b": "1", "d": "1"}}, ""], "c/d": ["d@1.0.0", "", {}, ""],}}`, want},
		{"uv.lock", "", "", `version = 1
[[package]]
name = "app"
version = "0"
source = { virtual = "." }
dependencies = [{ name = "a" }]
[package.dev-dependencies]
dev = [{ name = "c" }]
[[package]]
name = "a"
version = "1.0.0"
source = { registry = "x" }
dependencies = [{ name = "b" }]
[[package]]
name = "b"
version = "1.0.0"
source = { registry = "x" }
[[package]]
name = "c"
version = "1.0.0"
source = { registry = "x" }
dependencies = [{ name = "b" }, { name = "d" }]
[[package]]
name = "d"
version = "1.0.0"
source = { registry = "x" }
`, want},
		{"poetry.lock", "pyproject.toml", "[tool.poetry.dependencies]\npython='3'\nA='1'\n[tool.poetry.group.dev.dependencies]\nc='1'\n", `[[package]]
name = "a"
version = "1.0.0"
groups = ["main"]
[package.dependencies]
B = "*"
[[package]]
name = "b"
version = "1.0.0"
groups = ["main", "dev"]
[[package]]
name = "c"
version = "1.0.0"
groups = ["dev"]
[package.dependencies]
b = "*"
d = "*"
[[package]]
name = "d"
version = "1.0.0"
groups = ["dev"]
[metadata]
lock-version = "2.1"
`, want},
		{"Cargo.lock", "Cargo.toml", "[package]\nname='x'\n[dependencies]\na='1'\n[dev-dependencies]\ncc={package='c', version='1'}\n", `version = 4
[[package]]
name = "a"
version = "1.0.0"
source = "registry+x"
dependencies = ["b 1.0.0"]
[[package]]
name = "b"
version = "1.0.0"
source = "registry+x"
[[package]]
name = "c"
version = "1.0.0"
source = "sparse+x"
dependencies = ["b", "d"]
[[package]]
name = "d"
version = "1.0.0"
source = "registry+x"
[[package]]
name = "x"
version = "0.1.0"
dependencies = ["a", "c"]
`, want},
		{"Pipfile.lock", "Pipfile", "[packages]\na='*'\n[dev-packages]\nc='*'\n", `{"_meta": {"pipfile-spec": 6}, "default": {"a": {"version": "==1.0.0"}, "b": {"version": "==1.0.0"}}, "develop": {"b": {"version": "==1.0.0"}, "c": {"version": "==1.0.0"}, "d": {"version": "==1.0.0"}}}`,
			"a direct; b; c direct dev; d dev"},
		{"go.mod", "", "", "module m\n\ngo 1.21\n\nrequire (\n\ta v1.0.0\n\tb v1.0.0 // indirect\n\te v1.0.0\n)\nreplace e => ./e\n", "a direct; b"},
	} {
		b := &book{files: map[string][]byte{c.name: []byte(c.lock), c.beside: []byte(c.text)}}
		l, err := readLock(b, c.name, []byte(c.lock))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		byName := make(map[string]string)
		for _, p := range l.Packages {
			s := p.Name
			if p.Direct {
				s += " direct"
			}
			if p.Via != "" {
				s += " via " + p.Via
			}
			if p.Dev {
				s += " dev"
			}
			byName[p.Name] = s
			if p.Elsewhere {
				t.Errorf("%s: %s comes from elsewhere", c.name, p.Name)
			}
		}
		var parts []string
		for _, n := range sortedKeys(byName) {
			parts = append(parts, byName[n])
		}
		if got := strings.Join(parts, "; "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A source may hold a password, which no message shows.
func TestNoPasswordInNames(t *testing.T) {
	for name, text := range map[string]string{
		"pnpm-lock.yaml":    "lockfileVersion: '9.0'\npackages:\n  p@https://u:hunter2@x.example/p.git: {resolution: {type: git, repo: x}}\n",
		"yarn.lock":         "# yarn lockfile v1\n\"p@https://u:hunter2@x.example/p.git\":\n  version \"1\"\n  resolved \"https://u:hunter2@x.example/p.git#1\"\n",
		"bun.lock":          `{"lockfileVersion": 1, "packages": {"p": ["p@git+https://u:hunter2@x.example/p.git#1", {}, ""]}}`,
		"package-lock.json": `{"lockfileVersion": 3, "packages": {"node_modules/p": {"version": "1", "resolved": "git+https://u:hunter2@x.example/p.git#1"}}}`,
		"requirements.txt":  "p @ git+https://u:hunter2@x.example/p.git\n",
	} {
		l, err := readLock(&book{}, name, []byte(text))
		if err != nil || len(l.Packages) != 1 || !l.Packages[0].Elsewhere || l.Packages[0].Name != "p" {
			t.Errorf("%s: %v %s", name, err, fmt.Sprint(l))
		}
	}
}
