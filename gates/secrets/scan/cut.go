package scan

import (
	"math"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Cut is one way to match an expression: a literal, what can stand before it
// and what has to follow. Every match of the expression is a match of one of
// its cuts: head, literal, tail.
//
// Texts with U+017F or U+212A, which fold to s and k, are not for cuts.
type Cut struct {
	Literals []Literal
	Head     Head
	Tail     string // an expression, anchored at the literal's end
	// Follows are the bytes that can be behind a literal, where one is short.
	Follows ByteSet
}

// Literal is an ASCII text. With Fold it is in lower case and stands for any
// mixture.
type Literal struct {
	Text string
	Fold bool
}

// Head is what is known of the text between a match's start and the literal.
type Head struct {
	Min, Max int     // bytes; Max negative: no bound
	Bytes    ByteSet // all that can be in it
	Boundary bool    // \b is right before the literal
}

// ByteSet is a set of bytes.
type ByteSet [4]uint64

func (s *ByteSet) add(from, to int) {
	for b := from; b <= to; b++ {
		s[b>>6] |= 1 << (b & 63)
	}
}

// Has says whether b is in the set.
func (s *ByteSet) Has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }

const (
	minLiteral  = 3   // bytes
	maxLiterals = 128 // of one cut
	longS       = 'ſ' // U+017F
	kelvin      = '\u212a'
)

// CutRegex cuts an expression. The result is empty, not nil, where that cannot
// be done.
func CutRegex(pattern string) []Cut {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return []Cut{}
	}
	best := cut(re, Head{}, nil)
	if best.cuts == nil {
		return []Cut{}
	}
	for i := range best.cuts {
		best.cuts[i].follow()
	}
	return best.cuts
}

// follow fills in Follows.
func (c *Cut) follow() {
	p, err := compile(c.Tail)
	if err != nil {
		return
	}
	d := newDFA(p, false)
	for _, l := range c.Literals {
		if len(l.Text) != minLiteral {
			continue
		}
		from := d.startState(behind(l.Text[minLiteral-1]))
		for class, low := range p.lows {
			if d.step(from, class) == 0 {
				continue
			}
			high := rune(utf8.MaxRune)
			if class+1 < len(p.lows) {
				high = p.lows[class+1] - 1
			}
			addRange(&c.Follows, low, high)
		}
	}
}

// choice is a set of cuts that together stand for an expression. cuts nil: there
// is none.
type choice struct {
	cuts  []Cut
	score float64
}

func (c *choice) consider(other choice) {
	if other.cuts != nil && (c.cuts == nil || other.score > c.score) {
		*c = other
	}
}

// cut finds the best cuts of head·re·tail with the literal in re.
func cut(re *syntax.Regexp, head Head, tail []*syntax.Regexp) choice {
	switch re.Op {
	case syntax.OpCapture:
		return cut(re.Sub[0], head, tail)
	case syntax.OpConcat:
		return cutConcat(re.Sub, head, tail)
	case syntax.OpAlternate:
		best := cutConcat([]*syntax.Regexp{re}, head, tail)
		best.consider(cutAlternate(re.Sub, head, tail))
		return best
	case syntax.OpPlus, syntax.OpRepeat:
		if first, rest, ok := unroll(re); ok {
			return cut(first, head, prepend(rest, tail))
		}
		return choice{}
	case syntax.OpLiteral, syntax.OpCharClass:
		return cutConcat([]*syntax.Regexp{re}, head, tail)
	}
	return choice{}
}

// cutAlternate: every branch has to have cuts.
func cutAlternate(branches []*syntax.Regexp, head Head, tail []*syntax.Regexp) choice {
	all := choice{score: math.Inf(1)}
	for _, b := range branches {
		c := cut(b, head, tail)
		if c.cuts == nil {
			return choice{}
		}
		all.cuts = append(all.cuts, c.cuts...)
		all.score = min(all.score, c.score)
	}
	all.score -= 1
	return all
}

func cutConcat(parts []*syntax.Regexp, head Head, tail []*syntax.Regexp) choice {
	var best choice
	var last Head // before the part before
	for i, part := range parts {
		best.consider(cutRun(parts[i:], head, tail))
		if branches := alternatives(part); branches != nil && i > 0 && parts[i-1].Op == syntax.OpLiteral {
			best.consider(cutAlternate(distribute(parts[i-1], branches), last, concat(parts[i+1:], tail)))
		}
		last = head
		if part.Op != syntax.OpLiteral && part.Op != syntax.OpCharClass && len(parts) > 1 {
			best.consider(cut(part, head, concat(parts[i+1:], tail)))
		}
		head = head.then(part)
	}
	return best
}

// alternatives are the branches of an alternation; nil: it is none.
func alternatives(re *syntax.Regexp) []*syntax.Regexp {
	for re.Op == syntax.OpCapture {
		re = re.Sub[0]
	}
	if re.Op != syntax.OpAlternate {
		return nil
	}
	return re.Sub
}

// distribute puts a common prefix back before each branch.
func distribute(prefix *syntax.Regexp, branches []*syntax.Regexp) []*syntax.Regexp {
	var out []*syntax.Regexp
	for _, b := range branches {
		parts := []*syntax.Regexp{prefix, b}
		if b.Op == syntax.OpConcat {
			parts = prepend(prefix, b.Sub)
		}
		out = append(out, &syntax.Regexp{Op: syntax.OpConcat, Flags: b.Flags, Sub: parts})
	}
	return out
}

// cutRun takes as many of the parts into the literal as it can.
func cutRun(parts []*syntax.Regexp, head Head, tail []*syntax.Regexp) choice {
	var best choice
	run := []Literal{{}}
	for i := 0; i < len(parts); i++ {
		part := parts[i]
		rest := concat(parts[i+1:], tail)
		texts, ok := expand(part)
		if !ok {
			// One turn of a repetition, and maybe another.
			for range minLiteral {
				var more *syntax.Regexp
				if part, more, ok = unroll(part); !ok {
					break
				}
				if texts, ok = expand(part); !ok {
					break
				}
				if run, ok = product(run, texts); !ok {
					break
				}
				rest := prepend(more, rest)
				best.consider(literal(run, head, rest))
				part = more
			}
			break
		}
		if run, ok = product(run, texts); !ok {
			break
		}
		best.consider(literal(run, head, rest))
	}
	return best
}

func concat(a, b []*syntax.Regexp) []*syntax.Regexp {
	return append(a[:len(a):len(a)], b...)
}

func prepend(re *syntax.Regexp, list []*syntax.Regexp) []*syntax.Regexp {
	return concat([]*syntax.Regexp{re}, list)
}

// unroll is one turn of a repetition that has at least one, and the others.
func unroll(re *syntax.Regexp) (first, rest *syntax.Regexp, ok bool) {
	switch {
	case re.Op == syntax.OpPlus:
		return re.Sub[0], &syntax.Regexp{Op: syntax.OpStar, Flags: re.Flags, Sub: re.Sub}, true
	case re.Op == syntax.OpRepeat && re.Min > 0:
		others := &syntax.Regexp{Op: syntax.OpRepeat, Flags: re.Flags, Sub: re.Sub, Min: re.Min - 1, Max: re.Max}
		if re.Max > 0 {
			others.Max--
		}
		if others.Max == 0 {
			others = &syntax.Regexp{Op: syntax.OpEmptyMatch}
		}
		return re.Sub[0], others, true
	}
	return nil, nil, false
}

// literal is the cut at a set of texts, if they are long enough.
func literal(texts []Literal, head Head, tail []*syntax.Regexp) choice {
	shortest, rare := math.MaxInt, true
	for _, t := range texts {
		shortest = min(shortest, len(t.Text))
		rare = rare && t.Text != "" && isPunctuation(t.Text[0])
	}
	// Marks like "|" can be found alone where much has to stand before them.
	if shortest < minLiteral && !(rare && head.Min >= 8) {
		return choice{}
	}
	score := float64(10*min(shortest, 8)) - 3*math.Log2(float64(len(texts)))
	if head.Max < 0 {
		score -= 8
	} else if head.Max > 0 {
		score--
	}
	whole := &syntax.Regexp{Op: syntax.OpConcat, Sub: tail}
	return choice{score: score, cuts: []Cut{{Literals: clone(texts), Head: head, Tail: whole.String()}}}
}

func clone(texts []Literal) []Literal { return append([]Literal(nil), texts...) }

func isPunctuation(b byte) bool {
	return b > ' ' && b < 0x7f && !isWord(b) && !strings.ContainsRune(`.-/"'`, rune(b))
}

func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z'
}

// then is the head with one more part in it.
func (h Head) then(re *syntax.Regexp) Head {
	low, high := lengths(re)
	h.Min += low
	if h.Max >= 0 && high >= 0 {
		h.Max += high
	} else {
		h.Max = -1
	}
	addBytes(re, &h.Bytes)
	h.Boundary = re.Op == syntax.OpWordBoundary
	return h
}

// lengths are the fewest and the most bytes of a match; most negative: no bound.
func lengths(re *syntax.Regexp) (fewest, most int) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			fewest++
			most += widest(r, re.Flags&syntax.FoldCase != 0)
		}
		return fewest, most
	case syntax.OpCharClass:
		most = 1
		for i := 0; i < len(re.Rune); i += 2 {
			if lo, hi := re.Rune[i], re.Rune[i+1]; !isOdd(lo, hi) && hi >= utf8.RuneSelf {
				most = utf8.UTFMax
			}
		}
		return 1, most
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, utf8.UTFMax
	case syntax.OpCapture:
		return lengths(re.Sub[0])
	case syntax.OpStar:
		return 0, -1
	case syntax.OpPlus:
		fewest, _ = lengths(re.Sub[0])
		return fewest, -1
	case syntax.OpQuest:
		_, most = lengths(re.Sub[0])
		return 0, most
	case syntax.OpRepeat:
		low, high := lengths(re.Sub[0])
		if re.Max < 0 || high < 0 {
			return low * re.Min, -1
		}
		return low * re.Min, high * re.Max
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			low, high := lengths(sub)
			fewest += low
			if most >= 0 && high >= 0 {
				most += high
			} else {
				most = -1
			}
		}
		return fewest, most
	case syntax.OpAlternate:
		fewest = math.MaxInt
		for _, sub := range re.Sub {
			low, high := lengths(sub)
			fewest = min(fewest, low)
			if most >= 0 && high >= 0 {
				most = max(most, high)
			} else {
				most = -1
			}
		}
		return fewest, most
	}
	return 0, 0 // assertions
}

func widest(r rune, fold bool) int {
	if r < utf8.RuneSelf {
		return 1
	}
	if fold {
		return utf8.UTFMax
	}
	return utf8.RuneLen(r)
}

// isOdd says whether a range is one of the two letters that fold to ASCII.
func isOdd(lo, hi rune) bool { return lo == hi && (lo == longS || lo == kelvin) }

// addBytes adds the bytes that can be in a match.
func addBytes(re *syntax.Regexp, set *ByteSet) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			addRange(set, r, r)
			if re.Flags&syntax.FoldCase != 0 && r < utf8.RuneSelf && isWord(byte(r)) && r != '_' && r > '9' {
				addRange(set, r^0x20, r^0x20)
			}
		}
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			if !isOdd(re.Rune[i], re.Rune[i+1]) {
				addRange(set, re.Rune[i], re.Rune[i+1])
			}
		}
	case syntax.OpAnyChar:
		set.add(0, 255)
	case syntax.OpAnyCharNotNL:
		set.add(0, '\n'-1)
		set.add('\n'+1, 255)
	}
	for _, sub := range re.Sub {
		addBytes(sub, set)
	}
}

func addRange(set *ByteSet, lo, hi rune) {
	set.add(int(min(lo, utf8.RuneSelf)), int(min(hi, utf8.RuneSelf-1)))
	if hi >= utf8.RuneSelf {
		set.add(utf8.RuneSelf, 255)
	}
}
