package gates_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

func verdict(gate string, findings ...gates.Finding) *gates.Verdict {
	g := gates.GateVerdict{ID: gate, Status: gates.StatusPass, Required: true}
	for _, f := range findings {
		g.Findings = append(g.Findings, gates.Judged{Finding: f})
	}
	return &gates.Verdict{Gates: []gates.GateVerdict{g}}
}

func finding(path gates.Path, line int, fingerprint string) gates.Finding {
	return gates.Finding{Rule: "r", Path: path, Line: line, Fingerprint: fingerprint, Message: fmt.Sprint(path, line)}
}

func idsOf(list []gates.Compared) (out []string) {
	for _, c := range list {
		s := c.Fingerprint
		if c.Was != nil {
			s = c.Was.Fingerprint + " -> " + s
		}
		out = append(out, s)
	}
	return out
}

func TestCompare(t *testing.T) {
	text := func(f gates.Finding) string { return fmt.Sprint(f.Line) } // line n holds the text n
	moves := gates.Moves{Base: text, Head: text, From: func(p gates.Path) gates.Path {
		return map[gates.Path]gates.Path{"to": "from"}[p]
	}}
	tests := map[string]struct {
		base, head      []gates.Finding
		new, gone, kept []string
	}{
		"nothing":                   {},
		"kept, on a new line":       {base: []gates.Finding{finding("a", 1, "A")}, head: []gates.Finding{finding("a", 9, "A")}, kept: []string{"A"}},
		"new and gone":              {base: []gates.Finding{finding("a", 1, "A")}, head: []gates.Finding{finding("a", 1, "B")}, new: []string{"B"}, gone: []string{"A"}},
		"one more of it":            {base: []gates.Finding{finding("a", 1, "A")}, head: []gates.Finding{finding("a", 1, "A"), finding("a", 2, "A")}, new: []string{"A"}, kept: []string{"A"}},
		"moved":                     {base: []gates.Finding{finding("from", 3, "A")}, head: []gates.Finding{finding("to", 3, "B")}, kept: []string{"A -> B"}},
		"moved, one more":           {base: []gates.Finding{finding("from", 3, "A")}, head: []gates.Finding{finding("to", 3, "B"), finding("to", 3, "C")}, new: []string{"C"}, kept: []string{"A -> B"}},
		"moved, another text":       {base: []gates.Finding{finding("from", 3, "A")}, head: []gates.Finding{finding("to", 4, "B")}, new: []string{"B"}, gone: []string{"A"}},
		"copied, not moved":         {base: []gates.Finding{finding("from", 3, "A")}, head: []gates.Finding{finding("copy", 3, "B"), finding("from", 3, "A")}, new: []string{"B"}, kept: []string{"A"}},
		"no fingerprint is no name": {base: []gates.Finding{finding("a", 1, "")}, head: []gates.Finding{finding("a", 1, "")}, new: []string{""}, gone: []string{""}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := gates.Compare(verdict("g", tt.base...), verdict("g", tt.head...), moves)
			for _, part := range []struct {
				name string
				got  []gates.Compared
				want []string
			}{{"new", r.New, tt.new}, {"gone", r.Gone, tt.gone}, {"kept", r.Kept, tt.kept}} {
				if diff := cmp.Diff(part.want, idsOf(part.got)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", part.name, diff)
				}
			}
		})
	}
}

// A secret that moved is in the tree, and in the commit that brought it, where
// the base had it in the tree: it is one, and not new.
func TestCompareMovedAndInACommitOfTheBase(t *testing.T) {
	text := func(gates.Finding) string { return "x" }
	old := finding("from", 1, "A")
	inCommit := finding("from", 1, "A")
	inCommit.Commit = "c1"
	r := gates.Compare(verdict("g", old), verdict("g", inCommit, finding("to", 2, "B")),
		gates.Moves{Base: text, Head: text, From: func(gates.Path) gates.Path { return "from" }})
	if len(r.New)+len(r.Gone) > 0 || len(r.Kept) != 2 {
		t.Errorf("got %+v", r)
	}
	r = gates.Compare(verdict("g"), verdict("g", inCommit), gates.Moves{})
	if len(r.New) > 0 || len(r.Kept) != 1 {
		t.Errorf("a commit of the base: %+v", r)
	}
}

func TestRatchetDecision(t *testing.T) {
	waived := gates.Compared{Judged: gates.Judged{Waiver: &gates.WaiverUse{}}}
	compared, skipped := gates.RatchetGate{ID: "a", Required: true}, gates.RatchetGate{ID: "b", Required: true, Skipped: "x"}
	broken, optional := gates.RatchetGate{ID: "c", Required: true, Undecided: "x"}, gates.RatchetGate{ID: "d", Undecided: "x"}
	for _, tt := range []struct {
		name  string
		new   []gates.Compared
		gates []gates.RatchetGate
		want  gates.Decision
	}{
		{"nothing new", nil, []gates.RatchetGate{compared, skipped, optional}, gates.Pass},
		{"new", []gates.Compared{{}}, []gates.RatchetGate{compared, broken}, gates.Fail},
		{"new, and waived", []gates.Compared{waived}, []gates.RatchetGate{compared}, gates.Pass},
		{"one not known", nil, []gates.RatchetGate{compared, broken}, gates.Inconclusive},
		{"nothing compared", nil, []gates.RatchetGate{skipped, optional}, gates.Inconclusive},
		{"no gate", nil, nil, gates.Inconclusive},
	} {
		if got := (gates.Ratchet{New: tt.new, Gates: tt.gates}).Decision(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// A commit's finding stands in no file that could have moved.
func TestCompareMovesNoCommit(t *testing.T) {
	text := func(gates.Finding) string { return "x" }
	f := finding("a", 1, "A")
	f.Commit = "c1"
	g := finding("b", 1, "B")
	g.Commit = "c2"
	head := verdict("g", g)
	head.Gates[0].Findings[0].New = true // its commit is one of the change
	r := gates.Compare(verdict("g", f), head, gates.Moves{Base: text, Head: text, From: func(gates.Path) gates.Path { return "a" }})
	if len(r.New) != 1 || len(r.Gone) != 1 {
		t.Errorf("got %+v", r)
	}
}

// What one side has not seen is neither new nor gone.
func TestCompareWithoutOneSide(t *testing.T) {
	whole, broken := verdict("g", finding("a", 1, "A")), verdict("g", finding("b", 1, "B"))
	broken.Gates[0].Status, broken.Gates[0].Error = gates.StatusFail, "tool missing"
	for _, tt := range []struct {
		base, head *gates.Verdict
		want       string
	}{
		{whole, broken, "tool missing"},
		{broken, whole, "at the base: tool missing"},
		{whole, &gates.Verdict{}, "it was not run on this tree"},
	} {
		r := gates.Compare(tt.base, tt.head, gates.Moves{})
		want := []gates.RatchetGate{{ID: "g", Undecided: tt.want, Required: true}}
		if !slices.Equal(r.Gates, want) || len(r.New)+len(r.Gone)+len(r.Kept) > 0 || r.Decision() != gates.Inconclusive {
			t.Errorf("got %+v, want %+v", r, want)
		}
	}
	if r := gates.Compare(&gates.Verdict{}, whole, gates.Moves{}); len(r.New) != 1 {
		t.Errorf("a gate that the base did not have: %+v", r)
	}
}

func TestLineText(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a", "x  = 1\ny\n")
	repo.Write("b", "z\n\tx = 1  \n")
	tree, _, err := repo.Open().Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	text := gates.LineText(context.Background(), &gates.Target{Tree: tree})
	a, b := text(finding("a", 1, "")), text(finding("b", 2, ""))
	if a == "" || a != b || a == text(finding("a", 2, "")) {
		t.Errorf("%q, %q", a, b)
	}
	if text(finding("a", 0, "")) == text(finding("b", 0, "")) || text(finding("a", 99, "")) != "" || text(finding("none", 1, "")) != "" {
		t.Error("whole files, or what is not there")
	}
}
