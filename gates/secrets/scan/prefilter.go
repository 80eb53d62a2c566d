package scan

import (
	"math/bits"
	"slices"
	"strings"
)

// Prefilter says of texts whether a look at any run of their lines could find
// something. It is meant for the versions of one file: what is as it was in
// another version is not looked at again. It is for one goroutine.
//
// A no is exact. It means that in no run of the text's lines, and in none of
// what is decoded of them, a literal has its tail behind it, be the end of any
// line the end of the text:
//
//   - A run of lines begins behind a newline and ends with one (or with the
//     text), so only $, \z and \b can tell its edges from the text's, and each
//     automaton asks at every newline whether it would accept there.
//   - What is encoded lies in one line, all but code points (U+0041), where a
//     text that has some in two lines is a yes. So the decoded run is a run of
//     the decoded text.
//   - A thread that was alive for n bytes in another version and found nothing
//     finds nothing in this one if these n bytes are the same. So literals are
//     looked for from where the longest life could reach a change, to where the
//     longest head could reach it. The same holds for what is decoded, line by
//     line.
type Prefilter struct {
	d *Detector
	pass

	places uint64
	life   int
	words  []uint64 // by rule, a bit: one of its keywords is in the text, or was in a version

	may, loose bool
	steps      int             // read by tails
	most       int             // that they may read
	atEnd      bool            // a thread came to the end of the pass's text
	seen       map[string]bool // lines -> lineMay
}

// Version is what is known of a text that was looked at.
type Version struct {
	text   string
	places uint64
	clean  bool // nothing in it, or decoded of it, was near to a match
	life   int  // the longest that a thread was alive in it, from its literal on
	words  []uint64
}

const (
	// longHead is how far behind a change literals are looked for: twice as
	// far as a head goes back that is not treated on its own.
	longHead = 512
	// longLine is the longest line that is looked at on its own, in bytes.
	longLine = 1 << 20
)

// Prefilter makes one. It has to be closed.
func (d *Detector) Prefilter() *Prefilter {
	p := &Prefilter{d: d, words: make([]uint64, len(d.rules)/64+1), seen: make(map[string]bool)}
	p.pass = pass{Detector: d, scratch: d.take(), fragment: &Fragment{}}
	return p
}

// Close gives back what the prefilter used.
func (p *Prefilter) Close() { p.d.put(p.scratch) }

// Place says whether a file of this path is looked at at all, and whether its
// path is a finding by itself; and which of the rules that are for some paths
// only are for this one, a bit for each.
func (p *Prefilter) Place(path string) (may, alone bool, rules uint64) {
	if path == p.d.path || p.allowsPlace(p.Detector.allow, &Fragment{Path: path}) {
		return false, false, 0
	}
	for _, id := range p.d.always {
		if r := p.d.rules[id]; r.Regex == "" {
			alone = alone || p.search(r.path).matches(path)
		}
	}
	for bit, id := range p.d.placed {
		if p.search(p.d.rules[id].path).matches(path) {
			rules |= 1 << bit
		}
	}
	return true, alone, rules
}

// May says whether a run of the text's lines could hold a hit, in files of the
// places that are given: what [Prefilter.Place] says of all paths that the text
// is at.
//
// From is a version that the text is like; nil: there is none. Edits are where
// it is not like it, in ascending order: parts of the text that were put in, or
// are empty where something was left out. All between two of them stands in the
// other version in one piece, and the start and the end are the other's where no
// edit is at them. Nil: not known.
func (p *Prefilter) May(text string, places uint64, from *Version, edits [][2]int) (bool, Version) {
	p.places, p.life = places, 0
	p.may, p.loose, p.odd = false, false, false
	p.text, p.segments, p.steps, p.most = text, nil, 0, maxSteps*len(text)+1<<16
	clear(p.words)
	switch {
	case from == nil || !from.clean || places&^from.places != 0:
		p.all(text)
	case text == from.text:
		return false, *from
	default:
		p.life = from.life
		copy(p.words, from.words)
		if edits == nil {
			same := commonPrefix(from.text, text)
			edits = [][2]int{{same, len(text) - commonSuffix(from.text[same:], text[same:])}}
		}
		p.edited(text, edits)
	}
	v := Version{text: text, places: places, clean: !p.may && !p.loose, life: p.life}
	if slices.ContainsFunc(p.words, func(w uint64) bool { return w != 0 }) {
		v.words = slices.Clone(p.words)
	}
	p.text = ""
	return p.may, v
}

// all looks at a text as if there was no other.
func (p *Prefilter) all(text string) {
	p.may = p.isOdd(text)
	p.look(0, len(text))
	p.wholes()
	if p.decodes(text) {
		p.decodedPasses(text)
	}
}

// isOdd says whether a text is not for cuts: see odd.go.
func (p *Prefilter) isOdd(text string) bool {
	return strings.Contains(text, "ſ") || strings.Contains(text, "\u212a") || p.d.lowersOdd && strings.Contains(text, "İ")
}

// reach is how far in front of a change literals are looked for: a thread of
// one can come to the change from there.
func (p *Prefilter) reach() int { return max(p.life, p.finder.longest) + 4 }

// edited looks at a text where it is not like another.
func (p *Prefilter) edited(text string, edits [][2]int) {
	reach := p.reach()
	p.merged(text, edits, func(e [2]int) [2]int {
		return [2]int{max(0, e[0]-reach), min(len(text), e[1]+longHead)}
	}, p.look)
	p.wholes()
	p.merged(text, edits, func(e [2]int) [2]int {
		return [2]int{lineStart(text, e[0]), lineEnd(text, e[1])}
	}, func(from, to int) {
		p.may = p.may || p.isOdd(text[from:to])
		if !p.may && p.decodes(text[from:to]) {
			p.decodedAround(text, from, to, reach)
		}
	})
}

// merged calls fn with a part around each edit, and once for those that touch.
func (p *Prefilter) merged(text string, edits [][2]int, around func([2]int) [2]int, fn func(from, to int)) {
	for i := 0; i < len(edits) && !p.may; {
		part := around(edits[i])
		for i++; i < len(edits); i++ {
			next := around(edits[i])
			if next[0] > part[1] {
				break
			}
			part[1] = max(part[1], next[1])
		}
		p.text = text
		fn(part[0], part[1])
	}
}

// decodes says whether something in a text is encoded.
func (p *Prefilter) decodes(text string) bool {
	_, segments := decodeText(text, nil)
	return len(segments) > 0
}

// acrossLines says whether an encoded part goes on in another line. Then a run
// of lines can be decoded in another way than the text.
func acrossLines(text string) bool {
	return slices.ContainsFunc(encodings(text), func(e encoded) bool {
		return e.kind == unicodeKind && strings.IndexByte(text[e.start:e.end], '\n') >= 0
	})
}

// decodedPasses looks at what is decoded of the whole text.
func (p *Prefilter) decodedPasses(text string) {
	p.text = text
	for depth := 0; depth < maxDepth && !p.may; depth++ {
		if p.may = acrossLines(p.text); p.may {
			return
		}
		var segments []segment
		if p.text, segments = decodeText(p.text, nil); len(segments) == 0 {
			return
		}
		p.look(0, len(p.text))
		p.wholes()
	}
}

// decodedAround looks at what is decoded of lines that are edited, and around
// them. Each line is decoded by itself. What lies around was looked at in the
// other version, so as much of it is enough as a change can be felt.
func (p *Prefilter) decodedAround(text string, from, to, reach int) {
	for size, enough := 2*(reach+longHead), p.anyWhole(); !enough && !p.may; size *= 4 {
		start, end := lineStart(text, max(0, from-size)), lineEnd(text, min(len(text), to+size))
		parts := [3]string{text[start:from], text[from:to], text[to:end]}
		enough = p.decodedParts(parts, reach, start == 0, end == len(text)) || start == 0 && end == len(text)
	}
	if p.anyWhole() {
		p.decodedPasses(text)
	}
}

// anyWhole says whether there are rules that have to run over the whole text.
func (p *Prefilter) anyWhole() bool {
	return len(p.d.always) > 0 || slices.ContainsFunc(p.words, func(w uint64) bool { return w != 0 })
}

// decodedParts looks at lines that are edited, with those before and behind, as
// they are decoded; false: these are too few.
func (p *Prefilter) decodedParts(parts [3]string, reach int, first, last bool) bool {
	for range maxDepth {
		if p.may = p.may || acrossLines(parts[0]+parts[1]+parts[2]); p.may {
			return true
		}
		any := false
		for i := range parts {
			var segments []segment
			parts[i], segments = decodeText(parts[i], nil)
			any = any || len(segments) > 0
		}
		if !any {
			return true
		}
		if !first && len(parts[0]) < reach+longHead || !last && len(parts[2]) < longHead {
			return false
		}
		p.text, p.atEnd = parts[0]+parts[1]+parts[2], false
		p.look(max(0, len(parts[0])-reach), min(len(p.text), len(parts[0])+len(parts[1])+longHead))
		if p.atEnd && !last {
			return false // it may go on
		}
	}
	return true
}

// look looks for literals in a part of the pass's text.
func (p *Prefilter) look(from, to int) {
	p.finder.find(p.text[from:to], func(literal, at int) {
		at += from
		end := at + len(p.finder.literals[literal].Text)
		for _, w := range p.wanted[literal] {
			switch {
			case p.may:
				return
			case w.cut < 0:
				p.words[w.rule/64] |= 1 << (w.rule % 64)
			default:
				p.near(w, at, end)
			}
		}
	})
}

// wholes looks for matches of rules that are not cut, where a keyword is or was.
func (p *Prefilter) wholes() {
	for _, id := range p.d.always {
		p.whole(id)
	}
	for i, w := range p.words {
		for ; w != 0; w &= w - 1 {
			p.whole(64*i + bits.TrailingZeros64(w))
		}
	}
}

// whole looks whether a rule that is not cut could match.
func (p *Prefilter) whole(id int) {
	if r := p.d.rules[id]; !p.may && r.Regex != "" {
		p.may = p.search(r.regex).matchesRun(p.text)
	}
}

// near looks whether a cut could match around a literal.
func (p *Prefilter) near(w want, at, end int) {
	if bit := p.d.rules[w.rule].place; bit > 0 && p.places&(1<<(bit-1)) == 0 {
		return
	}
	c := p.cuts[w.cut]
	far := c.Max < 0 || c.Max > longHead/2
	if !far && c.Boundary && (at > 0 && isWord(p.text[at-1])) == isWord(p.text[at]) {
		return
	}
	start := p.back(&c.Head, at)
	head := at-start >= c.Min
	if !far && !head {
		return
	}
	tail := p.tails[w.cut]
	if tail == nil {
		tail = newDFA(c.tail.program(), false)
		p.tails[w.cut] = tail
	}
	accepts, dead := tail.acceptsRun(p.text, end)
	p.life = max(p.life, dead+1-at)
	if p.steps += dead - at; p.steps > p.most {
		p.may = true
	}
	p.atEnd = p.atEnd || dead == len(p.text)
	switch {
	case !accepts:
	case head:
		p.may = p.may || p.lineMay(start, dead)
	default:
		p.loose = true
	}
}

// lineMay looks closer at what may be a match, if it lies in one line. Then it
// hangs on nothing but that line, the character behind it, and on whether the
// run begins or ends with it.
func (p *Prefilter) lineMay(start, dead int) bool {
	from := strings.LastIndexByte(p.text[:start], '\n') + 1
	to := strings.IndexByte(p.text[start:], '\n')
	if to < 0 {
		to = len(p.text)
	} else {
		to += start + 1
	}
	if dead > to || to-from > longLine {
		return true
	}
	line, behind := p.text[from:to], p.text[to:min(len(p.text), to+1)]
	if behind >= "\x80" {
		behind = "\xff" // of no class that an expression could name
	}
	key := line + behind
	may, known := p.seen[key]
	if !known {
		if len(p.seen) > 1<<14 {
			clear(p.seen)
		}
		for _, text := range []string{line, "\n" + line, key, "\n" + key} {
			q := pass{Detector: p.d, scratch: p.scratch, fragment: &Fragment{Text: text}, text: text, relaxed: true}
			q.run()
			may = may || len(q.found) > 0
		}
		p.seen[key] = may
	}
	return may
}

// commonPrefix is how many bytes at the start are the same.
func commonPrefix(a, b string) int {
	n, i := min(len(a), len(b)), 0
	for i+64 <= n && a[i:i+64] == b[i:i+64] {
		i += 64
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}

// commonSuffix is how many bytes at the end are the same.
func commonSuffix(a, b string) int {
	n, i := min(len(a), len(b)), 0
	for i+64 <= n && a[len(a)-i-64:len(a)-i] == b[len(b)-i-64:len(b)-i] {
		i += 64
	}
	for i < n && a[len(a)-1-i] == b[len(b)-1-i] {
		i++
	}
	return i
}
