package deps_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/deps"
	"github.com/wf-ci/wf-ci/gates/deps/osvtest"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
	"github.com/wf-ci/wf-ci/internal/run"
)

// withTool puts a shell script in the place of a tool. It prints out, and ends
// with status, which nobody is to believe.
func withTool(t *testing.T, target *gates.Target, name, out string, status string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\ncase \"$*\" in *--version*) echo '" + name + " 9.9'; exit 0;; esac\ncat <<'EOF'\n" + out + "\nEOF\nexit " + status + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	env := append([]string(nil), target.Runner.Env...)
	for i, kv := range env {
		if strings.HasPrefix(kv, "PATH=") {
			env[i] = "PATH=" + dir + ":/usr/bin:/bin"
		}
	}
	target.Runner = &run.Runner{Env: env}
}

// What a tool printed decides; its status means several things at once.
func TestToolsAreBelievedByWhatTheyPrint(t *testing.T) {
	npm := map[string]string{"package.json": mkdirpManifest, "package-lock.json": mkdirpLock}
	pip := map[string]string{"app.py": "", "requirements.txt": "jinja2==3.1.0\nharmless==1\n"}
	cargo := map[string]string{
		"Cargo.toml": "[package]\nname='x'\n[dependencies]\nsmallvec='0.6'\n", "src/main.rs": "",
		"Cargo.lock": "version = 4\n[[package]]\nname = \"smallvec\"\nversion = \"0.6.9\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n",
	}
	const found = "package-lock.json:5-6 error GHSA-xvch-5gv4-984h: minimist 1.2.5 (via mkdirp): critical (9.8): Prototype Pollution; no fix yet"
	npmFound := `{"auditReportVersion":2,"vulnerabilities":{"minimist":{"severity":"critical","via":[{"name":"minimist","title":"Prototype Pollution","url":"https://github.com/advisories/GHSA-xvch-5gv4-984h","severity":"critical","cvss":{"score":9.8}}],"nodes":["node_modules/minimist"]},"mkdirp":{"via":["minimist"],"nodes":["node_modules/mkdirp"]}},"metadata":{"dependencies":{"total":3}}}`
	for _, c := range []struct {
		name, engine, tool string
		files              map[string]string
		out, status        string
		want               []string
		wantErr            string
	}{
		{"found, status 1", deps.EngineNPM, "npm", npm, npmFound, "1", []string{found}, ""},
		{"found, status 0", deps.EngineNPM, "npm", npm, npmFound, "0", []string{found}, ""},
		{"no lock file for npm", deps.EngineNPM, "npm", npm, `{"error":{"code":"ENOLOCK","summary":"This command requires an existing lockfile."}}`, "1", nil, `npm-audit: it printed no report: ENOLOCK`},
		{"a server that refuses", deps.EngineNPM, "npm", npm, `{"message":"405 Method Not Allowed - POST","statusCode":405,"error":{}}`, "0", nil, `405 Method Not Allowed`},
		{"nothing printed", deps.EngineNPM, "npm", npm, ``, "0", nil, `it printed no report`},
		{"nothing looked at", deps.EngineNPM, "npm", npm, `{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"dependencies":{"total":0}}}`, "0", nil, `it looked at no package`},
		{"pip, rated by OSV", deps.EnginePip, "pip-audit", pip, `{"dependencies":[{"name":"Jinja2","version":"3.1.0","vulns":[{"id":"PYSEC-2026-10","fix_versions":["3.1.6"],"aliases":["CVE-2026-1000"]}]},{"name":"harmless","version":"1","vulns":[]}],"fixes":[]}`, "1",
			[]string{"requirements.txt:1-0 error GHSA-jinj-jinj-jinj: jinja2 3.1.0: critical (9.3): Jinja2 sandbox breakout; fixed in 3.1.6; also CVE-2026-1000, PYSEC-2026-10"}, ""},
		{"pip, passed over", deps.EnginePip, "pip-audit", pip, `{"dependencies":[{"name":"harmless","skip_reason":"Dependency not found on PyPI"}]}`, "0", nil, `it passed over "harmless": Dependency not found`},
		{"pip, not named", deps.EnginePip, "pip-audit", pip, `{"dependencies":[{"name":"harmless","version":"1","vulns":[]}]}`, "0", nil, `it says nothing of "jinja2"`},
		{"pip, crashed", deps.EnginePip, "pip-audit", pip, `Traceback`, "1", nil, `it printed no report`},
		{"cargo", deps.EngineCargo, "cargo-audit", cargo, `{"database":{"advisory-count":900},"lockfile":{"dependency-count":1},"vulnerabilities":{"found":true,"count":1,"list":[{"advisory":{"id":"RUSTSEC-2018-0003","title":"Buffer overflow","cvss":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","aliases":[]},"versions":{"patched":[">=0.6.10"]},"package":{"name":"smallvec","version":"0.6.9"}}]},"warnings":{}}`, "0",
			[]string{"Cargo.lock:2-4 error RUSTSEC-2018-0003: smallvec 0.6.9: critical (9.8): Buffer overflow; fixed in 0.6.10"}, ""},
		{"cargo without a database", deps.EngineCargo, "cargo-audit", cargo, `{"database":{"advisory-count":0},"lockfile":{"dependency-count":1},"vulnerabilities":{"list":[]}}`, "0", nil, `it knew no advisory`},
		{"osv-scanner", deps.EngineOSV, "osv-scanner", npm, `{"results":[{"packages":[{"package":{"name":"minimist","version":"1.2.5","ecosystem":"npm"},"vulnerabilities":[{"id":"GHSA-xvch-5gv4-984h","summary":"Prototype Pollution"}],"groups":[{"ids":["GHSA-xvch-5gv4-984h"],"aliases":["CVE-2021-44906"],"max_severity":"9.8"}]}]}]}`, "1",
			[]string{found + "; also CVE-2021-44906"}, ""},
		{"npm-audit in a repository of Rust", deps.EngineNPM, "npm", cargo, "", "0", nil, `Cargo.lock: none of gates.deps.engines reads it`},
		{"osv-scanner broke off", deps.EngineOSV, "osv-scanner", npm, `{"results":[]}`, "0", nil, `it looked at no package`},
	} {
		t.Run(c.name, func(t *testing.T) {
			repo := gittest.New(t)
			for name, text := range c.files {
				repo.Write(name, text)
			}
			repo.Commit("all")
			target := gatestest.Target(t, repo, "")
			withTool(t, target, c.tool, c.out, c.status)
			o := options(osvtest.New(t))
			o.Engines = []string{c.engine}
			r := judge(t, target, o)
			if c.wantErr != "" {
				if r.Err == nil || !matches(c.wantErr, r.Err.Error()) {
					t.Errorf("%v, want %s", r.Err, c.wantErr)
				}
				return
			}
			if diff := cmp.Diff(c.want, said(r)); diff != "" || r.Err != nil {
				t.Error(r.Err, diff)
			}
			if r.Outcome.Engine.Name != c.engine || r.Outcome.Engine.Version != c.tool+" 9.9" {
				t.Errorf("%+v", r.Outcome.Engine)
			}
		})
	}
}

func TestToolIsMissing(t *testing.T) {
	target := gatestest.Target(t, nodeRepo(t, mkdirpManifest, mkdirpLock), "")
	withTool(t, target, "other", "", "0")
	o := options(osvtest.New(t))
	o.Engines = []string{deps.EngineOwn, deps.EnginePip}
	r := judge(t, target, o)
	if r.Err == nil || !matches(`pip-audit: there is no pip-audit here: pipx install pip-audit`, r.Err.Error()) || len(r.Outcome.Findings) != 2 {
		t.Errorf("%v %v", r.Err, said(r))
	}
}

// The real npm, against a registry on loopback.
func TestNPMAudit(t *testing.T) {
	refuse := false
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse || r.URL.Path != "/-/npm/v1/security/advisories/bulk" {
			http.Error(w, "{}", http.StatusMethodNotAllowed)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"minimist": []any{map[string]any{
			"id": 1, "url": "https://github.com/advisories/GHSA-xvch-5gv4-984h", "title": "Prototype Pollution in minimist", "severity": "critical",
			"vulnerable_versions": ">=1.0.0 <1.2.6", "cvss": map[string]any{"score": 9.8},
		}}})
	}))
	defer registry.Close()
	repo := nodeRepo(t, mkdirpManifest, mkdirpLock)
	repo.Write(".npmrc", "registry=http://127.0.0.1:1/\n") // the repository does not choose who is asked
	repo.Commit("npmrc")
	target := gatestest.Target(t, repo, "")
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, ".npmrc"), []byte("registry="+registry.URL+"/\nfetch-retries=0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	target.Runner = &run.Runner{Env: append(append([]string(nil), target.Runner.Env...), "HOME="+home)}
	o := options(osvtest.New(t))
	o.Engines = []string{deps.EngineNPM}
	r := judge(t, target, o)
	if r.Err != nil && matches(`there is no npm here`, r.Err.Error()) {
		t.Skip("npm is not installed")
	}
	want := []string{"package-lock.json:5-6 error GHSA-xvch-5gv4-984h: minimist 1.2.5 (via mkdirp): critical (9.8): Prototype Pollution in minimist; no fix yet"}
	if diff := cmp.Diff(want, said(r)); diff != "" || r.Err != nil {
		t.Error(r.Err, diff)
	}
	refuse = true
	if r := judge(t, target, o); r.Err == nil || !matches(`npm-audit: it printed no report: .*405`, r.Err.Error()) {
		t.Errorf("%v", r.Err)
	}
	o.Engines = []string{deps.EngineNPM, deps.EngineOwn} // one fault, one finding
	refuse = false
	if r := judge(t, target, o); r.Err != nil || len(r.Outcome.Findings) != 2 || r.Outcome.Engine.Name != "npm-audit + osv.dev" {
		t.Errorf("%v %v %+v", r.Err, said(r), r.Outcome.Engine)
	}
}
