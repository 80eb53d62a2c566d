package scan

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// words are hits as texts, sorted.
func words(hits []Hit) []string {
	var out []string
	for _, h := range hits {
		out = append(out, fmt.Sprintf("%s %d:%d-%d:%d match %q secret %q line %q entropy %v tags %q",
			h.Rule, h.StartLine, h.StartColumn, h.EndLine, h.EndColumn, h.Match, h.Secret, h.Line, h.Entropy, h.Tags))
	}
	slices.Sort(out)
	return out
}

// same compares both detectors on a fragment. It gives the number of hits.
func (p pair) same(t testing.TB, f Fragment) int {
	t.Helper()
	ours, err := p.ours.Scan(ctx, f)
	if err != nil {
		t.Fatal(err)
	}
	theirs := p.theirHits(f)
	if diff := cmp.Diff(words(theirs), words(ours)); diff != "" {
		t.Errorf("%q (-gitleaks +ours):\n%s\n%.3000q", f.Path, diff, f.Text)
	}
	return len(theirs)
}

// sampler writes texts that match rules, and texts that nearly do.
type sampler struct {
	*rand.Rand
	rules []*rule
}

func newSampler(p pair, seed uint64) sampler {
	return sampler{rand.New(rand.NewPCG(seed, 7)), p.ours.rules}
}

func (s sampler) sample() string {
	for {
		r := s.rules[s.IntN(len(s.rules))]
		if r.Regex != "" {
			return s.matching(r.Regex)
		}
	}
}

var fillers = strings.Split(`key = "|token: |password|api_key=|secret | = |"|'|;|: |\n|
|
|	|  |\r|ſ|K|İ|é|日本|"\u0041\u0042"|%20|%3D|U+0041 U+0042 |\x00|`+"\xff|\xe2\x84|"+`AAAAAAAAAAAAAAAAAAAA|0123456789abcdef0123456789abcdef|aGVsbG8gd29ybGQgaGVsbG8|func main() {}|-----|curl -u |kind: secret|data:|{}|$x|example|test`, "|")

// text is a mixture of samples, changed samples, encoded ones and fillers.
func (s sampler) text(n int) string {
	var b strings.Builder
	for range n {
		switch s.IntN(8) {
		case 0, 1:
			b.WriteString(s.sample())
		case 2:
			b.WriteString(s.spoiled(s.sample()))
		case 3:
			text := s.sample()
			for range 1 + s.IntN(6) {
				text = s.encoded(text)
			}
			b.WriteString(text)
		default:
			b.WriteString(fillers[s.IntN(len(fillers))])
		}
		b.WriteString([]string{"", "", "\n", "\n", "\r\n", " ", "\n\n"}[s.IntN(7)])
	}
	return b.String()
}

// spoiled changes some bytes.
func (s sampler) spoiled(text string) string {
	b := []byte(text)
	for range 1 + s.IntN(3) {
		if len(b) == 0 {
			break
		}
		i := s.IntN(len(b))
		switch s.IntN(4) {
		case 0:
			b = slices.Delete(b, i, i+1)
		case 1:
			b[i] ^= 0x20
		case 2:
			b = slices.Insert(b, i, []byte(fillers[s.IntN(len(fillers))])...)
		default:
			b[i] = byte(s.IntN(256))
		}
	}
	if s.IntN(5) == 0 { // other letters that stand for s, k and i
		return strings.NewReplacer("s", "ſ", "k", "\u212a", "i", "İ", "S", "ſ").Replace(string(b))
	}
	return string(b)
}

func TestSameOnSamples(t *testing.T) {
	p := defaultPair()
	hits, rules := 0, make(map[string]bool)
	for seed := range uint64(30) {
		s := newSampler(p, seed)
		f := Fragment{Path: []string{"a.go", "b.yaml", "c.tf", "nuget.config", "x.php", ""}[s.IntN(6)], Line: s.IntN(3), Text: s.text(3 + s.IntN(16))}
		hits += p.same(t, f)
		for _, h := range p.theirHits(f) {
			rules[h.Rule] = true
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d hits of %d rules", hits, len(rules))
	if hits < 60 || len(rules) < 40 {
		t.Errorf("only %d hits of %d rules: %q", hits, len(rules), slices.Sorted(maps.Keys(rules)))
	}
}

// Each rule on its own, so that none hides behind another.
func TestSameOnEveryRule(t *testing.T) {
	p := defaultPair()
	for i, r := range p.ours.rules {
		if r.Regex == "" {
			continue
		}
		s := newSampler(p, uint64(i))
		for range 3 {
			text := s.matching(r.Regex)
			p.same(t, Fragment{Path: "a.tf", Line: 1, Text: text})
			p.same(t, Fragment{Path: "x.yaml", Line: 1, Text: "a b\n" + text + "\nc d"})
			p.same(t, Fragment{Path: "x.yaml", Line: 1, Text: s.spoiled(text)})
		}
	}
}

// Our own sources hold every word that rules look for.
func TestSameOnOwnSources(t *testing.T) {
	p := defaultPair()
	n := 0
	for _, pattern := range []string{"../*.go", "*.go", "../../../*.md", "../../../cmd/wf-ci/*.go", "../../../internal/git/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			p.same(t, Fragment{Path: name, Line: 1, Text: string(text)})
			n++
		}
	}
	if n < 30 {
		t.Errorf("%d files only", n)
	}
}

func FuzzSameAsLibrary(f *testing.F) {
	p := defaultPair()
	for seed := range uint64(40) {
		f.Add(newSampler(p, seed+1000).text(8))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 20_000 {
			t.Skip()
		}
		p.same(t, Fragment{Path: "a.yaml", Line: 1, Text: text})
	})
}
