package git

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
)

// Merges are the ids of the merge commits that the revisions reach, newest
// first.
func (r *Repo) Merges(ctx context.Context, limit int, revs ...string) ([]string, error) {
	args := []string{"rev-list", "--merges"}
	if limit > 0 {
		args = append(args, fmt.Sprintf("--max-count=%d", limit))
	}
	return r.revList(ctx, args, revs)
}

// MergePatches calls fn with every run of lines that a merge commit has and
// none of its parents: what somebody wrote while merging. [Repo.Patches] does
// not see these.
func (r *Repo) MergePatches(ctx context.Context, merges []string, fn func(Hunk) error) error {
	return r.patches(ctx, merges, parseMerges, fn, "--cc")
}

// parseMerges reads combined diffs: each line has a column for each parent, and
// hunk headers say how many lines follow.
func parseMerges(in *bufio.Reader, fn func(Hunk) error) (commits int, err error) {
	return eachHunk(in, "@@@", func(p *patchParser, header string, h Hunk) error {
		return p.combined(header, h, fn)
	})
}

// combined reads one hunk "@@@ -a,b -c,d +e,f @@@" and yields the runs of its
// lines that are in no parent.
func (p *patchParser) combined(header string, h Hunk, fn func(Hunk) error) error {
	parents, result, err := parseCombinedHeader(header)
	if err != nil {
		return err
	}
	var run []byte
	at, left := result.from, result.count
	flush := func(end int) error {
		if len(run) == 0 || h.Path == "" {
			return nil
		}
		h.Text, h.Line = run, end-bytes.Count(run, []byte("\n"))
		err := fn(h)
		run = run[:0]
		return err
	}
	for left > 0 || anyLeft(parents) {
		line, err := p.next()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
		if len(line) > 0 && line[0] == '\\' {
			continue // "\ No newline at end of file"
		}
		if len(line) < len(parents) {
			return fmt.Errorf("patch line %.80q inside a hunk", line)
		}
		columns, text := line[:len(parents)], line[len(parents):]
		if len(bytes.Trim(columns, "+- ")) > 0 {
			return fmt.Errorf("patch line %.80q inside a hunk", line)
		}
		removed := bytes.IndexByte(columns, '-') >= 0
		for i, c := range columns {
			if removed && c == '-' || !removed && c == ' ' {
				parents[i]--
			}
		}
		if removed {
			continue
		}
		if bytes.Count(columns, []byte("+")) == len(columns) {
			run = append(append(run, text...), '\n')
		} else if err := flush(at); err != nil {
			return err
		}
		at, left = at+1, left-1
	}
	return flush(at)
}

func anyLeft(counts []int) bool {
	for _, n := range counts {
		if n > 0 {
			return true
		}
	}
	return false
}

func parseCombinedHeader(header string) (parents []int, result hunkSpan, err error) {
	wrong := fmt.Errorf("hunk header %.80q", header)
	n := len(header) - len(strings.TrimLeft(header, "@")) - 1
	f := strings.Fields(header)
	if n < 1 || len(f) < n+3 {
		return nil, hunkSpan{}, wrong
	}
	for _, part := range f[1 : n+1] {
		span, err := parseSpan(strings.TrimPrefix(part, "-"))
		if err != nil || !strings.HasPrefix(part, "-") {
			return nil, hunkSpan{}, wrong
		}
		parents = append(parents, span.count)
	}
	// Where nothing is left of the file, git counts to minus one, without a sign.
	result, err = parseSpan(strings.TrimPrefix(strings.Replace(f[n+1], ",18446744073709551615", ",0", 1), "+"))
	if err != nil || !strings.HasPrefix(f[n+1], "+") {
		return nil, hunkSpan{}, wrong
	}
	return parents, result, nil
}
