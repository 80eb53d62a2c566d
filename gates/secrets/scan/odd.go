package scan

import (
	"slices"
	"strings"
)

// Expressions that ignore case take two letters outside ASCII for s and k, where
// literals do not know them; and two are lowered to i and k, where keywords are
// looked for. They are rare, but some texts have them (the Turkish İ).

var plain = strings.NewReplacer("ſ", "s", "\u212a", "k")

// oddBefore is the length of such a letter that ends at a place.
func oddBefore(text string, at int) int {
	switch {
	case strings.HasSuffix(text[:at], "ſ"):
		return len("ſ")
	case strings.HasSuffix(text[:at], "\u212a"):
		return len("\u212a")
	}
	return 0
}

// oddLiterals finds literals that are spelled with such a letter: the
// expressions of their rules run over the whole text.
func (p *pass) oddLiterals() {
	reach := len("\u212a") * p.finder.longest
	for at := 0; ; at++ {
		next := strings.Index(p.text[at:], "ſ")
		if k := strings.Index(p.text[at:], "\u212a"); k >= 0 && (next < 0 || k < next) {
			next = k
		}
		if next < 0 {
			return
		}
		at += next
		before := plain.Replace(p.text[max(0, at-reach):at])
		around := before + plain.Replace(p.text[at:min(len(p.text), at+reach)])
		p.finder.find(around, func(literal, from int) {
			if from > len(before) || from+len(p.finder.literals[literal].Text) <= len(before) {
				return // not with this letter
			}
			for _, w := range p.wanted[literal] {
				p.touch(w.rule).whole = true
			}
		})
	}
}

// oddKeywords: rules that are not cut wait for their keywords, and these can be
// spelled with such a letter.
func (p *pass) oddKeywords() {
	for id, r := range p.Detector.rules {
		if r.lowersOdd() {
			p.touch(id).whole = true
		}
	}
}

func (r *rule) lowersOdd() bool {
	return len(r.Cuts) == 0 && slices.ContainsFunc(r.Keywords, func(k string) bool { return strings.ContainsAny(k, "ik") || !isASCII(k) })
}
