package coverage

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const calcGo = `package calc

// Add adds.
func Add(a, b int) int {
	if a > 100 {
		return 0
	}
	return a + b
}

func Unused() int {
	return 1
}
`

// lines is "1:2 3:0": the lines of a file that can run, and how often they did.
func lines(f reportFile) string {
	var b strings.Builder
	for _, l := range slices.Sorted(maps.Keys(f.hits)) {
		fmt.Fprintf(&b, " %d:%d", l, f.hits[l])
	}
	if f.summary {
		fmt.Fprintf(&b, " %d/%d", f.covered, f.total)
	}
	return strings.TrimSpace(b.String())
}

// Reports as the tools wrote them (JaCoCo's, llvm-cov's and SimpleCov's by
// their documents), each of the same small calculator.
func TestReportsOfTools(t *testing.T) {
	const root = "/home/runner/work/calc/calc/"
	tests := []struct {
		file, format string
		want         map[string]string
	}{
		{"go.out", "coverprofile", map[string]string{"example.com/calc/calc.go": "5:1 6:0 8:1 12:0"}},
		{"coveragepy.lcov", "lcov", map[string]string{
			"app/__init__.py": "", "app/calc.py": "1:1 4:1 5:1 6:0 7:1 10:1 11:0",
			"tests/test_calc.py": "1:1 2:1 5:1 6:1 9:1 10:1 13:1 14:1 15:0 18:1 19:1 20:1",
		}},
		{"node.lcov", "lcov", map[string]string{"a.js": "1:1 2:2 3:0 4:0 5:2 6:1", "a.test.js": "1:1 2:1 3:1 4:1"}},
		{"istanbul.lcov", "lcov", map[string]string{"a.js": "1:1 2:2 3:0 5:2"}},
		{"coveragepy-cobertura.xml", "cobertura", map[string]string{
			"app/__init__.py": "", "app/calc.py": "4:1 5:1 6:0 7:1 10:1 11:0",
			"tests/test_calc.py": "1:1 2:1 5:1 6:1 9:1 10:1 13:1 14:1 15:0 18:1 19:1 20:1",
		}},
		{"istanbul-cobertura.xml", "cobertura", map[string]string{"a.js": "1:2 2:2 3:0 5:2"}},
		{"jacoco.xml", "jacoco", map[string]string{"com/example/Calc.java": "5:3 6:0 8:4"}},
		{"istanbul-final.json", "istanbul", map[string]string{root + "a.js": "1:1 2:2 3:0 5:2"}},
		{"istanbul-summary.json", "istanbul summary", map[string]string{root + "a.js": "3/4"}},
		{"coveragepy.json", "coverage.py", map[string]string{
			"app/__init__.py": "", "app/calc.py": "1:1 4:1 5:1 6:0 7:1 10:1 11:0",
			"tests/test_calc.py": "1:1 2:1 5:1 6:1 9:1 10:1 13:1 14:1 15:0 18:1 19:1 20:1",
		}},
		{"llvm-cov.json", "llvm-cov", map[string]string{root + "src/lib.rs": "1:2 2:2 3:0 4:0 5:2 6:2"}},
		{"simplecov.json", "simplecov", map[string]string{root + "lib/calc.rb": "1:2 3:2 4:1"}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join("testdata", "reports", tt.file))
			if err != nil {
				t.Fatal(err)
			}
			for _, form := range [][]byte{data, append([]byte("\xef\xbb\xbf"), data...), bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))} {
				rep, err := readReport(form)
				if err != nil {
					t.Fatal(err)
				}
				if rep.format != tt.format || len(rep.files) != len(tt.want) {
					t.Fatalf("%s, %d files", rep.format, len(rep.files))
				}
				for _, f := range rep.files {
					if err := expand(&f, bytes.Split([]byte(calcGo), []byte("\n"))); err != nil {
						t.Fatal(err)
					}
					if want, ok := tt.want[f.name]; !ok || lines(f) != want {
						t.Errorf("%s\n got %s\nwant %s", f.name, lines(f), want)
					}
				}
			}
			// Cut anywhere, it is never a smaller report of the same lines that
			// passes for the whole, but where a format has no end mark.
			for cut := 1; cut < len(data)-2; cut += 1 + len(data)/97 {
				rep, err := readReport(data[:cut])
				if err == nil && tt.format != "coverprofile" && tt.format != "lcov" {
					t.Errorf("cut at %d of %d: %d files", cut, len(data), len(rep.files))
				}
			}
		})
	}
}

func TestBadReports(t *testing.T) {
	tests := map[string]struct{ data, want string }{
		"empty":                {"", "empty"},
		"blank":                {" \n\t\n", "empty"},
		"prose":                {"All tests passed.\n", "not a coverage report"},
		"HTML":                 {"<!DOCTYPE html><html><body>100 %</body></html>", "not a coverage report"},
		"mode alone":           {"mode: set\n", "names no file"},
		"profile breaks off":   {"mode: set\nexample.com/a.go:1.1,2.2 1 1\nexample.com/a.go:3.1,4", "breaks off"},
		"profile, negative":    {"mode: set\na.go:1.1,2.2 1 -1\n", "line 2"},
		"profile, backwards":   {"mode: set\na.go:9.1,2.2 1 1\n", "no range"},
		"profile, huge line":   {"mode: set\na.go:1.1,999999999.2 1 1\n", "no range"},
		"lcov breaks off":      {"SF:a.js\nDA:1,1\n", "breaks off"},
		"lcov, two begin":      {"SF:a.js\nDA:1,1\nSF:b.js\n", "before the one above ends"},
		"lcov, no file":        {"TN:\nDA:1,1\nend_of_record\n", "a line of no file"},
		"lcov, negative":       {"SF:a.js\nDA:1,-1\nend_of_record\n", "-1 times"},
		"lcov, negative line":  {"SF:a.js\nDA:-4,1\nend_of_record\n", "line -4"},
		"lcov, NaN":            {"SF:a.js\nDA:1,NaN\nend_of_record\n", "DA:1,NaN"},
		"lcov, nameless":       {"SF:\nDA:1,1\nend_of_record\n", "without a name"},
		"cobertura, bomb":      {`<?xml version="1.0"?><!DOCTYPE coverage [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><coverage><sources><source>&b;</source></sources></coverage>`, "not a coverage report"},
		"cobertura, late bomb": {`<coverage><!DOCTYPE x [<!ENTITY a "b">]></coverage>`, "entities of its own"},
		"cobertura, entity":    {`<coverage><sources><source>&file;</source></sources></coverage>`, "entity"},
		"cobertura, cut":       {`<coverage><packages><package><classes><class filename="a.py"><lines><line number="1" hits="1"/>`, "EOF"},
		"cobertura, negative":  {`<coverage><class filename="a.py"><line number="1" hits="-1"/></class></coverage>`, "-1 times"},
		"cobertura, NaN":       {`<coverage><class filename="a.py"><line number="1" hits="NaN"/></class></coverage>`, `hits "NaN"`},
		"cobertura, no class":  {`<coverage><line number="1" hits="1"/></coverage>`, "no class"},
		"cobertura, deep":      {"<coverage>" + strings.Repeat("<a>", 5000), "deep"},
		"cobertura, none":      {`<coverage line-rate="1.0" lines-valid="0"></coverage>`, "names no file"},
		"jacoco, negative":     {`<report><package name="a"><sourcefile name="A.java"><line nr="1" mi="-1" ci="1"/></sourcefile></package></report>`, "mi"},
		"istanbul, no count":   {`{"a.js":{"path":"a.js","statementMap":{"0":{"start":{"line":1}}},"s":{}}}`, "no count"},
		"istanbul, negative":   {`{"a.js":{"path":"a.js","statementMap":{"0":{"start":{"line":1}}},"s":{"0":-3}}}`, "no number"},
		"istanbul, half":       {`{"a.js":{"path":"a.js","statementMap":{"0":{"start":{"line":1}}},"s":{"0":0.5}}}`, "no number"},
		"summary, too many":    {`{"total":{"lines":{"total":1,"covered":9}},"a.js":{"lines":{"total":1,"covered":9}}}`, "no counts"},
		"coverage.py, none":    {`{"meta":{},"files":{}}`, "names no file"},
		"coverage.py, no list": {`{"meta":{},"files":{"a.py":{"summary":{}}}}`, "no list"},
		"llvm, order":          {`{"type":"llvm.coverage.json.export","data":[{"files":[{"filename":"a.rs","segments":[[5,1,1,true,true],[2,1,1,true,true]]}]}]}`, "order"},
		"llvm, short":          {`{"type":"llvm.coverage.json.export","data":[{"files":[{"filename":"a.rs","segments":[[5,1]]}]}]}`, "segment"},
		"simplecov, text":      {`{"RSpec":{"coverage":{"a.rb":{"lines":["x"]}}}}`, "no number"},
		"other JSON":           {`{"name":"x","version":"1"}`, "no coverage report"},
		"empty object":         {`{}`, "empty object"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rep, err := readReport([]byte(tt.data))
			if err == nil {
				t.Fatalf("read: %+v", rep)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// The blocks of one line, of -coverpkg and of several packages' tests.
func TestBlocksOfGo(t *testing.T) {
	source := []byte("package a\n\nfunc F(x int) (y int) { y = x; return }\n\nfunc G() {\n\t// a comment\n\n\tif a() { b() } else {\n\t\tc()\n\t}\n\ts := `\n}\n`\n\t_ = s\n}\n")
	profile := "mode: count\nm/a.go:3.24,3.40 2 0\nm/a.go:3.24,3.40 2 4\nm/a.go:5.10,8.9 1 1\nm/a.go:8.9,8.16 1 0\nm/a.go:8.16,10.3 1 1\nm/a.go:11.2,14.7 2 7\n"
	rep, err := readReport([]byte(profile))
	if err != nil {
		t.Fatal(err)
	}
	if err := expand(&rep.files[0], bytes.Split(source, []byte("\n"))); err != nil {
		t.Fatal(err)
	}
	if got, want := lines(rep.files[0]), "3:4 8:1 9:1 11:7 12:7 13:7 14:7"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The checksums that coverage.py writes are those of the lines.
func TestChecksums(t *testing.T) {
	rep, err := readReport([]byte("SF:a.py\nDA:4,1,4/SU+fpaq/+jE6SShCX6TA\nend_of_record\n"))
	if err != nil {
		t.Fatal(err)
	}
	source := func(s string) [][]byte { return bytes.Split([]byte("\n\n\n"+s), []byte("\n")) }
	if err := checkSums(&rep.files[0], source("def add(a, b):")); err != nil {
		t.Error(err)
	}
	if err := checkSums(&rep.files[0], source("def add(a, c):")); err == nil {
		t.Error("another line passes")
	}
}

func fuzzSeeds(f *testing.F, dir string) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*"))
	if err != nil || len(files) < 5 {
		f.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

func checkReport(t *testing.T, rep *report, err error) {
	if err != nil {
		return
	}
	for _, f := range rep.files {
		if f.name == "" || f.covered > f.total {
			t.Fatalf("%+v", f)
		}
		for line, n := range f.hits {
			if line < 1 || line > maxLine || n < 0 {
				t.Fatalf("%s: line %d ran %d times", f.name, line, n)
			}
		}
		_ = expand(&f, bytes.Split([]byte(calcGo), []byte("\n")))
	}
}

// FuzzReport goes through every reader of coverage by what it holds; those
// below enter one reader each.
func FuzzReport(f *testing.F) {
	fuzzSeeds(f, "reports")
	f.Fuzz(func(t *testing.T, data []byte) {
		rep, err := readReport(data)
		checkReport(t, rep, err)
	})
}

func fuzzReader(f *testing.F, read func([]byte) (*report, error), seeds ...string) {
	for _, name := range seeds {
		data, err := os.ReadFile(filepath.Join("testdata", "reports", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rep, err := read(data)
		checkReport(t, rep, err)
	})
}

func FuzzCoverprofile(f *testing.F) { fuzzReader(f, readCoverprofile, "go.out") }
func FuzzLCOV(f *testing.F)         { fuzzReader(f, readLCOV, "node.lcov", "coveragepy.lcov") }
func FuzzCobertura(f *testing.F) {
	fuzzReader(f, readCobertura, "coveragepy-cobertura.xml", "istanbul-cobertura.xml")
}
func FuzzJaCoCo(f *testing.F)     { fuzzReader(f, readJaCoCo, "jacoco.xml") }
func FuzzIstanbul(f *testing.F)   { fuzzReader(f, readIstanbul, "istanbul-final.json") }
func FuzzSummary(f *testing.F)    { fuzzReader(f, readIstanbulSummary, "istanbul-summary.json") }
func FuzzCoveragePy(f *testing.F) { fuzzReader(f, readCoveragePy, "coveragepy.json") }
func FuzzLLVM(f *testing.F)       { fuzzReader(f, readLLVM, "llvm-cov.json") }
func FuzzSimpleCov(f *testing.F)  { fuzzReader(f, readSimpleCov, "simplecov.json") }
