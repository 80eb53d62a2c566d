package deps

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzReaders: no lock file makes a reader panic, and none makes an entry that
// has no name, or a line that is not in the file.
func FuzzReaders(f *testing.F) {
	for i, r := range readers() {
		f.Add(uint8(i), []byte("# yarn lockfile v1\n\na@^1, b@npm:c@2:\n  version \"1.0\"\n  dependencies:\n    d \"1\"\n"))
		f.Add(uint8(i), []byte("__metadata:\n  version: 8\n\"a@npm:1\":\n  version: 1.0.0\n  resolution: \"a@npm:1.0.0\"\n"))
		f.Add(uint8(i), []byte("lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a: {version: 1.0.0(b@1)}\npackages:\n  a@1.0.0: {resolution: {}}\nsnapshots:\n  a@1.0.0(b@1): {}\n"))
		f.Add(uint8(i), []byte(`{"lockfileVersion":3,"packages":{"":{"dependencies":{"a":"1"}},"node_modules/a":{"version":"1","dependencies":{"@b/c":"1"}},"node_modules/a/node_modules/@b/c":{"version":"2"}}}`))
		f.Add(uint8(i), []byte(`{"lockfileVersion":1,"dependencies":{"a":{"version":"npm:b@1"}}, "workspaces":{"":{"dependencies":{"a":"1"}}},"packages":{"a":["a@1","",{},""],}, /* c */ "_meta":{"pipfile-spec":6}}`))
		f.Add(uint8(i), []byte("version = 1\nlock-version = '1.0'\n[[package]]\nname='a'\nversion='1'\nsource={registry='x'}\ndependencies=[{name='b'}, 'c 1']\n[[packages]]\nname='p'\nversion='2'\n[metadata]\nlock-version='2.1'\n"))
		f.Add(uint8(i), []byte("-r x.txt\na[b]==1 ; c --hash=x \\\n d\ne>=1\nf @ git+https://x#egg=f\n"))
		f.Add(uint8(i), []byte("module m\ngo 1.16\nrequire a.b/c v1.0.0\nreplace a.b/c => d.e/f v1.2.3\n"))
		_ = r
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		r := readers()[int(which)%len(readers())]
		b := &book{files: map[string][]byte{"package.json": data, "pyproject.toml": data, "Pipfile": data, "Cargo.toml": data, "go.sum": data}}
		name := r.name
		if name == "requirements" {
			name = "requirements.txt"
		}
		l, err := readLock(b, name, data)
		if err != nil {
			return
		}
		lines := strings.Count(string(data), "\n") + 2
		for _, p := range l.Packages {
			if p.Name == "" || p.Line < 0 || p.Line > lines || p.EndLine > lines || p.EndLine < p.Line {
				t.Errorf("%+v", p)
			}
		}
	})
}

// FuzzRecord: no record makes the matcher panic.
func FuzzRecord(f *testing.F) {
	f.Add(`{"id":"A","severity":[{"score":"CVSS:4.0/AV:N"}],"affected":[{"package":{"name":"p","ecosystem":"PyPI"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.0"}]}]}]}`, "1.0rc1")
	f.Add(`{"id":"A","affected":[{"package":{"name":"p","ecosystem":"npm"},"versions":["1"]}]}`, "1")
	f.Fuzz(func(t *testing.T, text, version string) {
		var r Record
		if json.Unmarshal([]byte(text), &r) != nil {
			return
		}
		for _, e := range Ecosystems() {
			p := Package{Ecosystem: e, Name: "p", Version: version}
			r.affects(p)
			for _, fault := range faults(p, []*Record{&r}) {
				_ = fault.fixed
			}
		}
	})
}

// FuzzReports: no tool's output makes a parser panic.
func FuzzReports(f *testing.F) {
	f.Add([]byte(`{"auditReportVersion":2,"vulnerabilities":{"a":{"via":[{"url":"x/GHSA-1"}],"nodes":["node_modules/a"]}},"metadata":{"dependencies":{"total":1}}}`))
	f.Add([]byte(`{"dependencies":[{"name":"a","version":"1","vulns":[{"id":"X"}]}]}`))
	f.Add([]byte(`{"config":{"scan_level":"symbol"}}{"SBOM":{"roots":["a"]}}{"finding":{"osv":"GO-1","trace":[{"function":"F"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := &Lock{Path: "package-lock.json", Packages: []Package{{Ecosystem: NPM, Name: "a", Version: "1", folder: "node_modules/a"}}}
		for _, a := range auditors() {
			_, _ = a.parse(l, data)
		}
		_, _ = readVulnMessages(strings.NewReader(string(data)))
	})
}

// FuzzDatabase: a database with any bytes is refused, or read.
func FuzzDatabase(f *testing.F) {
	f.Add([]byte(dbMagic + `{"ecosystem":"npm","index_size":10,"ids_size":0,"body_size":2}` + "\np\t0\t2\t223\n[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "osv"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dbPath(dir, NPM), data, 0o644); err != nil {
			t.Fatal(err)
		}
		d, err := openDB(dir, NPM)
		if err != nil {
			return
		}
		defer d.Close()
		db := &local{open: map[Ecosystem]*database{NPM: d}}
		_, _ = db.match(t.Context(), []id{{NPM, "p", "1"}})
		_, _ = db.record(t.Context(), NPM, "p")
	})
}
