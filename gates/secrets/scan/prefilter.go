package scan

import "strings"

// Prefilter says of texts whether a look at any run of their lines could find
// something. It is meant for the versions of one file, one after another: what
// is as it was in the version before is not looked at again. It is for one
// goroutine.
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
//   - A thread that was alive for n bytes in the version before and found
//     nothing finds nothing in this one if these n bytes are the same. So
//     literals are looked for from where the longest life could reach the first
//     change, to where the longest head could reach the last.
type Prefilter struct {
	d *Detector
	pass

	last    string // the text before
	places  uint64 // its places
	clean   bool   // nothing in it was near to a match, and nothing encoded
	life    int    // the longest that a thread was alive in it, from its literal on
	keyword []bool // by rule: one of its keywords was in a version

	may, loose bool
	steps      int
	seen       map[string]bool // lines -> lineMay
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
	p := &Prefilter{d: d, keyword: make([]bool, len(d.rules)), seen: make(map[string]bool)}
	p.pass = pass{Detector: d, scratch: d.take(), fragment: &Fragment{}}
	return p
}

// Close gives back what the prefilter used.
func (p *Prefilter) Close() { p.d.put(p.scratch) }

// Reset forgets the version before: another file follows.
func (p *Prefilter) Reset() {
	p.last, p.places, p.clean, p.life = "", 0, false, 0
	clear(p.keyword)
}

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
func (p *Prefilter) May(text string, places uint64) bool {
	p.clean = p.clean && places&^p.places == 0
	p.places = places
	from, to, edited := 0, len(text), text
	if p.clean {
		same := commonPrefix(p.last, text)
		rest := commonSuffix(p.last[same:], text[same:])
		if same == len(text) && same == len(p.last) {
			return false
		}
		from, to = max(0, same-max(p.life, p.finder.longest)-4), min(len(text), len(text)-rest+longHead)
		edited = lines(text, same, len(text)-rest)
	}
	p.may, p.loose, p.steps = false, false, 0
	p.text, p.segments = text, nil
	p.odd = strings.Contains(edited, "ſ") || strings.Contains(edited, "\u212a") ||
		p.d.lowersOdd && strings.Contains(edited, "İ")
	p.look(from, to)
	decoded := p.odd || p.decodes(edited)
	if decoded && !p.may {
		p.decodedPasses(text)
	}
	p.last, p.clean = text, !p.may && !p.loose && !decoded
	return p.may || p.odd
}

// decodes says whether something in a text is encoded.
func (p *Prefilter) decodes(text string) bool {
	_, segments := decodeText(text, nil)
	return len(segments) > 0
}

// decodedPasses looks at what is decoded of the whole text.
func (p *Prefilter) decodedPasses(text string) {
	for _, e := range encodings(text) {
		if e.kind == unicodeKind && strings.IndexByte(text[e.start:e.end], '\n') >= 0 {
			p.may = true
			return
		}
	}
	for depth := 0; depth < maxDepth && !p.may; depth++ {
		if p.text, p.segments = decodeText(p.text, p.segments); len(p.segments) == 0 {
			return
		}
		p.look(0, len(p.text))
	}
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
				p.keyword[w.rule] = true
			default:
				p.near(w, at, end)
			}
		}
	})
	for _, id := range p.d.always {
		p.keyword[id] = true
	}
	for id, has := range p.keyword {
		if r := p.d.rules[id]; has && !p.may && r.Regex != "" {
			p.may = p.search(r.regex).matchesRun(p.text)
		}
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
	if p.steps += dead - at; p.steps > maxSteps*len(p.text)+1<<16 {
		p.may = true
	}
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

// lines are the whole lines of a part of a text.
func lines(text string, from, to int) string {
	from = strings.LastIndexByte(text[:from], '\n') + 1
	if i := strings.IndexByte(text[to:], '\n'); i >= 0 {
		return text[from : to+i+1]
	}
	return text[from:]
}
