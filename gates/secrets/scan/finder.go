package scan

import (
	"slices"
	"strings"
)

// finder finds many literals in one pass over a text. Of each literal it looks
// for four bytes, or for three and what can follow them, without regard to
// case: a bit of a table says whether four bytes of the text are among those.
type finder struct {
	bits     [gramBits / 64]uint64
	buckets  [bucketCount + 1]uint16
	grams    []gram
	literals []Literal
	marks    []Literal // shorter ones, found by their first byte
	single   []int     // ids of the marks: behind those of the literals
	marked   []string  // their first bytes, each once
	longest  int       // bytes of a literal
}

type gram struct {
	text    uint32
	literal uint16
	offset  uint16 // of the four bytes in the literal
}

const (
	gramBits    = 1 << 17
	bucketCount = 1 << 12
	foldBits    = 0x20202020
)

func gramHash(v uint32) uint32 { return v * 0x9E3779B1 >> (32 - 17) }

// newFinder looks for literals. follows says which bytes can follow a literal
// of three bytes.
func newFinder(literals []Literal, follows func(literal int) *ByteSet) *finder {
	f := &finder{literals: literals, grams: make([]gram, 0, 4*len(literals))}
	for i, l := range literals {
		f.longest = max(f.longest, len(l.Text))
		switch n := len(l.Text); {
		case n > 3:
			at := rarest(l.Text)
			f.add(l.Text[at], l.Text[at+1], l.Text[at+2], l.Text[at+3], i, at)
		case n == 3:
			set, done := *follows(i), ByteSet{}
			set.add(0, 0) // a text's end counts as a zero byte
			for b := range 256 {
				if folded := byte(b | 0x20); set.Has(byte(b)) && !done.Has(folded) {
					done.add(int(folded), int(folded))
					f.add(l.Text[0], l.Text[1], l.Text[2], folded, i, 0)
				}
			}
		default:
			f.single = append(f.single, i)
			if first := l.Text[:1]; !slices.Contains(f.marked, first) {
				f.marked = append(f.marked, first)
			}
		}
	}
	f.index()
	return f
}

func (f *finder) add(a, b, c, d byte, literal, offset int) {
	v := uint32(a) | uint32(b)<<8 | uint32(c)<<16 | uint32(d)<<24
	f.grams = append(f.grams, gram{v | foldBits, uint16(literal), uint16(offset)})
}

// index puts the grams into buckets.
func (f *finder) index() {
	for _, g := range f.grams {
		h := gramHash(g.text)
		f.bits[h>>6] |= 1 << (h & 63)
		f.buckets[h>>5+1]++
	}
	for i := range bucketCount {
		f.buckets[i+1] += f.buckets[i]
	}
	at := f.buckets
	sorted := make([]gram, len(f.grams))
	for _, g := range f.grams {
		b := gramHash(g.text) >> 5
		sorted[at[b]] = g
		at[b]++
	}
	f.grams = sorted
}

// common are letters in the order of how often they are in texts.
const common = "etaoinsrhlducmfpgwybv"

// rarest is where the four bytes are that texts have least often.
func rarest(text string) int {
	best, at := -1, 0
	for i := 0; i+4 <= len(text); i++ {
		score := 0
		for j := i; j < i+4; j++ {
			c := text[j]
			if k := strings.IndexByte(common, c|0x20); k >= 0 {
				score += k
			} else if c|0x20 >= 'a' && c|0x20 <= 'z' {
				score += 30
			} else if c != '-' && c != '_' && c != '.' && c != '/' {
				score += 20
			} else {
				score += 8
			}
			if j > i && c == text[j-1] {
				score -= 10
			}
		}
		if score > best {
			best, at = score, i
		}
	}
	return at
}

// find calls fn with every literal that is in the text.
func (f *finder) find(text string, fn func(literal, at int)) {
	for _, m := range f.marked {
		f.findMarks(text, m[0], fn)
	}
	var v uint32
	n := len(text)
	for i := 0; i < n; i++ {
		c := text[i]
		v = v>>8 | uint32(c)<<24
		h := gramHash(v | foldBits)
		if f.bits[h>>6]&(1<<(h&63)) != 0 && i >= 3 {
			f.check(text, v|foldBits, i-3, fn)
		}
	}
	if n >= 3 { // a literal of three bytes at the end
		v = v>>8 | foldBits
		if h := gramHash(v); f.bits[h>>6]&(1<<(h&63)) != 0 {
			f.check(text, v, n-3, fn)
		}
	}
}

func (f *finder) check(text string, v uint32, at int, fn func(literal, at int)) {
	h := gramHash(v)
	for _, g := range f.grams[f.buckets[h>>5]:f.buckets[h>>5+1]] {
		if g.text != v {
			continue
		}
		start := at - int(g.offset)
		if start >= 0 && f.literals[g.literal].at(text, start) {
			fn(int(g.literal), start)
		}
	}
}

func (f *finder) findMarks(text string, first byte, fn func(literal, at int)) {
	for at := 0; ; at++ {
		i := strings.IndexByte(text[at:], first)
		if i < 0 {
			return
		}
		at += i
		for _, id := range f.single {
			if f.literals[id].at(text, at) {
				fn(id, at)
			}
		}
	}
}

// at says whether the literal is at a place of a text.
func (l *Literal) at(text string, at int) bool {
	n := len(l.Text)
	if at+n > len(text) {
		return false
	}
	if !l.Fold {
		return text[at:at+n] == l.Text
	}
	for i := range n {
		c := text[at+i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != l.Text[i] {
			return false
		}
	}
	return true
}
