package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wf-ci/wf-ci/gates"
	"github.com/wf-ci/wf-ci/gates/gatestest"
	"github.com/wf-ci/wf-ci/gates/quality"
	"github.com/wf-ci/wf-ci/gates/sast"
	"github.com/wf-ci/wf-ci/gates/syntax"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

type mapCache map[string][]byte

func (m mapCache) Get(key string) ([]byte, bool)     { data, ok := m[key]; return data, ok }
func (m mapCache) Put(key string, data []byte) error { m[key] = data; return nil }

// outcomes are what the gates that parse come to, and how many files they parsed.
func outcomes(t *testing.T, repo *gittest.Repo, cache gates.Cache) (string, int) {
	t.Helper()
	files := new(syntax.Files)
	o := quality.Options{Files: files}
	list := []gates.Gate{sast.Gate(sast.Options{Files: files}), quality.Complexity(quality.Limits{Max: 3}, o), quality.Duplication(1, o)}
	target := gatestest.Target(t, repo, "")
	target.Cache = cache
	results, err := gates.Run(context.Background(), target, list, gates.Options{Jobs: 1, Timeout: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	var text string
	for _, r := range results {
		if r.Err != nil {
			t.Fatalf("%s: %v", r.Gate.ID, r.Err)
		}
		data, err := json.MarshalIndent(r.Outcome, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		text += r.Gate.ID + string(data)
	}
	return text, files.Parsed()
}

// sample is a source with something for each gate to find.
func sample(random *rand.Rand) string {
	text := "package p\n\nimport \"os/exec\"\n"
	for i := range 1 + random.IntN(3) {
		n := random.IntN(4)
		text += fmt.Sprintf("\nfunc f%d(a []int, s string) int {\n\tif len(a) > 1 && a[0] > 2 || a[1] > 3 {\n\t\treturn a[0] + a[1] + len(s)\n\t}\n"+
			"\tfor i := range a {\n\t\tif a[i] > %d {\n\t\t\ta[i] = a[i] + a[0] - len(s)\n\t\t}\n\t}\n\texec.Command(\"sh\", \"-c\", s).Run()\n\treturn %d\n}\n", i, n, n)
	}
	if random.IntN(5) == 0 {
		text += "func broken( {\n"
	}
	return text
}

// After a change to one file, one file is parsed; and whatever the cache holds,
// the outcome is that of a run without one.
func TestWhatIsKnownChangesNothing(t *testing.T) {
	if !syntax.Available() {
		t.Skip("built without cgo")
	}
	random := rand.New(rand.NewPCG(7, 7))
	repo := gittest.New(t)
	const count = 12
	name := func(i int) string { return fmt.Sprintf("pkg%d/file_%d.go", i%3, i) }
	for i := range count {
		repo.Write(name(i), sample(random)+fmt.Sprintf("// %d\n", i))
	}
	repo.Write("web/a\xff.js", "eval(req.query.q)\nfunction a(){ \xff }\n")
	repo.Commit("start")
	cache := mapCache{}
	want, parsed := outcomes(t, repo, nil)
	if parsed != count+1 {
		t.Fatalf("%d files were parsed, want %d", parsed, count+1)
	}
	if got, parsed := outcomes(t, repo, cache); got != want || parsed != count+1 {
		t.Fatalf("filling the cache: %d parsed\n%s\nwant %s", parsed, got, want)
	}
	if len(cache) != 3 {
		t.Fatalf("%d entries, want one a gate", len(cache))
	}
	if got, parsed := outcomes(t, repo, cache); got != want || parsed != 0 {
		t.Fatalf("nothing changed: %d parsed\n%s\nwant %s", parsed, got, want)
	}
	for round := range 8 {
		repo.Write(name(random.IntN(count)), sample(random)+fmt.Sprintf("// round %d\n", round))
		want, _ := outcomes(t, repo, nil)
		if got, parsed := outcomes(t, repo, cache); got != want || parsed != 1 {
			t.Fatalf("round %d: %d parsed, want 1\n%s\nwant %s", round, parsed, got, want)
		}
		for key, data := range cache { // torn, or edited
			if random.IntN(2) == 0 {
				cache[key] = data[:random.IntN(len(data))]
			} else if at := random.IntN(len(data)); true {
				bad := append([]byte(nil), data...)
				bad[at] = 0
				cache[key] = bad
			}
		}
		if got, _ := outcomes(t, repo, cache); got != want {
			t.Fatalf("round %d, spoiled: %s\nwant %s", round, got, want)
		}
	}
}
