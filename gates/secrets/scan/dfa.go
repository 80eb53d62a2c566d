package scan

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"sort"
	"unicode"
	"unicode/utf8"
)

// program is a compiled expression with its alphabet cut into classes that its
// instructions cannot tell apart. It is never written to.
type program struct {
	*syntax.Prog
	pattern    string
	lows       []rune // first rune of each class, ascending
	ascii      [utf8.RuneSelf]uint8
	assertions bool
	begins     bool // it asks for the begin of the text
}

// compile makes the program of an expression that is known to be one.
func compile(pattern string) (*program, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	code, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	p := &program{Prog: code, pattern: pattern}
	p.split()
	return p, nil
}

// split finds the classes: between two bounds, all runes are alike.
func (p *program) split() {
	bounds := []rune{0, '\n', '\n' + 1, '0', '9' + 1, 'A', 'Z' + 1, '_', '_' + 1, 'a', 'z' + 1, utf8.RuneSelf}
	for i := range p.Inst {
		in := &p.Inst[i]
		switch in.Op {
		case syntax.InstEmptyWidth:
			p.assertions = true
			p.begins = p.begins || syntax.EmptyOp(in.Arg)&syntax.EmptyBeginText != 0
		case syntax.InstRune, syntax.InstRune1:
			bounds = append(bounds, edges(in)...)
		}
	}
	slices.Sort(bounds)
	p.lows = slices.Compact(bounds)
	for c := range p.ascii {
		p.ascii[c] = uint8(p.search(rune(c)))
	}
}

// edges are the bounds of what an instruction matches.
func edges(in *syntax.Inst) []rune {
	var out []rune
	if len(in.Rune) == 1 { // maybe any case of it
		r := in.Rune[0]
		out = append(out, r, r+1)
		if syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				out = append(out, f, f+1)
			}
		}
		return out
	}
	for i := 0; i+1 < len(in.Rune); i += 2 {
		out = append(out, in.Rune[i], in.Rune[i+1]+1)
	}
	return out
}

func (p *program) search(r rune) int {
	return sort.Search(len(p.lows), func(i int) bool { return p.lows[i] > r }) - 1
}

// class is the class of the rune at text[i], and its width.
func (p *program) class(text string, i int) (class, width int) {
	if c := text[i]; c < utf8.RuneSelf {
		return int(p.ascii[c]), 1
	}
	r, w := utf8.DecodeRuneInString(text[i:])
	return p.search(r), w
}

// What stands before a position, as far as assertions can tell.
const (
	atBegin = iota
	afterWord
	afterNewline
	afterOther
)

var stands = [...]rune{atBegin: -1, afterWord: 'a', afterNewline: '\n', afterOther: ' '}

func before(text string, at int) uint8 {
	if at == 0 {
		return atBegin
	}
	return behind(text[at-1])
}

func behind(c byte) uint8 {
	switch {
	case isWord(c):
		return afterWord
	case c == '\n':
		return afterNewline
	}
	return afterOther
}

// dfa decides whether a program matches, one step a character. Its states are
// made when they are first needed. It is for one goroutine.
type dfa struct {
	*program
	anywhere bool // a match may begin at any place; else at the first
	stride   int
	states   []state // 0: no thread is left
	table    []int32 // state × class -> next<<1 | matched; unknown
	index    map[string]int32
	start    [len(stands)]int32

	// Scratch of step.
	mark  []uint32
	stamp uint32
	stack []uint32
	key   []byte
}

// state is a set of threads, before assertions are looked at.
type state struct {
	threads []uint32 // sorted
	context uint8
}

const (
	unknown   = -1
	maxStates = 3000
)

func newDFA(p *program, anywhere bool) *dfa {
	d := &dfa{program: p, anywhere: anywhere, stride: len(p.lows) + 1, mark: make([]uint32, len(p.Inst))}
	d.reset()
	return d
}

func (d *dfa) reset() {
	d.states, d.table, d.index = d.states[:0], d.table[:0], make(map[string]int32)
	d.state(nil, atBegin)
	for c := range d.start {
		d.start[c] = unknown
	}
}

// state finds or makes a state.
func (d *dfa) state(threads []uint32, context uint8) int32 {
	if len(threads) == 0 && !d.anywhere && len(d.states) > 0 {
		return 0
	}
	if !d.assertions {
		context = afterOther
	}
	d.key = append(d.key[:0], context)
	for _, t := range threads {
		d.key = binary.AppendUvarint(d.key, uint64(t))
	}
	if id, ok := d.index[string(d.key)]; ok {
		return id
	}
	id := int32(len(d.states))
	d.states = append(d.states, state{slices.Clone(threads), context})
	if id > 0 || d.anywhere {
		d.index[string(d.key)] = id
	}
	for range d.stride {
		d.table = append(d.table, unknown)
	}
	return id
}

func (d *dfa) startState(context uint8) int32 {
	if d.start[context] == unknown {
		d.start[context] = d.state([]uint32{uint32(d.Start)}, context)
	}
	return d.start[context]
}

// step computes what follows a state at a class; the class behind the last is
// the end of the text.
func (d *dfa) step(from int32, class int) int32 {
	next := rune(-1)
	if class < len(d.lows) {
		next = d.lows[class]
	}
	s := d.states[from]
	flags := syntax.EmptyOpContext(stands[s.context], next)
	d.stamp++
	d.stack = append(d.stack[:0], s.threads...)
	if d.anywhere {
		d.stack = append(d.stack, uint32(d.Start))
	}
	var out []uint32
	matched := int32(0)
	for len(d.stack) > 0 {
		pc := d.stack[len(d.stack)-1]
		d.stack = d.stack[:len(d.stack)-1]
		if d.mark[pc] == d.stamp {
			continue
		}
		d.mark[pc] = d.stamp
		switch in := &d.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			d.stack = append(d.stack, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			d.stack = append(d.stack, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg)&^flags == 0 {
				d.stack = append(d.stack, in.Out)
			}
		case syntax.InstMatch:
			matched = 1
		case syntax.InstFail:
		default:
			if next >= 0 && matchRune(in, next) {
				out = append(out, in.Out)
			}
		}
	}
	slices.Sort(out)
	context := uint8(afterOther)
	if next >= 0 && next < utf8.RuneSelf {
		context = behind(byte(next))
	}
	to := d.state(slices.Compact(out), context)
	value := to<<1 | matched
	d.table[int(from)*d.stride+class] = value
	return value
}

// matchRune is Inst.MatchRune for the opcodes that have one.
func matchRune(in *syntax.Inst, r rune) bool {
	switch in.Op {
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	case syntax.InstRune1:
		return r == in.Rune[0]
	}
	return in.MatchRune(r)
}

// longest is the end of the longest match that begins at a place; negative:
// none. Steps is how much was read.
func (d *dfa) longest(text string, at int) (end, steps int) {
	if len(d.states) > maxStates {
		d.reset()
	}
	s, end, i := d.startState(before(text, at)), -1, at
	for ; i < len(text); i++ {
		class, width := d.class(text, i)
		t := d.table[int(s)*d.stride+class]
		if t == unknown {
			if len(d.states) > maxStates {
				return len(text), i - at // too much to know: the caller looks closer
			}
			t = d.step(s, class)
		}
		if t&1 != 0 {
			end = i
		}
		if s = t >> 1; s == 0 {
			return end, i - at
		}
		i += width - 1
	}
	t := d.table[int(s)*d.stride+len(d.lows)]
	if t == unknown {
		t = d.step(s, len(d.lows))
	}
	if t&1 != 0 {
		end = len(text)
	}
	return end, i - at
}

// matches says whether there is a match anywhere.
func (d *dfa) matches(text string) bool {
	s := d.startState(atBegin)
	for i := 0; i < len(text); {
		class, width := d.class(text, i)
		t := d.table[int(s)*d.stride+class]
		if t == unknown {
			if len(d.states) > maxStates {
				threads, context := slices.Clone(d.states[s].threads), d.states[s].context
				d.reset()
				s = d.state(threads, context)
			}
			t = d.step(s, class)
		}
		if t&1 != 0 {
			return true
		}
		s, i = t>>1, i+width
	}
	t := d.table[int(s)*d.stride+len(d.lows)]
	if t == unknown {
		t = d.step(s, len(d.lows))
	}
	return t&1 != 0
}

// acceptsRun says whether a match begins at a place, where the text may end
// behind any newline; and where the last thread ended.
func (d *dfa) acceptsRun(text string, at int) (accepts bool, dead int) {
	if len(d.states) > maxStates {
		d.reset()
	}
	s := d.startState(before(text, at))
	for i := at; i < len(text); {
		class, width := d.class(text, i)
		t := d.table[int(s)*d.stride+class]
		if t == unknown {
			if len(d.states) > maxStates {
				return true, len(text)
			}
			t = d.step(s, class)
		}
		accepts = accepts || t&1 != 0
		if s = t >> 1; s == 0 {
			return accepts, i
		}
		accepts = accepts || text[i] == '\n' && d.end(s)
		i += width
	}
	return accepts || d.end(s), len(text)
}

// end says whether a state accepts at the end of the text.
func (d *dfa) end(s int32) bool {
	t := d.table[int(s)*d.stride+len(d.lows)]
	if t == unknown {
		t = d.step(s, len(d.lows))
	}
	return t&1 != 0
}

// matchesRun says whether there may be a match anywhere in any run of the lines.
func (d *dfa) matchesRun(text string) bool {
	if d.begins || len(d.states) > maxStates {
		d.reset()
		return d.begins || d.matchesRun(text)
	}
	s := d.startState(atBegin)
	for i := 0; i < len(text); {
		class, width := d.class(text, i)
		t := d.table[int(s)*d.stride+class]
		if t == unknown {
			if len(d.states) > maxStates {
				return true
			}
			t = d.step(s, class)
		}
		if s = t >> 1; t&1 != 0 || text[i] == '\n' && d.end(s) {
			return true
		}
		i += width
	}
	return d.end(s)
}
