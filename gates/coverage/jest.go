package coverage

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// readJest reads `jest --json`, and vitest's JSON, which has the same form.
func readJest(data []byte) (results, error) {
	r := results{format: "jest"}
	var top struct {
		Success *bool `json:"success"`
		Results *[]struct {
			Name       string `json:"name"`
			Status     string `json:"status"`
			Message    string `json:"message"`
			Assertions []struct {
				Status   string   `json:"status"`
				FullName string   `json:"fullName"`
				Messages []string `json:"failureMessages"`
				Location *struct {
					Line int `json:"line"`
				} `json:"location"`
			} `json:"assertionResults"`
		} `json:"testResults"`
	}
	if err := json.Unmarshal(data, &top); err != nil {
		return r, fmt.Errorf("not a whole report: %w", err)
	}
	if top.Results == nil {
		return r, errors.New("not a report of tests that wf-ci knows (JUnit XML, go test -json, jest --json)")
	}
	for _, suite := range *top.Results {
		before := r.failed
		for _, a := range suite.Assertions {
			switch a.Status {
			case "passed":
				r.passed++
			case "failed":
				f := failure{name: a.FullName, text: strings.Join(a.Messages, "\n"), file: suite.Name}
				if a.Location != nil {
					f.line = max(0, a.Location.Line)
				}
				r.fail(f)
			default: // pending, skipped, todo, disabled
				r.skipped++
			}
		}
		if suite.Status == "failed" && r.failed == before {
			r.fail(failure{name: "(the file)", text: suite.Message, file: suite.Name})
		}
	}
	if top.Success != nil && !*top.Success && r.failed == 0 {
		r.problem = errors.New("the report says that the run did not succeed, and names no test that failed")
	}
	return r, nil
}
