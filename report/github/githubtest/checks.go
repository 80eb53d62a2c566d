package githubtest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Check is a check run.
type Check struct {
	ID                                                                              int64
	Name, HeadSHA, ExternalID, DetailsURL, Status, Conclusion, Title, Summary, Text string
	Annotations                                                                     []Annotation
}

// Annotation is a remark of a check run.
type Annotation struct {
	Path            string `json:"path"`
	StartLine       int    `json:"start_line"`
	EndLine         int    `json:"end_line"`
	StartColumn     int    `json:"start_column"`
	EndColumn       int    `json:"end_column"`
	AnnotationLevel string `json:"annotation_level"`
	Message         string `json:"message"`
	Title           string `json:"title"`
	RawDetails      string `json:"raw_details"`
}

type checkBody struct {
	Name       *string `json:"name"`
	HeadSHA    string  `json:"head_sha"`
	ExternalID *string `json:"external_id"`
	DetailsURL *string `json:"details_url"`
	Status     *string `json:"status"`
	Conclusion *string `json:"conclusion"`
	Output     *struct {
		Title, Summary *string
		Text           *string
		Annotations    []Annotation
	} `json:"output"`
}

func set(to *string, from *string) {
	if from != nil {
		*to = *from
	}
}

func (c *Check) apply(b checkBody) {
	set(&c.Name, b.Name)
	set(&c.ExternalID, b.ExternalID)
	set(&c.DetailsURL, b.DetailsURL)
	set(&c.Status, b.Status)
	set(&c.Conclusion, b.Conclusion)
	if c.Conclusion != "" {
		c.Status = "completed"
	}
	if o := b.Output; o != nil {
		set(&c.Title, o.Title)
		set(&c.Summary, o.Summary)
		set(&c.Text, o.Text)
		c.Annotations = append(c.Annotations, o.Annotations...) // PATCH appends (github.md A1)
	}
}

func (s *Server) createCheck(r request) answer {
	if !s.may("checks") {
		return denied
	}
	var b checkBody
	if err := json.Unmarshal(r.body, &b); err != nil {
		return refusal(400, "%v", err)
	}
	if len(b.HeadSHA) != 40 || len(s.Commits) > 0 && !slices.Contains(s.Commits, b.HeadSHA) {
		s.problem("a check run on %s, which is no commit here", b.HeadSHA)
		return refusal(422, "No commit found for SHA: %s", b.HeadSHA)
	}
	if err := b.limits(); err != nil {
		s.problem("check run: %v", err)
		return refusal(422, "Invalid request. %v", err)
	}
	c := &Check{ID: int64(len(s.Checks) + 1), HeadSHA: b.HeadSHA, Status: "queued"}
	c.apply(b)
	s.Checks = append(s.Checks, c)
	return answer{status: 201, body: s.checkJSON(c)}
}

func (s *Server) updateCheck(r request) answer {
	if !s.may("checks") {
		return denied
	}
	c := s.check(r.number("check_run_id"))
	if c == nil {
		return refusal(404, "Not Found")
	}
	var b checkBody
	if err := json.Unmarshal(r.body, &b); err != nil {
		return refusal(400, "%v", err)
	}
	if err := b.limits(); err != nil {
		s.problem("check run: %v", err)
		return refusal(422, "Invalid request. %v", err)
	}
	c.apply(b)
	return answer{status: 200, body: s.checkJSON(c)}
}

func (s *Server) getCheck(r request) answer {
	if c := s.check(r.number("check_run_id")); c != nil {
		return answer{status: 200, body: s.checkJSON(c)}
	}
	return refusal(404, "Not Found")
}

func (s *Server) listChecks(r request) answer {
	list := []any{}
	for _, c := range slices.Backward(s.Checks) {
		name, status := r.query.Get("check_name"), r.query.Get("status")
		if c.HeadSHA == r.values["ref"] && (name == "" || name == c.Name) && (status == "" || status == c.Status) {
			list = append(list, s.checkJSON(c))
		}
	}
	path := fmt.Sprintf("/repos/%s/commits/%s/check-runs", s.Repository, r.values["ref"])
	return answer{status: 200, body: map[string]any{"total_count": len(list), "check_runs": page(r, list)}, header: s.pages(r, path, len(list))}
}

func (s *Server) check(id int) *Check {
	if id < 1 || id > len(s.Checks) {
		return nil
	}
	return s.Checks[id-1]
}

// limits are those that the description tells in words only (OAS, prose).
func (b checkBody) limits() error {
	if b.Status != nil && *b.Status == "completed" && b.Conclusion == nil {
		return fmt.Errorf("completed without a conclusion")
	}
	if b.Conclusion != nil && *b.Conclusion == "stale" {
		return fmt.Errorf("only GitHub says stale")
	}
	if b.Output == nil {
		return nil
	}
	if o := b.Output; o.Summary == nil || o.Title == nil || strings.TrimSpace(*o.Title) == "" {
		return fmt.Errorf("an output without a title or a summary")
	}
	for _, a := range b.Output.Annotations {
		if err := a.limits(); err != nil {
			return fmt.Errorf("annotation %+v: %w", a, err)
		}
	}
	return nil
}

func (a Annotation) limits() error {
	switch {
	case strings.HasPrefix(a.Path, "/") || a.Path == "" || strings.Contains("/"+a.Path+"/", "/../"):
		return fmt.Errorf("the path is not in the repository")
	case a.StartLine < 1 || a.EndLine < a.StartLine:
		return fmt.Errorf("lines count from 1, and the end is not before the start")
	case a.EndLine > math.MaxInt32 || a.EndColumn > math.MaxInt32: // not documented; no file has such a line
		return fmt.Errorf("a line that no file has")
	case a.StartLine != a.EndLine && (a.StartColumn != 0 || a.EndColumn != 0):
		return fmt.Errorf("columns on more than one line")
	case a.StartColumn < 0 || a.EndColumn != 0 && a.EndColumn < a.StartColumn:
		return fmt.Errorf("columns")
	case utf8.RuneCountInString(a.Title) > 255:
		return fmt.Errorf("the title is longer than 255 characters")
	case len(a.Message) > 64<<10 || len(a.RawDetails) > 64<<10 || a.Message == "":
		return fmt.Errorf("the message is empty or larger than 64 KB")
	}
	return nil
}

func (s *Server) checkJSON(c *Check) any {
	address := s.URL + "/repos/" + s.Repository + "/check-runs/" + strconv.FormatInt(c.ID, 10)
	var conclusion any
	if c.Conclusion != "" {
		conclusion = c.Conclusion
	}
	return map[string]any{
		"id": c.ID, "node_id": "CR_" + strconv.FormatInt(c.ID, 10), "name": c.Name, "head_sha": c.HeadSHA, "external_id": c.ExternalID,
		"url": address, "html_url": "https://github.example/" + s.Repository + "/runs/" + strconv.FormatInt(c.ID, 10), "details_url": c.DetailsURL,
		"status": c.Status, "conclusion": conclusion, "started_at": "2026-01-02T03:04:05Z", "completed_at": nil,
		"output": map[string]any{
			"title": c.Title, "summary": c.Summary, "text": c.Text,
			"annotations_count": len(c.Annotations), "annotations_url": address + "/annotations",
		},
		"check_suite": map[string]any{"id": 1}, "app": nil, "pull_requests": []any{},
	}
}
