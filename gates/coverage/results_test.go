package coverage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// said is "passed/failed/skipped: names".
func said(r results) string {
	var names []string
	for _, f := range r.failures {
		names = append(names, f.name)
	}
	return strings.TrimSpace(fmt.Sprintf("%d/%d/%d %s", r.passed, r.failed, r.skipped, strings.Join(names, ", ")))
}

func TestResultsOfTools(t *testing.T) {
	tests := []struct{ file, format, want string }{
		{"pytest.xml", "junit", "1/2/1 test_wrong, test_in_class"},
		{"pytest-empty.xml", "junit", "0/0/0"},
		{"node.xml", "junit", "1/1/1 fails"},
		{"jest.json", "jest", "1/1/1 group fails"},
		{"gotest.json", "go test", "1/2/1 TestAdd/two, (the package)"},
		{"cargo.txt", "cargo test", "1/1/1 tests::wrong"},
		{"unittest.txt", "unittest", "1/2/1 test_no (tests.test_u.T.test_no), test_sub (tests.test_u.T.test_sub) (i=1)"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "results", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			var r results
			switch tt.file {
			case "cargo.txt":
				r, err = readCargo(data, nil)
			case "unittest.txt":
				r, err = readUnittest(data)
			default:
				r, err = readResults(data)
			}
			if err != nil || r.problem != nil {
				t.Fatal(err, r.problem)
			}
			if r.format != tt.format || said(r) != tt.want {
				t.Errorf("%s: got %s, want %s", r.format, said(r), tt.want)
			}
		})
	}
}

func TestResults(t *testing.T) {
	event := func(fields string) string { return `{"Time":"2026-01-02T03:04:05Z",` + fields + "}\n" }
	tests := map[string]struct{ data, want string }{
		"nested suites": {`<testsuites failures="1" errors="1"><testsuite name="a" failures="1" errors="1"><testsuite name="b" failures="1"><testcase name="x"><failure message="m"/></testcase><testcase name="y"/></testsuite><testcase name="z"><error/></testcase><testcase name="s"><skipped/></testcase></testsuite></testsuites>`,
			"1/2/1 x, z"},
		"failure and error of one case": {`<testsuite failures="1" errors="1"><testcase name="x"><failure/><error/></testcase></testsuite>`, "0/2/0 x, (the suite)"},
		"a suite that did not start":    {`<testsuites><testsuite name="a" tests="0" errors="1"><system-err>boom</system-err></testsuite></testsuites>`, "0/1/0 (the suite)"},
		"an error of the suite":         {`<testsuite name="a" errors="1"><error message="boom"/><testcase name="x"/></testsuite>`, "1/1/0 (the suite)"},
		"rerun that passed":             {`<testsuite tests="1" failures="0"><testcase name="x"><flakyFailure message="once"/></testcase></testsuite>`, "1/0/0"},
		"googletest, not run":           {`<testsuites><testsuite name="a"><testcase name="x" status="notrun"/><testcase name="y" status="run"/></testsuite></testsuites>`, "1/0/1"},
		"go, subtest fails":             {event(`"Action":"run","Package":"p","Test":"A"`) + event(`"Action":"fail","Package":"p","Test":"A/x"`) + event(`"Action":"fail","Package":"p","Test":"A"`) + event(`"Action":"fail","Package":"p"`), "0/1/0 A/x"},
		"go, parent fails alone":        {event(`"Action":"pass","Package":"p","Test":"A/x"`) + event(`"Action":"fail","Package":"p","Test":"A"`) + event(`"Action":"fail","Package":"p"`), "1/1/0 A"},
		"go, package fails alone":       {event(`"Action":"pass","Package":"p","Test":"A"`) + event(`"Action":"fail","Package":"p"`), "1/1/0 (the package)"},
		"go, a test does not end":       {event(`"Action":"run","Package":"p","Test":"A"`) + event(`"Action":"fail","Package":"p"`), "0/1/0 A"},
		"go, no test files":             {event(`"Action":"skip","Package":"p"`), "0/0/0"},
		"go, noise beside":              {event(`"Action":"start","Package":"p"`) + "go: downloading x v1\n" + event(`"Action":"pass","Package":"p","Test":"A"`) + event(`"Action":"pass","Package":"p"`), "1/0/0"},
		"jest, file did not load":       {`{"success":false,"testResults":[{"name":"/x/a.test.js","status":"failed","message":"SyntaxError","assertionResults":[]}]}`, "0/1/0 (the file)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := readResults([]byte(tt.data))
			if err != nil || r.problem != nil {
				t.Fatal(err, r.problem)
			}
			if said(r) != tt.want {
				t.Errorf("got %s, want %s", said(r), tt.want)
			}
		})
	}
}

func TestBadResults(t *testing.T) {
	tests := map[string]struct{ data, want string }{
		"empty":           {"", "empty"},
		"prose":           {"3 passed\n", "not a report of tests"},
		"other XML":       {"<html/>", "not a report of tests"},
		"other JSON":      {`{"a":1}`, "not a report of tests"},
		"cut":             {`<testsuite><testcase name="x">`, "EOF"},
		"bomb":            {`<testsuite><!DOCTYPE x [<!ENTITY a "b">]></testsuite>`, "entities"},
		"negative claim":  {`<testsuite failures="-1"/>`, "failures"},
		"go breaks off":   {`{"Action":"start","Package":"p"}` + "\n", "breaks off"},
		"go, broken line": {`{"Action":"start","Package":"p"}` + "\n" + `{"Action":"pa`, "no event"},
		"jest, no names":  {`{"success":false,"testResults":[]}`, "did not succeed"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, err := readResults([]byte(tt.data))
			if err == nil {
				err = r.problem
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if _, err := readCargo([]byte("nothing"), []byte("error: no matching package named `serde` found\n")); err == nil || !strings.Contains(err.Error(), "no matching package") {
		t.Error(err)
	}
	if r, err := readCargo(nil, []byte("error[E0308]: mismatched types\n --> src/lib.rs:3:5\nerror: could not compile `r`\n")); err != nil || r.failed != 1 {
		t.Error(r, err)
	}
	if _, err := readUnittest([]byte("Traceback\nImportError: no\n")); err == nil {
		t.Error("an unfinished unittest run passes")
	}
}

// However it is cut into writes, the stream says the same.
func TestGoEventsInPieces(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "results", "gotest.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 7, 100, 4096} {
		var g goEvents
		for rest := data; len(rest) > 0; {
			n := min(size, len(rest))
			if _, err := g.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		r, err := g.results()
		if err != nil || said(r) != "1/2/1 TestAdd/two, (the package)" {
			t.Errorf("pieces of %d: %s, %v", size, said(r), err)
		}
	}
}

func checkResults(t *testing.T, r results) {
	if r.passed < 0 || r.failed < 0 || r.skipped < 0 || len(r.failures) > r.failed {
		t.Fatalf("%+v", r)
	}
}

func FuzzResults(f *testing.F) {
	fuzzSeeds(f, "results")
	f.Fuzz(func(t *testing.T, data []byte) {
		r, _ := readResults(data)
		checkResults(t, r)
	})
}

func FuzzJUnit(f *testing.F) {
	f.Add([]byte(`<testsuites><testsuite name="a" errors="1"><testcase name="x"><failure message="m">t</failure></testcase></testsuite></testsuites>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, _ := readJUnit(data)
		checkResults(t, r)
	})
}

func FuzzGoEvents(f *testing.F) {
	f.Add([]byte(`{"Action":"fail","Package":"p","Test":"A/x"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var g goEvents
		_, _ = g.Write(data)
		r, _ := g.results()
		checkResults(t, r)
	})
}

func FuzzJest(f *testing.F) {
	f.Add([]byte(`{"testResults":[{"assertionResults":[{"status":"failed"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, _ := readJest(data)
		checkResults(t, r)
	})
}

func FuzzPrinted(f *testing.F) {
	fuzzSeeds(f, "results")
	f.Fuzz(func(t *testing.T, data []byte) {
		r, _ := readCargo(data, data)
		checkResults(t, r)
		r, _ = readUnittest(data)
		checkResults(t, r)
	})
}
