package report

import (
	"reflect"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
)

func TestAnnotations(t *testing.T) {
	v := fixture()
	got := Annotations(v, 3)
	want := []Annotation{
		{Level: LevelError, Title: "sast could not decide", Message: "timed out after 10m0s"},
		{Level: LevelError, Path: "new\nline: #1?.env", Line: 2, EndLine: 2, Title: "secrets: generic-api-key", Message: visible(hostile)},
		{Level: LevelError, Path: "pkg/f0.py", Line: 1, EndLine: 1, Title: "lint: E501", Message: "line too long (80 > 79)"},
		{Level: LevelError, Title: "wf-ci", Message: "28 more: see the summary"},
		{Level: LevelWarning, Title: "deps could not decide", Message: "database is 40 days old"},
		{Level: LevelWarning, Title: "budget: soft-limit", Message: "82 % of the month's budget is used"},
		{Level: LevelWarning, Path: "docs/a`b|c<d>#1 @team.md", Line: 5, EndLine: 5, Title: "secrets: a`rule|<b>", Message: "quiet prose, with (some) signs"},
		{Level: LevelWarning, Title: "wf-ci", Message: "1 more: see the summary"},
		{Level: LevelNotice, Path: "pkg/f0.py", Line: 3, EndLine: 3, Title: "lint: E501", Message: "line too long (82 > 79)"},
		{Level: LevelNotice, Path: "pkg/f0.py", Line: 9, EndLine: 9, Title: "lint: E501", Message: "line too long (88 > 79)"},
		{Level: LevelNotice, Path: "pkg/f0.py", Line: 15, EndLine: 15, Title: "lint: E501", Message: "line too long (94 > 79)"},
		{Level: LevelNotice, Title: "wf-ci", Message: "11 more: see the summary"},
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("annotation %d:\n got %+v\nwant %+v", i, at(got, i), at(want, i))
		}
	}
}

func at(list []Annotation, i int) any {
	if i < len(list) {
		return list[i]
	}
	return "none"
}

// TestAnnotationLimits: ten of a level are what a runner keeps.
func TestAnnotationLimits(t *testing.T) {
	v := fixture()
	v.Gates[0].Findings[0].Message = strings.Repeat("😀", 5000)
	n := make(map[string]int)
	for _, a := range Annotations(v, 9) {
		n[a.Level]++
		if len(a.Message) > 2*annotationLimit+4 {
			t.Errorf("a message of %d bytes", len(a.Message))
		}
		if strings.Contains(a.Message+a.Title, "private") {
			t.Error("a waived finding is annotated")
		}
	}
	if n[LevelError] != 10 || n[LevelWarning] != 4 || n[LevelNotice] != 10 {
		t.Errorf("annotations: %v", n)
	}
}

func TestAnnotationPlaces(t *testing.T) {
	for _, tt := range []struct {
		f    gates.Finding
		want Annotation
	}{
		{gates.Finding{Path: "a", Line: 3, Column: 2, EndLine: 3, EndColumn: 9}, Annotation{Path: "a", Line: 3, EndLine: 3, Column: 2, EndColumn: 9, Message: "m"}},
		{gates.Finding{Path: "a", Line: 3, Column: 2, EndLine: 4, EndColumn: 9}, Annotation{Path: "a", Line: 3, EndLine: 4, Message: "m"}},
		{gates.Finding{Path: "a", Column: 2, EndLine: 4}, Annotation{Path: "a", Message: "m"}},
		{gates.Finding{Path: "a", Line: 3, Commit: oldID}, Annotation{Message: "m, at a:3 in commit 3f2a9c4d5e6f"}},
		{gates.Finding{Commit: oldID}, Annotation{Message: "m in commit 3f2a9c4d5e6f"}},
		{gates.Finding{Path: "/etc/x", Line: 1}, Annotation{Message: "m, at /etc/x:1"}},
	} {
		tt.f.Message, tt.f.Rule = "m", "r"
		tt.want.Level, tt.want.Title = LevelWarning, "g: r"
		if got := newAnnotation(gateFinding{gates.Judged{Finding: tt.f}, "g"}); got != tt.want {
			t.Errorf("%+v:\n got %+v\nwant %+v", tt.f, got, tt.want)
		}
	}
}
