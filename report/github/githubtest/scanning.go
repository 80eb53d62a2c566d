package githubtest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wf-ci/wf-ci/internal/lazyregexp"
)

// Upload is a SARIF file that was sent to code scanning.
type Upload struct {
	Ref, Commit string
	SARIF       []byte
	Polls       int
}

// Results is the number of results of an upload.
func (u *Upload) Results() int {
	log, err := readSARIF(u.SARIF)
	if err != nil {
		return -1
	}
	n := 0
	for _, r := range log.Runs {
		n += len(r.Results)
	}
	return n
}

func (s *Server) upload(r request) answer {
	if s.NoCodeScanning {
		return refusal(403, "Code Security must be enabled for this repository to use code scanning.")
	}
	if !s.may("security-events") {
		return denied
	}
	var b struct {
		CommitSHA string `json:"commit_sha"`
		Ref       string
		SARIF     string
	}
	if err := json.Unmarshal(r.body, &b); err != nil {
		return refusal(400, "%v", err)
	}
	// github.md 0.9: the queue's branches are gone before the upload is processed.
	if strings.Contains(b.Ref, "gh-readonly-queue/") {
		s.problem("an upload from a merge queue")
		return refusal(404, "ref %s not found in this repository", b.Ref)
	}
	if len(s.Commits) > 0 && !slices.Contains(s.Commits, b.CommitSHA) {
		s.problem("an upload for %s, which is no commit here", b.CommitSHA)
		return refusal(404, "commit not found")
	}
	sarif, err := unpack(b.SARIF)
	if err == nil {
		err = CheckSARIF(sarif)
	}
	if err != nil {
		s.problem("SARIF: %v", err)
		return refusal(400, "%v", err)
	}
	s.Uploads = append(s.Uploads, &Upload{Ref: b.Ref, Commit: b.CommitSHA, SARIF: sarif})
	id := fmt.Sprintf("47177e22-5596-11eb-80a1-%012d", len(s.Uploads))
	return answer{status: 202, body: map[string]any{"id": id, "url": s.URL + "/repos/" + s.Repository + "/code-scanning/sarifs/" + id}}
}

// getUpload is pending as often as Config says.
func (s *Server) getUpload(r request) answer {
	id := r.values["sarif_id"]
	n, _ := strconv.Atoi(strings.TrimLeft(id[strings.LastIndexByte(id, '-')+1:], "0"))
	if n < 1 || n > len(s.Uploads) {
		return refusal(404, "Not Found")
	}
	u := s.Uploads[n-1]
	u.Polls++
	status := "complete"
	switch {
	case u.Polls <= s.PendingPolls:
		status = "pending"
	case s.SARIFErrors != nil:
		status = "failed"
	}
	body := map[string]any{"processing_status": status}
	if status == "failed" {
		body["errors"] = s.SARIFErrors
	}
	return answer{status: 200, body: body}
}

// unpack: base64 of gzip, 10 MB of it (github.md A3).
func unpack(text string) ([]byte, error) {
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if len(packed) > 10_000_000 {
		return nil, fmt.Errorf("%d bytes compressed are more than 10 MB", len(packed))
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

type sarifLog struct {
	Version string
	Runs    []struct {
		Tool struct {
			Driver struct {
				Name  string
				Rules []struct {
					ID                                      string
					ShortDescription, FullDescription, Help struct{ Text string }
					Properties                              struct {
						Tags     []string
						Severity *string `json:"security-severity"`
					}
				}
			}
		}
		AutomationDetails struct{ ID string }
		Invocations       []struct{ ExecutionSuccessful bool }
		Results           []struct {
			RuleID              string
			RuleIndex           *uint64
			Level               string
			Message             struct{ Text string }
			PartialFingerprints map[string]string
			Locations           []struct {
				PhysicalLocation struct {
					ArtifactLocation struct{ URI string }
					Region           struct{ StartLine, StartColumn, EndLine, EndColumn int }
				}
			}
		}
	}
}

func readSARIF(data []byte) (sarifLog, error) {
	var log sarifLog
	err := json.Unmarshal(data, &log)
	return log, err
}

var lineHash = lazyregexp.New(`^[0-9a-f]{1,16}:[1-9][0-9]*$`)

// CheckSARIF holds a file against what code scanning takes (github.md A3).
func CheckSARIF(data []byte) error {
	log, err := readSARIF(data)
	if err != nil {
		return err
	}
	if log.Version != "2.1.0" || len(log.Runs) == 0 || len(log.Runs) > 20 {
		return fmt.Errorf("version %q with %d runs", log.Version, len(log.Runs))
	}
	seen := make(map[string]bool)
	for _, run := range log.Runs {
		id := run.AutomationDetails.ID
		category := run.Tool.Driver.Name + " " + id[:strings.LastIndexByte(id, '/')+1]
		if seen[category] {
			return fmt.Errorf("a delivery cannot contain multiple runs with the same category: %s", category)
		}
		seen[category] = true
		for _, inv := range run.Invocations {
			if !inv.ExecutionSuccessful {
				return fmt.Errorf("%s: unsuccessful execution", category)
			}
		}
		if len(run.Results) > 25_000 || len(run.Tool.Driver.Rules) > 25_000 || run.Results == nil {
			return fmt.Errorf("%s: rejecting SARIF: too many results or rules, or none at all", category)
		}
		for _, rule := range run.Tool.Driver.Rules {
			if rule.ID == "" || rule.ShortDescription.Text == "" || rule.FullDescription.Text == "" || rule.Help.Text == "" || len(rule.Properties.Tags) > 20 ||
				utf8.RuneCountInString(rule.FullDescription.Text) > 1024 {
				return fmt.Errorf("rule %q lacks a text, or has too many tags", rule.ID)
			}
			if v := rule.Properties.Severity; v != nil {
				if n, err := strconv.ParseFloat(*v, 64); err != nil || n <= 0 || n > 10 {
					return fmt.Errorf("rule %q: invalid security severity value", rule.ID)
				}
			}
		}
		for _, res := range run.Results {
			if res.RuleIndex != nil && (*res.RuleIndex >= uint64(len(run.Tool.Driver.Rules)) || run.Tool.Driver.Rules[*res.RuleIndex].ID != res.RuleID) {
				return fmt.Errorf("result of %q: ruleIndex", res.RuleID)
			}
			if !slices.Contains([]string{"note", "warning", "error"}, res.Level) || res.Message.Text == "" || len(res.Locations) == 0 || len(res.Locations) > 1000 {
				return fmt.Errorf("result of %q: level %q, a message and a location", res.RuleID, res.Level)
			}
			place := res.Locations[0].PhysicalLocation
			if u, err := url.Parse(place.ArtifactLocation.URI); err != nil || u.IsAbs() || u.Path == "" || strings.HasPrefix(u.Path, "/") {
				return fmt.Errorf("result of %q: an invalid URI %q", res.RuleID, place.ArtifactLocation.URI)
			}
			if r := place.Region; r.StartLine < 1 || r.StartColumn < 1 || r.EndLine < r.StartLine || r.EndColumn < 1 {
				return fmt.Errorf("result of %q: region %+v", res.RuleID, r)
			}
			if h, ok := res.PartialFingerprints["primaryLocationLineHash"]; ok && !lineHash.MatchString(h) {
				return fmt.Errorf("result of %q: line hash %q", res.RuleID, h)
			}
		}
	}
	return nil
}
