package scan

import (
	"math"
	"slices"
	"strings"
)

// hit makes a hit of a match, if it is one.
func (p *pass) hit(r *rule, m []int) (Hit, bool) {
	match := strings.Trim(p.text[m[0]:m[1]], "\n")
	at := span{m[0], m[1]}
	tags := slices.Clone(r.Tags)
	line := ""
	if len(p.segments) > 0 {
		segments := overlapping(p.segments, at)
		if len(segments) == 0 {
			return Hit{}, false // the pass before had it
		}
		at = toOriginal(segments, at)
		tags = append(tags, segmentTags(segments)...)
		line = decodedLine(segments, p.text)
	} else {
		at.end = at.start + len(match)
	}
	if !p.haveEnds {
		p.ends, p.haveEnds = newlines(p.fragment.Text), true
	}
	l := locate(p.ends, p.fragment.Text, at.start, at.end)
	h := Hit{
		Rule: r.ID, Match: match, Secret: match, Tags: tags,
		StartLine: p.fragment.Line + l.startLine, EndLine: p.fragment.Line + l.endLine,
		StartColumn: l.startColumn, EndColumn: l.endColumn,
		Line: p.fragment.Text[l.from:max(l.to, at.end)],
	}
	if line == "" {
		line = h.Line
	}
	if secret, ok := p.secret(r, match); ok {
		h.Secret = secret
	}
	entropy := shannon(h.Secret)
	h.Entropy = float32(entropy)
	if r.Entropy != 0 && entropy <= r.Entropy ||
		p.allows(p.Detector.allow, &h, line) || p.allows(r.allow, &h, line) {
		return Hit{}, false
	}
	return h, true
}

// allows says whether a hit is on one of the lists. Where lines may be longer
// than they are here, lists of lines allow nothing.
func (p *pass) allows(list []*allowlist, h *Hit, line string) bool {
	if p.relaxed {
		list = slices.DeleteFunc(slices.Clone(list), func(a *allowlist) bool { return a.Target == "line" })
	}
	return p.allowsHit(list, h, p.fragment, line)
}

// secret is the part of a match that is one.
func (p *pass) secret(r *rule, match string) (string, bool) {
	groups := p.groups(r.regex, match)
	if len(groups) < 2 {
		return "", false
	}
	if r.SecretGroup > 0 {
		return groups[r.SecretGroup], true
	}
	for _, g := range groups[1:] {
		if g != "" {
			return g, true
		}
	}
	return "", false
}

// shannon is the entropy of a text, in bits a character.
func shannon(text string) float64 {
	if text == "" {
		return 0
	}
	var small [128]int
	var others map[rune]int
	for _, r := range text {
		if r < 128 {
			small[r]++
			continue
		}
		if others == nil {
			others = make(map[rune]int)
		}
		others[r]++
	}
	bits, total := 0.0, 1.0/float64(len(text))
	add := func(n int) {
		if n > 0 {
			share := float64(n) * total
			bits -= share * math.Log2(share)
		}
	}
	for _, n := range small {
		add(n)
	}
	if others != nil {
		counts := make([]int, 0, len(others))
		for _, n := range others {
			counts = append(counts, n)
		}
		slices.Sort(counts) // sums depend on the order
		for _, n := range counts {
			add(n)
		}
	}
	return bits
}
