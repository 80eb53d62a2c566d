package research

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/costs/prices"
)

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A hundred repositories, thirty files of 4 KiB each, and links that lead out.
func hundred(t testing.TB) string {
	root := t.TempDir()
	filler := strings.Repeat("Nothing that anybody would look for, line by line.\n", 80)
	for r := range 100 {
		repo := fmt.Sprintf("group%d/repo%03d", r%7, r)
		put(t, root, repo+"/.git/HEAD", "x")
		for i := range 30 {
			put(t, root, fmt.Sprintf("%s/src/f%02d.go", repo, i), filler)
		}
		if r%10 == 0 {
			put(t, root, repo+"/README.md", filler+"How the rate limiter of the gateway works\n")
		}
	}
	return root
}

func TestSearchOfAHundredRepositories(t *testing.T) {
	root := hundred(t)
	secret := t.TempDir()
	put(t, secret, "x.md", "rate limiter")
	if err := os.Symlink(secret, filepath.Join(root, "group0/repo000/link")); err != nil {
		t.Skip(err)
	}
	start := time.Now()
	s := Search(context.Background(), "a rate limiter for the gateway", []string{root, root}, Limits{Time: time.Minute, Shown: 5})
	if s.Repos != 100 || s.Files != 3010 || s.Found != 10 || len(s.Hits) != 5 || len(s.Stopped) != 0 {
		t.Fatalf("%+v", s)
	}
	t.Logf("%d files, %d bytes in %v", s.Files, s.Bytes, time.Since(start))
	first := s.Hits[0]
	if first.Path != "README.md" || first.Line != 81 || !strings.Contains(first.Text, "rate limiter of the gateway") || !strings.HasSuffix(first.Repo, "repo000") {
		t.Errorf("%+v", first)
	}
	again := Search(context.Background(), "a rate limiter for the gateway", []string{root}, Limits{Time: time.Minute, Shown: 5, Jobs: 1})
	if !slices.Equal(s.Hits, again.Hits) {
		t.Error("the order hangs on how many look")
	}
	s = Search(context.Background(), "rate limiter", []string{root}, Limits{Time: time.Nanosecond})
	if !slices.Contains(s.Stopped, "the time was up") {
		t.Errorf("%+v", s)
	}
}

func BenchmarkSearch(b *testing.B) {
	root := hundred(b)
	for b.Loop() {
		if s := Search(b.Context(), "rate limiter", []string{root}, Limits{Time: time.Minute}); s.Found != 10 {
			b.Fatal(s.Found)
		}
	}
}

func TestWholeWords(t *testing.T) {
	for _, tt := range []struct {
		text, word string
		want       int
	}{{"the capital", "api", -1}, {"an api.", "api", 3}, {"two apis", "api", 4}, {"rapid api", "api", 6}, {"c++ code", "c++", 0}, {"größe", "e", -1}} {
		if got := wordAt([]byte(tt.text), tt.word); got != tt.want {
			t.Errorf("%q in %q: %d, want %d", tt.word, tt.text, got, tt.want)
		}
	}
	if w := Words("Should we use C++ or C# for the API?"); !slices.Equal(w, []string{"c++", "c#", "api"}) {
		t.Errorf("%q", w)
	}
}

// What is quoted decides nothing: the gate checkpoints looks for such words.
func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"**Recommendation:** GO":     "**Recommendation:** (go)",
		"NO-GO, for now":             "(no-go), for now",
		"Decision: no go":            "Decision: (no go)",
		"a program in Go, let it go": "a program in Go, let it go",
		"the verdict = Go":           "the verdict = (go)",
	} {
		if got := quoted(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestNextADR(t *testing.T) {
	for _, tt := range []struct {
		names []string
		want  string
	}{
		{nil, "ADR-001-use-it.md"},
		{[]string{"ADR-001-a.md", "ADR-007-b.md", "README.md", "ADR-009"}, "ADR-008-use-it.md"},
		{[]string{"0001-a.md", "0012-b.md"}, "0013-use-it.md"},
		{[]string{"adr-999-a.md"}, "adr-1000-use-it.md"},
	} {
		if got, _ := NextADR(tt.names, "Use it"); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.names, got, tt.want)
		}
	}
}

// Two topics are two files, and none leads anywhere.
func TestTopicsAsFileNames(t *testing.T) {
	seen := make(map[string]string)
	for _, topic := range []string{"C++", "C#", "C", "a/b", "a b", "../../etc", "/", "…", strings.Repeat("long ", 40) + "x", strings.Repeat("long ", 40) + "y"} {
		slug := Slug(topic)
		if slug == "" || strings.ContainsAny(slug, `/\.`) || len(slug) > 100 {
			t.Errorf("%q: %q", topic, slug)
		}
		if other, ok := seen[slug]; ok {
			t.Errorf("%q and %q are both %q", topic, other, slug)
		}
		seen[slug] = topic
	}
	// As `echo topic | md5` has it.
	if key := CacheKey("vector db"); key != "96c972bb05f136383a4d7256e78eb204" {
		t.Error(key)
	}
}

func TestStarted(t *testing.T) {
	at := time.Date(2026, 11, 27, 10, 0, 0, 0, time.UTC)
	text := Document{Topic: "a | b", Started: at, Box: TimeBox}.Render()
	got, box, err := Started(text)
	if err != nil || !got.Equal(at) || box != TimeBox {
		t.Errorf("%v, %v, %v", got, box, err)
	}
	for _, bad := range []string{"", "**Started:** now **Time box:** 2h", "**Started:** 2026-11-27T10:00:00Z **Time box:** -2h"} {
		if _, _, err := Started(bad); err == nil {
			t.Errorf("%q", bad)
		}
	}
}

func FuzzReadMatrix(f *testing.F) {
	f.Add("criteria: [{name: x, weight: 1}]\noptions: [{name: A, scores: {x: 10}, says: {x: y}}]")
	f.Add("criteria: [{name: x, weight: 50%}, {name: y, weight: 0.5}]\noptions: []")
	f.Add("options: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ReadMatrix("m.yml", []byte(text))
		if err != nil {
			return
		}
		if len(m.Winners) == 0 || m.Markdown() == "" {
			t.Errorf("%+v", m)
		}
		for _, o := range m.Options {
			if o.Total < 0 || o.Total > scoreMost {
				t.Errorf("%+v", o)
			}
		}
	})
}

func FuzzReadUsage(f *testing.F) {
	table, err := prices.Builtin()
	if err != nil {
		f.Fatal(err)
	}
	f.Add("options: [{name: a, model: claude-sonnet-4-5, calls: 10, input_tokens: 1000}]")
	f.Add("options: [{name: a, compute_hours: 999999999, compute_hour_cost: 999999999}]")
	f.Add("roots: [a]\ncookbook: b")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = ReadPlaces("p.yml", []byte(text))
		list, err := ReadUsage("u.yml", []byte(text))
		if err != nil {
			return
		}
		for _, u := range list {
			p, err := Project(u, table, time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC))
			if err != nil {
				continue
			}
			for i, s := range p.Scenarios {
				if s.Monthly < 0 || i > 0 && s.Monthly < p.Scenarios[i-1].Monthly {
					t.Errorf("%+v", p)
				}
			}
		}
	})
}
