package report

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/wf-ci/wf-ci/gates"
)

// Annotation is a remark that a platform shows beside the code. Texts are
// plain; who writes it out encodes it.
type Annotation struct {
	Level string // notice, warning or error
	Path  string // bytes as git has them; empty: about the run
	// Line and EndLine count from 1; zero: the whole file. Columns are there
	// only when both lines are the same: runners drop them otherwise.
	Line, EndLine     int
	Column, EndColumn int
	Title             string
	Message           string
}

// The levels of annotations, the worst first.
const (
	LevelError   = "error"
	LevelWarning = "warning"
	LevelNotice  = "notice"
)

// annotationLimit is where runners cut a message, in UTF-16 units.
const annotationLimit = 4096

// Annotations chooses what to show beside the code: of each level the first
// perKind, and one that counts the rest. GitHub keeps ten of each level for a
// step: perKind is 9 there.
//
// What blocks is an error, and so is a gate that had to decide and could not.
// What does not block is a warning at most: an error beside the code of a run
// that passed would be a riddle. Waived findings are left out.
func Annotations(v *gates.Verdict, perKind int) []Annotation {
	byLevel := make(map[string][]Annotation)
	for i := range v.Gates {
		if g := &v.Gates[i]; g.Status == gates.StatusError {
			a := gateAnnotation(g)
			byLevel[a.Level] = append(byLevel[a.Level], a)
		}
	}
	for _, f := range annotated(v) {
		a := newAnnotation(f)
		byLevel[a.Level] = append(byLevel[a.Level], a)
	}
	var out []Annotation
	for _, level := range []string{LevelError, LevelWarning, LevelNotice} {
		list := byLevel[level]
		if rest := len(list) - perKind; rest > 0 {
			list = append(list[:perKind:perKind], Annotation{
				Level: level, Title: "wf-ci", Message: fmt.Sprintf("%d more: see the summary", rest),
			})
		}
		out = append(out, list...)
	}
	return out
}

// annotated are the findings of all gates, what to look at first in front. What
// was there before has no room beside the code that what is new would need.
func annotated(v *gates.Verdict) []gateFinding {
	var list []gateFinding
	for _, g := range v.Gates {
		for _, f := range g.Findings {
			if f.Waiver == nil {
				list = append(list, gateFinding{f, g.ID})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b gateFinding) int {
		return cmp.Or(first(toSee(a.Judged), toSee(b.Judged)), Rank(a.Judged, b.Judged))
	})
	return list
}

func gateAnnotation(g *gates.GateVerdict) Annotation {
	level := LevelWarning
	if g.Required {
		level = LevelError
	}
	return Annotation{
		Level:   level,
		Title:   g.ID + " could not decide",
		Message: cutUTF16(cmp.Or(visible(g.Reason), "no reason given"), annotationLimit),
	}
}

func newAnnotation(f gateFinding) Annotation {
	a := Annotation{
		Level: annotationLevel(f.Judged),
		Title: cut(f.gate+": "+visible(f.Rule), 255),
	}
	text := message(f.Finding)
	switch {
	case f.Commit == "" && inTree(f.Path):
		a.setPlace(f.Finding)
	case f.Path != "":
		// The file of today may not have this line, or not be there.
		text += ", at " + place(f.Finding)
	}
	if f.Commit != "" {
		text += " in commit " + shortID(f.Commit)
	}
	a.Message = cutUTF16(text, annotationLimit)
	return a
}

func (a *Annotation) setPlace(f gates.Finding) {
	a.Path = string(f.Path)
	if f.Line == 0 {
		return
	}
	a.Line, a.EndLine = f.Line, max(f.Line, f.EndLine)
	if a.Line == a.EndLine {
		a.Column, a.EndColumn = f.Column, f.EndColumn
	}
}

func annotationLevel(f gates.Judged) string {
	switch {
	case f.Blocking:
		return LevelError
	case f.Severity == gates.SeverityNote:
		return LevelNotice
	}
	return LevelWarning
}

// cutUTF16 is s in at most n UTF-16 units, which is how runners count.
func cutUTF16(s string, n int) string {
	units, last := 0, 0 // last: where s ends when it gets an ellipsis
	for i, r := range s {
		if units < n {
			last = i
		}
		if units++; r > 0xFFFF {
			units++
		}
		if units > n {
			return s[:last] + "…"
		}
	}
	return s
}
