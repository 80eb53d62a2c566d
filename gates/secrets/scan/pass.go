package scan

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// pass is one look at a text: the fragment's own, or what was decoded of it.
type pass struct {
	*Detector
	*scratch
	fragment *Fragment
	text     string
	segments []segment // that were decoded; none: the fragment's own text
	found    []Hit

	ends  []int  // of the fragment's lines; nil: not looked for yet
	lower string // the text, where lowered
	lowered,
	haveEnds bool
	odd bool // see odd.go
	// relaxed: what hangs on the rest of a fragment, or on its place, is taken
	// for good, so that no hit is missed.
	relaxed bool
}

func (p *pass) run() {
	p.lowered = false
	p.odd = strings.Contains(p.text, "ſ") || strings.Contains(p.text, "\u212a")
	p.finder.find(p.text, p.literal)
	for _, id := range p.always {
		p.touch(id).whole = true
	}
	if p.odd {
		p.oddLiterals()
	}
	if p.odd || strings.Contains(p.text, "İ") {
		p.oddKeywords()
	}
	slices.Sort(p.touched)
	for _, id := range p.touched {
		p.found = append(p.found, p.rule(id)...)
	}
	for _, id := range p.touched {
		r := &p.scratch.rules[id]
		*r = ruleScratch{windows: r.windows[:0]}
	}
	p.touched = p.touched[:0]
}

func (p *pass) touch(id int) *ruleScratch {
	r := &p.scratch.rules[id]
	if !r.touched {
		r.touched = true
		p.touched = append(p.touched, id)
	}
	return r
}

// literal is called for every literal that is in the text.
func (p *pass) literal(literal, at int) {
	end := at + len(p.finder.literals[literal].Text)
	for _, w := range p.wanted[literal] {
		if w.cut < 0 {
			p.touch(w.rule).whole = true
			continue
		}
		p.confirm(w, at, end)
	}
}

// maxSteps is how many bytes, for each of the text, the tails of one rule may
// read before its expression runs over the whole text instead.
const maxSteps = 16

// confirm looks whether a cut matches around a literal. Where it does, a window
// is kept: all matches with this literal are in it, and a character more on
// both sides.
func (p *pass) confirm(w want, at, end int) {
	c := p.cuts[w.cut]
	if c.Boundary && (at > 0 && isWord(p.text[at-1])) == isWord(p.text[at]) {
		return
	}
	r := &p.scratch.rules[w.rule]
	if r.whole {
		return
	}
	start := p.back(&c.Head, at)
	if at-start < c.Min {
		return
	}
	tail := p.tails[w.cut]
	if tail == nil {
		tail = newDFA(c.tail.program(), false)
		p.tails[w.cut] = tail
	}
	last, steps := tail.longest(p.text, end)
	if r.steps += steps + at - start; r.steps > maxSteps*len(p.text)+1<<16 {
		p.touch(w.rule).whole = true
		return
	}
	if last >= 0 {
		r := p.touch(w.rule)
		r.windows = append(r.windows, p.around(start, last))
	}
}

// back is where a head can begin that ends at a place.
func (p *pass) back(h *Head, at int) int {
	limit := 0
	if h.Max >= 0 {
		limit = max(0, at-h.Max)
		if p.odd {
			limit = max(0, at-h.Max*utf8.UTFMax)
		}
	}
	for at > limit {
		if h.Bytes.Has(p.text[at-1]) {
			at--
		} else if n := oddBefore(p.text, at); p.odd && n > 0 {
			at -= n
		} else {
			break
		}
	}
	return at
}

// around is a part of the text with one more character on both sides.
func (p *pass) around(start, end int) span {
	for back := 0; back < utf8.UTFMax-1 && start > 0 && start < len(p.text) && !utf8.RuneStart(p.text[start]); back++ {
		start--
	}
	_, w := utf8.DecodeLastRuneInString(p.text[:start])
	start -= w
	_, w = utf8.DecodeRuneInString(p.text[end:])
	return span{start, end + w}
}

// rule does what gitleaks' detectRule does.
func (p *pass) rule(id int) []Hit {
	r := p.Detector.rules[id]
	if r.SkipReport || !p.hasKeyword(r) {
		return nil
	}
	hits := p.ruleHits(id, r, p.scratch.rules[id].whole)
	if p.relaxed || len(r.Required) == 0 || len(hits) == 0 {
		return hits
	}
	return p.required(r, hits)
}

// hasKeyword: gitleaks looks for keywords in the lowered text.
func (p *pass) hasKeyword(r *rule) bool {
	if p.relaxed || len(r.Keywords) == 0 || r.implied && !p.scratch.rules[p.byID[r.ID]].whole {
		return true
	}
	if !p.lowered {
		p.lower, p.lowered = strings.ToLower(p.text), true
	}
	return slices.ContainsFunc(r.Keywords, func(k string) bool { return strings.Contains(p.lower, k) })
}

func (p *pass) ruleHits(id int, r *rule, whole bool) []Hit {
	if p.allowsPlace(r.allow, p.fragment) {
		return nil
	}
	if r.Path != "" && !p.relaxed {
		matches := p.search(r.path).matches(p.fragment.Path)
		if !matches {
			return nil
		}
		if r.Regex == "" && len(p.segments) == 0 {
			return []Hit{{Rule: r.ID, Match: "file detected: " + p.fragment.Path, Tags: slices.Clone(r.Tags)}}
		}
	}
	if r.Regex == "" {
		return nil
	}
	var hits []Hit
	for _, m := range p.matches(id, r, whole) {
		if h, ok := p.hit(r, m); ok {
			hits = append(hits, h)
		}
	}
	return hits
}

// matches are those of the rule's expression, in the order of the text.
func (p *pass) matches(id int, r *rule, whole bool) [][]int {
	if whole {
		return p.wholeMatches(r)
	}
	windows := p.scratch.rules[id].windows
	slices.SortFunc(windows, func(a, b span) int { return a.start - b.start })
	var out [][]int
	for i := 0; i < len(windows); {
		w := windows[i]
		for i++; i < len(windows) && windows[i].start <= w.end; i++ {
			w = w.merge(windows[i])
		}
		if len(p.segments) > 0 && len(overlapping(p.segments, w)) == 0 {
			continue // nothing in it was decoded
		}
		for _, m := range p.all(r.regex, p.text[w.start:w.end]) {
			m[0], m[1] = m[0]+w.start, m[1]+w.start
			if m[0] == w.start && w.start > 0 || m[1] == w.end && w.end < len(p.text) {
				// It is one because the window ends there: see the package's comment.
				return p.wholeMatches(r)
			}
			out = append(out, m)
		}
	}
	return out
}

func (p *pass) wholeMatches(r *rule) [][]int {
	if !p.search(r.regex).matches(p.text) {
		return nil
	}
	return r.regex.stock().FindAllStringIndex(p.text, -1)
}

// required are the hits that have hits of other rules near them.
func (p *pass) required(r *rule, hits []Hit) []Hit {
	near := make(map[string][]Hit)
	for _, other := range r.Required {
		if id, ok := p.byID[other.ID]; ok {
			near[other.ID] = p.ruleHits(id, p.Detector.rules[id], true)
		}
	}
	var out []Hit
	for _, h := range hits {
		all := true
		for _, other := range r.Required {
			// One of a rule that is named twice is enough, as in gitleaks.
			all = all && slices.ContainsFunc(r.Required, func(o Required) bool {
				return o.ID == other.ID && slices.ContainsFunc(near[o.ID], func(n Hit) bool { return o.near(&h, &n) })
			})
		}
		if all {
			out = append(out, h)
		}
	}
	return out
}

func (r *Required) near(a, b *Hit) bool {
	return (r.WithinLines == nil || max(a.StartLine-b.StartLine, b.StartLine-a.StartLine) <= *r.WithinLines) &&
		(r.WithinColumns == nil || max(a.StartColumn-b.StartColumn, b.StartColumn-a.StartColumn) <= *r.WithinColumns)
}
