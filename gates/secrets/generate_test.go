package secrets

import (
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"
)

// samples are texts that match the rules of gitleaks, n for each.
func samples(t testing.TB, seed uint64, n int) []string {
	t.Helper()
	r := builtin()
	var out []string
	for i, rule := range r.Rules.Rules {
		if rule.Regex == "" {
			continue
		}
		tree, err := syntax.Parse(rule.Regex, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		g := generator{rand.New(rand.NewPCG(seed, uint64(i)))}
		for range n {
			var b strings.Builder
			g.write(&b, tree)
			if s := b.String(); matches(rule.Regex, s) {
				out = append(out, s)
			}
		}
	}
	return out
}

// generator writes texts that match an expression, but for its assertions.
type generator struct{ *rand.Rand }

func (g generator) write(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			b.WriteRune(r)
		}
	case syntax.OpCharClass:
		b.WriteRune(g.of(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte(alphanumeric[g.IntN(len(alphanumeric))])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			g.write(b, sub)
		}
	case syntax.OpAlternate:
		g.write(b, re.Sub[g.IntN(len(re.Sub))])
	case syntax.OpStar:
		g.repeat(b, re.Sub[0], 0, 3)
	case syntax.OpPlus:
		g.repeat(b, re.Sub[0], 1, 4)
	case syntax.OpQuest:
		g.repeat(b, re.Sub[0], 0, 1)
	case syntax.OpRepeat:
		upper := re.Max
		if upper < 0 {
			upper = re.Min + 10
		}
		g.repeat(b, re.Sub[0], re.Min, min(upper, re.Min+20))
	}
}

func (g generator) repeat(b *strings.Builder, re *syntax.Regexp, from, to int) {
	for range from + g.IntN(to-from+1) {
		g.write(b, re)
	}
}

// of is a character of a class, a printable one where there is one.
func (g generator) of(class []rune) rune {
	var printable []rune
	for i := 0; i < len(class); i += 2 {
		for r := max(class[i], ' '); r <= min(class[i+1], '~'); r++ {
			printable = append(printable, r)
		}
	}
	if len(printable) == 0 {
		return class[0]
	}
	return printable[g.IntN(len(printable))]
}
