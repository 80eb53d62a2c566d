package gates

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Ratchet is what one tree has beside another: derived from two verdicts, and
// kept nowhere.
type Ratchet struct {
	New  []Compared `json:"new"`  // in head only
	Gone []Compared `json:"gone"` // in base only
	Kept []Compared `json:"kept"` // in both

	Gates []RatchetGate `json:"gates"`
}

// Compared is a finding of a gate; of what was kept, as it is in head.
type Compared struct {
	Gate string `json:"gate"`
	Judged
	// Was is where it stood in base, when the file has moved since.
	Was *Finding `json:"was,omitempty"`
}

// RatchetGate is one gate's line.
type RatchetGate struct {
	ID       string `json:"id"`
	Required bool   `json:"required"`
	// Skipped and Undecided are why nothing was compared: the gate did not run,
	// or one of the two sides is not known. Both empty: it was compared.
	Skipped   string `json:"skipped,omitempty"`
	Undecided string `json:"undecided,omitempty"`
	Base      int    `json:"base"` // findings
	Head      int    `json:"head"`
	New       int    `json:"new"`
	Gone      int    `json:"gone"`
	Kept      int    `json:"kept"`
}

// Decision is fail when something is new and not waived; else inconclusive when
// a required gate could not be compared, or none was.
func (r Ratchet) Decision() Decision {
	if slices.ContainsFunc(r.New, func(c Compared) bool { return c.Waiver == nil }) {
		return Fail
	}
	compared := false
	for _, g := range r.Gates {
		if g.Undecided != "" && g.Required {
			return Inconclusive
		}
		compared = compared || g.Undecided == "" && g.Skipped == ""
	}
	if !compared {
		return Inconclusive
	}
	return Pass
}

// Moves says how findings of files that moved are known again. A fingerprint
// holds the path, so that a move changes it.
type Moves struct {
	// From is the path in base of each renamed file of head.
	From func(head Path) Path
	// Base and Head name the text that a finding of that side stands on; empty:
	// it is not known, and the finding is not found again.
	Base, Head func(Finding) string
}

// Compare finds what is new, gone and kept between two verdicts: by gate and
// fingerprint, and behind that, where a file was renamed, by rule and text. The
// second of two equal findings is another one. It is pure.
func Compare(base, head *Verdict, moves Moves) Ratchet {
	r := Ratchet{New: []Compared{}, Gone: []Compared{}, Kept: []Compared{}, Gates: []RatchetGate{}}
	before := make(map[string]GateVerdict)
	for _, g := range base.Gates {
		before[g.ID] = g
	}
	for _, g := range head.Gates {
		old, known := before[g.ID]
		delete(before, g.ID)
		line := RatchetGate{ID: g.ID, Required: g.Required}
		switch {
		case g.broken() != "":
			line.Undecided = g.broken()
		case known && old.broken() != "":
			line.Undecided = "at the base: " + old.broken()
		case g.Status == StatusSkipped && (!known || old.Status == StatusSkipped):
			line.Skipped = g.Reason
		default:
			line.Base, line.Head = len(old.Findings), len(g.Findings)
			line.New, line.Gone, line.Kept = r.gate(g.ID, old.Findings, g.Findings, moves)
		}
		r.Gates = append(r.Gates, line)
	}
	for _, g := range base.Gates {
		if _, left := before[g.ID]; left {
			r.Gates = append(r.Gates, RatchetGate{ID: g.ID, Required: g.Required, Undecided: "it was not run on this tree"})
		}
	}
	for _, list := range [][]Compared{r.New, r.Gone, r.Kept} {
		slices.SortStableFunc(list, Compared.compare)
	}
	return r
}

// broken is why a gate has not seen all that is there; empty: it has.
func (g GateVerdict) broken() string {
	switch {
	case g.Error != "":
		return g.Error
	case g.Status == StatusError:
		return cmp.Or(g.Reason, "it could not decide")
	}
	return ""
}

func (c Compared) compare(d Compared) int {
	return cmp.Or(strings.Compare(c.Gate, d.Gate), c.Finding.Compare(d.Finding))
}

// gate compares the findings of one gate, and counts them. One fault may be a
// finding of the tree at the base, and in head one of the tree, whose file has
// moved, and one of the commit that brought it: neither is new.
func (r *Ratchet) gate(id string, base, head []Judged, moves Moves) (added, gone, kept int) {
	defer func(n, g, k int) {
		added, gone, kept = len(r.New)-n, len(r.Gone)-g, len(r.Kept)-k
	}(len(r.New), len(r.Gone), len(r.Kept))
	seen := make([]bool, len(base))
	same := newPool(base, func(f Finding) string { return f.Fingerprint })
	var inCommits, unknown []Judged
	for _, f := range head {
		if f.Commit != "" {
			inCommits = append(inCommits, f)
			continue
		}
		if i, ok := same.take(f.Fingerprint); ok {
			seen[i] = true
			r.Kept = append(r.Kept, Compared{Gate: id, Judged: f})
			continue
		}
		unknown = append(unknown, f)
	}
	moved := newPool(base, func(f Finding) string { return moves.key(f, f.Path, moves.Base) })
	for _, f := range unknown {
		key := ""
		if moves.From != nil {
			key = moves.key(f.Finding, moves.From(f.Path), moves.Head)
		}
		i, ok := moved.take(key)
		if !ok {
			r.New = append(r.New, Compared{Gate: id, Judged: f})
			continue
		}
		seen[i] = true
		r.Kept = append(r.Kept, Compared{Gate: id, Judged: f, Was: &base[i].Finding})
	}
	for _, f := range inCommits {
		i, ok := same.take(f.Fingerprint)
		switch {
		case ok:
			seen[i] = true
			r.Kept = append(r.Kept, Compared{Gate: id, Judged: f})
		case f.New:
			r.New = append(r.New, Compared{Gate: id, Judged: f})
		default: // the commit is one of the base's
			r.Kept = append(r.Kept, Compared{Gate: id, Judged: f})
		}
	}
	for i, f := range base {
		if !seen[i] {
			r.Gone = append(r.Gone, Compared{Gate: id, Judged: f})
		}
	}
	return added, gone, kept
}

// key names a finding in a file that may have moved; empty: it cannot be named.
func (m Moves) key(f Finding, path Path, text func(Finding) string) string {
	if path == "" || text == nil || f.Commit != "" {
		return ""
	}
	content := text(f)
	if content == "" {
		return ""
	}
	return f.Rule + "\x00" + string(path) + "\x00" + content
}

// pool is the places of findings by name, each to be taken once, the first
// first.
type pool map[string][]int

func newPool(findings []Judged, name func(Finding) string) pool {
	p := make(pool)
	for i, f := range findings {
		key := name(f.Finding)
		p[key] = append(p[key], i)
	}
	return p
}

// take gives a finding of a name. What has no name is never found.
func (p pool) take(name string) (int, bool) {
	list := p[name]
	if name == "" || len(list) == 0 {
		return 0, false
	}
	p[name] = list[1:]
	return list[0], true
}

// LineText names the text that findings in a target's tree stand on: their
// line's without its blanks, or the whole file's. Not safe for concurrent use.
func LineText(ctx context.Context, t *Target) func(Finding) string {
	var path Path
	var lines [][]byte
	return func(f Finding) string {
		if f.Path != path || lines == nil {
			path, lines = f.Path, treeLines(ctx, t, f.Path)
		}
		var text []byte
		switch {
		case len(lines) == 0 || f.Line > len(lines):
			return ""
		case f.Line > 0:
			text = bytes.Join(bytes.Fields(lines[f.Line-1]), []byte(" "))
		default:
			text = bytes.Join(lines, []byte("\n"))
		}
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	}
}
