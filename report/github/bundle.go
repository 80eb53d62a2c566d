package github

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/report"
)

const (
	bundleSchema   = "wf-ci/bundle/v1"
	MaxBundle      = 4 << 20 // bytes of a bundle, written or read
	bundleFindings = 2_000   // of all gates
	bundleGates    = 200
	bundleText     = 2_000 // bytes of a message
)

// Bundle is a verdict on its way from a run that may not write to one that may.
// Who reads one must not believe it: the run that wrote it may have been the
// stranger's whose change it judges.
type Bundle struct {
	Repository  string
	PullRequest int
	Head        string
	RunID       int64
	Name        string // of the check
	Verdict     *gates.Verdict
}

type bundleJSON struct {
	Schema      string          `json:"schema"`
	Repository  string          `json:"repository"`
	PullRequest int             `json:"pull_request"`
	Head        string          `json:"head"`
	RunID       int64           `json:"run_id"`
	Name        string          `json:"name"`
	Verdict     json.RawMessage `json:"verdict"`
}

// WriteBundle writes what a job has to say, in at most [MaxBundle] bytes. What
// blocks goes in first, and what is left out is counted in a warning.
func WriteBundle(w io.Writer, j Job, v *gates.Verdict) error {
	for keep := bundleFindings; ; keep /= 4 {
		var verdict, out bytes.Buffer
		if err := report.JSON(&verdict, reduced(v, keep)); err != nil {
			return err
		}
		err := json.NewEncoder(&out).Encode(bundleJSON{bundleSchema, j.Repository, j.PullRequest, j.Head, j.RunID, j.Name, verdict.Bytes()})
		if err != nil {
			return err
		}
		if out.Len() <= MaxBundle {
			_, err := w.Write(out.Bytes())
			return err
		}
		if keep == 0 {
			return fmt.Errorf("the result does not fit into %d MB", MaxBundle>>20)
		}
	}
}

// reduced is a verdict with so many findings, and short texts.
func reduced(v *gates.Verdict, keep int) *gates.Verdict {
	out := *v
	out.Gates = make([]gates.GateVerdict, len(v.Gates))
	out.SuppressionsAdded = v.SuppressionsAdded[:min(len(v.SuppressionsAdded), keep)]
	for i, g := range v.Gates {
		out.Gates[i] = g
		out.Gates[i].Findings, out.Gates[i].Rules = nil, nil
	}
	type found struct {
		gate int
		gates.Judged
	}
	var list []found
	for i, g := range v.Gates {
		for _, f := range g.Findings {
			list = append(list, found{i, f})
		}
	}
	slices.SortStableFunc(list, func(a, b found) int { return report.Rank(a.Judged, b.Judged) })
	for _, f := range list[:min(len(list), keep)] {
		f.Message = f.Message[:runeStart(f.Message, bundleText)]
		out.Gates[f.gate].Findings = append(out.Gates[f.gate].Findings, f.Judged)
	}
	if left := len(list) - keep; left > 0 {
		out.Warnings = append(append([]string{}, v.Warnings...), gates.Plural(left, "finding")+" left out on the way here: see the run itself")
	}
	return &out
}

// checkName is what our checks are called; a category comes behind " / ".
const checkName = "wf-ci"

// isCheckName says whether a check may be ours: a bundle must not choose the name
// of somebody else's required check.
func isCheckName(s string) bool {
	rest, ok := strings.CutPrefix(s, checkName)
	if !ok || rest == "" {
		return ok
	}
	folder, ok := strings.CutPrefix(rest, " / ")
	return ok && folder != "" && len(folder) <= 200 && !strings.ContainsFunc(folder, func(r rune) bool { return r <= ' ' || r > '~' })
}

// ReadBundle reads a bundle as what it is, a stranger's file. The error says
// what is wrong with it.
func ReadBundle(data []byte) (*Bundle, error) {
	if len(data) > MaxBundle {
		return nil, fmt.Errorf("larger than %d MB", MaxBundle>>20)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var raw bundleJSON
	if err := d.Decode(&raw); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind the bundle")
	}
	switch {
	case raw.Schema != bundleSchema:
		return nil, fmt.Errorf("schema %.80q: want %q", raw.Schema, bundleSchema)
	case !isRepository(raw.Repository):
		return nil, fmt.Errorf("repository %.80q: want owner/name", raw.Repository)
	case raw.PullRequest < 1 || raw.PullRequest > 1<<31 || raw.RunID < 1:
		return nil, fmt.Errorf("pull request %d, run %d: want numbers from 1", raw.PullRequest, raw.RunID)
	case !isCommit(raw.Head):
		return nil, fmt.Errorf("head %.80q: want a commit", raw.Head)
	case !isCheckName(raw.Name):
		return nil, fmt.Errorf("name %.80q: want wf-ci, or wf-ci / and a folder", raw.Name)
	}
	v, err := report.ReadJSON(bytes.NewReader(raw.Verdict))
	if err != nil {
		return nil, fmt.Errorf("verdict: %w", err)
	}
	if err := believable(v); err != nil {
		return nil, fmt.Errorf("verdict: %w", err)
	}
	return &Bundle{raw.Repository, raw.PullRequest, raw.Head, raw.RunID, raw.Name, v}, nil
}

// believable refuses a verdict that contradicts itself, or that no run of wf-ci
// writes.
func believable(v *gates.Verdict) error {
	if len(v.Gates) > bundleGates {
		return fmt.Errorf("%d gates", len(v.Gates))
	}
	findings := 0
	for _, g := range v.Gates {
		findings += len(g.Findings)
		if findings > bundleFindings {
			return fmt.Errorf("more than %d findings", bundleFindings)
		}
		if v.Decision == gates.Pass && (g.Status == gates.StatusFail || g.Status == gates.StatusError && g.Required) {
			return fmt.Errorf("it says pass, and its gate %s says %s", g.ID, g.Status)
		}
		for _, f := range g.Findings {
			if v.Decision == gates.Pass && f.Blocking {
				return fmt.Errorf("it says pass, and its gate %s has a finding that blocks", g.ID)
			}
			if p := string(f.Path); strings.HasPrefix(p, "/") || strings.Contains("/"+p+"/", "/../") || strings.ContainsRune(p, 0) {
				return fmt.Errorf("the path %.80q is not in a repository", p)
			}
		}
	}
	if v.Decision != gates.Pass && len(v.Reasons) == 0 {
		return errors.New("no pass, and no reason")
	}
	return nil
}
