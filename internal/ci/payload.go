package ci

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// maxPayload is the largest payload GitHub sends: 25 MB
// (docs, webhooks/webhook-events-and-payloads).
const maxPayload = 25 << 20

// payload is what we read of an event; the rest is passed over.
type payload struct {
	Number      int          `json:"number"`
	PullRequest *pullRequest `json:"pull_request"`
	MergeGroup  *struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`
	WorkflowRun *struct {
		ID             int64  `json:"id"`
		HeadSHA        string `json:"head_sha"`
		Attempt        int    `json:"run_attempt"`
		Event          string `json:"event"`
		Conclusion     string `json:"conclusion"`
		HeadRepository *struct {
			FullName string `json:"full_name"`
		} `json:"head_repository"`
	} `json:"workflow_run"`
	Before     string `json:"before"`
	After      string `json:"after"`
	Created    bool   `json:"created"`
	Deleted    bool   `json:"deleted"`
	Forced     bool   `json:"forced"`
	Repository struct {
		DefaultBranch string `json:"default_branch"`
		Visibility    string `json:"visibility"`
	} `json:"repository"`
}

type pullRequest struct {
	Number int    `json:"number"`
	Head   branch `json:"head"`
	Base   branch `json:"base"`
}

type branch struct {
	SHA  string `json:"sha"`
	Ref  string `json:"ref"`
	Repo *struct {
		FullName string `json:"full_name"`
	} `json:"repo"`
}

// fork says whether the head is in another repository than the base. A head
// without a repository is in a fork that was deleted; where the base has none
// either, the payload is not the platform's and says nothing.
//
// head.repo.fork would be wrong: it is also true of a branch inside a
// repository that is itself a fork.
func (p *pullRequest) fork() bool {
	switch {
	case p.Base.Repo == nil:
		return false
	case p.Head.Repo == nil:
		return true
	}
	return !strings.EqualFold(p.Head.Repo.FullName, p.Base.Repo.FullName)
}

// readPayload reads the file of GITHUB_EVENT_PATH. No path: an empty payload.
func readPayload(path string) (payload, error) {
	var p payload
	if path == "" {
		return p, nil
	}
	data, err := readBounded(path, maxPayload)
	if err != nil {
		return p, fmt.Errorf("read the event (GITHUB_EVENT_PATH): %w", err)
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return payload{}, fmt.Errorf("event %s: %w", path, explain(err))
	}
	return p, nil
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, err
}

// explain says in JSON's words, not in Go's, what is wrong with a payload.
func explain(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("not JSON: %w (byte %d)", err, syntax.Offset)
	case errors.As(err, &kind):
		return fmt.Errorf("%s is a JSON %s, which the platform never sends there", first(kind.Field, "the whole"), kind.Value)
	}
	return err
}
