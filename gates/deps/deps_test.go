package deps_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/deps"
	"github.com/wf-ci/wf-ci/gates/deps/osvtest"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func TestMain(m *testing.M) {
	gatestest.Main(m, map[string]gates.EngineFunc{deps.Govulncheck: deps.RunGovulncheck})
}

var today = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func options(s *osvtest.Server) deps.Options {
	return deps.Options{
		API: s.URL, HTTP: http.DefaultClient, Now: func() time.Time { return today }, Agent: "test", Patience: 20 * time.Second,
	}
}

// judge runs the gate on a repository.
func judge(t *testing.T, target *gates.Target, o deps.Options) gates.Result {
	t.Helper()
	results, err := gates.Run(context.Background(), target, []gates.Gate{deps.Gate(o)}, gates.Options{Jobs: 1, Timeout: 5 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

// said are the findings, one a line.
func said(r gates.Result) []string {
	out := []string{}
	for _, f := range r.Outcome.Findings {
		out = append(out, fmt.Sprintf("%s:%d-%d %s %s: %s", f.Path, f.Line, f.EndLine, f.Severity, f.Rule, f.Message))
	}
	return out
}

func packageLock(entries ...string) string {
	return "{\n \"name\": \"app\", \"lockfileVersion\": 3,\n \"packages\": {\n" + strings.Join(entries, ",\n") + "\n }\n}\n"
}

func nodeRepo(t *testing.T, manifest, lock string) *gittest.Repo {
	t.Helper()
	repo := gittest.New(t)
	repo.Write("package.json", manifest)
	if lock != "" {
		repo.Write("package-lock.json", lock)
	}
	repo.Commit("all")
	return repo
}

const mkdirpManifest = `{"name": "app", "dependencies": {"mkdirp": "^0.5.0"}, "devDependencies": {"slow-regex": "2.0.0"}}`

var mkdirpLock = packageLock(
	`  "": {"name": "app", "dependencies": {"mkdirp": "^0.5.0"}, "devDependencies": {"slow-regex": "2.0.0"}}`,
	`  "node_modules/minimist": {
   "version": "1.2.5"
  }`,
	`  "node_modules/mkdirp": {"version": "0.5.5", "dependencies": {"minimist": "^1.2.5"}}`,
	`  "node_modules/slow-regex": {"version": "2.0.0", "dev": true}`,
)

func TestVulnerable(t *testing.T) {
	s := osvtest.New(t)
	repo := nodeRepo(t, mkdirpManifest, mkdirpLock)
	r := judge(t, gatestest.Target(t, repo, ""), options(s))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	want := []string{
		"package-lock.json:5-6 error GHSA-xvch-5gv4-984h: minimist 1.2.5 (via mkdirp): critical (9.8): Prototype Pollution in minimist; fixed in 1.2.6; also CVE-2021-44906",
		"package-lock.json:9-0 warning GHSA-high-high-high: slow-regex 2.0.0 (direct, development only): high (7.5): Slow regular expression; no fix yet",
	}
	if diff := cmp.Diff(want, said(r)); diff != "" {
		t.Error(diff)
	}
	if r.Outcome.Engine.Name != "osv.dev" || r.Outcome.Metrics["packages"] != 3 || r.Outcome.Metrics["critical"] != 1 || r.Outcome.Examined.Files != 1 {
		t.Errorf("%+v", r.Outcome)
	}
	if len(r.Outcome.Rules) != 2 || r.Outcome.Rules[1].Security != "9.8" {
		t.Errorf("rules: %+v", r.Outcome.Rules)
	}
}

// The same, from the database: the same findings, whoever answers.
func TestDatabaseAgreesWithTheAPI(t *testing.T) {
	s := osvtest.New(t)
	repo := gittest.New(t)
	repo.Write("package.json", mkdirpManifest)
	repo.Write("package-lock.json", mkdirpLock)
	repo.Write("py/app.py", "import jinja2\n")
	repo.Write("py/requirements.txt", "Jinja2==3.1.0\nFlask_Thing==1.0\nharmless==1\n")
	repo.Write("rs/Cargo.toml", "[package]\nname = \"x\"\n[dependencies]\nsmallvec = \"0.6\"\n[dev-dependencies]\nold-crate = \"1\"\n")
	repo.Write("rs/src/main.rs", "fn main() {}\n")
	repo.Write("rs/Cargo.lock", "version = 4\n\n[[package]]\nname = \"x\"\nversion = \"0.1.0\"\ndependencies = [\n \"old-crate\",\n \"smallvec\",\n]\n\n"+
		"[[package]]\nname = \"old-crate\"\nversion = \"1.0.0\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n\n"+
		"[[package]]\nname = \"smallvec\"\nversion = \"0.6.9\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n")
	repo.Write("go/go.mod", "module example.com/app\n\ngo 1.21\n\nrequire example.com/vuln v1.0.0\n")
	repo.Commit("all")
	target := gatestest.Target(t, repo, "")
	online := judge(t, target, options(s))
	if online.Err != nil {
		t.Fatal(online.Err)
	}
	asked := len(s.Requests())

	target.DataDir = t.TempDir()
	for _, e := range deps.Ecosystems() {
		if _, err := deps.Update(context.Background(), e, deps.UpdateOptions{DataDir: target.DataDir, From: s.URL, HTTP: http.DefaultClient, Now: today.Add(-50 * time.Hour), Agent: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	asked += len(deps.Ecosystems())
	target.Offline = true
	offline := judge(t, target, options(s))
	if offline.Err != nil {
		t.Fatal(offline.Err)
	}
	if diff := cmp.Diff(online.Outcome.Findings, offline.Outcome.Findings); diff != "" {
		t.Error(diff)
	}
	if got := len(s.Requests()); got != asked {
		t.Errorf("offline, and %d requests more", got-asked)
	}
	if e := offline.Outcome.Engine; e.Name != "osv database" || e.Version != "of 2026-11-25" || offline.Outcome.Metrics["database_age_days"] != 2 {
		t.Errorf("%+v %v", e, offline.Outcome.Metrics)
	}
	want := []string{
		"go/go.mod:5-0 warning CVE-2026-2000: example.com/vuln 1.0.0 (direct): severity unknown: Parse panics; fixed in 1.2.0; also GO-2026-0001",
		"go/go.mod:5-0 warning GO-2026-0002: example.com/vuln 1.0.0 (direct): severity unknown: Render leaks; fixed in 1.2.0",
		"go/go.mod:5-0 warning GO-2026-0003: example.com/vuln 1.0.0 (direct): severity unknown: The command is unsafe; no fix yet",
		"package-lock.json:5-6 error GHSA-xvch-5gv4-984h: minimist 1.2.5 (via mkdirp): critical (9.8): Prototype Pollution in minimist; fixed in 1.2.6; also CVE-2021-44906",
		"package-lock.json:9-0 warning GHSA-high-high-high: slow-regex 2.0.0 (direct, development only): high (7.5): Slow regular expression; no fix yet",
		"py/requirements.txt:1-0 error GHSA-jinj-jinj-jinj: jinja2 3.1.0: critical (9.3): Jinja2 sandbox breakout; fixed in 3.1.6; also CVE-2026-1000, PYSEC-2026-10",
		"py/requirements.txt:2-0 error GHSA-else-else-else: flask-thing 1.0: critical (9.8): Rated by its alias; fixed in 2.0; also PYSEC-2026-11",
		"rs/Cargo.lock:11-13 note RUSTSEC-2026-0001: old-crate 1.0.0 (direct, development only): informational: old-crate is unmaintained; no fix yet",
		"rs/Cargo.lock:16-18 error RUSTSEC-2018-0003: smallvec 0.6.9 (direct): critical (9.8): Buffer overflow; fixed in 0.6.10",
	}
	if diff := cmp.Diff(want, said(offline)); diff != "" {
		t.Error(diff)
	}
}

func TestMalwareIsNeverMilder(t *testing.T) {
	s := osvtest.New(t)
	repo := nodeRepo(t, `{"name": "app", "devDependencies": {"evil-helper": "1"}}`, packageLock(
		`  "": {"devDependencies": {"evil-helper": "1"}}`, `  "node_modules/evil-helper": {"version": "1.0.0", "dev": true}`))
	o := options(s)
	o.Dev = gates.SeverityNote
	r := judge(t, gatestest.Target(t, repo, ""), o)
	want := []string{"package-lock.json:5-0 error MAL-2026-1: evil-helper 1.0.0 (direct, development only): malware: Malicious code in evil-helper (npm); remove it, and take what it could read for stolen"}
	if diff := cmp.Diff(want, said(r)); diff != "" || r.Err != nil {
		t.Error(r.Err, diff)
	}
}

func TestPolicy(t *testing.T) {
	s := osvtest.New(t)
	repo := nodeRepo(t, `{"dependencies": {"unrated": "1"}, "devDependencies": {"minimist": "1"}}`, packageLock(
		`  "": {"dependencies": {"unrated": "1"}, "devDependencies": {"minimist": "1"}}`,
		`  "node_modules/minimist": {"version": "1.2.5", "dev": true}`, `  "node_modules/unrated": {"version": "1.0.0"}`))
	for _, c := range []struct {
		dev, unknown, wantDev, wantUnknown gates.Severity
	}{
		{"", "", "warning", "warning"},
		{"error", "error", "error", "error"},
		{"note", "note", "note", "note"},
	} {
		o := options(s)
		o.Dev, o.Unknown = c.dev, c.unknown
		r := judge(t, gatestest.Target(t, repo, ""), o)
		if len(r.Outcome.Findings) != 2 || r.Outcome.Findings[0].Severity != c.wantDev || r.Outcome.Findings[1].Severity != c.wantUnknown {
			t.Errorf("%+v: %v %v", c, r.Err, said(r))
		}
	}
}

// What is new is where the change touched the lock file, also where only the
// version's line changed.
func TestNewInTheChange(t *testing.T) {
	s := osvtest.New(t)
	lock := func(minimist string) string {
		return strings.Replace(mkdirpLock, `"version": "1.2.5"`, `"version": "`+minimist+`"`, 1)
	}
	repo := nodeRepo(t, mkdirpManifest, lock("1.2.6"))
	base := repo.Git("rev-parse", "HEAD")
	repo.Write("package-lock.json", lock("1.2.5"))
	repo.Commit("downgrade")
	target := gatestest.Target(t, repo, base)
	r := judge(t, target, options(s))
	v := gates.Judge(gates.Policy{Today: "2026-11-27"}, target.Change, []gates.Result{r})
	if v.Decision != gates.Fail || !v.Gates[0].Findings[0].New || v.Gates[0].Findings[1].New {
		t.Errorf("%s %+v", v.Decision, v.Gates[0].Findings)
	}
}

// A waiver is for what was looked at: it outlives a new order of the lock file,
// and not another version.
func TestFingerprint(t *testing.T) {
	s := osvtest.New(t)
	fingerprint := func(lock string) string {
		r := judge(t, gatestest.Target(t, nodeRepo(t, mkdirpManifest, lock), ""), options(s))
		i := slices.IndexFunc(r.Outcome.Findings, func(f gates.Finding) bool { return f.Rule == "GHSA-xvch-5gv4-984h" })
		if i < 0 {
			t.Fatal(r.Err, said(r))
		}
		return r.Outcome.Findings[i].Fingerprint
	}
	one := fingerprint(mkdirpLock)
	if moved := fingerprint(strings.Replace(mkdirpLock, `"node_modules/mkdirp"`, "\n\n\"node_modules/mkdirp\"", 1)); moved != one {
		t.Error("moved, and another fingerprint")
	}
	if other := fingerprint(strings.Replace(mkdirpLock, "1.2.5\"\n", "1.2.0\"\n", 1)); other == one {
		t.Error("another version, and the same fingerprint")
	}
}

func TestCannotJudge(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no lock file", map[string]string{"package.json": mkdirpManifest}, `package.json: it asks for packages, and there is no lock file.*npm install --package-lock-only`},
		{"no lock file, poetry", map[string]string{"pyproject.toml": "[tool.poetry]\nname='x'\n[tool.poetry.dependencies]\npython='3'\nflask='*'\n"}, `pyproject.toml: .*poetry lock`},
		{"no lock file, cargo", map[string]string{"Cargo.toml": "[package]\nname='x'\n[target.'cfg(unix)'.dependencies]\nlibc='1'\n"}, `Cargo.toml: .*cargo generate-lockfile`},
		{"no lock file, setup.py", map[string]string{"setup.py": "setup(\n  install_requires=['x'],\n)\n"}, `setup.py: .*pip`},
		{"torn", map[string]string{"package.json": mkdirpManifest, "package-lock.json": mkdirpLock[:120]}, `package-lock.json:\d+: .*write it again`},
		{"empty", map[string]string{"package.json": mkdirpManifest, "yarn.lock": ""}, `yarn.lock:1: empty`},
		{"future", map[string]string{"package.json": mkdirpManifest, "package-lock.json": `{"lockfileVersion": 4, "packages": {}}`}, `package-lock.json:1: lockfileVersion 4 is not known`},
		{"conflict", map[string]string{"package.json": mkdirpManifest, "yarn.lock": "# yarn lockfile v1\n<<<<<<< HEAD\na@1:\n  version \"1\"\n=======\n"}, `yarn.lock:2: a merge conflict`},
		{"says two things", map[string]string{"package.json": mkdirpManifest, "package-lock.json": `{"lockfileVersion": 3, "packages": {}, "packages": {}}`}, `"packages" is there twice`},
		{"nothing in it", map[string]string{"package.json": mkdirpManifest, "package-lock.json": packageLock(`"": {}`)}, `package.json: it asks for mkdirp, slow-regex, which package-lock.json does not have`},
		{"out of date", map[string]string{"package.json": `{"dependencies": {"mkdirp": "1", "evil-helper": "1"}}`, "package-lock.json": mkdirpLock}, `package.json: it asks for evil-helper, which package-lock.json does not have`},
		{"binary", map[string]string{"package.json": mkdirpManifest, "bun.lockb": "\x00\x01"}, `bun.lockb: .*--save-text-lockfile`},
		{"unpinned", map[string]string{"a.py": "", "requirements.txt": "flask>=1\njinja2==3.1.0\nx==1.*\n"}, `requirements.txt:1, requirements.txt:3: no version is pinned`},
		{"out of the tree", map[string]string{"a.py": "", "requirements.txt": "-r ../../secret.txt\n"}, `requirements.txt:1: "../../secret.txt" is not in the repository`},
		{"broken manifest", map[string]string{"package.json": "{"}, `package.json: .*cannot be told`},
		{"broken go.mod", map[string]string{"go.mod": "module x\nrequire (\n"}, `go.mod:\d+: cannot be read`},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo := gittest.New(t)
			for name, text := range c.files {
				repo.Write(name, text)
			}
			repo.Commit("all")
			r := judge(t, gatestest.Target(t, repo, ""), options(osvtest.New(t)))
			if r.Err == nil || !matches(c.want, r.Err.Error()) {
				t.Errorf("error %v, want %s (skipped %q, %v)", r.Err, c.want, r.Skipped, said(r))
			}
		})
	}
}

// What can be judged is judged, whatever else cannot.
func TestOneTornLockHidesNoOther(t *testing.T) {
	repo := nodeRepo(t, mkdirpManifest, mkdirpLock)
	repo.Write("web/package.json", `{"dependencies": {"x": "1"}}`)
	repo.Write("web/package-lock.json", "{")
	repo.Commit("torn")
	r := judge(t, gatestest.Target(t, repo, ""), options(osvtest.New(t)))
	if r.Err == nil || len(r.Outcome.Findings) != 2 {
		t.Errorf("%v %v", r.Err, said(r))
	}
}

func TestNothingToAudit(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no project":      {"README.md": "x"},
		"no dependencies": {"package.json": `{"name": "x"}`, "Cargo.toml": "[package]\nname='y'\n[dependencies]\nz={path='z'}\n", "pyproject.toml": "[project]\nname='z'\n"},
		"in test data":    {"testdata/package.json": mkdirpManifest, "node_modules/x/package-lock.json": mkdirpLock, "vendor/y/go.mod": "module y\n"},
	} {
		repo := gittest.New(t)
		for f, text := range files {
			repo.Write(f, text)
		}
		repo.Commit("all")
		if r := judge(t, gatestest.Target(t, repo, ""), options(osvtest.New(t))); r.Skipped == "" {
			t.Errorf("%s: %v %v", name, r.Err, said(r))
		}
	}
}

func TestPinnedElsewhere(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("app.py", "")
	repo.Write("requirements.txt", "-c pins/constraints.in\n-r pins/more.in\nJinja2 >= 3 ; python_version > '3'\ntool @ git+https://user:pass@example.com/x.git\n./local\n")
	repo.Write("pins/constraints.in", "jinja2==3.1.0 \\\n  --hash=sha256:00\n")
	repo.Write("pins/more.in", "-r ../requirements.txt\n")
	repo.Commit("all")
	r := judge(t, gatestest.Target(t, repo, ""), options(osvtest.New(t)))
	want := []string{
		"pins/constraints.in:1-2 error GHSA-jinj-jinj-jinj: jinja2 3.1.0: critical (9.3): Jinja2 sandbox breakout; fixed in 3.1.6; also CVE-2026-1000, PYSEC-2026-10",
		"requirements.txt:4-0 note unaudited: tool comes from no registry: no database of vulnerabilities knows it",
	}
	if diff := cmp.Diff(want, said(r)); diff != "" || r.Err != nil {
		t.Error(r.Err, diff)
	}
}

func TestServerDown(t *testing.T) {
	s := osvtest.New(t)
	target := gatestest.Target(t, nodeRepo(t, mkdirpManifest, mkdirpLock), "")
	target.DataDir = t.TempDir()
	s.Export(t, filepath.Join(target.DataDir, "exports"))
	update := func(age time.Duration) {
		_, err := deps.Update(context.Background(), deps.NPM, deps.UpdateOptions{DataDir: target.DataDir, From: s.URL, HTTP: http.DefaultClient, Now: today.Add(-age), Agent: "test"})
		if err != nil {
			t.Fatal(err)
		}
	}
	o := options(s)
	o.Patience = 2 * time.Second
	fails := func(want string) {
		t.Helper()
		r := judge(t, target, o)
		if r.Err == nil || !matches(want, r.Err.Error()) || len(r.Outcome.Findings) > 0 {
			t.Errorf("%v, want %s", r.Err, want)
		}
	}
	s.Refuse(http.StatusForbidden)
	fails(`403 Forbidden; and no database of npm is here: wf-ci db update --ecosystem npm`)
	s.Refuse(0)
	update(8 * 24 * time.Hour)
	s.Refuse(http.StatusForbidden)
	fails(`the database of npm is of 2026-11-19, 8 days old, and may be 7 days old: wf-ci db update`)
	s.Refuse(0)
	update(time.Hour)
	s.Refuse(http.StatusForbidden)
	r := judge(t, target, o)
	if r.Err != nil || len(r.Outcome.Findings) != 2 || !strings.Contains(r.Outcome.Engine.Version, "403 Forbidden") {
		t.Errorf("%v %v %+v", r.Err, said(r), r.Outcome.Engine)
	}
	// A server that is busy is asked again, within its time.
	s.Refuse(http.StatusServiceUnavailable)
	before := len(s.Requests())
	if r := judge(t, target, o); r.Err != nil || len(s.Requests())-before < 2 {
		t.Errorf("%v after %d requests", r.Err, len(s.Requests())-before)
	}
	// A torn database is no database.
	name := filepath.Join(target.DataDir, "osv", "npm.db")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s.Refuse(http.StatusForbidden)
	for _, broken := range [][]byte{data[:len(data)/2], append([]byte("x"), data...), []byte(strings.Replace(string(data), "minimist\t", "minimiss\t", 1)), []byte(strings.Replace(string(data), "Prototype", "Protoype!", 1))} {
		if err := os.WriteFile(name, broken, 0o644); err != nil {
			t.Fatal(err)
		}
		fails(`damaged`)
	}
}
