package scan

import (
	"regexp"
	"regexp/syntax"
	"sync"
	"unicode/utf8"
)

// expression is an expression that is compiled when it is first needed. It is
// safe for concurrent use.
type expression struct {
	pattern string
	once    sync.Once
	prog    *program
	stock   func() *regexp.Regexp
	none    bool // the empty pattern
}

func newExpression(pattern string) *expression {
	return &expression{
		pattern: pattern, none: pattern == "",
		stock: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) }),
	}
}

// program is the expression compiled; it was checked when it was read.
func (e *expression) program() *program {
	e.once.Do(func() {
		var err error
		if e.prog, err = compile(e.pattern); err != nil {
			panic(err)
		}
	})
	return e.prog
}

// backtracker finds matches as package regexp does: the leftmost, and of those
// the one that a backtracking search would find first. It is exact, and faster
// than package regexp on short texts for expressions with many repetitions,
// which that gives to a slower machine. It is for one goroutine.
type backtracker struct {
	visited []uint64
	jobs    []job
	caps    []int
	found   []int
}

type job struct {
	pc, at int32
	old    int32 // of capture pc's slot, where undo
	undo   bool
}

// maxVisited bounds the table of what was tried, in bits.
const maxVisited = 1 << 21

func fits(p *program, n int) bool { return len(p.Inst)*(n+1) <= maxVisited }

// match finds the first match in text[from:]; all of the text is its context.
// Captures beyond ncap are not told.
func (b *backtracker) match(p *program, text string, from, ncap int) []int {
	span := len(text) - from + 1
	words := (len(p.Inst)*span + 63) / 64
	if cap(b.visited) < words {
		b.visited = make([]uint64, words)
	}
	b.visited = b.visited[:words]
	clear(b.visited)
	if cap(b.caps) < ncap {
		b.caps = make([]int, ncap)
	}
	b.caps = b.caps[:ncap]
	for i := range b.caps {
		b.caps[i] = -1
	}
	for at := from; at <= len(text); {
		b.caps[0] = at
		if b.try(p, text, from, at, span) {
			return b.found
		}
		if at == len(text) {
			break
		}
		_, w := utf8.DecodeRuneInString(text[at:])
		at += w
	}
	return nil
}

// try looks for a match that begins at a place.
func (b *backtracker) try(p *program, text string, from, start, span int) bool {
	b.jobs = append(b.jobs[:0], job{pc: int32(p.Start), at: int32(start)})
	for len(b.jobs) > 0 {
		j := b.jobs[len(b.jobs)-1]
		b.jobs = b.jobs[:len(b.jobs)-1]
		if j.undo {
			b.caps[j.pc] = int(j.old)
			continue
		}
		if b.thread(p, text, from, span, uint32(j.pc), int(j.at)) {
			return true
		}
	}
	return false
}

// thread follows one thread until it ends; what else could be tried is kept.
func (b *backtracker) thread(p *program, text string, from, span int, pc uint32, at int) bool {
	for {
		n := int(pc)*span + at - from
		if b.visited[n>>6]&(1<<(n&63)) != 0 {
			return false
		}
		b.visited[n>>6] |= 1 << (n & 63)
		in := &p.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			b.jobs = append(b.jobs, job{pc: int32(in.Arg), at: int32(at)})
		case syntax.InstNop:
		case syntax.InstCapture:
			if int(in.Arg) < len(b.caps) {
				b.jobs = append(b.jobs, job{pc: int32(in.Arg), old: int32(b.caps[in.Arg]), undo: true})
				b.caps[in.Arg] = at
			}
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^around(text, at) != 0 {
				return false
			}
		case syntax.InstMatch:
			b.caps[1] = at
			b.found = append(b.found[:0], b.caps...)
			return true
		case syntax.InstFail:
			return false
		default:
			if at == len(text) {
				return false
			}
			r, w := rune(text[at]), 1
			if r >= utf8.RuneSelf {
				r, w = utf8.DecodeRuneInString(text[at:])
			}
			if !matchRune(in, r) {
				return false
			}
			at += w
		}
		pc = in.Out
	}
}

// around is which assertions hold at a place.
func around(text string, at int) syntax.EmptyOp {
	r1, r2 := rune(-1), rune(-1)
	if at > 0 {
		r1 = rune(text[at-1]) // more than a byte of it makes no difference
	}
	if at < len(text) {
		r2 = rune(text[at])
	}
	return syntax.EmptyOpContext(r1, r2)
}

// all is FindAllStringIndex, for expressions that never match the empty text.
func (s *scratch) all(e *expression, text string) [][]int {
	p := e.program()
	if !fits(p, len(text)) {
		return e.stock().FindAllStringIndex(text, -1)
	}
	var out [][]int
	for from := 0; from <= len(text); {
		m := s.back.match(p, text, from, 2)
		if m == nil {
			break
		}
		if m[0] == m[1] {
			return e.stock().FindAllStringIndex(text, -1)
		}
		out = append(out, []int{m[0], m[1]})
		from = m[1]
	}
	return out
}

// groups is FindStringSubmatch.
func (s *scratch) groups(e *expression, text string) []string {
	p := e.program()
	if !fits(p, len(text)) {
		return e.stock().FindStringSubmatch(text)
	}
	m := s.back.match(p, text, 0, max(2, p.NumCap))
	if m == nil {
		return nil
	}
	out := make([]string, len(m)/2)
	for i := range out {
		if m[2*i] >= 0 {
			out[i] = text[m[2*i]:m[2*i+1]]
		}
	}
	return out
}
