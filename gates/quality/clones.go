package quality

import (
	"context"
	"math/bits"
)

const (
	// cloneTokens is the least length of a clone.
	cloneTokens = 50
	// cloneLines is the least number of lines that a clone stands on.
	cloneLines = 5
)

// stretch is some lines of a file.
type stretch struct {
	path        string
	first, last int
}

// clone is code that is there twice.
type clone struct {
	here, there stretch
	tokens      int
	isNew       bool // one of the two is in the change
}

// comparison is what looking for clones came to.
type comparison struct {
	files, lines int
	copied       int // lines of all later copies, each counted once
	clones       []clone
}

// compareAll finds the stretches of at least so many tokens and lines that are
// there before, in the same file or an earlier one. It takes time and memory
// in proportion to the tokens: each window of tokens is looked up once, by a
// rolling hash, and compared with what is found.
func compareAll(ctx context.Context, texts []text, tokens, lines int) comparison {
	s := search{window: tokens, minLines: lines, texts: texts, power: 1}
	for range tokens - 1 {
		s.power *= base
	}
	n := 1
	for _, t := range texts {
		n += len(t.words) + 1
	}
	// One row of all words, with a zero between files, which is no word.
	s.row = make([]uint32, 1, n)
	s.starts = make([]int, len(texts))
	for i, t := range texts {
		s.starts[i] = len(s.row)
		s.row = append(append(s.row, t.words...), 0)
	}
	s.table = make([]uint32, 1<<bits.Len(uint(n+n/3)))
	var c comparison
	for i, t := range texts {
		if ctx.Err() != nil {
			return c
		}
		c.files++
		c.lines += t.lines
		c.copied += s.file(i, &c)
	}
	return c
}

// search is a comparison that is going on.
type search struct {
	window   int
	minLines int
	texts    []text
	row      []uint32
	starts   []int    // where each text begins in the row
	table    []uint32 // places in the row of the first of all equal windows, by hash; 0: free
	power    uint64   // base^(window-1)
}

const base = 0x9E3779B97F4A7C15 | 1

// mixed spreads a word's number over 64 bits.
func mixed(word uint32) uint64 {
	x := uint64(word) * 0xBF58476D1CE4E5B9
	x ^= x >> 29
	x *= 0x94D049BB133111EB
	return x ^ x>>32
}

// file looks for the clones in one text, and is the number of its lines that
// are in one.
func (s *search) file(index int, c *comparison) int {
	start, end := s.starts[index], s.starts[index]+len(s.texts[index].words)
	if end-start < s.window {
		return 0
	}
	copied := make([]bool, s.texts[index].lines+2)
	var hash uint64
	for _, w := range s.row[start : start+s.window-1] {
		hash = hash*base + mixed(w)
	}
	from, twin := -1, -1 // where the clone at hand begins, and its twin at this window
	for at := start; at+s.window <= end; at++ {
		hash = hash*base + mixed(s.row[at+s.window-1])
		if twin >= 0 && s.row[twin+s.window] == s.row[at+s.window-1] {
			twin++ // the clone goes on; the window is known by its first occurrence
		} else {
			if twin >= 0 {
				s.found(index, from, twin-(at-1-from), at-1, copied, c)
			}
			from, twin = at, s.lookUp(hash, at, start)
		}
		hash -= mixed(s.row[at]) * s.power
	}
	if twin >= 0 {
		at := end - s.window
		s.found(index, from, twin-(at-from), at, copied, c)
	}
	n := 0
	for _, is := range copied {
		if is {
			n++
		}
	}
	return n
}

// lookUp is the first window that says the same as the one at a place; -1 when
// this is the first itself, or when the two overlap: what repeats itself
// without a break is no copy until it is there a second time.
func (s *search) lookUp(hash uint64, at, start int) int {
	mask := uint64(len(s.table) - 1)
	for slot := (hash ^ hash>>31) * base >> 20 & mask; ; slot = (slot + 1) & mask {
		place := int(s.table[slot])
		if place == 0 {
			s.table[slot] = uint32(at)
			return -1
		}
		if s.same(place, at) {
			if place >= start && place+s.window > at {
				return -1
			}
			return place
		}
	}
}

func (s *search) same(a, b int) bool {
	for i := range s.window {
		if s.row[a+i] != s.row[b+i] {
			return false
		}
	}
	return true
}

// found notes a clone whose windows begin at from to to, if it stands on
// enough lines.
func (s *search) found(index, from, twin, to int, copied []bool, c *comparison) {
	tokens := to - from + s.window
	here := s.lines(index, from, tokens)
	if here.last-here.first+1 < s.minLines {
		return
	}
	for line := here.first; line <= here.last; line++ {
		copied[line] = true
	}
	c.clones = append(c.clones, clone{here: here, there: s.lines(s.textAt(twin), twin, tokens), tokens: tokens})
}

func (s *search) lines(index, place, tokens int) stretch {
	t := s.texts[index]
	spans := t.spans[place-s.starts[index]:][:tokens]
	return stretch{t.path, int(spans[0].first), int(spans[tokens-1].last)}
}

// textAt is the text that a place in the row belongs to.
func (s *search) textAt(place int) int {
	low, high := 0, len(s.starts)
	for high-low > 1 {
		if mid := (low + high) / 2; s.starts[mid] <= place {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}
