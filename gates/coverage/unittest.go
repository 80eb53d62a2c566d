package coverage

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

var (
	unittestRan  = lazyregexp.New(`(?m)^Ran (\d+) tests? in `)
	unittestEnd  = lazyregexp.New(`(?m)^(OK|FAILED|NO TESTS RAN)(?: \((.*)\))?\s*$`)
	pythonError  = lazyregexp.New(`(?m)^[A-Za-z_][\w.]*(Error|Exception|Failure|Exit|Interrupt|Warning)\b.*$`)
	unittestHead = lazyregexp.New(`(?m)^={70}\r?\n(?:FAIL|ERROR): (.*?)\r?\n`)
)

// readUnittest reads what `python -m unittest` prints.
func readUnittest(stderr []byte) (results, error) {
	r := results{format: "unittest"}
	ran := unittestRan.FindAllSubmatchIndex(stderr, -1)
	if len(ran) == 0 {
		return r, fmt.Errorf("unittest did not come to an end: %s", firstLine(lastPart(stderr)))
	}
	at := ran[len(ran)-1]
	total, _ := strconv.Atoi(string(stderr[at[2]:at[3]]))
	end := unittestEnd.FindSubmatch(stderr[at[1]:])
	if end == nil {
		return r, errors.New("unittest did not come to an end")
	}
	failed := 0
	for part := range strings.SplitSeq(string(end[2]), ", ") {
		key, value, _ := strings.Cut(part, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "failures", "errors", "unexpected successes":
			failed += n
		case "skipped":
			r.skipped += n
		}
	}
	heads := unittestHead.FindAllSubmatchIndex(stderr[:at[0]], -1)
	for i, h := range heads {
		stop := at[0]
		if i+1 < len(heads) {
			stop = heads[i+1][0]
		}
		text := string(stderr[h[1]:stop])
		if why := pythonError.FindString(text); why != "" {
			text = why + "\n" + text
		}
		r.fail(failure{name: string(stderr[h[2]:h[3]]), text: text})
	}
	for r.failed < failed {
		r.fail(failure{name: "(a test)", text: "unittest counts it, and does not name it"})
	}
	r.passed = max(0, total-r.failed-r.skipped)
	if string(end[1]) == "FAILED" && r.failed == 0 {
		r.problem = errors.New("unittest failed, and names no test")
	}
	return r, nil
}

func lastPart(b []byte) []byte { return b[max(0, len(b)-400):] }
