package quality

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git"
)

// clonesShown is how many clones are reported, the largest first.
const clonesShown = 100

// duplicationVersion is part of the cache keys: raise it when the same source
// comes to something else.
const duplicationVersion = "duplication/2"

// Duplication is the gate duplication (G9): the lines that are a copy of
// others, in percent of all lines. See the package's README for what counts.
func Duplication(greatest float64, o Options) gates.Gate {
	return gates.Gate{
		ID:    "duplication",
		Doc:   fmt.Sprintf("copied code (more than %s of the lines)", percent(greatest)),
		Help:  "Keep one copy of the code and call it from both places.",
		Scope: gates.ScopeChange,
		Rules: []gates.Rule{
			{ID: "duplication-total", Title: fmt.Sprintf("More than %s of the lines are copies", percent(greatest)),
				Help: "Keep one copy of what is there twice. The copies are the findings of the rule duplication, the largest first.",
				Tags: []string{"maintainability"}},
			{ID: "duplication", Title: "Copied code", Help: "A fault in the one is a fault in the other: keep one copy, and call it from both places.",
				Tags: []string{"maintainability"}},
			parseError,
		},
		Weight:   2,
		Memory:   256,
		TreeOnly: true,
		CacheKey: o.cacheKey(fmt.Sprintf(duplicationVersion+" max=%v", greatest)),
		Plan:     o.plan,
		Run: func(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
			return o.duplication(ctx, t, greatest)
		},
	}
}

func (o Options) duplication(ctx context.Context, t *gates.Target, greatest float64) (gates.Outcome, error) {
	var mu sync.Mutex
	var texts []text
	var words dictionary
	l := look[row]{
		key:  o.cacheKey(duplicationVersion),
		read: func(_ git.File, tree *syntax.Tree) row { return readRow(tree) },
		use: func(f git.File, r row) (bool, error) {
			one, err := words.text(f.Path, r)
			if errors.Is(err, errNoRow) {
				return false, nil
			}
			mu.Lock()
			defer mu.Unlock()
			texts = append(texts, one)
			return true, err
		},
	}
	s, err := l.run(ctx, o, t)
	out := s.outcome()
	if err != nil {
		return out, err
	}
	slices.SortFunc(texts, func(a, b text) int { return strings.Compare(a.path, b.path) })
	c := compareAll(ctx, texts, cloneTokens, cloneLines)
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	share := 100 * float64(c.copied) / float64(max(c.lines, 1))
	out.Metrics["lines"] = float64(c.lines)
	out.Metrics["lines_copied"] = float64(c.copied)
	out.Metrics["duplication"] = share
	out.Metrics["clones"] = float64(len(c.clones))
	for i := range c.clones {
		c.clones[i].turn(t.Change)
	}
	rank(c.clones)
	for _, clone := range c.clones[:min(len(c.clones), clonesShown)] {
		out.Findings = append(out.Findings, clone.finding())
	}
	if share > greatest && len(c.clones) > 0 {
		out.Findings = append(out.Findings, total(c, share, greatest))
	}
	return out, nil
}

// total is the finding that decides. It stands at the largest clone in the
// change, or, where the change has none, at the largest of all: a change that
// copies nothing does not answer for what was there.
func total(c comparison, share, greatest float64) gates.Finding {
	at := c.clones[0]
	for _, clone := range c.clones {
		if clone.isNew {
			at = clone
			break
		}
	}
	var names gates.Fingerprints
	return gates.Finding{
		Rule: "duplication-total", Severity: gates.SeverityError,
		Path: gates.Path(at.here.path), Line: at.here.first, EndLine: at.here.last,
		Message: fmt.Sprintf("%s of the lines are copies (max %s): %d of %d lines in %s; the largest is here, of %s",
			percent(share), percent(greatest), c.copied, c.lines, gates.Plural(c.files, "file"), where(at.there)),
		Fingerprint: names.Of("duplication", "duplication-total"),
	}
}

func percent(x float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", x), "0"), ".") + " %"
}

// turn puts the clone where the change has it: what is named second in a pair
// may be the one that was there before.
func (c *clone) turn(change *git.Change) {
	in := func(s stretch) bool { return change.Everything() || change.HasLines(s.path, s.first, s.last) }
	switch {
	case in(c.here):
		c.isNew = true
	case in(c.there):
		c.isNew = true
		c.here, c.there = c.there, c.here
	}
}

// rank orders clones by size, the largest first; equal ones by place.
func rank(list []clone) {
	slices.SortFunc(list, func(a, b clone) int {
		return cmp.Or(
			cmp.Compare(b.tokens, a.tokens),
			strings.Compare(a.here.path, b.here.path),
			cmp.Compare(a.here.first, b.here.first),
			strings.Compare(a.there.path, b.there.path),
			cmp.Compare(a.there.first, b.there.first),
			cmp.Compare(a.here.last, b.here.last),
		)
	})
}

func (c clone) finding() gates.Finding {
	return gates.Finding{
		Rule: "duplication", Severity: gates.SeverityNote, Path: gates.Path(c.here.path), Line: c.here.first, EndLine: c.here.last,
		Message: fmt.Sprintf("%d lines (%d tokens) are also in %s", c.here.last-c.here.first+1, c.tokens, where(c.there)),
	}
}

func where(s stretch) string {
	return fmt.Sprintf("%s:%d-%d", gates.Path(s.path), s.first, s.last)
}
