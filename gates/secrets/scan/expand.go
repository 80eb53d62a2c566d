package scan

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// expand is all that an expression can match, where that is a few ASCII texts.
func expand(re *syntax.Regexp) ([]Literal, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []Literal{{}}, true
	case syntax.OpLiteral:
		return expandLiteral(re)
	case syntax.OpCharClass:
		return expandClass(re.Rune)
	case syntax.OpCapture:
		return expand(re.Sub[0])
	case syntax.OpQuest:
		texts, ok := expand(re.Sub[0])
		return append([]Literal{{}}, texts...), ok
	case syntax.OpRepeat:
		return expandRepeat(re)
	case syntax.OpConcat:
		all := []Literal{{}}
		for _, sub := range re.Sub {
			texts, ok := expand(sub)
			if !ok {
				return nil, false
			}
			if all, ok = product(all, texts); !ok {
				return nil, false
			}
		}
		return all, true
	case syntax.OpAlternate:
		var all []Literal
		for _, sub := range re.Sub {
			texts, ok := expand(sub)
			if !ok || len(all)+len(texts) > maxLiterals {
				return nil, false
			}
			all = append(all, texts...)
		}
		return all, true
	}
	return nil, false
}

func expandLiteral(re *syntax.Regexp) ([]Literal, bool) {
	for _, r := range re.Rune {
		if r >= utf8.RuneSelf {
			return nil, false
		}
	}
	if re.Flags&syntax.FoldCase != 0 {
		return []Literal{{Text: strings.ToLower(string(re.Rune)), Fold: true}}, true
	}
	return []Literal{{Text: string(re.Rune)}}, true
}

// expandRepeat is for x{n} and x{n,m} that are short.
func expandRepeat(re *syntax.Regexp) ([]Literal, bool) {
	if re.Max < 0 || re.Max > 4 {
		return nil, false
	}
	one, ok := expand(re.Sub[0])
	if !ok {
		return nil, false
	}
	turns := []Literal{{}}
	var all []Literal
	for n := 0; n <= re.Max; n++ {
		if n >= re.Min {
			all = append(all, turns...)
		}
		if turns, ok = product(turns, one); !ok && n < re.Max {
			return nil, false
		}
	}
	return all, len(all) <= maxLiterals
}

func expandClass(ranges []rune) ([]Literal, bool) {
	var set ByteSet
	for i := 0; i < len(ranges); i += 2 {
		lo, hi := ranges[i], ranges[i+1]
		if isOdd(lo, hi) {
			continue
		}
		if hi >= utf8.RuneSelf {
			return nil, false
		}
		set.add(int(lo), int(hi))
	}
	var all []Literal
	for b := range byte(utf8.RuneSelf) {
		isLetter := b|0x20 >= 'a' && b|0x20 <= 'z'
		switch {
		case !set.Has(b):
		case isLetter && set.Has(b^0x20):
			if b >= 'a' {
				all = append(all, Literal{Text: string(rune(b)), Fold: true})
			}
		default:
			all = append(all, Literal{Text: string(rune(b))})
		}
	}
	return all, len(all) > 0 && len(all) <= 40
}

// product is every text of a followed by every one of b.
func product(a, b []Literal) ([]Literal, bool) {
	if len(a)*len(b) > maxLiterals {
		return nil, false
	}
	var all []Literal
	for _, x := range a {
		for _, y := range b {
			t := Literal{Text: x.Text + y.Text, Fold: x.Fold || y.Fold}
			if t.Fold {
				t.Text = strings.ToLower(t.Text)
			}
			if !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all, true
}
