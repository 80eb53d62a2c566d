package coverage

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
)

// memory is a cache.
type memory map[string][]byte

func (m memory) Get(key string) ([]byte, bool)     { data, ok := m[key]; return data, ok }
func (m memory) Put(key string, data []byte) error { m[key] = data; return nil }

// lcovOf is a report of one file whose first lines ran, of so many.
func lcovOf(name string, ran, lines int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "SF:%s\n", name)
	for i := 1; i <= lines; i++ {
		hits := 0
		if i <= ran {
			hits = 1
		}
		fmt.Fprintf(&b, "DA:%d,%d\n", i, hits)
	}
	return b.String() + "end_of_record\n"
}

func steps(n int) string { return strings.Repeat("step();\n", n) }

// The base runs 10 of 40 lines: below min, and that is nobody's news.
func TestTotalsThatTheChangeDoesNotMakeWorse(t *testing.T) {
	base := map[string]string{
		"package.json": `{"name":"x","version":"1"}`, "a.js": steps(40), "a.test.js": "one();\ntwo();\n", "jest.config.js": "module.exports = {};\n",
		".gitignore": "coverage\nbase.info\n", "README.md": "x\n",
	}
	const total = "coverage-total the tests run "
	tests := map[string]struct {
		change  map[string]string
		gone    []string
		report  string
		options Options
		want    string
	}{
		"adds lines without a test": {map[string]string{"b.js": steps(5)}, nil, lcovOf("a.js", 10, 40) + lcovOf("b.js", 0, 5), Options{},
			"error " + total + "22.22 % (10 of 45 lines), less than 80 %; of the lines of the change no test runs 5"},
		"adds fewer than min_lines": {map[string]string{"b.js": steps(5)}, nil, lcovOf("a.js", 10, 40) + lcovOf("b.js", 0, 5), Options{MinLines: 6},
			"warning " + total + "22.22 % (10 of 45 lines), less than 80 %; it does not block: of the lines of the change no test runs 5, fewer than min_lines (6)"},
		"adds lines with a test": {map[string]string{"b.js": steps(5)}, nil, lcovOf("a.js", 10, 40) + lcovOf("b.js", 5, 5), Options{},
			"warning " + total + "33.33 % (15 of 45 lines), less than 80 %; it does not block: the change adds no line that no test runs"},
		"deletes covered code": {map[string]string{"a.js": steps(30)}, nil, lcovOf("a.js", 0, 30), Options{},
			"warning " + total + "0 % (0 of 30 lines), less than 80 %; it does not block: the change adds no line that no test runs"},
		"touches nothing of it": {map[string]string{"README.md": "y\n"}, nil, lcovOf("a.js", 10, 40), Options{},
			"warning " + total + "25 % (10 of 40 lines), less than 80 %; it does not block: the change touches no source of it"},
		"deletes a test": {nil, []string{"a.test.js"}, lcovOf("a.js", 5, 40), Options{},
			"error " + total + "12.5 % (5 of 40 lines), less than 80 %; the change takes away from its tests or their configuration (a.test.js)"},
		"alters a test": {map[string]string{"a.test.js": "one();\n"}, nil, lcovOf("a.js", 5, 40), Options{},
			"error " + total + "12.5 % (5 of 40 lines), less than 80 %; the change takes away from its tests or their configuration (a.test.js)"},
		"adds to a test": {map[string]string{"a.test.js": "one();\ntwo();\nthree();\n"}, nil, lcovOf("a.js", 15, 40), Options{},
			"warning " + total + "37.5 % (15 of 40 lines), less than 80 %; it does not block: the change touches no source of it"},
		"adds a test": {map[string]string{"b.test.js": "three();\n"}, nil, lcovOf("a.js", 15, 40), Options{},
			"warning " + total + "37.5 % (15 of 40 lines), less than 80 %; it does not block: the change touches no source of it"},
		"alters the configuration": {map[string]string{"jest.config.js": "module.exports = {x: 1};\n"}, nil, lcovOf("a.js", 5, 40), Options{},
			"error " + total + "12.5 % (5 of 40 lines), less than 80 %; the change takes away from its tests or their configuration (jest.config.js)"},
		"alters the script": {map[string]string{"package.json": `{"name":"x","version":"1","scripts":{"test":"true"}}`}, nil, lcovOf("a.js", 5, 40), Options{},
			"error " + total + "12.5 % (5 of 40 lines), less than 80 %; the change takes away from its tests or their configuration (package.json)"},
		"alters the version": {map[string]string{"package.json": `{"name":"x","version":"2"}`}, nil, lcovOf("a.js", 10, 40), Options{},
			"warning " + total + "25 % (10 of 40 lines), less than 80 %; it does not block: the change touches no source of it"},
		"scope all": {map[string]string{"README.md": "y\n"}, nil, lcovOf("a.js", 10, 40), Options{All: true},
			"error " + total + "25 % (10 of 40 lines), less than 80 %"},
		"base known, equal": {map[string]string{"a.test.js": "one();\n"}, nil, lcovOf("a.js", 10, 40), Options{BaseReport: "base.info"},
			"warning " + total + "25 % (10 of 40 lines), less than 80 %; it does not block: no test runs 30 lines, 30 at the base"},
		"base known, worse": {map[string]string{"a.test.js": "one();\n"}, nil, lcovOf("a.js", 9, 40), Options{BaseReport: "base.info"},
			"error " + total + "22.5 % (9 of 40 lines), less than 80 %; no test runs 31 lines, 30 at the base"},
		"base known, deletes covered code": {map[string]string{"a.js": steps(30)}, nil, lcovOf("a.js", 0, 30), Options{BaseReport: "base.info"},
			"warning " + total + "0 % (0 of 30 lines), less than 80 %; it does not block: no test runs 30 lines, 30 at the base"},
		"base known, within the tolerance": {map[string]string{"a.test.js": "one();\n"}, nil, lcovOf("a.js", 8, 40), Options{BaseReport: "base.info", MinLines: 3},
			"warning " + total + "20 % (8 of 40 lines), less than 80 %; it does not block: no test runs 32 lines, 30 at the base, which is fewer than min_lines (3) more"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRepo(t, base)
			r.base = r.Commit("one")
			r.files(tt.change)
			for _, name := range tt.gone {
				if err := os.Remove(filepath.Join(r.Dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			r.Write("coverage/lcov.info", tt.report)
			r.Write("base.info", lcovOf("a.js", 10, 40))
			tt.options.Asked, tt.options.Min = true, 80
			v := judge(t, r.target(), Gate(tt.options))
			got := v.Error
			for _, f := range v.Findings {
				if f.Rule == "coverage-total" {
					got = string(f.Severity) + " " + f.Rule + " " + f.Message
				}
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if blocked := v.Status == gates.StatusFail; blocked != strings.HasPrefix(tt.want, "error") {
				t.Errorf("%s: %s", v.Status, v.Reason)
			}
		})
	}
}

// What a run came to on this machine is what the next change is compared with.
func TestFiguresOfTheBaseAreKept(t *testing.T) {
	r := newRepo(t, map[string]string{"package.json": `{}`, "a.js": steps(40), "a.test.js": "one();\n", ".gitignore": "coverage\n"})
	base := r.Commit("one")
	cache := memory{}
	r.Write("coverage/lcov.info", lcovOf("a.js", 10, 40))
	target := r.target()
	target.Cache = cache
	if v := judge(t, target, Gate(Options{Asked: true, Min: 80})); v.Status != gates.StatusFail {
		t.Error(v.Status, v.Reason) // no base: the total blocks
	}
	r.base = base
	r.files(map[string]string{"a.test.js": "second();\n"})
	for covered, want := range map[int]gates.Status{10: gates.StatusPass, 9: gates.StatusFail} {
		r.Write("coverage/lcov.info", lcovOf("a.js", covered, 40))
		target = r.target()
		target.Cache = cache
		v := judge(t, target, Gate(Options{Asked: true, Min: 80}))
		if v.Status != want || !strings.Contains(v.Findings[0].Message, "30 at the base") {
			t.Errorf("%d: %s", covered, summary(v))
		}
	}
	// What is kept and cannot be read is not there.
	for key := range cache {
		cache[key] = []byte(`{".":{"Covered":9,"Lines":2}}`)
	}
	if v := judge(t, target, Gate(Options{Asked: true, Min: 80})); !strings.Contains(summary(v), "takes away from its tests") {
		t.Error(summary(v))
	}
}

func TestReportOfTheBaseThatIsNone(t *testing.T) {
	for report, want := range map[string]string{
		"":                         "base.info is not there: ",
		"SF:a.js\nDA:1,1\n":        "the report of the base: base.info: not a whole lcov report",
		lcovOf("zz.js", 1, 2):      "the report of the base: base.info is of another tree",
		lcovOf("a.js", 1, 99):      "the report of the base: base.info was not made of this tree: a.js",
		"SF:a.js\nend_of_record\n": "",
	} {
		r := newRepo(t, map[string]string{"package.json": `{}`, "a.js": steps(40), "a.test.js": "one();\n", ".gitignore": "coverage\nbase.info\n"})
		r.base = r.Commit("one")
		r.files(map[string]string{"a.test.js": "second();\n"})
		r.Write("coverage/lcov.info", lcovOf("a.js", 10, 40))
		if report != "" {
			r.Write("base.info", report)
		}
		v := judge(t, r.target(), Gate(Options{Asked: true, Min: 80, BaseReport: "base.info"}))
		if want != "" && (v.Status != gates.StatusError || !strings.Contains(v.Error, want)) || want == "" && v.Status != gates.StatusFail {
			t.Errorf("%q: %s", report, summary(v)+v.Error)
		}
	}
}

// Where nobody asked, a repository without tests is none of the gates' business.
func TestNobodyAsked(t *testing.T) {
	skipped := "no tests in this repository; name gates.%s in .wf-ci.yml to demand some"
	tests := map[string]struct {
		files   map[string]string
		applies bool
	}{
		"a lone script":          {map[string]string{"a.py": "x = 1\n"}, false},
		"a lone source":          {map[string]string{"a.go": "package a\n"}, false},
		"projects without tests": {map[string]string{"go.mod": "module m\n", "m.go": calcGo, "web/package.json": "{}", "web/a.js": calcJS}, false},
		"npm's placeholder":      {map[string]string{"package.json": `{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}`, "a.js": calcJS}, false},
		"data of tests":          {map[string]string{"a.py": "x = 1\n", "testdata/b.py": "x\n", "tests/fixtures/c.py": "x\n", "tests/__init__.py": ""}, false},
		"Rust without tests":     {map[string]string{"Cargo.toml": "[package]\nname='r'\n", "src/lib.rs": "fn f() {}\n"}, false},
		"Rust's own":             {map[string]string{"Cargo.toml": "[package]\nname='r'\n", "src/lib.rs": "#[cfg(test)]\nmod tests {}\n"}, true},
		"a test":                 {goFiles, true},
		"a script":               {map[string]string{"package.json": `{"scripts":{"test":"node check.js"}}`, "a.js": calcJS}, true},
		"a report":               {map[string]string{"a.py": "x = 1\n", "coverage.xml": "<coverage/>"}, true},
		"results":                {map[string]string{"a.py": "x = 1\n", "junit.xml": "<testsuite/>"}, true},
	}
	for name, tt := range tests {
		r := newRepo(t, tt.files)
		r.Commit("one")
		target := r.target()
		for id, plan := range map[string]func(context.Context, *gates.Target) (gates.Plan, error){"coverage": Gate(Options{Min: 80}).Plan, "tests": Tests(TestOptions{Min: 100}).Plan} {
			p, err := plan(context.Background(), target)
			if want := fmt.Sprintf(skipped, id); err != nil || tt.applies != (p.Skip == "") || !tt.applies && p.Skip != want {
				t.Errorf("%s: %s: %+v %v", name, id, p, err)
			}
		}
		for _, g := range []gates.Gate{Gate(Options{Asked: true}), Tests(TestOptions{Asked: true})} {
			if p, err := g.Plan(context.Background(), target); err != nil || p.Skip != "" {
				t.Errorf("%s: asked for: %+v %v", name, p, err)
			}
		}
	}
}

// One project has tests, the other has none: that is said, and blocks where it
// was asked for.
func TestProjectWithoutTests(t *testing.T) {
	files := withFiles(goFiles, "web/package.json", "{}", "web/a.js", calcJS)
	v := measuredRun(t, files, Options{})
	if v.Status != gates.StatusError || !strings.Contains(v.Error, "no coverage report speaks of web/package.json: run `npm test -- --coverage` in web first") {
		t.Error(summary(v), v.Error)
	}
	r := newRepo(t, files)
	r.Commit("one")
	v = judge(t, r.target(), Gate(Options{}))
	if v.Status != gates.StatusPass || !strings.Contains(summary(v), "warning not-in-report web/package.json:0-0 the project has sources and no tests: it is not in the figures") {
		t.Error(summary(v), v.Error)
	}
}
