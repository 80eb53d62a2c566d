package github

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	gh "github.com/google/go-github/v60/github"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
)

const (
	needScanning = "security-events: write"
	maxUpload    = 10_000_000 // bytes compressed (github.md A3)
)

// upload sends a verdict's findings to code scanning, and waits for what comes
// of them while there is time. done is false where there was nothing to send.
func (s *session) upload(ctx context.Context, j *Job, v *gates.Verdict, ref, commit string) (done bool, err error) {
	var sarif bytes.Buffer
	err = report.CodeScanningAs(j.Category)(&sarif, v)
	if errors.Is(err, report.ErrNothingToUpload) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	log, err := forUpload(sarif.Bytes(), j.ReadFile)
	if err != nil {
		return false, err
	}
	packed, err := pack(log)
	if err != nil {
		return false, err
	}
	id, _, err := s.rest.CodeScanning.UploadSarif(repeat(ctx), s.owner, s.repo, &gh.SarifAnalysis{
		CommitSHA: gh.String(commit), Ref: gh.String(ref), Sarif: gh.String(packed),
	})
	if err == nil && id.GetID() == "" { // an answer, and not 202
		err = errNoAPI
	}
	if err != nil {
		return false, err
	}
	return true, s.processed(ctx, id.GetID())
}

// processed waits for what comes of an upload. GitHub takes its time: that it is
// not done yet is no failure.
func (s *session) processed(ctx context.Context, id string) error {
	for wait := time.Second / 2; ; wait = min(2*wait, 20*time.Second) {
		if !s.transport.fits(ctx, wait+time.Second) || s.transport.sleep(ctx, wait) != nil {
			return nil
		}
		status, _, err := s.rest.CodeScanning.GetSARIF(ctx, s.owner, s.repo, id)
		if err != nil {
			return nil // it was taken; what comes of it is on GitHub's page
		}
		switch status.GetProcessingStatus() {
		case "complete":
			return nil
		case "failed":
			return processingError(s.uploadErrors(ctx, id))
		}
	}
}

// uploadErrors are why an upload was not processed; go-github v60 does not read
// them.
func (s *session) uploadErrors(ctx context.Context, id string) []string {
	req, err := s.rest.NewRequest("GET", "repos/"+s.owner+"/"+s.repo+"/code-scanning/sarifs/"+url.PathEscape(id), nil)
	if err != nil {
		return nil
	}
	var answer struct {
		Errors []string `json:"errors"`
	}
	if _, err := s.rest.Do(ctx, req, &answer); err != nil {
		return nil
	}
	return answer.Errors
}

// processingError says in words what code scanning means (github.md A3).
func processingError(said []string) error {
	text := short(strings.Join(said, "; "))
	for _, known := range []struct{ part, plain string }{
		{"multiple runs with the same category", "two parts of the upload have one category; this is a fault of wf-ci"},
		{"default setup is enabled", "code scanning's default setup is on, and does not take uploads for this tool"},
		{"too many", "there are more findings than code scanning takes"},
		{"unsuccessful execution", "a gate in the upload did not finish"},
	} {
		if strings.Contains(strings.ToLower(text), known.part) {
			return fmt.Errorf("%s (%s)", known.plain, text)
		}
	}
	if text == "" {
		text = "no reason given"
	}
	return errors.New("code scanning did not take it: " + text)
}

// scanningFailure is the error of an upload as a failure.
func scanningFailure(err error) *Failure {
	f := failed("code scanning", needScanning, err)
	if f == nil {
		return nil
	}
	var answer *gh.ErrorResponse
	if errors.As(err, &answer) && notSwitchedOn(answer.Message) {
		f.Need, f.Why = "", "it is not switched on for this repository (a private one needs GitHub Code Security)"
	}
	if statusOf(err) == http.StatusRequestEntityTooLarge {
		f.Why = "the findings are larger than GitHub takes"
	}
	return f
}

func pack(data []byte) (string, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	if b.Len() > maxUpload {
		return "", fmt.Errorf("the findings have %d MB compressed, and code scanning takes 10", b.Len()/1_000_000)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// forUpload adds to SARIF what code scanning wants and a verdict does not hold:
// the hash of each result's line.
func forUpload(sarif []byte, read func(string) ([]byte, error)) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(sarif))
	d.UseNumber()
	var log map[string]any
	if err := d.Decode(&log); err != nil {
		return nil, err
	}
	h := hasher{read: read, known: make(map[string][]string)}
	for _, r := range list(log["runs"]) {
		for _, result := range list(object(r)["results"]) {
			h.add(object(result))
		}
	}
	return json.Marshal(log)
}

type hasher struct {
	read  func(string) ([]byte, error)
	known map[string][]string
}

// add gives a result the hash of its line, where the file has that line.
func (h hasher) add(result map[string]any) {
	locations := list(result["locations"])
	if len(locations) == 0 || h.read == nil {
		return
	}
	place := object(object(locations[0])["physicalLocation"])
	uri, _ := object(place["artifactLocation"])["uri"].(string)
	number, _ := object(place["region"])["startLine"].(json.Number)
	line, err := number.Int64()
	path, pathErr := url.PathUnescape(uri)
	if err != nil || pathErr != nil {
		return
	}
	hashes, ok := h.known[path]
	if !ok {
		if text, err := h.read(path); err == nil {
			hashes = lineHashes(string(text))
		}
		h.known[path] = hashes
	}
	if line < 1 || line > int64(len(hashes)) {
		return
	}
	prints := object(result["partialFingerprints"])
	if prints == nil {
		prints = make(map[string]any)
		result["partialFingerprints"] = prints
	}
	prints["primaryLocationLineHash"] = hashes[line-1]
}

func object(v any) map[string]any { o, _ := v.(map[string]any); return o }
func list(v any) []any            { l, _ := v.([]any); return l }
