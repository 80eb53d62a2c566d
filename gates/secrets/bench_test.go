package secrets

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wf-ci/wf-ci/gates/secrets/scan"
	"github.com/wf-ci/wf-ci/internal/git/gittest"
)

// sourceText is text with the words of source code.
func sourceText(seed uint64, size int) string {
	words := strings.Fields(`func return if err != nil { } for range string int64 key value token access "name": api client
		secret config := = == ( ) [] // the a of to handler request response context import package 0 1 42 0x1f`)
	r := rand.New(rand.NewPCG(seed, 2))
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteString([]string{" ", " ", " ", " ", "\n", "\n\t", "\n\n"}[r.IntN(7)])
	}
	return b.String()
}

func BenchmarkTree(b *testing.B) {
	repo := gittest.New(b)
	for i := range 200 {
		repo.Write(fmt.Sprintf("dir%d/file%d.go", i%10, i), sourceText(uint64(i), 5_000))
	}
	repo.Commit("one")
	t := target(b, repo, "")
	r := builtin()
	b.SetBytes(200 * 5_000)
	for b.Loop() {
		l := look{target: t, rules: r, jobs: 2}
		if err := l.tree(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	repo := gittest.New(b)
	size := 0
	for i := range 100 {
		text := sourceText(uint64(i), 3_000)
		repo.Write(fmt.Sprintf("file%d.go", i%10), text)
		repo.Commit("more")
		size += len(text)
	}
	t := target(b, repo, "")
	r := builtin()
	b.SetBytes(int64(size))
	for b.Loop() {
		l := look{target: t, rules: r, jobs: 2}
		if _, err := l.history(ctx, Full); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRules is what the first use costs.
func BenchmarkRules(b *testing.B) {
	for b.Loop() {
		compile(scan.Default())
	}
}
