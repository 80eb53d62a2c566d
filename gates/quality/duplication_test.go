//go:build cgo

package quality

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// body is a function of so many lines, seven tokens each, unlike any other.
func body(name string, lines int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "function %s() {\n", name)
	for i := range lines {
		fmt.Fprintf(&b, "  %s%d(%d, \"a // b\");\n", name, i, i)
	}
	return b.String() + "}\n"
}

func duplication(t testing.TB, repo *gittest.Repo, base string, greatest float64) gates.Outcome {
	t.Helper()
	g := Duplication(greatest, Options{Files: new(syntax.Files)})
	results, err := gates.Run(context.Background(), target(t, repo, base), []gates.Gate{g}, gates.Options{Jobs: 1, Timeout: time.Minute})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	return results[0].Outcome
}

func show(out gates.Outcome) string {
	var got []string
	for _, f := range out.Findings {
		got = append(got, fmt.Sprintf("%s:%d-%d %s %s: %s", f.Path, f.Line, f.EndLine, f.Severity, f.Rule, f.Message))
	}
	return strings.Join(got, "\n")
}

func TestDuplication(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("a.js", body("one", 20)+body("two", 30)+"\n\n")
	repo.Write("b.js", "// other\n"+strings.ReplaceAll(body("one", 20), ";\n", "; // a comment\n\n"))
	repo.Write("c.ts", body("three", 20))
	repo.Write("d.test.js", body("two", 30))
	out := duplication(t, repo, "", 5)
	// The copy is spread over twice the lines and has comments.
	want := strings.Join([]string{
		"b.js:2-43 note duplication: 42 lines (146 tokens) are also in a.js:1-22",
		"b.js:2-43 error duplication-total: 34.71 % of the lines are copies (max 5 %): 42 of 121 lines in 3 files; the largest is here, of a.js:1-22",
	}, "\n")
	if got := show(out); got != want {
		t.Errorf("got\n%s\nwant\n%s\n%v", got, want, out.Metrics)
	}
	if out := duplication(t, repo, "", 60); len(out.Findings) != 1 || out.Findings[0].Rule != "duplication" {
		t.Errorf("below the limit: %s", show(out))
	}
}

// A change answers for what it copies, whichever of the two comes first by
// name; one that copies nothing does not.
func TestDuplicationInTheChange(t *testing.T) {
	repo := gittest.New(t)
	repo.Write("m.js", body("one", 20))
	repo.Write("n.js", body("two", 20)+body("two", 20))
	base := repo.Commit("base")
	repo.Write("a.js", body("one", 20))
	copied := repo.Commit("copy")
	if got := show(duplication(t, repo, base, 5)); !strings.Contains(got, "a.js:1-22 error duplication-total") || !strings.Contains(got, "a.js:1-22 note duplication: 22 lines (146 tokens) are also in m.js:1-22") {
		t.Errorf("the change copies:\n%s", got)
	}
	repo.Write("z.js", "f();\n")
	repo.Commit("nothing")
	got := duplication(t, repo, copied, 5)
	change := target(t, repo, copied).Change
	for _, f := range got.Findings {
		if change.HasLines(string(f.Path), f.Line, f.EndLine) {
			t.Errorf("in the change: %+v", f)
		}
	}
	if len(got.Findings) != 3 {
		t.Errorf("the change copies nothing:\n%s", show(got))
	}
}

func TestTokens(t *testing.T) {
	for l, c := range map[syntax.Language]struct {
		src  string
		want int
	}{
		syntax.Go:         {"package p // x\n\n/* y */ var a = \"b\" + `c` + 'd'\n", 10},
		syntax.Python:     {"# x\na = 'b' \"c\"  # y\nif a:\n  f(f'{a}')\n", 11},
		syntax.JavaScript: {"#!/usr/bin/env node\n// x\nlet a = /b/g, c = 'd', e = `f${a}g`; /* y */", 19},
		syntax.TSX:        {"const a = <b c=\"d\">e</b>;", 14},
		syntax.Rust:       {"/// x\nfn f() { /* y */ let a = \"b\"; let c = r#\"d\"#; 'e' }", 17},
	} {
		tree, err := syntax.Parse(context.Background(), l, []byte(c.src))
		if err != nil {
			t.Fatal(err)
		}
		var words dictionary
		got, err := words.text("x", readRow(tree))
		if err != nil || len(got.words) != c.want || len(got.spans) != c.want {
			var all []string
			for n := range tree.Root().All() {
				if n.Leaf() {
					all = append(all, n.Kind())
				}
			}
			t.Errorf("%s: %d tokens, want %d (%v): %v", l, len(got.words), c.want, err, all)
		}
	}
}

func TestTooManyTokens(t *testing.T) {
	words := dictionary{tokens: tokenLimit}
	tree, err := syntax.Parse(context.Background(), syntax.Go, []byte("package p\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := words.text("a.go", readRow(tree)); err == nil {
		t.Error("no limit")
	}
}

// texts are rows of tokens, one a line.
func soup(rows ...[]uint32) []text {
	var list []text
	for i, row := range rows {
		one := text{path: fmt.Sprint("f", i), lines: len(row), words: row}
		for line := range row {
			one.spans = append(one.spans, lineSpan{uint32(line + 1), uint32(line + 1)})
		}
		list = append(list, one)
	}
	return list
}

// slowly is what compareAll counts, found by comparing all with all.
func slowly(texts []text, tokens, lines int) (copied int) {
	same := func(a, b []uint32) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	type place struct{ text, at int }
	var before []place
	for i, t := range texts {
		marked := make([]bool, len(t.words)+1)
		from, twin := -1, place{}
		end := func(at int) {
			if from >= 0 && at-1-from+tokens >= lines {
				for j := from; j < at-1+tokens; j++ {
					marked[j] = true
				}
			}
			from = -1
		}
		for at := 0; at+tokens <= len(t.words); at++ {
			window := t.words[at : at+tokens]
			if next := (place{twin.text, twin.at + 1}); from >= 0 && next.at+tokens <= len(texts[next.text].words) && same(window, texts[next.text].words[next.at:next.at+tokens]) {
				twin = next
				continue
			}
			end(at)
			known := false
			for _, p := range before {
				if same(window, texts[p.text].words[p.at:p.at+tokens]) {
					known = true
					if p.text != i || p.at+tokens <= at {
						from, twin = at, p
					}
					break
				}
			}
			if !known {
				before = append(before, place{i, at})
			}
		}
		end(len(t.words) - tokens + 1)
		for _, m := range marked {
			if m {
				copied++
			}
		}
	}
	return copied
}

func TestClones(t *testing.T) {
	for name, c := range map[string]struct {
		texts []text
		want  int
	}{
		"nothing":         {soup(), 0},
		"empty":           {soup(nil, nil), 0},
		"short":           {soup([]uint32{1, 2, 3}, []uint32{1, 2, 3}), 0},
		"exact":           {soup([]uint32{1, 2, 3, 4}, []uint32{9, 1, 2, 3, 4, 9}), 4},
		"in the same":     {soup([]uint32{1, 2, 3, 4, 8, 1, 2, 3, 4, 9}), 4},
		"two twins":       {soup([]uint32{1, 2, 3, 4}, []uint32{4, 5, 6, 7}, []uint32{1, 2, 3, 4, 5, 6, 7}), 7},
		"repeats itself":  {soup([]uint32{1, 1, 1, 1, 1, 1, 1}), 0},
		"repeats twice":   {soup([]uint32{1, 1, 1, 1, 1, 1, 1, 1}), 4},
		"over the border": {soup([]uint32{1, 2}, []uint32{3, 4}, []uint32{1, 2, 3, 4}), 0},
		"to the end":      {soup([]uint32{1, 2, 3, 4}, []uint32{1, 2, 3, 4, 5, 6}), 4},
	} {
		if got := compareAll(context.Background(), c.texts, 4, 2); got.copied != c.want || slowly(c.texts, 4, 2) != c.want {
			t.Errorf("%s: %d lines, want %d; slowly %d", name, got.copied, c.want, slowly(c.texts, 4, 2))
		}
	}
	lines := soup([]uint32{1, 2, 3, 4}, []uint32{1, 2, 3, 4})
	if got := compareAll(context.Background(), lines, 4, 5); got.copied != 0 || len(got.clones) != 0 {
		t.Errorf("four lines are no five: %+v", got)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if got := compareAll(stopped, lines, 4, 2); got.files != 0 {
		t.Errorf("stopped: %+v", got)
	}
}

func FuzzClones(f *testing.F) {
	f.Add([]byte("abcabcabc\nabcabc\naaaaaaaaa"), uint8(3), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, tokens, lines uint8) {
		if len(data) > 400 {
			return
		}
		var rows [][]uint32
		for _, row := range strings.Split(string(data), "\n") {
			var words []uint32
			for _, c := range []byte(row) {
				words = append(words, uint32(c)%8+1)
			}
			rows = append(rows, words)
		}
		texts := soup(rows...)
		window, least := int(tokens)%12+1, int(lines)%6+1
		got := compareAll(context.Background(), texts, window, least)
		if want := slowly(texts, window, least); got.copied != want {
			t.Errorf("%d lines, want %d (%d tokens, %d lines): %q", got.copied, want, window, least, data)
		}
		for _, c := range got.clones {
			if c.tokens < window || c.here.last-c.here.first+1 < least {
				t.Errorf("clone %+v", c)
			}
		}
	})
}

// FuzzQuality reads whatever it is given as source.
func FuzzQuality(f *testing.F) {
	f.Add(uint8(2), []byte("export const f = (a = b && c) => a?.b ?? `${c}`"))
	f.Add(uint8(1), []byte("match x:\n  case _ if a: pass\n"))
	f.Fuzz(func(t *testing.T, l uint8, src []byte) {
		language := syntax.Languages()[int(l)%len(syntax.Languages())]
		tree, err := syntax.ParseWithin(context.Background(), language, src, syntax.Limits{Time: time.Second})
		if err != nil {
			return
		}
		for _, fn := range functions(tree) {
			if fn.complexity < 1 || fn.name() == "" || fn.place().Line < 1 {
				t.Errorf("%+v", fn)
			}
		}
		var words dictionary
		one, err := words.text("x", readRow(tree))
		if err != nil {
			t.Fatal(err)
		}
		compareAll(context.Background(), []text{one, one}, 5, 1)
		leaveOut("x.js", src)
	})
}

// library is Go's own, as a corpus.
func library(b *testing.B, dirs ...string) (trees []*syntax.Tree, size int64) {
	b.Helper()
	for _, dir := range dirs {
		names, _ := filepath.Glob(filepath.Join(runtime.GOROOT(), "src", dir, "*.go"))
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				b.Fatal(err)
			}
			tree, err := syntax.Parse(context.Background(), syntax.Go, src)
			if err != nil {
				b.Fatal(err)
			}
			trees, size = append(trees, tree), size+int64(len(src))
		}
	}
	if size == 0 {
		b.Skip("no sources of Go here")
	}
	return trees, size
}

// The benchmarks leave parsing out: see the package syntax.
func BenchmarkComplexity(b *testing.B) {
	trees, size := library(b, "net/http", "go/types")
	b.SetBytes(size)
	for b.Loop() {
		for _, tree := range trees {
			functions(tree)
		}
	}
}

func BenchmarkDuplication(b *testing.B) {
	trees, size := library(b, "net/http", "go/types")
	b.SetBytes(size)
	for b.Loop() {
		var words dictionary
		var texts []text
		for i, tree := range trees {
			one, err := words.text(fmt.Sprint(i), readRow(tree))
			if err != nil {
				b.Fatal(err)
			}
			texts = append(texts, one)
		}
		compareAll(context.Background(), texts, cloneTokens, cloneLines)
	}
}

// Twice the tokens take twice the time, also where everything is a copy and
// where nothing is.
func BenchmarkClones(b *testing.B) {
	for name, vocabulary := range map[string]uint32{"same": 1, "few": 3, "many": 50_000} {
		for _, n := range []int{1_000_000, 4_000_000} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				row := make([]uint32, n)
				for i := range row {
					row[i] = r.Uint32N(vocabulary) + 1
				}
				texts := soup(row)
				b.ReportAllocs()
				for b.Loop() {
					compareAll(context.Background(), texts, cloneTokens, cloneLines)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/token")
			})
		}
	}
}
