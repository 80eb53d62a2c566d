package coverage

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// firstLine is the first line that says something.
func firstLine(text []byte) string {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && !bytes.HasPrefix(line, []byte("#")) && !bytes.HasPrefix(line, []byte("FAIL")) && !bytes.HasPrefix(line, []byte("===")) {
			return string(line[:min(len(line), 200)])
		}
	}
	return ""
}

var (
	cargoTest   = lazyregexp.New(`(?m)^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b`)
	cargoResult = lazyregexp.New(`(?m)^test result: (ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored;`)
	cargoStdout = lazyregexp.New(`(?m)^---- (.+?) stdout ----$`)
)

// readCargo reads what `cargo test` prints: the only form of stable Rust. The
// lines of results count; a test's name alone does not, as a test may print.
func readCargo(stdout, stderr []byte) (results, error) {
	r := results{format: "cargo test"}
	outputs := make(map[string]string)
	heads := cargoStdout.FindAllSubmatchIndex(stdout, -1)
	for i, h := range heads {
		end := len(stdout)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		outputs[string(stdout[h[2]:h[3]])] = string(stdout[h[1]:min(end, h[1]+textLimit)])
	}
	totals := cargoResult.FindAllSubmatch(stdout, -1)
	failed := 0
	for _, t := range totals {
		n := func(i int) int { v, _ := strconv.Atoi(string(t[i])); return v }
		r.passed, r.skipped, failed = r.passed+n(2), r.skipped+n(4), failed+n(3)
	}
	for _, m := range cargoTest.FindAllSubmatch(stdout, -1) {
		if string(m[2]) == "FAILED" && r.failed < failed {
			r.fail(failure{name: string(m[1]), text: outputs[string(m[1])]})
		}
	}
	for r.failed < failed {
		r.fail(failure{name: "(a test)", text: "cargo counts it, and does not name it"})
	}
	if bytes.Contains(stderr, []byte("error: could not compile")) {
		r.fail(failure{name: "(the crate)", text: compileError(stderr)})
	} else if len(totals) == 0 {
		return r, fmt.Errorf("cargo ran no test: %s", firstLine(afterError(stderr)))
	}
	return r, nil
}

func afterError(stderr []byte) []byte {
	if i := bytes.Index(stderr, []byte("error")); i >= 0 {
		return stderr[i:]
	}
	return stderr
}

func compileError(stderr []byte) string {
	text := afterError(stderr)
	return strings.ReplaceAll(string(text[:min(len(text), textLimit)]), " --> ", " ")
}
