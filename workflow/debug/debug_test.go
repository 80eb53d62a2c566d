package debug

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// The points are the reference's.
func TestPoints(t *testing.T) {
	for _, tt := range []struct {
		evidence int
		minutes  float64
		scope    string
		want     int
	}{
		{0, 15, "one", 30}, {1, 14.9, "one", 40}, {2, 5, "subset", 65}, {3, 4.9, "all", 100}, {9, 0, "all", 100}, {2, 60, "all", 65},
	} {
		h := Hypothesis{Evidence: make([]string, tt.evidence), Minutes: tt.minutes, Scope: tt.scope}
		if got := h.Points(); got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}

func suppose(t *testing.T, s *Session, text string) *Hypothesis {
	t.Helper()
	h, err := s.Suppose(Hypothesis{Text: text, Evidence: []string{"x"}, Scope: "one"}, now)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestNoFixBeforeTheCauseIsKnown(t *testing.T) {
	s := New("a", "it breaks", "high", "", now)
	for _, text := range []string{"one", "two", "three"} {
		suppose(t, s, text)
	}
	s.Add(Evidence{Issue: "e", Steps: []string{"s"}, Expected: "x", Actual: "y", Environment: []string{"z"}}, now)
	var no *NotYetError
	if err := s.Mend(Fix{What: "guess"}, now); !errors.As(err, &no) || len(no.Missing) != 1 || s.Fix != nil {
		t.Errorf("%v", err)
	}
	h, _ := s.Find("h2")
	if err := s.Judge(h, Confirmed, "b", now); !errors.As(err, &no) {
		t.Errorf("confirmed without a test: %v", err)
	}
	if err := s.Tested(h, Test{Variable: "v", Passed: true}, now); err != nil {
		t.Fatal(err)
	}
	if err := s.MayTest(&s.Hypotheses[0]); !errors.As(err, &no) {
		t.Errorf("two at a time: %v", err)
	}
	if err := s.Judge(h, Confirmed, "b", now); err != nil {
		t.Fatal(err)
	}
	if err := s.MayTest(&s.Hypotheses[0]); err != nil {
		t.Error(err)
	}
	if err := s.Mend(Fix{What: "it"}, now.Add(time.Hour)); err != nil || s.Fix == nil {
		t.Error(err)
	}
	if r := s.Report(); !strings.Contains(r, "after 1h0m0s") || !strings.Contains(r, "two (H2): b") {
		t.Errorf("%s", r)
	}
}

func TestWhatIsWrittenIsHarmless(t *testing.T) {
	s := New("a", "x\n## y <script> `z` | \"q\" #1", "high", "", now)
	suppose(t, s, "a | b\nc")
	s.AddFactor(Factor{"Own", `say "hi"; A --> B`}, now)
	if r := s.Report(); strings.Contains(r, "<script>") || strings.Contains(r, "\n## y") || !strings.Contains(r, "a \\| b c") {
		t.Errorf("%s", r)
	}
	if m := s.Fishbone(); strings.Contains(m, `"hi"`) || strings.Count(m, "\n") != 4 {
		t.Errorf("%s", m)
	}
	if text := s.FishboneText(); !strings.Contains(text, "├─ Own") {
		t.Errorf("%s", text)
	}
}

func TestFile(t *testing.T) {
	s := New("a", "b", "low", "c", now)
	suppose(t, s, "one")
	data, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode("f", data)
	if err != nil || cmp.Diff(s, got) != "" {
		t.Errorf("%v\n%s", err, cmp.Diff(s, got))
	}
	for text, want := range map[string]string{
		"":                  "f:1: the file is empty",
		"{\n\n]":            "f:3: ",
		"{}":                "it is no debug session",
		`{"x": 1}`:          "unknown field",
		string(data) + "{}": "there is more",
		strings.Replace(string(data), `"H1"`, `"H7"`, 1): `the id "H7", want "H1"`,
	} {
		if _, err := Decode("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRankedIsStable(t *testing.T) {
	s := New("a", "b", "low", "", now)
	for _, text := range []string{"one", "two", "three"} {
		suppose(t, s, text)
	}
	s.Hypotheses[2].Scope = "all"
	var ids []string
	for _, h := range s.Ranked() {
		ids = append(ids, h.ID)
	}
	if !slices.Equal(ids, []string{"H3", "H1", "H2"}) {
		t.Error(ids)
	}
}

func FuzzDecode(f *testing.F) {
	data, _ := New("a", "b", "low", "", now).Encode()
	f.Add(data)
	f.Add([]byte(`{"schema":"wf-ci/debug/v1","id":"a","title":"b","hypotheses":[{"id":"H1"}],"whys":[{}],"factors":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode("f", data)
		if err != nil {
			return
		}
		_, _, _, _ = s.Report(), s.Fishbone(), s.FishboneText(), s.Missing()
		again, err := s.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode("f", again); err != nil {
			t.Fatal(err)
		}
	})
}
