package gates_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// Compare is an order, and says equal of equal findings only: no two runs can
// order them differently.
func TestCompareIsTotal(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var all []gates.Finding
	for range 60 {
		f := gates.Finding{Rule: "r", Severity: "error", Path: "p", Line: 1, Message: "m"}
		v := reflect.ValueOf(&f).Elem()
		for range r.IntN(3) { // differ in a field or two, whichever there are
			field := v.Field(r.IntN(v.NumField()))
			if field.Kind() == reflect.Int {
				field.SetInt(int64(r.IntN(3)))
			} else {
				field.SetString(oneOf(r, "", "error", "note", "odd", "p"))
			}
		}
		all = append(all, f)
	}
	sign := func(a, b gates.Finding) int { return cmp.Compare(a.Compare(b), 0) }
	for _, a := range all {
		for _, b := range all {
			if (sign(a, b) == 0) != (a == b) || sign(a, b) != -sign(b, a) {
				t.Fatalf("%+v and %+v: %d and %d", a, b, sign(a, b), sign(b, a))
			}
			for _, c := range all {
				if sign(a, b) <= 0 && sign(b, c) <= 0 && sign(a, c) > 0 {
					t.Fatalf("no order: %+v, %+v, %+v", a, b, c)
				}
			}
		}
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	bad := []gates.Severity{"note", "warning", "error"}
	for i, s := range bad {
		for k, least := range bad {
			if s.AtLeast(least) != (i >= k) {
				t.Errorf("%s is at least %s: %t", s, least, s.AtLeast(least))
			}
		}
		if !gates.Severity("new in 2.2").AtLeast(s) {
			t.Errorf("an unknown severity is less than %s", s)
		}
	}
}

func TestFingerprintsTellPartsApart(t *testing.T) {
	t.Parallel()
	seen := make(map[string][]string)
	for _, parts := range [][]string{
		{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"ab"}, {"a", "b"}, {"1:a"}, {"a1:b"}, {"a", "1:b"}, {"a#2"}, {"a", "#2"}, {"a\x00b"},
	} {
		var names, again gates.Fingerprints
		name := names.Of(parts...)
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q are both %s", parts, other, name)
		}
		seen[name] = parts
		if again.Of(parts...) != name || !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(name) {
			t.Errorf("%q is %s, or not", parts, name)
		}
		second, third := names.Of(parts...), names.Of(parts...)
		for _, n := range []string{second, third} {
			if other, ok := seen[n]; ok {
				t.Errorf("%q again and %q are both %s", parts, other, n)
			}
			seen[n] = parts
		}
		if again.Of("other"); again.Of(parts...) != second {
			t.Errorf("%q again: the name depends on what was between", parts)
		}
	}
}

// finder reports every line with a word, and what is added to that.
func finder(id, word string, more ...gates.Finding) gates.Gate {
	return newGate(id, func(ctx context.Context, t *gates.Target) (gates.Outcome, error) {
		out := gates.Outcome{Findings: slices.Clone(more)}
		for _, f := range t.Tree.Files {
			data, err := t.Tree.Read(ctx, f, 1<<20)
			if err != nil {
				return out, err
			}
			for i, line := range strings.Split(string(data), "\n") {
				if strings.Contains(line, word) {
					out.Findings = append(out.Findings, gates.Finding{Rule: word, Severity: gates.SeverityError, Path: gates.Path(f.Path), Line: i + 1, Message: fmt.Sprint("line ", i+1)})
				}
			}
		}
		rand.Shuffle(len(out.Findings), func(a, b int) { out.Findings[a], out.Findings[b] = out.Findings[b], out.Findings[a] })
		return out, nil
	})
}

// byPlace are the fingerprints by place.
func byPlace(r gates.Result) map[string]string {
	m := make(map[string]string)
	for _, f := range r.Outcome.Findings {
		m[fmt.Sprintf("%s:%d:%d", f.Path, f.Line, f.Column)] = f.Fingerprint
	}
	return m
}

func TestFingerprintsSurviveEdits(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("a.txt", "x\nbad one\nbad two\nbad one\n")
	repo.Write("b.txt", "bad one\n")
	repo.Commit("one")
	g := finder("look", "bad")
	before := byPlace(runOne(t, newTarget(t, repo, ""), g))
	if len(before) != 4 || len(slices.Compact(slices.Sorted(maps.Values(before)))) != 4 {
		t.Fatalf("four findings, four names: %v", before)
	}

	repo.Write("a.txt", "new\nx\nnew\n\tbad  one \r\nbad two\nbetween\nbad one")
	after := byPlace(runOne(t, newTarget(t, repo, ""), g))
	for was, is := range map[string]string{"a.txt:2:0": "a.txt:4:0", "a.txt:3:0": "a.txt:5:0", "a.txt:4:0": "a.txt:7:0", "b.txt:1:0": "b.txt:1:0"} {
		if before[was] != after[is] {
			t.Errorf("%s has another name since it is %s", was, is)
		}
	}

	// Another text, another file, another rule, another gate: another name.
	repo.Write("a.txt", "bad one!\n")
	if n := byPlace(runOne(t, newTarget(t, repo, ""), g)); n["a.txt:1:0"] == before["a.txt:2:0"] {
		t.Error("another text has the same name")
	}
	target := newTarget(t, repo, "")
	if byPlace(runOne(t, target, finder("look", "one")))["b.txt:1:0"] == before["b.txt:1:0"] {
		t.Error("another rule has the same name")
	}
	if byPlace(runOne(t, target, finder("see", "bad")))["b.txt:1:0"] == before["b.txt:1:0"] {
		t.Error("another gate has the same name")
	}
}

// A name says too little of a line to find a password on it by trying: of all
// lines one in 65,536 has the same.
func TestFingerprintsDoNotGiveALineAway(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	seen := make(map[[2]byte]string)
	for i := 0; ; i++ { // two lines whose hashes begin alike
		line := fmt.Sprint("bad ", i)
		sum := sha256.Sum256([]byte(line))
		other, ok := seen[[2]byte(sum[:2])]
		if seen[[2]byte(sum[:2])] = line; !ok {
			continue
		}
		repo.Write("a.txt", line)
		one := byPlace(runOne(t, newTarget(t, repo, ""), finder("look", "bad")))
		repo.Write("a.txt", other)
		two := byPlace(runOne(t, newTarget(t, repo, ""), finder("look", "bad")))
		if one["a.txt:1:0"] != two["a.txt:1:0"] || len(one) != 1 {
			t.Errorf("%q is %v, %q is %v", line, one, other, two)
		}
		return
	}
}

// What is on no line that can be read is named by its message; what has a name
// keeps it; what is in a commit does not borrow the text of the tree.
func TestFingerprintsWithoutALine(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	repo.Write("a.txt", "one\ntwo\n")
	repo.Commit("one")
	target := newTarget(t, repo, "")
	name := func(f gates.Finding) string {
		return runOne(t, target, newGate("g", gives(gates.Outcome{Findings: []gates.Finding{f}}))).Outcome.Findings[0].Fingerprint
	}
	on := gates.Finding{Rule: "r", Path: "a.txt", Line: 1, Message: "m"}
	with := func(change func(*gates.Finding)) gates.Finding { f := on; change(&f); return f }
	if name(on) != name(with(func(f *gates.Finding) { f.Message = "another"; f.Column = 7 })) {
		t.Error("the name of a line hangs on the message or the column")
	}
	for what, f := range map[string]gates.Finding{
		"the whole file":  with(func(f *gates.Finding) { f.Line = 0 }),
		"behind the end":  with(func(f *gates.Finding) { f.Line = 99 }),
		"an unknown file": with(func(f *gates.Finding) { f.Path = "gone" }),
		"no file":         with(func(f *gates.Finding) { f.Path = "" }),
		"a commit":        with(func(f *gates.Finding) { f.Commit = "c" }),
	} {
		other := f
		other.Message = "another"
		again := f
		if name(f) == name(other) || name(f) != name(again) || name(f) == name(on) {
			t.Errorf("%s: names %s, %s", what, name(f), name(other))
		}
	}
	if name(with(func(f *gates.Finding) { f.Fingerprint = "mine" })) != "mine" {
		t.Error("a gate's own name is not kept")
	}
}

// The names do not hang on the number of jobs, or on the order in which a gate
// finds: columns tell equal lines apart, in the order of places.
func TestFingerprintsDoNotHangOnTiming(t *testing.T) {
	t.Parallel()
	repo := gittest.New(t)
	for i := range 5 {
		repo.Write(fmt.Sprint(i, ".txt"), strings.Repeat("bad\n", 4))
	}
	twice := gates.Finding{Rule: "bad", Severity: gates.SeverityError, Path: "0.txt", Line: 1, Column: 9, Message: "again"}
	target := newTarget(t, repo, "")
	list := []gates.Gate{finder("a", "bad", twice), finder("b", "bad"), finder("c", "a", twice)}
	var want []string
	for i := range 6 {
		o := options()
		o.Jobs = 1 + 7*(i%2)
		got := timeless(run(t, target, o, list...))
		if want == nil {
			want = got
		}
		sameList(t, "results", got, want)
	}
}
